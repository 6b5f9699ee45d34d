/**
 * Writes that hold once: ioredis sends a command again when the connection was lost before its
 * reply, and finds its own write then.
 */
import type { Store } from './store.js'

export interface AppendAtOptions {
  readonly ttlMs: number
  /** The length that the writer has read. */
  readonly at: number
}

/**
 * Appends to a log at a known length; false if another writer was first. A failed append is repeated
 * once. Entries that are refused may be there already, so they are compared.
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

/** Marks a key as used; true for the first caller alone. */
export async function setOnce(
  store: Pick<Store, 'get' | 'setIfAbsent'>,
  key: string,
  options: { readonly ttlMs: number },
): Promise<boolean> {
  const own = crypto.randomUUID()
  return (await store.setIfAbsent(key, own, options)) || (await store.get(key)) === own
}
