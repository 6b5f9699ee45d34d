/** Answers kept in a store, and asked for once where several ask the same. `npx tsx examples/cache.ts` */
import { createHash } from 'node:crypto'
import { type ChatRequest, type ChatResponse, layer } from 'tetrad'
import { standard } from 'tetrad/middleware'
import { memoryStore, type Store } from 'tetrad/store'
import { say } from 'tetrad/testing'
import { example } from './client.js'

/** The same request, word for word. Whose data it holds is part of the key: add the tenant where answers differ by it. */
const keyOf = (request: ChatRequest) =>
  `cache:${createHash('sha256').update(JSON.stringify(request)).digest('base64url')}`

/** Settles with `promise`, or rejects when the caller has left. */
const unlessAborted = <T>(promise: Promise<T>, signal: AbortSignal) =>
  new Promise<T>((resolve, reject) => {
    const leave = () => reject(signal.reason)
    signal.addEventListener('abort', leave, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
  })

const cache = ({ store, ttlMs }: { store: Pick<Store, 'get' | 'set'>; ttlMs: number }) => {
  const flights = new Map<string, Promise<ChatResponse>>()
  return layer(
    'cache',
    async (ctx, next) => {
      const key = keyOf(ctx.request)
      const kept = await store.get(key)
      if (kept) {
        ctx.response = JSON.parse(kept)
        return
      }
      const flight = flights.get(key)
      // where the one who asked failed or left, the next one asks
      const shared = flight && (await unlessAborted(flight, ctx.signal).catch(() => undefined))
      if (shared) {
        ctx.response = shared
        return
      }
      ctx.signal.throwIfAborted()
      const asked = next()
      flights.set(key, asked)
      try {
        const response = await asked
        // an answer that was cut, filtered or calls tools is not for others
        if (response.finish_reason === 'stop')
          await store.set(key, JSON.stringify(response), { ttlMs })
      } finally {
        if (flights.get(key) === asked) flights.delete(key)
      }
    },
    // the model is known, the steps of a loop are cached one by one, and tools run as ever
    { place: 'inside tools' },
  )
}

const { ai, close } = await example(
  standard({ with: [cache({ store: memoryStore(), ttlMs: 3_600_000 })] }),
  [say('The Rhine, the Rhône and the Po.'), say('Another answer.')],
)
const messages = [{ role: 'user', content: 'Name three rivers.' }] as const
const request = { model: 'openai/gpt-5-mini', messages }

const together = await Promise.all([ai.generate(request), ai.generate(request)])
console.log('at once:', together.map(({ text }) => text).join(' | '))

const stream = ai.stream(request)
for await (const text of stream.textStream) console.log('streamed:', text)
const { attempts, usage } = await stream.response
console.log('calls of a model:', attempts.length, 'cost:', usage.cost)
await close()
