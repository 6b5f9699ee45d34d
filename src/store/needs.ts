/** What a feature needs of a store beyond the basic operations. */
import { MisuseError } from '../core/errors.js'
import type { Store } from './store.js'

/**
 * The store, with operations that a store of the app's own may lack. Throws `MisuseError` that names what is missing.
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
  // just looked
  return store as Store & Required<Pick<Store, Name>>
}
