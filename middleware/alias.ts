/** Resolves short model names to full ones, with default parameters where an alias has some. */
import { type ChatRequest, defined, type ModelName } from '../src/chat/index.js'
import {
  BadRequestError,
  type BaseCallOptions,
  type Middleware,
  MisuseError,
  requestLayer,
} from '../src/core/index.js'

/** A model name and the defaults of a request that uses it. */
export interface AliasTarget extends Omit<Partial<ChatRequest>, 'model' | 'messages'> {
  readonly model: ModelName
}

export type Aliases = Readonly<Record<string, ModelName | AliasTarget>>

/**
 * Resolves your own names of models. An alias may point to another one and may carry default
 * parameters: the request's own win, then those of the first alias of a chain. `aliases` in a
 * call's options override the table for that call.
 *
 * Place: outside `retry` and `params`, which then see the resolved model; inside `log` and `usage`,
 * which report the name that was used.
 *
 * Throws `MisuseError` at construction for a cycle in the table, `BadRequestError` for one in a
 * call's `aliases`.
 *
 * @example
 * const ai = createClient({
 *   use: [alias({ fast: 'gemini/gemini-2.5-flash', smart: { model: 'openai/gpt-5', reasoning_effort: 'high' } })],
 * })
 */
export function alias(aliases: Aliases = {}): Middleware {
  const table = toTable(aliases)
  for (const name of table.keys()) follow(name, table, MisuseError)

  const outgoing = (request: ChatRequest, options: BaseCallOptions): ChatRequest => {
    const own = options.aliases
    const names = own ? new Map([...table, ...toTable(own)]) : table
    if (!names.has(request.model)) return request
    const target = follow(request.model, names, BadRequestError)
    return { ...target, ...defined(request), model: target.model }
  }
  return requestLayer(
    'alias',
    (ctx) => {
      ctx.request = outgoing(ctx.request, ctx.options)
    },
    { outgoing, models: [...table.keys()] },
  )
}

type Table = ReadonlyMap<string, AliasTarget>

/** A Map, since a name sent by a caller may equal a member of `Object.prototype`. */
const toTable = (aliases: Aliases): Table =>
  new Map(
    Object.entries(aliases).map(([name, target]) => [
      name,
      typeof target === 'string' ? { model: target } : target,
    ]),
  )

function follow(
  name: string,
  table: Table,
  Refusal: typeof BadRequestError | typeof MisuseError,
): AliasTarget {
  const path = [name]
  let target: AliasTarget = { model: name }
  for (let step = table.get(name); step; step = table.get(step.model)) {
    const isCycle = path.includes(step.model)
    path.push(step.model)
    if (isCycle) throw new Refusal(`The alias ${name} leads back to itself: ${path.join(' → ')}`)
    target = { ...step, ...defined(target), model: step.model }
  }
  return target
}
