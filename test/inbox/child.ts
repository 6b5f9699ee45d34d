/**
 * A bot in a child process: its webhook stores messages, its answers are sent to the messenger of
 * the test.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { createInbox } from '../../src/inbox/index.js'
import { redisStore, type Store, sqliteStore } from '../../src/store/index.js'
import { DatabaseSync } from '../store/sqlite.js'
import type { Letter } from './bench.js'

const [kind = '', place = '', messenger = ''] = process.argv.slice(2)

function open(): Store {
  if (kind === 'redis') {
    const redis = new Redis(Number(place), '127.0.0.1')
    // reconnects by itself
    redis.on('error', () => {})
    return redisStore(redis)
  }
  if (!DatabaseSync) throw new Error('This Node has no SQLite')
  return sqliteStore(new DatabaseSync(place))
}

const store = open()
const ttl = { ttlMs: 600_000 }
const concurrency = 50
let running = 0
let most = 0

async function send(path: string, body: unknown): Promise<void> {
  const response = await fetch(messenger + path, { method: 'POST', body: JSON.stringify(body) })
  if (!response.ok) throw new Error(`${path}: ${response.status}`)
}

const inbox = createInbox<Letter>({
  store,
  id: ({ id }) => id,
  key: ({ chat }) => chat,
  at: ({ sentAt }) => sentAt ?? 0,
  quietMs: 100,
  maxQuietMs: 300,
  leaseMs: 3_000,
  pollMs: 200,
  concurrency,
  // each death of a process counts as one failure
  attempts: 50,
  async answer(messages, { id, key, signal }) {
    most = Math.max(most, ++running)
    try {
      const ids = messages.map((message) => message.id)
      await send('/turn', { turn: id, key, ids })
      await wait(20, undefined, { signal })
      while (key === 'p0' && !(await store.get('go'))) await wait(100, undefined, { signal })
      const isFirst = await store.setIfAbsent(`sent:${id}`, 'yes', ttl)
      await send('/done', { turn: id, ids, isFirst })
    } finally {
      running--
    }
  },
})

const server = createServer(async (request, response) => {
  try {
    // messages from the test
    const letters = (await json(request)) as readonly Letter[]
    await Promise.all(letters.map((letter) => inbox.add(letter)))
    response.end()
  } catch {
    response.writeHead(503).end()
  }
})
server.listen(0, '127.0.0.1', async () => {
  await inbox.resume()
  const { port } = server.address() as AddressInfo
  process.stdout.write(`${port}\n`)
})

process.once('SIGTERM', async () => {
  await inbox.close()
  await send('/closed', { isWithin: most <= concurrency, running })
  process.exit(0)
})
