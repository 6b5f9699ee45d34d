/** Tools both ways: definitions and choices to the wire, calls and hosted tools from it. */
import {
  type ChatRequest,
  type CustomTool,
  defined,
  type FunctionTool,
  type HostedTool,
  type HostedToolDefinition,
  isObject,
  type JsonObject,
  parseJson,
  type ToolCall,
  type ToolChoice,
  type ToolDefinition,
} from '../../chat/index.js'
import { BadRequestError } from '../../core/index.js'
import {
  asList,
  asString,
  asText,
  type CustomFormat,
  type FieldContext,
  type NativeTool,
  type Profile,
  type WireItem,
  type WireTool,
  type WireToolChoice,
} from './wire.js'

// -- to the wire -------------------------------------------------------------------------------------------------------

/** The tools of a request, `web_search_options` among them; undefined if there are none. */
export function toTools(
  { tools = [], web_search_options }: ChatRequest,
  context: FieldContext,
): Tools | undefined {
  const all = tools.flatMap((tool) => toTool(tool, context))
  const search = web_search_options ? [toWebSearch(web_search_options, context)] : []
  return all.length + search.length > 0 ? [...all, ...search] : undefined
}

type Tools = readonly (WireTool | NativeTool)[]

function toTool(tool: ToolDefinition, context: FieldContext): Tools {
  if (isFunctionTool(tool)) return [toFunction(tool, context)]
  if (isCustomTool(tool)) return [toCustom(tool)]
  if (tool.type === 'function') return [toFlatFunction(tool, context)]
  if (asText(tool.type)) return [tool]
  context.warn({
    code: 'dropped',
    param: 'tools',
    provider: context.profile.provider,
    message: `the tool ${Object.keys(tool).join(', ')} is in the words of another provider`,
  })
  return []
}

const isFunctionTool = (tool: ToolDefinition): tool is FunctionTool =>
  tool.type === 'function' && 'function' in tool && isObject(tool.function)

const isCustomTool = (tool: ToolDefinition): tool is CustomTool =>
  tool.type === 'custom' && 'custom' in tool && isObject(tool.custom)

/** Responses tools are flat; `strict` is always said, for without it the API decides by the schema. */
function toFunction(tool: FunctionTool, context: FieldContext): WireTool | NativeTool {
  const { type, function: definition, cache_control: _, ...rest } = tool
  const { name, description, parameters, strict, ...more } = definition
  const { profile } = context
  const dialect = profile.toolSchema(parameters ?? noParameters, {
    strict: strict === true,
    warn: (message) => changed(`the schema of ${name}: ${message}`, 'tools', context),
  })
  return {
    ...rest,
    ...more,
    type,
    name,
    ...defined({ description }),
    parameters: dialect.schema,
    ...(profile.saysStrict && { strict: dialect.strict }),
  }
}

const changed = (message: string, param: string, { profile, warn }: FieldContext) =>
  warn({ code: 'changed', param, provider: profile.provider, message })

const noParameters = { type: 'object', properties: {} }

/** A function tool in the flat form of the Responses API. */
function toFlatFunction(tool: HostedToolDefinition, context: FieldContext): WireTool | NativeTool {
  const { type: _, name, description, parameters, strict, ...rest } = tool
  const definition = {
    name: asString(name),
    description: asText(description),
    parameters: isObject(parameters) ? parameters : undefined,
    strict: strict === true,
  }
  return { ...rest, ...toFunction({ type: 'function', function: definition }, context) }
}

function toCustom({ type, custom, ...rest }: CustomTool): WireTool {
  const { name, description, format, ...more } = custom
  return { ...rest, ...more, type, name, ...defined({ description, format: toFormat(format) }) }
}

/** Chat Completions nests a grammar, Responses does not. */
const toFormat = (format: JsonObject | undefined): CustomFormat | undefined => {
  const { grammar, ...rest } = format ?? {}
  // the caller's own words, the nesting apart
  return format && ((isObject(grammar) ? { ...rest, ...grammar } : format) as CustomFormat)
}

/** Chat Completions' `web_search_options`, whose location is nested. */
function toWebSearch(options: JsonObject, { profile, warn }: FieldContext): NativeTool {
  const { searchOptions } = profile
  const lost = searchOptions
    ? Object.keys(options).filter((key) => !searchOptions.includes(key))
    : []
  if (lost.length > 0)
    warn({
      code: 'dropped',
      param: 'web_search_options',
      provider: profile.provider,
      message: `web_search takes no ${lost.join(', ')}`,
    })
  const kept = Object.entries(options).filter(([key]) => !lost.includes(key))
  const { user_location, ...rest } = Object.fromEntries(kept)
  if (!isObject(user_location)) return { type: 'web_search', ...rest }
  const { approximate, ...location } = user_location
  return {
    type: 'web_search',
    ...rest,
    user_location: { ...location, ...(isObject(approximate) && approximate) },
  }
}

/** The choice on the wire, and the tools it leaves. Throws `BadRequestError` for a form nobody knows. */
export function toToolChoice(
  tool_choice: ToolChoice | undefined,
  tools: Tools | undefined,
  context: FieldContext,
): { readonly tools?: Tools; readonly tool_choice?: WireToolChoice } {
  if (tool_choice === undefined || tool_choice === null) return defined({ tools })
  const choice = flatChoice(tool_choice)
  if (choice === undefined) throw unknownChoice(context)
  if (tools)
    return context.profile.choosesFreely
      ? { tools, tool_choice: choice }
      : plainChoice(choice, tools, context)
  if (choice !== 'none' && choice !== 'auto')
    lostChoice('tool_choice without tools was left out', context)
  return {}
}

/** For a server that takes only a mode or a function by name: a selection leaves the other tools out. */
function plainChoice(choice: WireToolChoice, tools: Tools, context: FieldContext) {
  if (typeof choice === 'string' || choice.type === 'function')
    return { tools, tool_choice: choice }
  const { mode, tools: allowed } = choice as JsonObject
  if (choice.type !== 'allowed_tools' || !isMode(mode)) {
    lostChoice(`a tool of type ${choice.type} cannot be forced`, context)
    return { tools }
  }
  const isAllowed = (tool: WireTool | NativeTool) =>
    asList(allowed).some(
      (one) =>
        isObject(one) &&
        one.type === tool.type &&
        (one.name === undefined || one.name === tool.name),
    )
  changed('allowed_tools was sent as the tools it allows, and no others', 'tool_choice', context)
  return { tools: tools.filter(isAllowed), tool_choice: mode }
}

const lostChoice = (message: string, { profile, warn }: FieldContext) =>
  warn({ code: 'dropped', param: 'tool_choice', provider: profile.provider, message })

const unknownChoice = ({ profile, model }: FieldContext) =>
  new BadRequestError(
    `${profile.provider}/${model}: tool_choice is 'none', 'auto', 'required', or an object that names a tool`,
    {
      provider: profile.provider,
      model,
      status: 400,
      code: 'invalid_tool_choice',
      phase: 'request',
    },
  )

const modes = ['none', 'auto', 'required'] as const
const isMode = (value: unknown): value is (typeof modes)[number] =>
  modes.some((mode) => mode === value)

function flatChoice(choice: unknown): WireToolChoice | undefined {
  if (isMode(choice)) return choice
  if (!isObject(choice)) return undefined
  if (isMode(choice.type)) return choice.type
  if (choice.type === 'allowed_tools') return allowedTools(choice)
  if (choice.type === 'function' || choice.type === 'custom') {
    const inner = choice[choice.type]
    const name = asText(isObject(inner) ? inner.name : choice.name)
    return name === undefined ? undefined : { type: choice.type, name }
  }
  return asText(choice.type) ? choice : undefined
}

function allowedTools(choice: JsonObject): WireToolChoice | undefined {
  const { mode, tools } = isObject(choice.allowed_tools) ? choice.allowed_tools : choice
  if ((mode !== 'auto' && mode !== 'required') || !Array.isArray(tools)) return undefined
  return { type: 'allowed_tools', mode, tools: tools.filter(isObject).map(flatReference) }
}

/** `{ type: 'function', function: { name } }` → `{ type: 'function', name }`. */
const flatReference = (tool: JsonObject): JsonObject => {
  const inner = tool.type === 'function' || tool.type === 'custom' ? tool[tool.type] : undefined
  return isObject(inner) ? { type: tool.type, name: inner.name } : tool
}

// -- from the wire -----------------------------------------------------------------------------------------------------

/** Calls that the app runs, beside functions: each is answered by an item of its own kind. */
const clientTypes = ['computer_call', 'local_shell_call', 'apply_patch_call']

/** A call of a tool that is not a function, and that the provider waits for us to run. */
export function isClientCall(item: WireItem, profile: Pick<Profile, 'runsCustomCalls'>): boolean {
  if (item.type === 'custom_tool_call') return !profile.runsCustomCalls
  if (item.type === 'tool_search_call') return item.execution === 'client'
  if (item.type === 'shell_call')
    return !isObject(item.environment) || item.environment.type === 'local'
  return clientTypes.some((type) => type === item.type)
}

/** Items of tools that the provider ran: `web_search_call`, `shell_call_output`, `mcp_list_tools` … */
export const isHosted = ({ type }: WireItem): boolean =>
  typeof type === 'string' &&
  /_(call|output)$|^(mcp_list_tools|program)$/.test(type) &&
  !type.startsWith('function_call')

/** A call for the app: a function with JSON arguments, anything else as a custom call with its words as JSON. */
export function clientCall(item: WireItem): ToolCall {
  const id = asText(item.call_id) ?? asString(item.id)
  if (item.type === 'function_call') {
    const args = asText(item.arguments) ?? '{}'
    return { id, type: 'function', function: { name: asString(item.name), arguments: args } }
  }
  const name = asText(item.name) ?? toolName(item)
  const input = item.type === 'custom_tool_call' ? asString(item.input) : builtInInput(item)
  return { id, type: 'custom', custom: { name, input } }
}

/** What a built-in tool is asked to do, as JSON text. */
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

/** A tool that the provider runs, as far as this item tells. */
export function hostedTool(item: WireItem, isRunning = false): HostedTool {
  const isNamed = named.some((type) => type === item.type)
  return defined({
    id: asText(item.call_id) ?? asString(item.id),
    name: (isNamed ? asText(item.name) : undefined) ?? toolName(item),
    status: isRunning ? 'running' : hasFailed(item) ? 'failed' : 'done',
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
  const sources = isObject(action) ? action.sources : undefined
  const prompt = asText(revised_prompt) && { revised_prompt }
  return error ?? output ?? outputs ?? results ?? tools ?? sources ?? prompt ?? undefined
}

/** JSON text as what it says; other text, and what is no text, as it is. */
const parsed = (value: unknown): unknown =>
  typeof value === 'string' ? (parseJson(value) ?? value) : value

/** How the model's own wrapper for calls at once is named where it leaks into an answer. */
const wrapperNames = ['parallel', 'multi_tool_use.parallel']

/** True for a call that may be the leaked wrapper: no tool of that name was declared. */
export const isWrapper = (name: unknown, declared: ReadonlySet<string> | undefined): boolean =>
  wrapperNames.some((wrapper) => wrapper === name) && !declared?.has(asString(name))

/**
 * The calls inside a leaked wrapper: `{ tool_uses: [{ recipient_name: 'functions.x', parameters }] }`. Undefined for any
 * other call, and for a wrapper that holds something else or calls a tool nobody declared.
 */
export function expandParallel(
  item: WireItem,
  declared: ReadonlySet<string> | undefined,
): readonly ToolCall[] | undefined {
  if (!isWrapper(item.name, declared)) return undefined
  const args = parseJson(asString(item.arguments))
  const uses = isObject(args) ? asList(args.tool_uses) : []
  const calls = uses.flatMap((use, index): readonly ToolCall[] => {
    const name = isObject(use)
      ? /^functions\.(.+)$/.exec(asString(use.recipient_name))?.[1]
      : undefined
    if (!isObject(use) || name === undefined || declared?.has(name) === false) return []
    const id = `${asString(item.call_id)}_${index}`
    const json = JSON.stringify(use.parameters ?? {})
    return [{ id, type: 'function', function: { name, arguments: json } }]
  })
  return calls.length > 0 && calls.length === uses.length ? calls : undefined
}
