/** The stack that every app wants, in the order that makes its parts right. */

import type { Timeouts } from '../src/chat/index.js'
import { type Context, type Middleware, MisuseError } from '../src/core/index.js'
import { type Aliases, alias } from './alias.js'
import { deadline } from './deadline.js'
import { type HistoryOptions, history } from './history.js'
import { type LogOptions, log } from './log.js'
import { type ParamsOptions, params } from './params.js'
import { type RetryOptions, retry } from './retry.js'
import { timeout } from './timeout.js'
import { type Tools, type ToolsOptions, tools } from './tools.js'
import { type UsageOptions, usage } from './usage.js'

/** Options of the part, a layer to stand in its place, or false: none. */
export type Part<Options, State = {}> = Options | Middleware<State> | false

export interface StandardOptions<State = {}> {
  /** Where lines go is the app's to say: `log: {}` is the console. @default none */
  readonly log?: Part<LogOptions, State> | undefined
  readonly usage?: Part<UsageOptions, State> | undefined
  /** Milliseconds for the whole call. @default none */
  readonly deadline?: Part<number, State> | undefined
  readonly aliases?: Part<Aliases, State> | undefined
  readonly history?: Part<HistoryOptions, State> | undefined
  /** What `tools()` runs, or a function that tells it for a call; false: no loop. @default no tools of our own: those of a request go back to the caller */
  readonly tools?: Tools | ToolsFor<State> | false | undefined
  /** How it runs them: options of `tools()`, or a layer to stand in its place. */
  readonly toolLoop?: Part<ToolsOptions<State>, State> | undefined
  readonly retry?: Part<RetryOptions, State> | undefined
  readonly timeout?: Part<Timeouts, State> | undefined
  readonly params?: Part<ParamsOptions, State> | undefined
}

export type ToolsFor<State = {}> = (ctx: Context<State>) => Tools | Promise<Tools>

/**
 * Outermost first:
 *
 * - `log` sees the call as the app made it, and its end, whatever it is,
 * - `usage` counts all steps and all attempts, so that `log` can tell the cost,
 * - `deadline` limits all that follows: loops, waits, tools,
 * - `alias` finds the model, which `history` needs for its size and `timeout` for its pace,
 * - `history` mends once what the app stored, before a loop builds on it,
 * - `tools` calls what is inside once a step,
 * - `retry` repeats one step, so no tool runs twice,
 * - `timeout` limits the silence of one attempt,
 * - `params` speaks of the model that this attempt asks.
 *
 * Layers of your own go before, behind, or between: the result is an array.
 *
 * Throws `MisuseError` for tools beside a `toolLoop` that does not take them, and what its parts throw.
 *
 * @example
 * const ai = createClient({ use: standard({ aliases: { fast: 'gemini/gemini-2.5-flash' }, retry: { attempts: 2 } }) })
 */
export function standard<State = {}>(
  options: StandardOptions<State> = {},
): readonly Middleware<State>[] {
  return [
    part(options.log ?? false, log),
    part(options.usage ?? {}, usage),
    part(options.deadline ?? false, deadline),
    part(options.aliases ?? {}, alias),
    part(options.history ?? {}, history),
    loopOf(options),
    part(options.retry ?? {}, retry),
    part(options.timeout ?? {}, timeout),
    part(options.params ?? {}, params),
  ].flat()
}

/** A function of `tools` tells tools, one of `toolLoop` is a layer: neither has to be told from the other. */
function loopOf<State>(options: StandardOptions<State>): readonly Middleware<State>[] {
  const { tools: own = {}, toolLoop = {} } = options
  if (own === false || toolLoop === false) return []
  if (typeof toolLoop === 'function') {
    if (options.tools === undefined) return [toolLoop]
    throw new MisuseError('standard() has a toolLoop of its own: give the tools to that layer')
  }
  return [typeof own === 'function' ? tools(own, toolLoop) : tools(own, toolLoop)]
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
