/** A lock that dies with its holder: taken once, renewed and released by its owner alone. */
import { needs } from './needs.js'
import type { Store } from './store.js'

export interface Lease {
  /** False when it ran out and somebody else may have it: stop. */
  renew(): Promise<boolean>
  release(): Promise<boolean>
}

export interface LeaseOptions {
  /** How long it holds unrenewed: renew it every third of that. Milliseconds. */
  readonly ttlMs: number
}

/**
 * Takes the lease of a key; undefined where another holds it. A holder that was away too long may not know that its
 * lease is over: guard what it writes with `append(…, { at })` or `replace`.
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
