/** Handles one tool call, from its arguments to its result. */
import type { ChunkOf, FunctionCall } from '../../src/chat/index.js'
import type { BaseCallOptions, Caller, Context } from '../../src/core/index.js'
import { type AroundTool, aroundTools } from '../around-tools.js'
import type { Clock } from '../clock.js'
import { type ApprovalOptions, issueApproval } from './approvals.js'
import { readArguments } from './arguments.js'
import { orAborted, withLimits } from './limits.js'
import { toErrorResult, toResult } from './results.js'
import type { OwnTool, ToolRun } from './tool.js'

export type Outcome = ChunkOf<'tool-result'> | ChunkOf<'tool-approval'>

export interface HandleOptions extends ApprovalOptions {
  readonly ctx: Context<never>
  readonly signal: AbortSignal
  readonly timeoutMs: number
  readonly clock: Clock
  readonly describeError: (error: unknown, call: FunctionCall) => string
  /** The innermost hook. */
  readonly around?: AroundTool | undefined
  /** A person has approved it. */
  readonly isApproved?: boolean
}

/**
 * Validates, requests approval if the tool needs it, and runs. A failure of the tool is a result
 * for the model; an abort, and a store that fails, end the call.
 */
export async function handleCall(
  call: FunctionCall,
  tool: OwnTool,
  options: HandleOptions,
): Promise<Outcome> {
  const { signal, clock, timeoutMs, describeError } = options
  const what = `The tool '${call.function.name}'`
  const limits = { signal, clock, timeoutMs: tool.timeoutMs ?? timeoutMs, what }
  let outcome: Outcome | undefined
  try {
    outcome = await withLimits((signal) => runTool(call, tool, { ...options, signal }), limits)
  } catch (error) {
    signal.throwIfAborted()
    return toErrorResult(call, describeError(error, call))
  }
  if (outcome) return outcome
  return { type: 'tool-approval', id: await issueApproval(call, options), tool_call_id: call.id }
}

/** Undefined if it waits for approval. */
async function runTool(
  call: FunctionCall,
  tool: OwnTool,
  { ctx, signal, isApproved, around }: HandleOptions,
): Promise<Outcome | undefined> {
  const args = await readArguments(call, tool)
  if (args.defect !== undefined) return toErrorResult(call, args.defect)
  const run = { ctx: endedBy(signal, ctx), signal, tool_call_id: call.id }
  // validated by the schema: they have the type that the tool declares
  const value = args.value as never
  const { needsApproval: rule } = tool
  const needsApproval = typeof rule === 'function' ? await rule(value, run) : rule === true
  if (needsApproval && !isApproved) return undefined
  const hooks = [...(ctx.get(aroundTools) ?? []), ...(around ? [around] : [])]
  const given = await hooked(hooks, call, () => execute(value, tool, run))
  // its JSON would be an empty object
  if (given instanceof Error) throw given
  return toResult(call, given)
}

/** The context of one tool run: the calls of its `client` end with the run. */
function endedBy(signal: AbortSignal, ctx: Context<never>): Context<never> {
  const { client } = ctx
  const within = (options: BaseCallOptions = {}) => ({
    ...options,
    signal: options.signal ? AbortSignal.any([options.signal, signal]) : signal,
  })
  const bound: Caller = {
    ...client,
    generate: (request, options) => client.generate(request, within(options)),
    stream: (request, options) => client.stream(request, within(options)),
    countTokens: (request, options) => client.countTokens(request, within(options)),
  }
  return Object.create(ctx, { client: { value: bound }, signal: { value: signal } })
}

/** Rejects on abort, so that a hook ends even if the tool ignores its signal. */
const execute = (args: never, tool: OwnTool, run: ToolRun<never>): Promise<unknown> =>
  orAborted(async () => tool.execute(args, run), run.signal)

/** The first hook is the outermost. */
function hooked(
  hooks: readonly AroundTool[],
  call: FunctionCall,
  run: () => Promise<unknown>,
): Promise<unknown> {
  const chain = hooks.reduceRight<() => Promise<unknown>>(
    (inner, hook) => async () => hook(call, inner),
    run,
  )
  return chain()
}
