export type { CapHold, CapState, HoldRequest, HoldResult, SettleRequest } from './ledger.js'
export { type MemoryStoreOptions, memoryStore } from './memory.js'
export {
  type NodeRedisClient,
  type RedisClient,
  type RedisStoreOptions,
  redisStore,
  type UpstashClient,
} from './redis.js'
export {
  type SqliteDatabase,
  type SqliteStatement,
  type SqliteStoreOptions,
  sqliteStore,
} from './sqlite.js'
export type * from './store.js'
