/** Appends to a log at a known length, also over a client that sends a command twice. */
import type { Store } from './store.js'

export interface AppendAtOptions {
  readonly ttlMs: number
  /** The length that the writer has read. */
  readonly at: number
}

/**
 * False if another writer was first. A failed append is repeated once, and ioredis sends a command
 * again when the connection was lost before its reply: entries that are refused may be there
 * already, so they are compared.
 */
export async function appendAt(
  store: Store,
  key: string,
  entries: readonly string[],
  options: AppendAtOptions,
): Promise<boolean> {
  const append = () => store.append(key, entries, options)
  if ((await append().catch(append)) >= 0) return true
  const found = await store.read(key, options.at, entries.length)
  return found.length > 0 && entries.every((entry, index) => entry === found[index])
}
