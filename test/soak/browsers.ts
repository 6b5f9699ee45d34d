/** Browser clients over a route whose store is a Redis that restarts. */
import { Redis } from 'ioredis'
import { createBrowserClient } from '../../src/browser/index.js'
import { createClient } from '../../src/client.js'
import { handler } from '../../src/http/node.js'
import { openai } from '../../src/providers/openai/index.js'
import { redisStore } from '../../src/store/index.js'
import { basePaths } from '../../src/testing/routes.js'
import { serve } from '../http/support.js'
import { redisServer } from '../store/redis-server.js'

export interface Visits {
  readonly clients: number
  /** Streams with every word. */
  readonly whole: number
  /** Error classes of the other streams. */
  readonly failures: ReadonlyMap<string, number>
  readonly restarts: number
}

const words = 'A few words. And then some more of them, so that there is a stream.'

/** Runs `clients` visits, so many at once; Redis restarts after a third and after two thirds. */
export async function visitAll(url: string, clients: number, atOnce: number): Promise<Visits> {
  let server = await redisServer()
  const redis = new Redis(server.port, '127.0.0.1', { retryStrategy: () => 20 })
  redis.on('error', () => {})
  const ai = createClient({
    providers: [openai({ apiKey: 'soak-key', baseURL: url + basePaths.openai })],
  })
  const chat = handler<{ userId: string }>(ai as never, {
    authorize: (request) => ({ userId: request.headers.get('x-user') ?? '' }),
    models: { any: 'openai/gpt-5.1' },
    store: redisStore(redis),
    onError: () => {},
  })
  const route = await serve((request, response) => void chat(request, response))
  const failures = new Map<string, number>()
  let [next, whole, restarts] = [0, 0, 0]
  const restart = async () => {
    restarts++
    await server.stop()
    server = await redisServer(server.port)
  }
  let restarting = Promise.resolve()
  const visitor = async () => {
    for (;;) {
      const number = next++
      if (number >= clients) return
      if (number === Math.floor(clients / 3) || number === Math.floor((2 * clients) / 3))
        restarting = restarting.then(restart)
      const browser = createBrowserClient({ url: route.url, headers: { 'x-user': `u${number}` } })
      const stream = browser.stream({
        messages: [{ role: 'user', content: `soak plain b${number}` }],
      })
      try {
        let text = ''
        for await (const chunk of stream) if (chunk.type === 'text-delta') text += chunk.text
        if (text === words) whole++
      } catch (error) {
        const { name } = error as Error
        failures.set(name, (failures.get(name) ?? 0) + 1)
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, visitor))
  await restarting
  await route.close()
  redis.disconnect()
  await server.stop()
  return { clients, whole, failures, restarts }
}
