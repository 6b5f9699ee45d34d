/** The hooks around a tool run: the context key that layers add to and `tools()` reads. */
import type { FunctionCall } from '../src/chat/index.js'
import { key } from '../src/core/index.js'

/**
 * Wraps each run of a tool whose arguments are valid and that is allowed. `run` resolves with the
 * tool's result and rejects with its error, on timeout and on abort, even if the tool ignores both;
 * the hook's own result or error replaces it. Calling `run` again runs the tool again.
 */
export type AroundTool = (call: FunctionCall, run: () => Promise<unknown>) => unknown

/**
 * The hooks of a call, outermost first. They are read when a tool runs, so a layer sets them before
 * its `next()`; a nested call (`ctx.client`) starts with none.
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
