/** A lock that expires: taken once, renewed and released by its owner alone. */
import { needs } from './needs.js'
import type { Store } from './store.js'

export interface Lease {
  /** Resolves to false when it has expired and another owner may hold it: stop. */
  renew(): Promise<boolean>
  release(): Promise<boolean>
}

export interface LeaseOptions {
  /** Lifetime without renewal; renew it every third of that. Milliseconds. */
  readonly ttlMs: number
  /**
   * A holder that takes the key again as its own: one that failed to release it, as the store was
   * down, does not wait for itself. It must not run twice at once. @default a new one
   */
  readonly owner?: string | undefined
}

/**
 * Takes the lease of a key; undefined if another owner holds it. A holder that paused may not know
 * that its lease has expired: guard its writes with `append(…, { at })` or `replace`.
 */
export async function takeLease(
  store: Store,
  key: string,
  { ttlMs, owner = crypto.randomUUID() }: LeaseOptions,
): Promise<Lease | undefined> {
  const full = needs('takeLease()', store, ['replace', 'deleteIf'])
  const renew = () => full.replace(key, owner, owner, { ttlMs })
  // a client that lost the reply sends the command again, which then finds the key taken
  const isTaken = (await store.setIfAbsent(key, owner, { ttlMs })) || (await renew())
  if (!isTaken) return undefined
  return {
    renew,
    release: () => full.deleteIf(key, owner),
  }
}
