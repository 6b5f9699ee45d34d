/**
 * The contract of every store: in memory, in SQLite, and on a real redis-server over three clients.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis as Upstash } from '@upstash/redis'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import { createClient, createClientPool, createCluster } from 'redis'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { MisuseError, TetradError } from '../../src/core/index.js'
import { DueQueue } from '../../src/store/due-queue.js'
import { memoryStore, redisStore, type Store, sqliteStore } from '../../src/store/index.js'
import { takeLease } from '../../src/store/lease.js'
import { needs } from '../../src/store/needs.js'
import { checkStore } from '../../src/testing/index.js'
import { inProcesses } from './processes.js'
import { type RedisServer, redisServer } from './redis-server.js'
import { DatabaseSync } from './sqlite.js'
import { token, upstashServer } from './upstash-server.js'

let server: RedisServer
let cluster: RedisServer
let ioredis: Redis
let nodeRedis: ReturnType<typeof createClient>
let nodePool: ReturnType<typeof createClientPool>
let oneNode: Redis
let nodeCluster: ReturnType<typeof createCluster>
let front: Awaited<ReturnType<typeof upstashServer>>
const folder = mkdtempSync(join(tmpdir(), 'tetrad-store-'))
beforeAll(async () => {
  server = await redisServer()
  ioredis = new Redis(server.port, '127.0.0.1')
  nodeRedis = createClient({ socket: { port: server.port, host: '127.0.0.1' } })
  await nodeRedis.connect()
  nodePool = createClientPool({ socket: { port: server.port, host: '127.0.0.1' } })
  await nodePool.connect()
  front = await upstashServer(ioredis)
  // one node with every slot: like a large cluster, it rejects a command with keys of two slots
  const config = ['--cluster-enabled', 'yes', '--dir', folder]
  cluster = await redisServer(undefined, config)
  oneNode = new Redis(cluster.port, '127.0.0.1')
  await oneNode.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  await vi.waitFor(
    async () => expect(await oneNode.call('CLUSTER', 'INFO')).toContain('cluster_state:ok'),
    { timeout: 5_000 },
  )
  nodeCluster = createCluster({ rootNodes: [{ url: `redis://127.0.0.1:${cluster.port}` }] })
  await nodeCluster.connect()
})
afterAll(async () => {
  front.stop()
  ioredis.disconnect()
  oneNode.disconnect()
  nodeRedis.destroy()
  nodePool.destroy()
  nodeCluster.destroy()
  await Promise.all([server.stop(), cluster.stop()])
  rmSync(folder, { recursive: true })
})

/** Each opens a new store over the same storage. */
const makers: [string, () => Store][] = [
  ['over ioredis', () => redisStore(ioredis, { prefix: 'a:' })],
  ['over node-redis', () => redisStore(nodeRedis, { prefix: 'b:' })],
  ['over Upstash', () => redisStore(new Upstash({ url: front.url, token }), { prefix: 'c:' })],
  [
    'over Upstash that leaves text as it is',
    () =>
      redisStore(
        new Upstash({
          url: front.url,
          token,
          automaticDeserialization: false,
          responseEncoding: false,
          enableAutoPipelining: false,
        }),
        { prefix: 'd:' },
      ),
  ],
  ['over a pool of node-redis', () => redisStore(nodePool, { prefix: 'e:' })],
  [
    'over what has `sendCommand` alone',
    () => redisStore({ sendCommand: (args) => nodeRedis.sendCommand(args) }, { prefix: 'f:' }),
  ],
  ['in a cluster', () => redisStore(oneNode)],
  ['in a cluster, over node-redis', () => redisStore(nodeCluster, { prefix: 'g:' })],
]
if (DatabaseSync) {
  const Database = DatabaseSync
  makers.push(['in SQLite', () => sqliteStore(new Database(join(folder, 'check.db')))])
} else {
  process.stderr.write('SQLite is not tested here: it needs Node 22 or later\n')
}

it.runIf(DatabaseSync)(
  'a full disk is the error of a write to SQLite, and of nothing else',
  async () => {
    // skipped without SQLite
    const Database = DatabaseSync as NonNullable<typeof DatabaseSync>
    const db = new Database(join(folder, 'full.db'))
    const store = sqliteStore(db)
    const fill = async () => {
      for (let i = 0; i < 100; i++) await store.set(`k${i}`, 'x'.repeat(10_000), { ttlMs: 60_000 })
    }
    db.exec('pragma max_page_count = 60')
    await expect(fill()).rejects.toThrow(/full/)
    expect(await store.get('k0')).toHaveLength(10_000)
    await store.delete('k0')
    await store.set('small', 'x', { ttlMs: 60_000 })
    expect(await store.get('small')).toBe('x')
    db.close()
  },
)

it('a store in memory fulfils the contract', async () => {
  const store = memoryStore()
  expect(await checkStore(() => store)).toEqual([])
})

it.each(makers)('a store %s fulfils the contract', async (_, makeStore) => {
  expect(await checkStore(makeStore)).toEqual([])
})

describe('two processes', () => {
  const kinds: [string, () => [string, string], () => Store][] = [
    ['redis', () => ['redis', String(server.port)], () => redisStore(ioredis)],
  ]
  if (DatabaseSync) {
    const Database = DatabaseSync
    const file = join(folder, 'shared.db')
    kinds.push(['SQLite', () => ['sqlite', file], () => sqliteStore(new Database(file))])
  }
  it.each(kinds)(
    'that write at once lose nothing: %s',
    async (_, args, open) => {
      const store = open()
      for (let i = 0; i < 100; i++) await store.schedule?.('work', `m${i}`, { inMs: 0 })
      const reports = await inProcesses(2, args())
      const sum = (name: string) => reports.reduce((all, report) => all + (report[name] ?? 0), 0)
      expect(await store.get('sum')).toBe('400')
      const log = await store.read('log', 0)
      expect(log).toHaveLength(400)
      expect(new Set(log).size).toBe(400)
      expect(sum('won')).toBe(200)
      expect(sum('taken')).toBe(100)
      // the last hold requests 3 where 2 are booked
      expect(sum('held')).toBe(249)
      const [cap] =
        (await store.settle?.('money', { id: 'x', caps: [{ key: 'cap', amount: 0, ttlMs: 1 }] })) ??
        []
      expect(cap).toMatchObject({ used: 498, held: 0 })
    },
    60_000,
  )
})

const wrap = (change: (store: ReturnType<typeof memoryStore>) => Partial<Store>) => {
  const store = memoryStore()
  const broken = { ...store, ...change(store) }
  return async () => (await checkStore(() => broken)).map(({ name }) => name)
}

describe('checkStore', () => {
  it('requires a factory, and says so when given a store', async () => {
    for (const made of [memoryStore(), undefined])
      await expect(checkStore(made as never)).rejects.toThrow(
        new MisuseError(
          'Pass a function that makes one for each check: checkStore(() => myStore(database))',
        ),
      )
  })

  it.each<[string, Parameters<typeof wrap>[0], RegExp]>([
    [
      'a value that is parsed',
      (s) => ({
        get: async (key) => {
          const v = await s.get(key)
          return v === '007' ? '7' : v
        },
      }),
      /keeps a value/,
    ],
    [
      'look, then set',
      (s) => ({
        async setIfAbsent(key, value, ttl) {
          const known = await s.get(key)
          await null
          if (known !== undefined) return false
          await s.set(key, value, ttl)
          return true
        },
      }),
      /sets an absent key once/,
    ],
    [
      'read, then write a sum',
      (s) => ({
        async increment(key, by, ttl) {
          const sum = Number((await s.get(key)) ?? 0) + by
          await null
          await s.set(key, String(sum), ttl)
          return sum
        },
      }),
      /loses no addition/,
    ],
    [
      'no end of life',
      (s) => ({ set: (key, value) => s.set(key, value, { ttlMs: 1e9 }) }),
      /drops what has expired/,
    ],
    [
      'entries one by one',
      (s) => ({
        async append(key, entries, o) {
          if (o.at !== undefined || entries.length > 10 || entries.length === 0)
            return s.append(key, entries, o)
          let n = 0
          for (const one of entries) n = await s.append(key, [one], o)
          return n
        },
      }),
      /none torn/,
    ],
    [
      'no look at the length',
      (s) => ({ append: (key, entries, { ttlMs }) => s.append(key, entries, { ttlMs }) }),
      /only where the log has it/,
    ],
    [
      'a log of nothing is not renewed',
      (s) => ({
        append: async (key, entries, o) =>
          entries.length ? s.append(key, entries, o) : (await s.read(key, 0)).length,
      }),
      /renews the life/,
    ],
    [
      'anybody renews',
      (s) => ({
        replace: async (key, _, value, ttl) => {
          await s.set(key, value, ttl)
          return true
        },
      }),
      /replaces and deletes only/,
    ],
    [
      'a front that is not compared',
      (s) => ({
        shift: async (key, entries) => s.shift(key, await s.read(key, 0, entries.length)),
      }),
      /off the front/,
    ],
    [
      'claimed by all',
      (s) => ({ claim: (queue, o) => s.claim(queue, { ...o, leaseMs: 0 }) }),
      /due in a queue to one/,
    ],
    [
      'no limit',
      (s) => ({
        hold: (l, r) => s.hold(l, { ...r, caps: r.caps.map((c) => ({ ...c, limit: 1e12 })) }),
      }),
      /never past one/,
    ],
    [
      'a hold twice',
      (s) => ({
        hold: (l, r) => s.hold(l, { ...r, caps: r.caps.map(({ held: _, ...c }) => c) }),
      }),
      /holds once/,
    ],
    [
      'a lease without end',
      (s) => ({ hold: (l, r) => s.hold(l, { ...r, leaseMs: 1e9 }) }),
      /whose lease is over/,
    ],
  ])('names the check that fails: %s', async (_, change, name) => {
    const failed = await wrap(change)()
    expect(failed.length).toBeGreaterThan(0)
    expect(failed.join('\n')).toMatch(name)
  })

  it('omits checks of missing optional operations, and names them by feature', async () => {
    const { get, set, setIfAbsent, increment, delete: remove, append, read } = memoryStore()
    const small: Store = { get, set, setIfAbsent, increment, delete: remove, append, read }
    expect(await checkStore(() => small)).toEqual([])
    expect(() => needs('budget()', small, ['hold', 'settle'])).toThrow(
      /budget\(\).*hold\(\), settle\(\)/,
    )
    expect(needs('budget()', memoryStore(), ['hold'])).toBeDefined()
  })
})

it('a lease is renewed and released only by its owner', async () => {
  let now = 0
  const store = memoryStore({ now: () => now })
  const first = await takeLease(store, 'lock', { ttlMs: 10 })
  expect(await takeLease(store, 'lock', { ttlMs: 10 })).toBeUndefined()
  now = 9
  expect(await first?.renew()).toBe(true)
  now = 20
  const second = await takeLease(store, 'lock', { ttlMs: 10 })
  expect([await first?.renew(), await first?.release()]).toEqual([false, false])
  expect(await second?.release()).toBe(true)
  expect(await store.get('lock')).toBeUndefined()
})

it('the Redis clients share their entries under one prefix', async () => {
  await redisStore(ioredis).set('shared', 'x', { ttlMs: 60_000 })
  for (const client of [nodeRedis, new Upstash({ url: front.url, token })])
    expect(await redisStore(client).get('shared')).toBe('x')
  expect(await ioredis.pttl('tetrad:shared')).toBeGreaterThan(0)
})

it('Redis stores no ledger entry without a time to live', async () => {
  const caps = [{ key: 'c', amount: 1, limit: 2, ttlMs: 60_000 }]
  await redisStore(ioredis).hold('l', { id: 'h', leaseMs: 1_000, caps })
  for (const part of ['rows', 'due'])
    expect(await ioredis.pttl(`tetrad:{ledger:l}:${part}`)).toBeGreaterThan(60_000)
})

it('the memory store takes a clock, and sweeps expired entries', async () => {
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

it('a write to the memory store looks at a few entries, however many have expired', async () => {
  let time = 0
  let looks = 0
  const now = () => {
    looks++
    return time
  }
  const store = memoryStore({ now })
  const ttlMs = 10
  const hold = (id: string) =>
    store.hold('l', { id, leaseMs: 10, caps: [{ key: id, amount: 1, limit: 1, ttlMs }] })
  for (let index = 0; index < 10_000; index++) {
    await store.set(`${index}`, 'x', { ttlMs })
    await hold(`${index}`)
  }
  time = 100_000
  let most = 0
  for (let index = 0; index < 10_000; index++) {
    looks = 0
    await store.set('last', 'x', { ttlMs })
    await hold(`last ${index}`)
    most = Math.max(most, looks)
  }
  expect(most).toBeLessThan(20)
  looks = 0
  expect(store.size).toBe(1)
  // one look at each entry that is left
  expect(looks).toBe(1)
})

it('an object that is no client and no database is a MisuseError', () => {
  expect(() => redisStore({} as never)).toThrow(MisuseError)
  expect(() => sqliteStore({} as never)).toThrow(MisuseError)
})

describe('a queue in memory', () => {
  /** A time that counts how often it is compared. */
  const counting = (ms: number, count: () => void) => {
    const time = {
      valueOf() {
        count()
        return ms
      },
    }
    // only compared, as numbers are
    return time as unknown as number
  }

  it('costs a step more where it has twice as many members', () => {
    const stepsOf = (length: number) => {
      let steps = 0
      const count = () => void steps++
      const queue = new DueQueue()
      const names = Array.from({ length }, (_, index) => `${(index * 7919) % length}`)
      for (const name of names) queue.set(name, counting(Number(name), count))
      for (const name of names) queue.set(name, counting(length - Number(name), count))
      while (queue.take(length, 1).length > 0) {
        // taken one by one, as an inbox with room for one turn does
      }
      return steps / length
    }
    const [small, large] = [stepsOf(1_000), stepsOf(32_000)]
    // five doublings, a few comparisons of two times in each of three operations
    expect(large - small).toBeLessThan(5 * 3 * 8)
    expect(large).toBeLessThan(3 * 8 * 16)
  })

  it('gives what a sorted list gives', () => {
    const random = fc.sample(fc.tuple(fc.nat(40), fc.nat(20), fc.nat(5)), 2_000)
    const queue = new DueQueue()
    const list = new Map<string, number>()
    for (const [name, at, action] of random) {
      if (action > 1) queue.set(`${name}`, at)
      if (action > 1) list.set(`${name}`, at)
      if (action === 1) queue.delete(`${name}`)
      if (action === 1) list.delete(`${name}`)
      if (action > 0) continue
      const due = [...list].filter(([, due]) => due <= at).map(([, due]) => due)
      const taken = queue.take(at, 3)
      expect(taken.map((name) => list.get(name))).toEqual(due.sort((a, b) => a - b).slice(0, 3))
      for (const name of taken) list.delete(name)
    }
    expect(queue.size).toBe(list.size)
    for (const [name, at] of list) expect(queue.timeOf(name)).toBe(at)
  })
})
