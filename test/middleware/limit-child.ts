/**
 * One of several processes under one limit of rate-limiter-flexible on Redis: reports the outcome
 * of its calls.
 */
import { Redis } from 'ioredis'
import { RateLimiterRedis } from 'rate-limiter-flexible'
import { limit } from '../../middleware/limit.js'
import { createClient } from '../../src/client.js'
import { RateLimitError } from '../../src/core/index.js'
import { say, scripted } from '../contract/scripted.js'

const [port = '', calls = '', points = ''] = process.argv.slice(2)
const redis = new Redis(Number(port), '127.0.0.1')
const by = new RateLimiterRedis({ storeClient: redis, points: Number(points), duration: 60 })
const provider = scripted([say('Hello')])
const ai = createClient({ providers: [provider], use: [limit({ by, per: () => 'ann' })] })
const waits: number[] = []
const one = async (_: unknown, index: number) => {
  const request = { model: 'scripted/m', messages: [{ role: 'user', content: 'Hi' }] as const }
  try {
    await (index % 2 === 0 ? ai.generate(request) : ai.stream(request).response)
  } catch (error) {
    if (!(error instanceof RateLimitError)) throw error
    waits.push(error.retryAfterMs ?? 0)
  }
}
await Promise.all(Array.from({ length: Number(calls) }, one))
process.stdout.write(JSON.stringify({ asked: provider.calls.length, waits }))
redis.disconnect()
