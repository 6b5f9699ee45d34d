/**
 * One of several processes over one storage: runs its part at the limit, and reports its results.
 */
import { Redis } from 'ioredis'
import { redisStore, sqliteStore } from '../../src/store/index.js'
import { DatabaseSync } from './sqlite.js'

const [kind = '', place = '', name = ''] = process.argv.slice(2)

async function open() {
  if (kind === 'redis') {
    const redis = new Redis(Number(place), '127.0.0.1')
    return { store: redisStore(redis), close: () => redis.disconnect() }
  }
  if (!DatabaseSync) throw new Error('This Node has no SQLite')
  const db = new DatabaseSync(place)
  return { store: sqliteStore(db), close: () => db.close() }
}

const { store, close } = await open()
const ttl = { ttlMs: 600_000 }
let held = 0
let won = 0
let taken = 0
for (let round = 0; round < 200; round++) {
  await store.increment('sum', 1, ttl)
  await store.append('log', [`${name}-${round}`], ttl)
  if (await store.setIfAbsent(`once:${round}`, name, ttl)) won++
  const id = `${name}-${round}`
  const caps = [{ key: 'cap', amount: 3, limit: 500, ttlMs: 600_000 }]
  if ((await store.hold('money', { id, leaseMs: 600_000, caps })).isHeld) {
    held++
    await store.settle('money', { id, caps: [{ key: 'cap', amount: 2, ttlMs: 600_000 }] })
  }
  taken += (await store.claim('work', { leaseMs: 600_000, limit: 1 })).length
}
process.stdout.write(JSON.stringify({ held, won, taken }))
close()
