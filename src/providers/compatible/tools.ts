/** Tools to the wire: definitions, choice, ids that fit. */
import {
  type ChatRequest,
  defined,
  type FunctionTool,
  type IdForm,
  isFunctionTool,
  isObject,
  shortId,
  type ToolChoice,
  type ToolDefinition,
} from '../../chat/index.js'
import { onDemand } from '../on-demand.js'
import { invalidChoice, readChoice } from '../tool-choice.js'
import type { ServerTraits, WriteContext } from './models.js'
import type { WireFunction, WireRequest, WireTool, WireToolChoice } from './wire.js'

/** Loaded by the first request that holds a schema. */
export const schemas = onDemand(() => import('../../schema/openai.js'))

type ToolParams = Pick<WireRequest, 'tools' | 'tool_choice' | 'parallel_tool_calls'>

/** The parameters that go with tools. Throws `BadRequestError` for a choice that is none. */
export function toWireTools(request: ChatRequest, context: WriteContext): ToolParams {
  const { tools = [], tool_choice, parallel_tool_calls } = request
  if (tools.length > 0)
    return defined({
      tools: tools.map((tool) => toWireTool(tool, context)),
      tool_choice: tool_choice === undefined ? undefined : toWireChoice(tool_choice, context),
      parallel_tool_calls,
    })
  // "no tools" needs no saying where there are none
  for (const [param, value] of Object.entries({ tool_choice, parallel_tool_calls }))
    if (value !== undefined && value !== 'none')
      context.note('dropped', `${param} was left out: the request has no tools`, param)
  return {}
}

function toWireTool(tool: ToolDefinition, context: WriteContext): WireTool {
  // a tool that the server runs is in its own words
  if (!isFunctionTool(tool)) return { ...tool }
  // members that no type names are for the server to judge
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

function parametersOf(
  { function: { name, parameters, strict } }: FunctionTool,
  { traits, note }: WriteContext,
) {
  const schema = parameters ?? { type: 'object', properties: {} }
  if (!strict || !traits.strictSubset)
    return { parameters: schema, ...defined({ strict: strict ?? undefined }) }
  const dialect = schemas.part.openaiToolSchema(schema, {
    strict,
    warn: (message) => note('changed', `the schema of ${name}: ${message}`, 'tools'),
  })
  return { parameters: dialect.schema, strict: dialect.strict }
}

/** A mode, or the three objects of Chat Completions as they are. */
function toWireChoice(choice: ToolChoice, context: WriteContext): WireToolChoice {
  const type: unknown = isObject(choice) ? choice.type : choice
  if (type === 'function' || type === 'custom' || type === 'allowed_tools') return choice
  const { mode, tool } = readChoice(choice) ?? {}
  if (mode && !tool) return mode
  throw invalidChoice(context)
}

/** Ids that the server takes: of at most 40 characters, or of nine letters and digits. */
export const idForms: Readonly<Record<ServerTraits['toolCallIds'], IdForm>> = {
  any: { ...shortId(40), scope: 'turn' },
  nine: {
    scope: 'turn',
    fit: (id, round) =>
      round === 0 && /^[A-Za-z0-9]{9}$/.test(id) ? id : digest(round ? `${id}#${round}` : id, 9),
  },
}

const alphabet = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'

/** The same letters for the same text: FNV-1a, run on for each letter. */
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
