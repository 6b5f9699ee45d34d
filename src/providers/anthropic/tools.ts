/** Maps tools and the tool choice to the Messages API. */
import {
  asObject,
  asString,
  type ChatRequest,
  defined,
  type FunctionTool,
  isCustomTool,
  isFunctionTool,
  isGiven,
  isObject,
  type JsonObject,
  pick,
  type ToolDefinition,
  words,
} from '../../chat/index.js'
import { nestedTool } from '../nested-tool.js'
import { invalidChoice, nameOf, readChoice } from '../tool-choice.js'
import { freeTextSchema, reportToolMembers } from '../tools.js'
import { thinksByBudget } from './effort.js'
import { jsonToolName, type OutputFormat, schemas } from './output-format.js'
import { marked } from './parts.js'
import type { Profile, WriteContext } from './profile.js'
import type { WireFunction, WireMcpServer, WireMessages, WireTool, WireToolChoice } from './wire.js'

export interface ToolSet {
  readonly tools: readonly WireTool[]
  /** Separate from the tools in this API. */
  readonly mcp_servers: readonly JsonObject[]
  readonly tool_choice: WireToolChoice | undefined
}

/** The tools, those the adapter adds, and the choice. Throws `BadRequestError` for an invalid one. */
export function toToolSet(
  request: ChatRequest,
  context: WriteContext & {
    readonly format: OutputFormat
    readonly messages: WireMessages
  },
): ToolSet {
  const { profile, format, messages } = context
  const { tools, mcp_servers } = toWireTools(request, context)
  if (format.kind === 'tool') {
    const isAlone = tools.length === 0 || request.tool_choice === 'none'
    return {
      tools: isAlone ? [format.tool] : [...tools, format.tool],
      mcp_servers,
      tool_choice: jsonToolChoice(request, profile, isAlone),
    }
  }
  if (tools.length > 0 || mcp_servers.length > 0)
    return { tools, mcp_servers, tool_choice: toWireToolChoice(request, context) }
  if (!['none', 'auto'].includes(String(request.tool_choice ?? 'auto')))
    context.note.ignored('tool_choice was left out: there are no tools', 'tool_choice')
  const absent = standIns(messages, context)
  const tool_choice = absent.length > 0 ? ({ type: 'none' } as const) : undefined
  return { tools: absent, mcp_servers, tool_choice }
}

function toWireToolChoice(request: ChatRequest, context: WriteContext): WireToolChoice | undefined {
  const { tool_choice, parallel_tool_calls } = request
  const isSingle =
    parallel_tool_calls === false || asObject(tool_choice).disable_parallel_tool_use === true
  if (!isGiven(tool_choice) && !isSingle) return undefined
  const choice = readChoice(tool_choice ?? 'auto')
  if (!choice) throw invalidChoice(context)
  const { mode, tool } = choice
  const single = isSingle && { disable_parallel_tool_use: true as const }
  if (mode === 'none') return { type: mode }
  if (tool) return { type: 'tool', name: tool.name, ...single }
  return { type: mode === 'required' ? 'any' : mode, ...single }
}

/** Other tools may be called before the answer; with a thinking budget no tool can be forced. */
function jsonToolChoice(request: ChatRequest, profile: Profile, isAlone: boolean): WireToolChoice {
  const single = { disable_parallel_tool_use: true } as const
  if (!profile.forcedTools || thinksByBudget(request, profile)) return { type: 'auto', ...single }
  return isAlone ? { type: 'tool', name: jsonToolName, ...single } : { type: 'any', ...single }
}

/** The API refuses calls in a history without tools: declares the called tools, choice none. */
function standIns(messages: WireMessages, { note }: WriteContext): readonly WireTool[] {
  const calls = messages.flatMap(({ content }) => content.filter(({ type }) => type === 'tool_use'))
  const names = new Set(calls.map(({ name }) => name))
  if (names.size > 0)
    note.repaired(
      'The history has tool calls, the request has no tools: sent their names with tool_choice none',
      'tools',
    )
  return [...names].map((name) => ({ name, input_schema: { type: 'object', properties: {} } }))
}

/** Functions, free-text tools as functions of one string, hosted tools; drops other providers'. */
function toWireTools(request: ChatRequest, context: WriteContext): Omit<ToolSet, 'tool_choice'> {
  const { tools = [], tool_choice, web_search_options } = request
  const { allowed } = readChoice(tool_choice) ?? {}
  const { bindsThoughts } = context.profile
  if (allowed && bindsThoughts)
    context.note.changed(
      'allowed_tools was left out: thoughts of the model are valid only with the tools of their request',
      'tool_choice',
    )
  const names = allowed && !bindsThoughts ? new Set(allowed.map(keyOf)) : undefined
  const wanted = tools.filter((tool) => !names || names.has(keyOf(tool)))
  const servers = wanted.map(toMcpServer)
  const mapped = wanted.flatMap((tool, i) => (servers[i] ? [] : toWireTool(tool, context)))
  const search = web_search_options ? [toWebSearch(web_search_options)] : []
  return { tools: [...mapped, ...search], mcp_servers: servers.filter((one) => one !== undefined) }
}

/** Hosted tools have only a type. */
const keyOf = (tool: object): unknown => nameOf({ ...tool }) ?? asObject(tool).type

function toWireTool(given: ToolDefinition, context: WriteContext): readonly WireTool[] {
  const tool = given.type === 'function' ? nestedTool(given) : given
  if (isFunctionTool(tool)) return [toFunction(tool, context)]
  if (!isCustomTool(tool)) return toHosted({ ...tool }, context)
  const { name, description } = tool.custom
  const input_schema = freeTextSchema(tool, context)
  return [{ name, ...(description && { description }), input_schema }]
}

/** Tool members of this API only. */
const ownMembers = words('defer_loading allowed_callers input_examples eager_input_streaming')

function toFunction(tool: FunctionTool, context: WriteContext): WireTool {
  const { profile, note } = context
  const { name, description, parameters, strict } = tool.function
  // litellm also reads the mark inside the function
  const members: JsonObject = { ...tool.function, ...defined(tool) }
  reportToolMembers(members, ownMembers, context)
  const rewritten = schemas.part.anthropicToolSchema(parameters ?? {}, {
    strict: strict === true && profile.structured,
    warn: (message) => note.changed(`Schema of the tool ${name}: ${message}`, 'tools'),
  })
  if (strict === true && !rewritten.strict)
    note.dropped(`The tool ${name} was sent without strict`, 'tools[*].function.strict')
  const definition: WireFunction = {
    name,
    ...(description && { description }),
    input_schema: { ...rewritten.schema, type: 'object' },
    ...(rewritten.strict && { strict: true }),
  }
  return { ...definition, ...pick(members, ownMembers), ...marked(members.cache_control) }
}

/** Hosted tools by common name; versions are the oldest for every model with the tool. */
const hostedVersions: ReadonlyMap<string, { type: string; name: string }> = new Map([
  ['web_search', { type: 'web_search_20250305', name: 'web_search' }],
  ['web_fetch', { type: 'web_fetch_20250910', name: 'web_fetch' }],
  ['code_execution', { type: 'code_execution_20250825', name: 'code_execution' }],
  ['memory', { type: 'memory_20250818', name: 'memory' }],
  ['bash', { type: 'bash_20250124', name: 'bash' }],
])

/** Names that the API requires with its own types. */
const hostedNames: readonly (readonly [RegExp, string])[] = [
  [/^(web_search|web_fetch|code_execution|memory|bash|computer)_\d{8}$/, '$1'],
  [/^(tool_search_tool_(?:bm25|regex))(?:_\d{8})?$/, '$1'],
  [/^text_editor_202501\d\d$/, 'str_replace_editor'],
  [/^text_editor_\d{8}$/, 'str_replace_based_edit_tool'],
  [/^(advisor)_\d{8}$/, '$1'],
]

/** Types of hosted tools that other providers run. */
const foreignTypes: readonly string[] = words(
  'web_search_preview web_search_preview_2025_03_11 file_search code_interpreter image_generation computer_use_preview local_shell shell apply_patch x_search collections_search live_search',
)

function toHosted(tool: JsonObject, { note }: WriteContext): readonly WireTool[] {
  const type = asString(tool.type)
  const isOwnForm = isObject(tool.input_schema) && typeof tool.name === 'string'
  if (!isOwnForm && (typeof tool.type !== 'string' || foreignTypes.includes(type))) {
    note.dropped(
      `The hosted tool ${type || Object.keys(tool).join(', ')} belongs to another provider`,
      'tools',
    )
    return []
  }
  const [pattern, known = ''] = hostedNames.find(([one]) => one.test(type)) ?? []
  const name = tool.name ?? (pattern && type.replace(pattern, known))
  // native tools are passed through
  return [{ ...tool, ...(name !== undefined && { name }), ...hostedVersions.get(type) }]
}

/** An MCP server, separate from the tools: in this API's form, or OpenAI's. */
function toMcpServer(tool: ToolDefinition): JsonObject | undefined {
  const { type, url, name, server_url, server_label, authorization, allowed_tools } = asObject(tool)
  // native form, passed through
  if (type === 'url' && typeof url === 'string') return { ...tool }
  if (type !== 'mcp' || typeof server_url !== 'string') return undefined
  const only = Array.isArray(allowed_tools) ? allowed_tools.map(String) : undefined
  const server: WireMcpServer = {
    type: 'url',
    url: server_url,
    name: String(server_label ?? name ?? 'mcp'),
    ...(typeof authorization === 'string' && { authorization_token: authorization }),
    ...(only && { tool_configuration: { enabled: true, allowed_tools: only } }),
  }
  return server
}

const searchUses: ReadonlyMap<unknown, number> = new Map([
  ['low', 1],
  ['medium', 5],
  ['high', 10],
])

/** Chat Completions' `web_search_options`: its size becomes a number of searches, as in litellm. */
function toWebSearch({ search_context_size, user_location }: JsonObject): WireTool {
  const max_uses = searchUses.get(search_context_size)
  const { approximate } = asObject(user_location)
  return {
    ...hostedVersions.get('web_search'),
    ...(max_uses && { max_uses }),
    ...(isObject(approximate) && { user_location: { type: 'approximate', ...approximate } }),
  }
}
