/**
 * Writes that hold once: ioredis sends a command again when the connection was lost before its
 * reply, and finds its own write then.
 */
import { unguarded } from './patient.js'
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

/**
 * Marks keys as used, all or none; returns one that another caller has, if any. Marks of a caller
 * that gets it, or an error, are taken back.
 */
export async function setAllOnce(
  store: Pick<Store, 'get' | 'setIfAbsent' | 'deleteIf'>,
  keys: readonly string[],
  options: { readonly ttlMs: number },
): Promise<string | undefined> {
  const own = crypto.randomUUID()
  const isOwn = async (key: string) =>
    (await store.setIfAbsent(key, own, options)) || (await store.get(key)) === own
  const takeBack = () => {
    // called though the store may rest: the client sends it behind a mark that it has queued
    for (const key of keys)
      unguarded(store)
        .deleteIf?.(key, own)
        .catch(() => {})
  }
  try {
    for (const key of keys) {
      if (await isOwn(key)) continue
      takeBack()
      return key
    }
    return undefined
  } catch (error) {
    takeBack()
    throw error
  }
}
