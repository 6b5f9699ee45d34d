/**
 * Four processes × 1,000 concurrent calls on a real redis-server, with a demand of ten times the
 * cap, once per seed: prints the usage and fails if a cap was exceeded. `npx tsx
 * test/middleware/budget-soak.ts [first seed] [last seed]`
 */
import { Redis } from 'ioredis'
import { redisStore } from '../../src/store/index.js'
import { redisServer } from '../store/redis-server.js'
import { crowdInProcesses, stateOf } from './budget-load.js'

const [first = 1, last = 20] = process.argv.slice(2).map(Number)
const cap = 440_000
const server = await redisServer()
const redis = new Redis(server.port, '127.0.0.1')
const store = redisStore(redis)
for (let seed = first; seed <= last; seed++) {
  await redis.flushall()
  const { whole, cut, refused, wholeTokens, tokens } = await crowdInProcesses(server.port, {
    calls: 1_000,
    cap,
    seed,
  })
  const state = await stateOf(store)
  const used = tokens / cap
  const inWhole = wholeTokens / tokens
  const isKept = state?.used === tokens && state.held === 0
  const isRight = isKept && used <= 1 && used >= 0.9 && inWhole >= 0.8
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`
  console.log(
    `seed ${seed}: used ${percent(used)}, of it in whole answers ${percent(inWhole)}; whole ${whole}, cut ${cut}, refused ${refused}; sum in Redis ${state?.used}, ledger ${tokens}, held ${state?.held}${isRight ? '' : ' WRONG'}`,
  )
  if (!isRight) process.exitCode = 1
}
redis.disconnect()
await server.stop()
