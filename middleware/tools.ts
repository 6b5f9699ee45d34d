/** The tool loop: runs the tool calls of the model, and calls it again with the results. */
import {
  type ChatRequest,
  type ChatResponse,
  defined,
  type FunctionCall,
  type FunctionTool,
  isObject,
  placesOf,
  type ToolCall,
  type ToolDefinition,
  type Warning,
} from '../src/chat/index.js'
import { type Context, layer, type Middleware, MisuseError, type Next } from '../src/core/index.js'
import type { Store } from '../src/store/index.js'
import { patientStore } from '../src/store/patient.js'
import type { AroundTool } from './around-tools.js'
import { type Clock, systemClock } from './clock.js'
import { inProcess } from './tools/approvals.js'
import { toMessage } from './tools/results.js'
import { resume } from './tools/resume.js'
import { type Job, type RunOptions, runJobs } from './tools/run.js'
import {
  type Toolbox,
  type ToolListOf,
  type Tools,
  type ToolsFor,
  type ToolsOf,
  toToolbox,
} from './tools/tool.js'

export interface ToolsOptions<State = {}> {
  /**
   * Model turns in one call. The tools of the last one are run, so that the history stays complete.
   * @default 20
   */
  readonly maxSteps?: number | undefined
  /** Tools that run at once. @default 8 */
  readonly concurrency?: number | undefined
  /** For each tool call without a limit of its own. Milliseconds. @default 60_000 */
  readonly timeoutMs?: number | undefined
  /**
   * Stores pending approvals: `redisStore(client)` if several processes serve the same users.
   * @default this process
   */
  readonly approvals?: Store | undefined
  /** How long an approval is accepted. Milliseconds. @default 3_600_000 */
  readonly approvalTtlMs?: number | undefined
  /** Owner of an approval: one given in another scope is invalid. @default any holder of the id */
  readonly approvalScope?: ((ctx: Context<State>) => string) | undefined
  /** The text of an error sent to the model. Throw here to end the call. @default its message */
  readonly describeError?: ((error: unknown, call: FunctionCall) => string) | undefined
  /** Wraps each run of a tool, inside the hooks that layers add under `aroundTools`. */
  readonly around?: AroundTool | undefined
  /** For tests. @default the monotonic clock of the process */
  readonly clock?: Clock | undefined
}

/**
 * Lets the model call functions: runs the calls of a turn concurrently once the turn is complete
 * and their arguments are validated, emits each result as a `tool-result` chunk, and calls the
 * model again, until no calls remain. Errors and invalid arguments are sent to the model as error
 * results.
 *
 * The loop ends with `tool_calls` at `maxSteps`, for a call of a tool that is not ours (one of the
 * request's own), and for one that needs approval: then `response.approvals` lists it, and the next
 * request continues with `{ role: 'tool', tool_call_id, approval: { id, approved } }` after the
 * history. A forced `tool_choice` applies to the first turn only. Anthropic's `pause_turn` is
 * continued.
 *
 * Place: inside `usage` and `history`, outside `retry`: a turn is retried, a tool that ran is not.
 *
 * Throws `MisuseError` for a tool without a name, duplicate names, limits below 1 and an `around`
 * that is no function, `BadRequestError` for an approval that was not requested;
 * `ServiceUnavailableError` (`store_unavailable`) if the store of approvals fails.
 *
 * @example
 * const ai = createClient({
 *   use: [tools({ weather: { parameters: z.object({ city: z.string() }), execute: ({ city }) => forecast(city) } })],
 * })
 */
export function tools<Parameters extends Readonly<Record<string, unknown>>, State = {}>(
  given: ToolsOf<Parameters, State>,
  options?: ToolsOptions<State>,
): Middleware<State>
export function tools<Parameters extends readonly unknown[], State = {}>(
  given: ToolListOf<Parameters, State>,
  options?: ToolsOptions<State>,
): Middleware<State>
export function tools<State = {}>(
  given: Tools<State> | ToolsFor<State>,
  options?: ToolsOptions<State>,
): Middleware<State>
export function tools(
  given: Tools<never> | ToolsFor<never>,
  options: ToolsOptions<never> = {},
): Middleware<never> {
  const settings = {
    maxSteps: 20,
    concurrency: 8,
    timeoutMs: 60_000,
    approvals: inProcess(options.clock ?? systemClock),
    approvalTtlMs: 3_600_000,
    describeError: messageOf,
    clock: systemClock,
    ...defined(options),
    ...(options.approvals && { approvals: patientStore(options.approvals, patience) }),
  }
  for (const name of ['maxSteps', 'concurrency'] as const)
    if (!(settings[name] >= 1)) throw new MisuseError(`tools() takes a ${name} of at least 1`)
  if (options.around !== undefined && typeof options.around !== 'function')
    throw new MisuseError('`around` of tools() must be a function: (call, run) => run()')
  const boxFor = boxMaker(given)

  const loop = async (ctx: Context<never>, next: Next): Promise<void> => {
    const box = await boxFor(ctx)
    const run: RunOptions = { ctx, box, ...settings, scope: settings.approvalScope?.(ctx) }
    const prepared = withTools(ctx, box)
    let messages = await resume(prepared.messages, run)
    for (let step = 1; ; step++) {
      ctx.request = { ...(step === 1 ? prepared : afterFirst(prepared)), messages }
      const answer = await next()
      const calls = isWhole(answer) ? openCalls(answer) : []
      const results = calls.length > 0 ? await runJobs(ownJobs(calls, answer, box), run) : []
      const isOpen = results.length < calls.length
      if (isOpen || (calls.length === 0 && !isPaused(answer, prepared))) return
      if (step >= settings.maxSteps) return ctx.warn(stoppedAfter(step))
      messages = [...messages, ...answer.messages, ...results.map(toMessage)]
    }
  }
  return layer('tools', loop, { repeats: 'step' })
}

const patience = { patienceMs: 10_000 }

/** Tools that are the same for each call are validated once. */
function boxMaker(
  given: Tools<never> | ToolsFor<never>,
): (ctx: Context<never>) => Toolbox | Promise<Toolbox> {
  if (typeof given === 'function') return async (ctx) => toToolbox(await given(ctx))
  const box = toToolbox(given)
  return () => box
}

/** The request with our tools before its own; of two with one name, ours is called. */
function withTools(ctx: Context, box: Toolbox): ChatRequest {
  const { tools: given = [], ...request } = ctx.request
  const isOurs = (tool: ToolDefinition) => isFunctionTool(tool) && box.has(tool.function.name)
  for (const tool of given.filter(isOurs).filter(isFunctionTool))
    ctx.warn({
      code: 'ignored',
      param: 'tools',
      message: `The request and tools() both have a tool '${tool.function.name}': rename one`,
    })
  const all = [
    ...[...box.values()].map((tool) => tool.definition),
    ...given.filter((tool) => !isOurs(tool)),
  ]
  return all.length > 0 ? { ...request, tools: all } : request
}

const isFunctionTool = (tool: ToolDefinition): tool is FunctionTool =>
  tool.type === 'function' && 'function' in tool

/** Without a forced choice, which would never let the loop end. */
function afterFirst({ tool_choice: choice, ...request }: ChatRequest): ChatRequest {
  if (choice === undefined || choice === 'required') return request
  if (typeof choice === 'string') return { ...request, tool_choice: choice }
  if (choice.type !== 'allowed_tools') return request
  const allowed_tools = { ...choice.allowed_tools, mode: 'auto' as const }
  return { ...request, tool_choice: { ...choice, allowed_tools } }
}

/** A turn that was cut off or filtered may contain an incomplete call: its tools do not run. */
const isWhole = ({ finish_reason }: ChatResponse) =>
  finish_reason === 'stop' || finish_reason === 'tool_calls'

/** Calls of the last turn that no layer inside has answered. */
function openCalls({ message, messages }: ChatResponse): readonly ToolCall[] {
  const turn = messages.findLastIndex((one) => one.role === 'assistant')
  const results = messages.slice(turn + 1).filter((one) => one.role === 'tool')
  return (message.tool_calls ?? []).filter(
    (call) => !results.some((result) => result.tool_call_id === call.id),
  )
}

/** A call that already waits for approval (MCP, a loop inside) is not ours, whatever its name. */
function ownJobs(calls: readonly ToolCall[], { approvals = [] }: ChatResponse, box: Toolbox) {
  return calls.flatMap((call): Job[] => {
    const isWaiting = approvals.some(({ tool_call_id }) => tool_call_id === call.id)
    const isOurs = call.type === 'function' && box.has(call.function.name)
    return isOurs && !isWaiting ? [{ call }] : []
  })
}

/**
 * Anthropic paused a long turn of hosted tools, or to compact: sent back unchanged, it continues.
 */
const isPaused = ({ native_finish_reason: reason }: ChatResponse, request: ChatRequest) =>
  reason === 'pause_turn' || (reason === 'compaction' && !asksToCompact(request))

/**
 * Requested compaction is the answer:
 * https://platform.claude.com/docs/en/build-with-claude/compaction
 */
const asksToCompact = (request: ChatRequest) =>
  placesOf(request).some(({ compaction }) => isObject(compaction))

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

const stoppedAfter = (steps: number): Warning => ({
  code: 'other',
  message: `The tool loop ended after ${steps} steps (maxSteps); the model has not seen the last results`,
})

export {
  type AnyTool,
  type Tool,
  type ToolListOf,
  type ToolParameters,
  type ToolRun,
  type Tools,
  type ToolsFor,
  type ToolsOf,
  tool,
} from './tools/tool.js'
