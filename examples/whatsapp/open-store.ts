/** Where all is kept: Redis for many machines, SQLite for one, memory where there is neither. */
import { redisStore, type Store, sqliteStore } from 'tetrad/store'

export interface OpenStore {
  readonly store: Store
  /** One line for the console. */
  readonly about: string
  close(): Promise<void>
}

type Database = Parameters<typeof sqliteStore>[0] & { close(): void }

/** `REDIS_URL` for Redis, else the file `DATABASE`. Undefined where this Node has no SQLite (it came with 22). */
export async function openStore(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<OpenStore | undefined> {
  const { REDIS_URL, DATABASE = 'whatsapp.db' } = environment
  if (REDIS_URL) return openRedis(REDIS_URL)
  const Sqlite = await findSqlite()
  if (!Sqlite) return undefined
  const database = new Sqlite(DATABASE)
  const close = async () => database.close()
  return { store: sqliteStore(database), about: `All is kept in ${DATABASE}.`, close }
}

async function openRedis(url: string): Promise<OpenStore> {
  const { Redis } = await import('ioredis')
  const redis = new Redis(url)
  const close = async () => redis.disconnect()
  return {
    store: redisStore(redis, { prefix: 'whatsapp:' }),
    about: 'All is kept in Redis.',
    close,
  }
}

async function findSqlite(): Promise<(new (path: string) => Database) | undefined> {
  // not among the types of Node 20
  const name = 'node:sqlite'
  try {
    return (await import(name)).DatabaseSync
  } catch {
    return undefined
  }
}
