/** Runs the tool calls of one turn concurrently and emits their results in order. */
import type { FunctionCall } from '../../src/chat/index.js'
import { type HandleOptions, handleCall } from './handle.js'
import { inOrder } from './limits.js'
import type { ToolResult } from './results.js'
import type { Toolbox } from './tool.js'

/** Options of a tool run, the same for each call of one layer. */
export interface RunOptions extends Omit<HandleOptions, 'signal' | 'isApproved'> {
  readonly box: Toolbox
  readonly concurrency: number
}

/** A call to run, or the result that it already has. */
export interface Job {
  readonly call: FunctionCall
  /** A person has approved it. */
  readonly isApproved?: boolean
  readonly result?: ToolResult
}

/** The results; a call that now waits for approval has none. An abort ends all running tools. */
export async function runJobs(
  jobs: readonly Job[],
  options: RunOptions,
): Promise<readonly ToolResult[]> {
  if (jobs.length === 0) return []
  const { ctx, box, concurrency } = options
  const batch = new AbortController()
  const signal = AbortSignal.any([ctx.signal, batch.signal])
  const results: ToolResult[] = []
  const run = async ({ call, result, isApproved = false }: Job) => {
    const tool = box.get(call.function.name)
    if (result || !tool) return result
    return handleCall(call, tool, { ...options, signal, isApproved })
  }
  try {
    for await (const outcome of inOrder(jobs, concurrency, run)) {
      if (!outcome) continue
      await ctx.emit(outcome)
      if (outcome.type === 'tool-result') results.push(outcome)
    }
  } catch (error) {
    batch.abort(error)
    throw error
  }
  return results
}
