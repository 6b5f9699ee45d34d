/** The inbox over every store, in real time. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis as Upstash } from '@upstash/redis'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createInbox, type InboxOptions } from '../../src/inbox/index.js'
import { memoryStore, redisStore, type Store, sqliteStore } from '../../src/store/index.js'
import { type RedisServer, redisServer } from '../store/redis-server.js'
import { DatabaseSync } from '../store/sqlite.js'
import { token, upstashServer } from '../store/upstash-server.js'
import { gate, type Letter, letter } from './bench.js'

let server: RedisServer
let redis: Redis
let front: Awaited<ReturnType<typeof upstashServer>>
const folder = mkdtempSync(join(tmpdir(), 'tetrad-inbox-'))
beforeAll(async () => {
  server = await redisServer()
  redis = new Redis(server.port, '127.0.0.1')
  front = await upstashServer(redis)
})
afterAll(async () => {
  front.stop()
  redis.disconnect()
  await server.stop()
  rmSync(folder, { recursive: true })
})

/** Each returns two connections to one storage, as two processes have. */
const kinds: [string, (name: string) => readonly [Store, Store]][] = [
  [
    'memory',
    () => {
      const store = memoryStore()
      return [store, store]
    },
  ],
  [
    'Redis',
    (name) => {
      const open = () => redisStore(redis, { prefix: `${name}:` })
      return [open(), open()]
    },
  ],
  [
    'Upstash',
    (name) => {
      const open = () =>
        redisStore(new Upstash({ url: front.url, token }), { prefix: `${name}:u:` })
      return [open(), open()]
    },
  ],
]
if (DatabaseSync) {
  const Database = DatabaseSync
  kinds.push([
    'SQLite',
    (name) => {
      const open = () => sqliteStore(new Database(join(folder, `${name}.db`)))
      return [open(), open()]
    },
  ])
}

let count = 0
function make(open: (name: string) => readonly [Store, Store]) {
  const stores = open(`n${count++}`)
  const turns: { readonly ids: string; readonly turn: string; readonly attempt: number }[] = []
  return {
    stores,
    turns,
    ids: () => turns.map(({ ids }) => ids),
    open: (at: 0 | 1, options: Partial<InboxOptions<Letter>> = {}) =>
      createInbox<Letter>({
        store: stores[at],
        id: ({ id }) => id,
        key: ({ chat }) => chat,
        quietMs: 200,
        pollMs: 50,
        backoffMs: 20,
        ...options,
        answer: (messages, turn) => {
          const ids = messages.map(({ id }) => id).join(' ')
          turns.push({ ids, turn: turn.id, attempt: turn.attempt })
          return options.answer?.(messages, turn)
        },
      }),
  }
}

describe.each(kinds)('over %s', (_, open) => {
  it('each message is in one turn of one process, and later messages in the next', async () => {
    const bench = make(open)
    const held = gate()
    const inboxes = ([0, 1] as const).map((at) => bench.open(at, { answer: () => held.opened }))
    const add = (id: string) => Promise.all(inboxes.map((inbox) => inbox.add(letter(id))))
    await add('a1')
    await expect.poll(bench.ids).toEqual(['a1'])
    for (const id of ['a2', 'b1']) expect((await add(id)).sort()).toEqual(['duplicate', 'kept'])
    await expect.poll(bench.ids).toEqual(['a1', 'b1'])
    await add('a3')
    expect(await add('a1')).toEqual(['duplicate', 'duplicate'])
    held.open()
    await expect.poll(bench.ids).toEqual(['a1', 'b1', 'a2 a3'])
    await Promise.all(inboxes.map((inbox) => inbox.close()))
    for (const chat of ['a', 'b']) {
      expect(await bench.stores[0].get(`inbox:turn:${chat}`)).toBeUndefined()
      expect(await bench.stores[0].read(`inbox:waiting:${chat}`, 0)).toEqual([])
    }
  })

  it('a turn that fails is retried with one id, and one that always fails is given up', async () => {
    const bench = make(open)
    const errors: unknown[] = []
    const inbox = bench.open(0, {
      attempts: 2,
      answer: () => {
        throw new Error('no')
      },
      onError: (error) => errors.push(error),
    })
    await inbox.add({ ...letter('a1'), sentAt: 1 })
    await expect.poll(() => errors).toEqual([new Error('no')])
    expect(bench.turns.map(({ attempt }) => attempt)).toEqual([1, 2])
    expect(new Set(bench.turns.map(({ turn }) => turn)).size).toBe(1)
    await inbox.close()
  })

  it('a turn left by one process is continued by the other', async () => {
    const bench = make(open)
    const first = bench.open(0)
    await first.close()
    for (const id of ['a1', 'a2']) expect(await first.add(letter(id))).toBe('kept')
    const second = bench.open(1)
    await second.resume()
    await expect.poll(bench.ids).toEqual(['a1 a2'])
    await second.close()
  })
})
