/** The hooks around a tool run: the key that layers add theirs under, and `tools()` reads. */
import type { FunctionCall } from '../src/chat/index.js'
import { key } from '../src/core/index.js'

/**
 * Stands around each run of a tool, once its arguments are valid and it is allowed. `run` resolves with what the tool
 * gave and rejects with what it threw, at the end of its time, and at an abort, also where the tool ignores both; what
 * the hook gives or throws counts in its place. Called again, it runs the tool again.
 */
export type AroundTool = (call: FunctionCall, run: () => Promise<unknown>) => unknown

/**
 * The hooks of a call, outermost first. They are read when a tool runs, so a layer sets them before its `next()`; a
 * nested call (`ctx.client`) starts with none.
 *
 * @example
 * const timed = layer('timed', async (ctx, next) => {
 *   const outer = ctx.get(aroundTools) ?? []
 *   ctx.set(aroundTools, [...outer, async (call, run) => {
 *     const started = performance.now()
 *     return run().finally(() => report(call.function.name, performance.now() - started))
 *   }])
 *   return next()
 * }, { place: 'outside tools' })
 */
export const aroundTools = key<readonly AroundTool[]>('aroundTools')
