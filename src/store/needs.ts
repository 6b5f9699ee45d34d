/** Checks a store for the optional operations that a feature needs. */
import { MisuseError } from '../core/errors.js'
import type { Store } from './store.js'

/**
 * Returns the store with these operations, which a custom store may lack. Throws `MisuseError` that
 * names the missing ones.
 *
 * @example
 * const ledger = needs('budget()', store, ['hold', 'settle'])
 */
export function needs<Name extends keyof Store>(
  feature: string,
  store: Store,
  operations: readonly Name[],
): Store & Required<Pick<Store, Name>> {
  const missing = operations.filter((name) => typeof store?.[name] !== 'function')
  if (missing.length > 0)
    throw new MisuseError(
      `${feature} needs a store with ${missing.map((name) => `${name}()`).join(', ')}: add it, or use memoryStore, sqliteStore or redisStore`,
    )
  // checked above
  return store as Store & Required<Pick<Store, Name>>
}
