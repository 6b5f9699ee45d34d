/** What every store promises: in memory, and on a real redis-server over both clients. */
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { MisuseError, TetradError } from '../../src/core/index.js'
import { memoryStore, redisStore, type Store } from '../../src/store/index.js'
import { type RedisServer, redisServer } from './redis-server.js'

let server: RedisServer
let ioredis: Redis
let nodeRedis: ReturnType<typeof createClient>
beforeAll(async () => {
  server = await redisServer()
  ioredis = new Redis(server.port, '127.0.0.1')
  nodeRedis = createClient({ socket: { port: server.port, host: '127.0.0.1' } })
  await nodeRedis.connect()
})
afterAll(async () => {
  ioredis.disconnect()
  nodeRedis.destroy()
  await server.stop()
})

const stores: Record<string, () => Store> = {
  'in memory': () => memoryStore(),
  'over ioredis': () => redisStore(ioredis, { prefix: 'a:' }),
  'over node-redis': () => redisStore(nodeRedis, { prefix: 'b:' }),
}
const ttl = { ttlMs: 60_000 }

describe.each(Object.keys(stores))('a store %s', (name) => {
  const open = () => stores[name]?.() as Store

  it('keeps a value until it is deleted', async () => {
    const store = open()
    expect(await store.get('v')).toBeUndefined()
    await store.set('v', 'ä\n"😀', ttl)
    expect(await store.get('v')).toBe('ä\n"😀')
    await store.set('v', '', ttl)
    expect(await store.get('v')).toBe('')
    await store.delete('v')
    expect(await store.get('v')).toBeUndefined()
  })

  it('sets a key once, whoever comes first', async () => {
    const store = open()
    const won = await Promise.all(
      Array.from({ length: 50 }, (_, i) => store.setIfAbsent('once', String(i), ttl)),
    )
    expect(won.filter(Boolean)).toHaveLength(1)
    expect(await store.get('once')).toBe(String(won.indexOf(true)))
  })

  it('adds up without losing an addition', async () => {
    const store = open()
    await Promise.all(Array.from({ length: 100 }, () => store.increment('sum', 3, ttl)))
    expect(await store.increment('sum', -1, ttl)).toBe(299)
    expect(await store.get('sum')).toBe('299')
  })

  it('keeps a log in order, and gives it from any position', async () => {
    const store = open()
    expect(await store.read('log', 0)).toEqual([])
    expect(await store.append('log', [], ttl)).toBe(0)
    expect(await store.append('log', ['a', 'b'], ttl)).toBe(2)
    expect(await store.append('log', ['c'], ttl)).toBe(3)
    expect(await store.read('log', 0)).toEqual(['a', 'b', 'c'])
    expect(await store.read('log', 2)).toEqual(['c'])
    expect(await store.read('log', 3)).toEqual([])
    const many = Array.from({ length: 5_000 }, (_, i) => String(i))
    expect(await store.append('many', many, ttl)).toBe(5_000)
    expect(await store.read('many', 4_998)).toEqual(['4998', '4999'])
  })

  it('lets go of what has expired', async () => {
    const store = open()
    await store.set('short', 'x', { ttlMs: 1 })
    await store.append('short-log', ['x'], { ttlMs: 1 })
    await store.increment('short-sum', 1, { ttlMs: 1 })
    await vi.waitFor(async () => {
      expect(await store.get('short')).toBeUndefined()
      expect(await store.read('short-log', 0)).toEqual([])
      expect(await store.get('short-sum')).toBeUndefined()
    })
    expect(await store.setIfAbsent('short', 'y', ttl)).toBe(true)
  })

  it('says no to a value that is used as a log', async () => {
    const store = open()
    await store.set('kind', 'x', ttl)
    await expect(store.append('kind', ['y'], ttl)).rejects.toThrow()
    expect(await store.get('kind')).toBe('x')
  })
})

it('the two clients share what they keep under one prefix', async () => {
  await redisStore(ioredis).set('shared', 'x', ttl)
  expect(await redisStore(nodeRedis).get('shared')).toBe('x')
  expect(await ioredis.pttl('tetrad:shared')).toBeGreaterThan(0)
})

it('in memory the clock is injected, and what has expired is swept', async () => {
  let now = 0
  const store = memoryStore({ now: () => now })
  await store.set('a', 'x', { ttlMs: 10 })
  await store.append('b', ['x'], { ttlMs: 20 })
  now = 10
  expect(await store.get('a')).toBeUndefined()
  expect(store.size).toBe(1)
  await expect(store.get('b')).rejects.toThrow(TetradError)
  now = 20
  expect(store.size).toBe(0)
})

it('what is no client of Redis is a misuse', () => {
  expect(() => redisStore({} as never)).toThrow(MisuseError)
})
