/** Maps tools and the tool choice: functions in one entry, each hosted tool in its own. */
import {
  asObject,
  asText,
  type ChatRequest,
  defined,
  type FunctionTool,
  type HostedToolDefinition,
  isGiven,
  isObject,
  type JsonObject,
  nonEmpty,
  pick,
  type ToolDefinition,
} from '../../chat/index.js'
import { onDemand } from '../../core/on-demand.js'
import { nestedTool } from '../nested-tool.js'
import type { Note } from '../notes.js'
import { type Choice, invalidChoice, nameOf, readChoice } from '../tool-choice.js'
import { freeTextSchema, reportToolMembers } from '../tools.js'
import { isOwnTool, type ModelFacts, type OwnTool, type WriteContext } from './models.js'
import type { FunctionDeclaration, ToolConfig, WireTool } from './wire.js'

/** Loaded by the first request with a schema. */
export const schemas = onDemand(() => import('../../schema/gemini.js'))

export interface WireTools {
  readonly tools?: readonly WireTool[]
  readonly toolConfig?: ToolConfig
}

/** Throws `BadRequestError` for a tool without a name and an invalid tool_choice. */
export function toTools(request: ChatRequest, context: WriteContext): WireTools {
  const { facts, note } = context
  const { tool_choice, parallel_tool_calls } = request
  const all = (request.tools ?? []).map(nestedTool)
  const choice = readChoice(tool_choice)
  if (isGiven(tool_choice) && !choice) throw invalidChoice(context)
  if (all.length > 0 && !facts.tools) note.dropped('the model has no tools', 'tools')
  const given = facts.tools ? all : []
  const own = given.filter(isOwnTool)
  const isMixable = own.length === 0 || facts.isModern
  const hosted = withoutClash(hostedTools(request, given, note), { choice, isMixable, note })
  if (parallel_tool_calls === false && own.length > 0)
    note.dropped('Gemini has no switch for parallel calls', 'parallel_tool_calls')
  if (all.some((tool) => 'cache_control' in tool && tool.cache_control))
    note.ignored('Gemini caches by itself: cache_control was left out', 'cache_control')
  const functionDeclarations = own.map((tool) => toDeclaration(tool, context))
  const tools = [...(own.length > 0 ? [{ functionDeclarations }] : []), ...hosted]
  const toolConfig = toConfig(choice, { own, hosted }, context)
  return { ...(tools.length > 0 && { tools }), ...(toolConfig && { toolConfig }) }
}

// -- functions -----------------------------------------------------------------------------------------------------

function toDeclaration(tool: OwnTool, context: WriteContext): FunctionDeclaration {
  // an untyped caller may omit either
  const body = asObject(tool.type === 'custom' ? tool.custom : tool.function)
  const name = asText(body.name)
  if (!name) throw context.invalid('a tool has no name', 'invalid_tool')
  if (tool.type === 'function') return functionDeclaration(tool, name, context)
  const { description } = tool.custom
  return { name, ...defined({ description }), parametersJsonSchema: freeTextSchema(tool, context) }
}

const ownMembers = ['behavior', 'response', 'responseJsonSchema']

function functionDeclaration(tool: FunctionTool, name: string, context: WriteContext) {
  const { facts, note } = context
  const { description, parameters, strict } = tool.function
  const members = { ...tool, ...tool.function }
  reportToolMembers(members, ownMembers, context)
  if (strict && !isValidated(facts))
    note.ignored('the model cannot enforce a schema', 'tools[*].function.strict')
  return {
    name,
    ...defined({ description }),
    ...parametersOf(parameters ?? {}, facts, (message) => note.changed(message, 'tools')),
    ...pick(members, ownMembers),
  }
}

/** JSON Schema; or OpenAPI's dialect, if the caller wrote it or the model supports no other. */
function parametersOf(schema: JsonObject, facts: ModelFacts, warn: (message: string) => void) {
  if (typeof schema.type === 'string' && /^[A-Z]+$/.test(schema.type)) return { parameters: schema }
  if ((facts.generation ?? 2) >= 2)
    return { parametersJsonSchema: schemas.part.geminiToolSchema(schema, warn).schema }
  const { schema: parameters } = schemas.part.geminiOpenApiToolSchema(schema, warn)
  // the API refuses an object without members in this dialect
  return isObject(parameters.properties) ? { parameters } : {}
}

// -- hosted tools --------------------------------------------------------------------------------------------------

/** Other providers' names of the same tools. */
const aliases: readonly (readonly [type: RegExp, key: string])[] = [
  [/^web_search/, 'googleSearch'],
  [/^(code_interpreter|code_execution)/, 'codeExecution'],
  [/^(web_fetch|url_context)/, 'urlContext'],
  [/^google_search$/, 'googleSearch'],
  [/^google_maps$/, 'googleMaps'],
]

function hostedTools(request: ChatRequest, given: readonly ToolDefinition[], note: Note) {
  const { web_search_options } = request
  const tools = given.flatMap((tool): WireTool[] => (isOwnTool(tool) ? [] : toHosted(tool, note)))
  if (!web_search_options || tools.some((tool) => tool.googleSearch)) return tools
  reportOptions(web_search_options, 'web_search_options', note)
  return [...tools, { googleSearch: {} }]
}

function withoutClash(
  tools: readonly WireTool[],
  {
    choice,
    isMixable,
    note,
  }: { readonly choice: Choice | undefined; readonly isMixable: boolean; readonly note: Note },
): readonly WireTool[] {
  const isNone = choice?.mode === 'none'
  if (tools.every((tool) => tool.functionDeclarations) || (!isNone && isMixable)) return tools
  if (isNone) note.changed('tool_choice none leaves the hosted tools out', 'tools')
  else note.dropped('before Gemini 3 hosted tools do not go together with functions', 'tools')
  return []
}

/** A native tool is passed through: `{ googleSearch: {} }`, `{ code_execution: {} }`. */
function toHosted(tool: HostedToolDefinition, note: Note): WireTool[] {
  const { type, ...options } = tool
  if (type === undefined) return [options]
  if (type === 'mcp') return [toMcp(options, note)]
  const [, key] = aliases.find(([pattern]) => pattern.test(type)) ?? []
  if (key === undefined) {
    note.dropped(`Gemini has no tool of the type ${JSON.stringify(type)}`, 'tools')
    return []
  }
  // a native type has native options
  if (type.startsWith('google_')) return [{ [key]: options }]
  reportOptions(options, `tools[*].${type}`, note)
  return [{ [key]: {} }]
}

function reportOptions(options: JsonObject, param: string, note: Note): void {
  const names = Object.keys(options).filter((key) => key !== 'name')
  if (names.length > 0) note.ignored(`Gemini's tool has no ${names.join(', ')}`, param)
}

function toMcp(options: JsonObject, note: Note): WireTool {
  const { server_label, server_url, headers, ...rest } = options
  reportOptions(rest, 'tools[*].mcp', note)
  const transport = { url: server_url, ...(headers !== undefined && { headers }) }
  return { mcpServers: [{ name: server_label, streamableHttpTransport: transport }] }
}

// -- choice --------------------------------------------------------------------------------------------------------

const modes = { required: 'ANY', none: 'NONE', auto: 'AUTO' } as const

/** VALIDATED is AUTO with schema-valid calls, the only such mode with names or hosted tools. */
function toConfig(
  choice: Choice | undefined,
  { own, hosted }: { readonly own: readonly OwnTool[]; readonly hosted: readonly WireTool[] },
  { facts, note }: WriteContext,
): ToolConfig | undefined {
  if (own.length === 0 && !hosted.some((tool) => tool.functionDeclarations)) {
    if (choice && choice.mode !== 'none' && (choice.mode !== 'auto' || hosted.length === 0))
      note.dropped('there is no function to choose', 'tool_choice')
    return undefined
  }
  const isMixed = own.length > 0 && hosted.some((tool) => !tool.functionDeclarations)
  const isStrict = own.some((tool) => tool.type === 'function' && tool.function.strict === true)
  const names = (choice?.allowed ?? [choice?.tool ?? {}]).flatMap((tool) => nameOf(tool) ?? [])
  const isHeld = (isStrict && isValidated(facts)) || (choice && (isMixed || names.length > 0))
  const mode =
    isHeld && (choice?.mode ?? 'auto') === 'auto' ? 'VALIDATED' : choice && modes[choice.mode]
  const allowed = mode !== 'NONE' && names.length > 0 && { allowedFunctionNames: names }
  return nonEmpty({
    ...(mode && { functionCallingConfig: { mode, ...allowed } }),
    ...(isMixed && { includeServerSideToolInvocations: true }),
  })
}

const isValidated = ({ generation }: ModelFacts) => generation === undefined || generation >= 2.5
