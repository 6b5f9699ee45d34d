/** Reads calls of the wire: those the app runs, hosted ones, and the wrapper of parallel calls. */
import { type ToolCall, toArgumentsText } from '../../chat/index.js'
import { asId, defined, isObject, parseJson } from '../../chat/json.js'
import { readCallMembers } from '../turn-writer.js'
import { asList, asString, asText, type Profile, type WireItem } from './wire.js'

/** Calls that the app runs: each has its own type of output item. */
const clientTypes = ['function_call', 'computer_call', 'local_shell_call', 'apply_patch_call']

/** True for a call that the app must run. */
export function isClientCall(item: WireItem, profile: Pick<Profile, 'runsCustomCalls'>): boolean {
  if (item.type === 'custom_tool_call') return !profile.runsCustomCalls
  if (item.type === 'tool_search_call') return item.execution === 'client'
  if (item.type === 'shell_call')
    return !isObject(item.environment) || item.environment.type === 'local'
  return clientTypes.some((type) => type === item.type)
}

/** Hosted items: `web_search_call`, `shell_call_output`, `mcp_list_tools`, `compaction` … */
export const isHosted = ({ type }: WireItem): boolean =>
  typeof type === 'string' &&
  /_(call|output)$|^(mcp_list_tools|program|compaction)$/.test(type) &&
  !type.startsWith('function_call')

/** A call for the app: functions with JSON arguments, all others as custom calls with JSON text. */
export function clientCall(item: WireItem): ToolCall {
  const id = idOf(item)
  if (item.type === 'function_call') {
    const args = toArgumentsText(item.arguments) ?? '{}'
    const fn = { name: asString(item.name), arguments: args }
    return { id, type: 'function', function: fn, ...readCallMembers(item) }
  }
  const name = asText(item.name) ?? toolName(item)
  const input =
    item.type === 'custom_tool_call' ? (toArgumentsText(item.input) ?? '') : builtInInput(item)
  return { id, type: 'custom', custom: { name, input }, ...readCallMembers(item) }
}

const idOf = ({ call_id, id }: WireItem) => asId(call_id) ?? asId(id) ?? ''

/** The input of a built-in tool, as JSON text. */
function builtInInput(item: WireItem): string {
  const { action, actions, operation, arguments: args, pending_safety_checks, server_label } = item
  if (typeof args === 'string' && server_label === undefined) return args
  const input = { action, actions, operation, arguments: parsed(args), server_label }
  return JSON.stringify(
    defined({
      ...input,
      pending_safety_checks:
        asList(pending_safety_checks).length > 0 ? pending_safety_checks : undefined,
    }),
  )
}

/** `web_search_call` → `web_search`. */
const toolName = (item: WireItem) => asString(item.type).replace(/(_call)?_output$|_call$/, '')

const named = ['mcp_call', 'custom_tool_call']

/** A hosted tool, as far as this item describes it. */
export function hostedTool(item: WireItem, isRunning = false) {
  const isNamed = named.some((type) => type === item.type)
  return defined({
    id: idOf(item),
    name: (isNamed ? asText(item.name) : undefined) ?? toolName(item),
    status: isRunning ? 'running' : hasFailed(item) ? 'failed' : 'done',
    server: asText(item.server_label),
    input: inputOf(item),
    output: isRunning ? undefined : outputOf(item),
  } as const)
}

const hasFailed = ({ status, error }: WireItem) =>
  status === 'failed' || status === 'incomplete' || (error !== undefined && error !== null)

function inputOf(item: WireItem): unknown {
  const { arguments: args, action, queries, code, container_id, input } = item
  if (asText(args) || isObject(args)) return parsed(args)
  if (isObject(action)) return action
  if (Array.isArray(queries)) return { queries }
  if (typeof code === 'string') return defined({ code, container_id: container_id ?? undefined })
  return parsed(asText(input))
}

const outputOf = (item: WireItem): unknown => {
  const { error, output, outputs, results, tools, revised_prompt, action } = item
  // the result of an image is its bytes
  const result = item.type === 'program_output' ? item.result : undefined
  const sources = isObject(action) ? action.sources : undefined
  const prompt = asText(revised_prompt) && { revised_prompt }
  return error ?? output ?? outputs ?? result ?? results ?? tools ?? sources ?? prompt ?? undefined
}

const parsed = (value: unknown): unknown =>
  typeof value === 'string' ? (parseJson(value) ?? value) : value

/** Names of the model's internal wrapper for parallel calls, where it leaks into an answer. */
const wrapperNames = ['parallel', 'multi_tool_use.parallel']

/** True for a call that may be the leaked wrapper: the request declares no tool of that name. */
export const isWrapper = (name: unknown, declared: ReadonlySet<string>): boolean =>
  wrapperNames.some((wrapper) => wrapper === name) && !declared.has(asString(name))

/**
 * The calls inside a leaked wrapper:
 * `{ tool_uses: [{ recipient_name: 'functions.x', parameters }] }`. Undefined for other calls, and
 * for a wrapper with other content or an undeclared tool.
 */
export function unwrapCalls(item: WireItem, declared: ReadonlySet<string>) {
  if (!isWrapper(item.name, declared)) return undefined
  const args = parseJson(asString(item.arguments))
  const uses = isObject(args) ? asList(args.tool_uses) : []
  const calls = uses.flatMap((use, index): readonly ToolCall[] => {
    const name = isObject(use)
      ? /^functions\.(.+)$/.exec(asString(use.recipient_name))?.[1]
      : undefined
    if (!isObject(use) || name === undefined || !declared.has(name)) return []
    const id = `${asString(item.call_id)}_${index}`
    const json = JSON.stringify(use.parameters ?? {})
    return [{ id, type: 'function', function: { name, arguments: json } }]
  })
  return calls.length > 0 && calls.length === uses.length ? calls : undefined
}
