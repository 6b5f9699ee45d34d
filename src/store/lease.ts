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
}

/**
 * Takes the lease of a key; undefined if another owner holds it. A holder that paused may not know
 * that its lease has expired: guard its writes with `append(…, { at })` or `replace`.
 */
export async function takeLease(
  store: Store,
  key: string,
  { ttlMs }: LeaseOptions,
): Promise<Lease | undefined> {
  const full = needs('takeLease()', store, ['replace', 'deleteIf'])
  const owner = crypto.randomUUID()
  if (!(await store.setIfAbsent(key, owner, { ttlMs }))) return undefined
  return {
    renew: () => full.replace(key, owner, owner, { ttlMs }),
    release: () => full.deleteIf(key, owner),
  }
}
