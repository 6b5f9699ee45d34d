/** Finds the adapter of a model name: `provider/model`, or a bare name that an adapter matches. */
import { isObject } from '../chat/index.js'
import { BadRequestError, MisuseError, type ProviderAdapter, type Target } from '../core/index.js'

export interface Registry {
  /**
   * Returns the adapter, and the model without the provider. Only the first path segment names a
   * provider and is removed: `openai/ft:gpt-4o:org::id`, `compatible/meta-llama/Llama-3`. Throws
   * `BadRequestError` that lists the known providers and the `aliases` of the stack.
   */
  readonly resolve: (model: string, aliases?: () => readonly string[]) => Target
}

/** Throws `MisuseError` for an invalid adapter, a duplicate name, or a name with "/". */
export function createRegistry(adapters: readonly ProviderAdapter[]): Registry {
  const byName = new Map<string, ProviderAdapter>()
  for (const adapter of adapters) {
    checkAdapterShape(adapter)
    if (byName.has(adapter.name))
      throw new MisuseError(`Two providers are named "${adapter.name}": rename one`)
    byName.set(adapter.name, adapter)
  }

  const named = (model: string): Target | undefined => {
    const slash = model.indexOf('/')
    const adapter = slash < 0 ? undefined : byName.get(model.slice(0, slash))
    const rest = model.slice(slash + 1)
    return adapter && rest !== '' ? { adapter, model: rest } : undefined
  }

  const bare = (model: string): Target | undefined => {
    const adapter = adapters.find(({ models }) => models && matches(models, model))
    return adapter && { adapter, model }
  }

  return {
    resolve(model, aliases = () => []) {
      const found = typeof model === 'string' ? (named(model) ?? bare(model)) : undefined
      if (found) return found
      throw unknownModel(model, [...byName.keys()], aliases())
    },
  }
}

/** A call would detect it too late. */
function checkAdapterShape(given: unknown): void {
  const adapter = isObject(given) ? given : {}
  const { name, models } = adapter
  if (typeof name !== 'string' || name === '' || name.includes('/'))
    throw new MisuseError(
      `A provider needs a name without "/", not ${JSON.stringify(name)}: call a factory, such as openai()`,
    )
  if (typeof adapter.generateStream !== 'function')
    throw new MisuseError(`The adapter '${name}' has no generateStream(request, call)`)
  for (const method of ['generate', 'capabilities', 'countTokens'])
    if (adapter[method] !== undefined && typeof adapter[method] !== 'function')
      throw new MisuseError(`'${method}' of the adapter '${name}' is not a function: leave it out`)
  if (models !== undefined && !(models instanceof RegExp))
    throw new MisuseError(`'models' of the adapter '${name}' is not a regular expression`)
}

/** Resets `lastIndex`, which a pattern with the flag `g` or `y` keeps. */
const matches = (pattern: RegExp, text: string) => {
  pattern.lastIndex = 0
  return pattern.test(text)
}

const unknownModel = (model: unknown, names: readonly string[], aliases: readonly string[]) =>
  new BadRequestError(
    `No provider for the model ${JSON.stringify(model)}: write "provider/model" with one of ${names.join(', ') || '(none configured)'}${aliases.length > 0 ? `, or an alias: ${aliases.join(', ')}` : ''}`,
    { status: 400, code: 'unknown_model', phase: 'request' },
  )
