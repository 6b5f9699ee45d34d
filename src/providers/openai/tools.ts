/** Maps tools and the tool choice to the wire. */
import {
  asObject,
  asText,
  type ChatRequest,
  type CustomTool,
  defined,
  type FunctionTool,
  isCustomTool,
  isFunctionTool,
  isGiven,
  isObject,
  type JsonObject,
  omit,
  type ToolChoice,
  type ToolDefinition,
} from '../../chat/index.js'
import { nestedTool } from '../nested-tool.js'
import { invalidChoice, nameOf, readChoice } from '../tool-choice.js'
import type { FieldContext, WireFunction, WireTool, WireToolChoice } from './wire.js'

/** The tools of a request, with that of `web_search_options`; undefined if there are none. */
export function toTools({ tools = [], web_search_options }: ChatRequest, context: FieldContext) {
  const all = tools.flatMap((tool) => toTool(tool, context))
  const search = web_search_options ? [toWebSearch(web_search_options, context)] : []
  return all.length + search.length > 0 ? [...all, ...search] : undefined
}

type Tools = readonly WireTool[]

function toTool(given: ToolDefinition, context: FieldContext): Tools {
  const tool = nestedTool(given)
  if (isFunctionTool(tool)) return [toFunction(tool, context)]
  const isCustom = isCustomTool(tool)
  if (isCustom && !context.profile.runsCustomCalls) return [toCustom(tool)]
  if (asText(tool.type) && !isCustom) return [tool]
  context.note.dropped(
    isCustom
      ? // the provider runs custom calls itself: ours would not be returned
        `the custom tool ${tool.custom.name} was left out: describe it as a function with one string`
      : `the tool ${Object.keys(tool).join(', ')} is in the format of another provider`,
    'tools',
  )
  return []
}

/** Responses tools are flat; `strict` is always sent, else the API decides by the schema. */
function toFunction(tool: FunctionTool, context: FieldContext): WireTool {
  const { type, function: definition, cache_control: _, ...rest } = tool
  const { name, description, parameters, strict, ...more } = definition
  const { profile } = context
  const dialect = profile.toolSchema(parameters ?? noParameters, {
    strict: strict === true,
    warn: (message) => context.note.changed(`the schema of ${name}: ${message}`, 'tools'),
  })
  const own: WireFunction = { type, name, ...defined({ description }), parameters: dialect.schema }
  return { ...rest, ...more, ...own, ...(profile.hasStrictTools && { strict: dialect.strict }) }
}

const noParameters = { type: 'object', properties: {} }

function toCustom({ type, custom, ...rest }: CustomTool): WireTool {
  const { name, description, format, ...more } = custom
  return { ...rest, ...more, type, name, ...defined({ description, format: toFormat(format) }) }
}

/** Chat Completions nests a grammar, the Responses API does not. */
const toFormat = (format: JsonObject | undefined) => {
  const { grammar, ...rest } = format ?? {}
  return format && (isObject(grammar) ? { ...rest, ...grammar } : format)
}

/** Maps Chat Completions' `web_search_options`, whose location is nested. */
function toWebSearch(options: JsonObject, { profile, note }: FieldContext): WireTool {
  const { searchOptions = Object.keys(options) } = profile
  const lost = Object.keys(options).filter((key) => !searchOptions.includes(key))
  if (lost.length > 0)
    note.dropped(`web_search does not accept ${lost.join(', ')}`, 'web_search_options')
  const { user_location, ...rest } = omit(options, lost)
  if (!isObject(user_location)) return { type: 'web_search', ...rest }
  const { approximate, ...location } = user_location
  return {
    type: 'web_search',
    ...rest,
    user_location: { ...location, ...asObject(approximate) },
  }
}

/** The wire choice and the tools it leaves. Throws `BadRequestError` for an unknown form. */
export function toToolChoice(
  tool_choice: ToolChoice | undefined,
  tools: Tools | undefined,
  context: FieldContext,
): { readonly tools?: Tools; readonly tool_choice?: WireToolChoice } {
  if (!isGiven(tool_choice)) return defined({ tools })
  const choice = flatChoice(tool_choice)
  if (choice === undefined) throw invalidChoice(context)
  if (tools)
    return context.profile.choosesFreely
      ? { tools, tool_choice: choice }
      : plainChoice(choice, tools, context)
  if (choice !== 'none' && choice !== 'auto')
    context.note.dropped('tool_choice without tools was left out', 'tool_choice')
  return {}
}

/** For servers that accept only a mode or a function name: `allowed_tools` removes other tools. */
function plainChoice(choice: WireToolChoice, tools: Tools, { note }: FieldContext) {
  if (typeof choice === 'string' || choice.type === 'function')
    return { tools, tool_choice: choice }
  const { mode, allowed } = readChoice(choice) ?? {}
  if (mode === undefined || allowed === undefined) {
    note.dropped(`a tool of type ${choice.type} cannot be forced`, 'tool_choice')
    return { tools }
  }
  const isAllowed = ({ type, name }: JsonObject) =>
    allowed.some((one) => one.type === type && (one.name === undefined || one.name === name))
  note.changed('allowed_tools was sent as the tools it allows, and no others', 'tool_choice')
  return { tools: tools.filter(isAllowed), tool_choice: mode }
}

function flatChoice(given: unknown): WireToolChoice | undefined {
  const { mode, tool, allowed } = readChoice(given) ?? {}
  if (allowed) return { type: 'allowed_tools', mode, tools: allowed.map(flatReference) }
  if (tool && ownTypes.includes(tool.type)) return { ...tool }
  if (mode && !tool) return mode
  // a hosted tool, in native form
  return isObject(given) && asText(given.type) && !ownTypes.includes(given.type) ? given : undefined
}

const ownTypes: readonly unknown[] = ['function', 'custom', 'allowed_tools']

/** `{ type: 'function', function: { name } }` → `{ type: 'function', name }`. */
const flatReference = (tool: JsonObject): JsonObject =>
  ownTypes.includes(tool.type) ? { type: tool.type, name: nameOf(tool) } : tool
