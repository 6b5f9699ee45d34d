/** `node:sqlite`, if this version of Node has it. */
import type { SqliteDatabase } from '../../src/store/index.js'

type Database = SqliteDatabase & { close(): void }

/** Undefined before Node 22. */
export const DatabaseSync: (new (path: string) => Database) | undefined = await load()

async function load() {
  // not in the types of Node 20
  const name = 'node:sqlite'
  try {
    return (await import(name)).DatabaseSync
  } catch {
    return undefined
  }
}
