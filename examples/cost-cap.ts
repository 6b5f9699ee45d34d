/**
 * A cap for each user and day, kept in Redis, so that all processes share it. `npx tsx examples/cost-cap.ts` starts a
 * redis-server of its own; REDIS_URL names another.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { BudgetExceededError } from 'tetrad'
import { standard } from 'tetrad/middleware'
import { budget } from 'tetrad/middleware/budget'
import { redisStore } from 'tetrad/store'
import { say } from 'tetrad/testing'
import { example } from './client.js'

const socket = join(mkdtempSync(join(tmpdir(), 'redis-')), 'redis.sock')
const own = process.env.REDIS_URL
  ? undefined
  : spawn('redis-server', ['--port', '0', '--unixsocket', socket, '--save', ''])
if (own) await once(own.stdout, 'data')

const answer = say('A long answer.').usage({ prompt_tokens: 2_000, completion_tokens: 2_000 })

/** What each process of the app makes at its start: a connection, and a client whose calls are capped. */
const start = async () => {
  const redis = new Redis(process.env.REDIS_URL ?? socket)
  const cap = budget({
    usd: 0.01,
    window: 'day',
    timeZone: 'Europe/Berlin',
    per: (ctx) => ctx.options.tags?.user ?? 'nobody',
    store: redisStore(redis),
  })
  return { redis, ...(await example(standard({ with: [cap] }), [answer, answer])) }
}

const one = await start()
const two = await start()
const calls = [
  { at: one, user: 'ann' },
  { at: two, user: 'ann' },
  { at: one, user: 'ann' },
  { at: two, user: 'bob' },
]
const messages = [{ role: 'user', content: 'Tell me all about rivers.' }] as const

for (const { at, user } of calls)
  try {
    const stream = at.ai.stream({ model: 'openai/gpt-5-mini', messages }, { tags: { user } })
    const reply = await stream.response
    console.log(user, reply.usage.cost, 'USD')
  } catch (error) {
    if (!(error instanceof BudgetExceededError)) throw error
    console.log(user, 'has used', error.used, 'USD, and may come back at', error.resetsAt)
  }

for (const { redis, close } of [one, two]) {
  redis.disconnect()
  await close()
}
own?.kill()
