/** Marks a key as used, also over a client that sends a command twice. */
import type { Store } from './store.js'

/**
 * True for the first caller alone. ioredis sends a command again when the connection was lost
 * before its reply, which then finds the key set: by its own value.
 */
export async function setOnce(
  store: Pick<Store, 'get' | 'setIfAbsent'>,
  key: string,
  options: { readonly ttlMs: number },
): Promise<boolean> {
  const own = crypto.randomUUID()
  return (await store.setIfAbsent(key, own, options)) || (await store.get(key)) === own
}
