/** A redis-server that stops to respond, in time that a test advances. */
import { Redis } from 'ioredis'
import { vi } from 'vitest'
import { redisStore, type Store } from '../../src/store/index.js'
import { type RedisServer, redisServer } from './redis-server.js'

export interface Silence {
  readonly store: Store
  readonly server: RedisServer
  /** The value of `work`, which settles within these milliseconds. Throws if it waits longer. */
  within<T>(ms: number, work: Promise<T>): Promise<T>
}

const realTimeout = setTimeout

/** Runs a test over a server of its own; it responds until the test pauses it, and at the end. */
export async function withSilence(test: (silence: Silence) => Promise<void>): Promise<void> {
  const server = await redisServer()
  const connection = new Redis(server.port, '127.0.0.1')
  const store = redisStore(connection)
  await store.get('connected')
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'],
  })
  try {
    await test({ store, server, within })
  } finally {
    vi.useRealTimers()
    connection.disconnect()
    server.resume()
    await server.stop()
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let isSettled = false
  work
    .catch(() => {})
    .finally(() => {
      isSettled = true
    })
  for (let passed = 0; !isSettled && passed < ms; passed += 100) {
    await vi.advanceTimersByTimeAsync(100)
    // for work of other threads: sockets, digests
    await new Promise<void>((resolve) => realTimeout(resolve, 1))
  }
  if (!isSettled) throw new Error(`Still waiting after ${ms} ms`)
  return work
}
