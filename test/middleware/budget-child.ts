/**
 * One of several processes under one cap on Redis; one started to hang stops in the middle of its
 * answers.
 */
import { Redis } from 'ioredis'
import { redisStore } from '../../src/store/index.js'
import { crowd, hangingCrowd, seeded } from './budget-load.js'

const [port = '', mode = '', calls = '', cap = '', seed = ''] = process.argv.slice(2)
const redis = new Redis(Number(port), '127.0.0.1')
const store = redisStore(redis)
const load = {
  calls: Number(calls),
  cap: Number(cap),
  random: seeded(Number(seed)),
  expect: 1_100,
}
if (mode === 'hang') {
  await hangingCrowd(store, { ...load, leaseMs: 500 })
  process.stdout.write('held')
} else {
  process.stdout.write(JSON.stringify(await crowd(store, load)))
  redis.disconnect()
}
