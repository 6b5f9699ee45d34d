/** Finds the provider that a model name leads to. */
import { BadRequestError, MisuseError, type ProviderAdapter, type Target } from '../core/index.js'

export interface Registry {
  /** Throws `BadRequestError` for a name that leads to no provider. */
  readonly resolve: (model: string) => Target
}

/**
 * The first path segment names the provider, and only that segment is lost (`openai/ft:gpt-4o:org::id`); a name without
 * a known one goes to the provider whose pattern it fits. Throws `MisuseError` when two adapters share a name.
 */
export function createRegistry(adapters: readonly ProviderAdapter[]): Registry {
  const byName = new Map<string, ProviderAdapter>()
  for (const adapter of adapters) {
    if (byName.has(adapter.name))
      throw new MisuseError(
        `Two providers are named '${adapter.name}': give one of them another name`,
      )
    byName.set(adapter.name, adapter)
  }
  return { resolve: (model) => resolve(byName, model) }
}

function resolve(adapters: ReadonlyMap<string, ProviderAdapter>, name: string): Target {
  const slash = name.indexOf('/')
  const named = slash > 0 ? adapters.get(name.slice(0, slash)) : undefined
  const model = name.slice(slash + 1)
  if (named && model !== '') return { adapter: named, model }
  const bare = [...adapters.values()].find((adapter) => adapter.models?.test(name))
  if (bare) return { adapter: bare, model: name }
  const known = [...adapters.keys()].map((provider) => `${provider}/…`).join(', ') || 'none'
  throw new BadRequestError(
    `No provider answers to the model '${name}'. Providers of this client: ${known}`,
    { model: name, code: 'unknown_model' },
  )
}
