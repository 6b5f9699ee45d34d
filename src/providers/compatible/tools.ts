/** Maps tools, tool choice and call ids to the wire. */
import {
  type ChatRequest,
  type FunctionTool,
  type IdForm,
  isFunctionTool,
  shortId,
  type ToolChoice,
  type ToolDefinition,
} from '../../chat/index.js'
import { asObject, defined, type JsonObject } from '../../chat/json.js'
import { onDemand } from '../../core/on-demand.js'
import { nestedTool } from '../nested-tool.js'
import { invalidChoice, readChoice } from '../tool-choice.js'
import type { ServerTraits, WriteContext } from './models.js'
import type { WireFunction, WireRequest, WireTool, WireToolChoice } from './wire.js'

/** Loaded by the first request with a schema. */
export const schemas = onDemand(() => import('../../schema/openai.js'))

type ToolParams = Pick<WireRequest, 'tools' | 'tool_choice' | 'parallel_tool_calls'>

/** The parameters about tools. Throws `BadRequestError` for an invalid choice. */
export function toWireTools(request: ChatRequest, context: WriteContext): ToolParams {
  const { tools = [], tool_choice, parallel_tool_calls } = request
  if (tools.length > 0)
    return defined({
      tools: tools.map((tool) => toWireTool(tool, context)),
      tool_choice: tool_choice === undefined ? undefined : toWireChoice(tool_choice, context),
      parallel_tool_calls,
    })
  // 'none' is dropped silently without tools
  for (const [param, value] of Object.entries({ tool_choice, parallel_tool_calls }))
    if (value !== undefined && value !== 'none')
      context.note.dropped(`${param} was left out: the request has no tools`, param)
  return {}
}

function toWireTool(given: ToolDefinition, context: WriteContext): WireTool {
  const tool = nestedTool(given)
  // a tool that the server runs is passed through
  if (!isFunctionTool(tool)) return { ...tool }
  // unknown members are passed through
  const { function: definition, cache_control: _, ...others } = tool
  const { name, description, parameters: __, strict: ___, ...more } = definition
  const own: WireFunction = { name, ...defined({ description }), ...parametersOf(tool, context) }
  return {
    ...others,
    type: 'function',
    function: { ...more, ...own },
    ...(context.traits.cacheControl && tool.cache_control && { cache_control: tool.cache_control }),
  }
}

function parametersOf(tool: FunctionTool, { traits, note }: WriteContext) {
  const { name, parameters, strict } = tool.function
  const schema = parameters ?? { type: 'object', properties: {} }
  if (!strict || !traits.strictSubset)
    return { parameters: schema, ...defined({ strict: strict ?? undefined }) }
  const dialect = schemas.part.openaiToolSchema(schema, {
    strict,
    warn: (message) => note.changed(`the schema of ${name}: ${message}`, 'tools'),
  })
  return { parameters: dialect.schema, strict: dialect.strict }
}

/** A mode, or one of Chat Completions' three objects. */
function toWireChoice(choice: ToolChoice, context: WriteContext): WireToolChoice {
  const { mode, tool, allowed } = readChoice(choice) ?? {}
  if (mode && mode !== 'none' && allowed)
    return { type: 'allowed_tools', allowed_tools: { mode, tools: allowed.map(nestedReference) } }
  if (mode && !tool) return mode
  const type = own.find((one) => one === tool?.type)
  // one of the wire's own objects now
  if (type) return nestedReference({ ...asObject(choice), type }) as never
  throw invalidChoice(context)
}

const own = ['function', 'custom'] as const

/** `{ type: 'function', name }` → `{ type: 'function', function: { name } }`. */
function nestedReference(tool: JsonObject): Record<string, unknown> {
  const { type, name, ...others } = tool
  const isFlat = name !== undefined && own.some((one) => one === type)
  return isFlat ? { ...others, type, [String(type)]: { name } } : { ...tool }
}

/** Ids that the server accepts: at most 40 characters, or nine letters and digits. */
export const idForms: Readonly<Record<ServerTraits['toolCallIds'], IdForm>> = {
  any: { ...shortId(40), scope: 'turn' },
  nine: {
    scope: 'turn',
    fit: (id, round) =>
      round === 0 && /^[A-Za-z0-9]{9}$/.test(id) ? id : digest(round ? `${id}#${round}` : id, 9),
  },
}

const alphabet = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'

/** A stable hash as letters: FNV-1a, continued for each letter. */
function digest(text: string, length: number): string {
  let hash = 0x811c9dc5
  let letters = ''
  for (let round = 0; round < length; round++) {
    for (let i = 0; i < text.length; i++)
      hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0
    hash = Math.imul(hash ^ round, 0x01000193) >>> 0
    letters += alphabet[hash % alphabet.length]
  }
  return letters
}
