/** One of several processes under one cap on Redis; one that is told to hang holds and waits to be killed. */
import { Redis } from 'ioredis'
import { redisStore } from '../../src/store/index.js'
import { crowd, seeded } from './budget-load.js'

const [port = '', mode = '', calls = '', cap = '', seed = ''] = process.argv.slice(2)
const redis = new Redis(Number(port), '127.0.0.1')
const store = redisStore(redis)
if (mode === 'hang') {
  const caps = [{ key: '0:tokens:total::all', amount: 50, limit: Number(cap), ttlMs: 600_000 }]
  const ids = Array.from({ length: Number(calls) }, (_, index) => `hung-${index}`)
  await Promise.all(ids.map((id) => store.hold('budget', { id, leaseMs: 300, caps })))
  process.stdout.write('held')
} else {
  const load = {
    calls: Number(calls),
    cap: Number(cap),
    random: seeded(Number(seed)),
    expect: 1_100,
  }
  process.stdout.write(JSON.stringify(await crowd(store, load)))
  redis.disconnect()
}
