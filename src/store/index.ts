export { type MemoryStoreOptions, memoryStore } from './memory.js'
export { type RedisClient, type RedisStoreOptions, redisStore } from './redis.js'
export type * from './store.js'
