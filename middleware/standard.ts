/** The standard stack, in the order that its parts need. */

import type { Timeouts } from '../src/chat/index.js'
import {
  type Layers,
  type Middleware,
  MisuseError,
  type StandardPart,
  standardOrder,
} from '../src/core/index.js'
import { type Aliases, alias } from './alias.js'
import { deadline } from './deadline.js'
import { type HistoryOptions, history } from './history.js'
import { type LogOptions, log } from './log.js'
import { type ParamsOptions, params } from './params.js'
import { type RetryOptions, retry } from './retry.js'
import { timeout } from './timeout.js'
import {
  type ToolListOf,
  type Tools,
  type ToolsFor,
  type ToolsOf,
  type ToolsOptions,
  tools,
} from './tools.js'
import { type UsageOptions, usage } from './usage.js'

/** Options of the part, a layer that replaces it, or false: none. */
export type Part<Options, State = {}> = Options | Middleware<State> | false

export interface StandardOptions<
  State = {},
  Given = Tools<State> | ToolsFor<State> | false | undefined,
> {
  /** Opt-in: `log: {}` logs to the console. @default none */
  readonly log?: Part<LogOptions, State> | undefined
  readonly usage?: Part<UsageOptions, State> | undefined
  /** Milliseconds for the whole call. @default none */
  readonly deadline?: Part<number, State> | undefined
  readonly aliases?: Part<Aliases, State> | undefined
  readonly history?: Part<HistoryOptions, State> | undefined
  /**
   * The tools of `tools()`, or a function that returns them for a call; false: no loop.
   * @default none of our own: calls of a request's tools are returned to the caller
   */
  readonly tools?: Given
  /** Options of `tools()`, or a layer that replaces it. */
  readonly toolLoop?: Part<ToolsOptions<State>, State> | undefined
  readonly retry?: Part<RetryOptions, State> | undefined
  readonly timeout?: Part<Timeouts, State> | undefined
  readonly params?: Part<ParamsOptions, State> | undefined
  /**
   * Layers directly outside of a part: `{ retry: fallback('openai/gpt-5') }`. A disabled part keeps
   * its place.
   */
  readonly outside?: Beside<State> | undefined
  /** Layers directly inside of a part. */
  readonly inside?: Beside<State> | undefined
  /** Policies, in any order: each is placed by its `place`. */
  readonly with?: readonly Layers<State>[] | undefined
}

/** One layer or several, outermost first, by the part next to them. */
export type Beside<State = {}> = {
  readonly [Name in StandardPart]?: Layers<State> | undefined
}

/**
 * Outermost first:
 *
 * - `log` sees the call as the app made it, and every kind of end,
 * - `usage` counts all steps and all attempts, so that `log` can report the cost,
 * - `deadline` limits all layers inside: loops, waits, tools,
 * - `alias` resolves the model, whose size `history` needs and whose timeouts `timeout` needs,
 * - `history` repairs the stored messages once, before the tool loop starts,
 * - `tools` calls what is inside once a step,
 * - `retry` repeats one step, so no tool runs twice,
 * - `timeout` limits the silence of one attempt,
 * - `params` checks against the model of this attempt.
 *
 * Add your own layers `outside` or `inside` a part, policies by `with` at their `place`. The result
 * is an array.
 *
 * Throws `MisuseError` for tools beside a `toolLoop` that does not take them, for a layer in `with`
 * without a place in the stack, for an unknown option, for an unknown part in `outside` or `inside`,
 * and the errors of its parts.
 *
 * @example
 * const ai = createClient({ use: standard({ aliases: { fast: 'gemini/gemini-2.5-flash' }, retry: { attempts: 2 } }) })
 */
export function standard<Parameters extends Readonly<Record<string, unknown>>, State = {}>(
  options?: StandardOptions<State, ToolsOf<Parameters, State>>,
): readonly Middleware<State>[]
export function standard<Parameters extends readonly unknown[], State = {}>(
  options?: StandardOptions<State, ToolListOf<Parameters, State>>,
): readonly Middleware<State>[]
/**
 * With an explicit State, `standard<State>(…)`, or a function as `tools`: `tool()` types the
 * arguments.
 */
export function standard<State = {}>(options?: StandardOptions<State>): readonly Middleware<State>[]
export function standard<State>(
  options: StandardOptions<State> = {},
): readonly Middleware<State>[] {
  const parts: Readonly<Record<StandardPart, readonly Middleware<State>[]>> = {
    log: part(options.log ?? false, log),
    usage: part(options.usage ?? {}, usage),
    deadline: part(options.deadline ?? false, deadline),
    alias: part(options.aliases ?? {}, alias),
    history: part(options.history ?? {}, history),
    tools: loopOf(options),
    retry: part(options.retry ?? {}, retry),
    timeout: part(options.timeout ?? {}, timeout),
    params: part(options.params ?? {}, params),
  }
  const unknown = Object.keys(options).find((name) => !optionNames.includes(name))
  if (unknown !== undefined)
    throw new MisuseError(`standard() has no option '${unknown}', only ${optionNames.join(', ')}`)
  const { outside = {}, inside = {} } = options
  for (const name of Object.keys({ ...outside, ...inside }))
    if (!Object.hasOwn(parts, name))
      throw new MisuseError(`standard() has no part '${name}', only ${standardOrder.join(', ')}`)
  const policies = placing(options.with ?? [])
  const stack = standardOrder.flatMap((name) =>
    policies.around(name, [outside[name] ?? [], parts[name], inside[name] ?? []].flat()),
  )
  policies.checkAll()
  return stack
}

const optionNames: readonly string[] = [
  'log',
  'usage',
  'deadline',
  'aliases',
  'history',
  'tools',
  'toolLoop',
  'retry',
  'timeout',
  'params',
  'outside',
  'inside',
  'with',
] satisfies readonly (keyof StandardOptions)[]

/** Puts layers next to the part, or the other layer, that their place names. */
function placing<State>(given: readonly Layers<State>[]) {
  const layers = given.flat()
  const neighbors = new Set<string>([...standardOrder, ...layers.map(({ name }) => name)])
  const places = new Map(layers.map((layer) => [layer, placeOf(layer, neighbors)]))
  const take = (place: string): readonly Middleware<State>[] => {
    const taken = [...places].filter(([, own]) => own === place).map(([layer]) => layer)
    for (const layer of taken) places.delete(layer)
    return taken.flatMap((layer) => around(layer.name, [layer]))
  }
  const around = (
    name: string,
    own: readonly Middleware<State>[],
  ): readonly Middleware<State>[] => [...take(`outside ${name}`), ...own, ...take(`inside ${name}`)]
  const checkAll = () => {
    const lost = [...places.keys()].map(({ name }) => `'${name}'`)
    if (lost.length > 0)
      throw new MisuseError(`The places of ${lost.join(' and ')} refer to each other in a circle`)
  }
  return { around, checkAll }
}

function placeOf({ name, place = [] }: Middleware<never>, neighbors: ReadonlySet<string>): string {
  const wanted = [place].flat()
  const found = wanted.find((one) => {
    const [, neighbor = ''] = one.match(/^(?:inside|outside) (.+)$/) ?? []
    return neighbor !== name && neighbors.has(neighbor)
  })
  if (found) return found
  const reason =
    wanted.length > 0
      ? `the stack has no layer for its place '${wanted.join("' or '")}'`
      : 'it has no place'
  throw new MisuseError(
    `standard({ with }) cannot place the layer '${name}': ${reason}. Write layer('${name}', fn, { place: 'inside tools' }), or pass it as standard({ inside: { tools: … } })`,
  )
}

/**
 * A function as `tools` returns tools, one as `toolLoop` is a layer, so they need not be
 * distinguished.
 */
function loopOf<State>(options: StandardOptions<State>): readonly Middleware<State>[] {
  const { tools: own = {}, toolLoop = {} } = options
  if (own === false || toolLoop === false) return []
  if (typeof toolLoop === 'function') {
    if (options.tools === undefined) return [toolLoop]
    throw new MisuseError('standard() got a toolLoop of its own: pass the tools to that layer')
  }
  return [tools(own, toolLoop)]
}

function part<Options, State>(
  given: Part<Options, State>,
  make: (options: Options) => Middleware,
): readonly Middleware<State>[] {
  if (given === false) return []
  // no part takes a function as its options, and a layer that needs no State fits any
  const layer = typeof given === 'function' ? given : make(given as Options)
  return [layer as Middleware<State>]
}
