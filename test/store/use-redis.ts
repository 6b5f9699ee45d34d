/** A redis-server for the tests of a file, and the stores on which a shared test runs. */
import { Redis } from 'ioredis'
import { afterAll, beforeAll } from 'vitest'
import { memoryStore, redisStore, type Store, sqliteStore } from '../../src/store/index.js'
import { type RedisServer, redisServer } from './redis-server.js'
import { DatabaseSync } from './sqlite.js'

export interface RunningRedis {
  readonly port: number
  readonly client: Redis
}

/** A server and a client of it, for the current file or `describe`. */
export function useRedis(): RunningRedis {
  let server: RedisServer
  let client: Redis
  beforeAll(async () => {
    server = await redisServer()
    client = new Redis(server.port, '127.0.0.1')
  })
  afterAll(async () => {
    client.disconnect()
    await server.stop()
  })
  return {
    get port() {
      return server.port
    },
    get client() {
      return client
    },
  }
}

/** By name, each opened empty; SQLite if this version of Node has it. */
export function storesOver(redis: RunningRedis): [name: string, open: () => Store][] {
  const stores: [string, () => Store][] = [
    ['memory', () => memoryStore()],
    ['redis', () => redisStore(redis.client, { prefix: `${crypto.randomUUID()}:` })],
  ]
  const Database = DatabaseSync
  if (Database) stores.push(['SQLite', () => sqliteStore(new Database(':memory:'))])
  return stores
}
