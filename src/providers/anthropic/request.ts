/** Maps a request to the body and headers of `POST /v1/messages`. */
import {
  asList,
  type ChatRequest,
  defined,
  isObject,
  type JsonObject,
  nonEmpty,
  words,
} from '../../chat/index.js'
import type { TransportRequest } from '../../transport/index.js'
import { lowerCased } from '../headers.js'
import { pick, type WriteOptions } from '../notes.js'
import { extrasOf } from '../unknown-members.js'
import { betaHeader } from './betas.js'
import { fitCacheMarks, maxMarks } from './cache.js'
import type { WireReasoning } from './effort.js'
import { jsonInstruction, toOutputFormat } from './output-format.js'
import { identity, maxTokensOf, reportUnmapped, sampling, serviceTier } from './parameters.js'
import { toText } from './parts.js'
import type { WriteContext } from './profile.js'
import { reasoningFor, withRoomForThinking } from './thinking.js'
import { toToolSet } from './tool-set.js'
import { type Container, contextOf, toWireMessages } from './turns.js'
import { isThinking, type WireBody, type WireMessage, type WireTool } from './wire.js'

export interface RequestSettings {
  /** `anthropic-version`. */
  readonly version: string
  /** Betas of the client, in addition to those that a body needs. */
  readonly betas?: string | undefined
}

/** Throws `BadRequestError` for content, roles and choices that the API does not have. */
export function toWire(
  request: ChatRequest,
  { streaming, warn }: WriteOptions,
  settings: RequestSettings,
): TransportRequest {
  const body = toBody(request, settings, contextOf(request.model, warn))
  const whole = streaming ? { stream: true, ...body } : body
  return { path: '/v1/messages', ...withHeaders(whole, request, settings) }
}

/** Members that this endpoint accepts: https://docs.claude.com/en/api/messages-count-tokens. */
export function toCountWire(
  request: ChatRequest,
  { warn }: Pick<WriteOptions, 'warn'>,
  settings: RequestSettings,
): TransportRequest {
  const counted = pick(toBody(request, settings, contextOf(request.model, warn)), countedMembers)
  return { path: '/v1/messages/count_tokens', ...withHeaders(counted, request, settings) }
}

const countedMembers = words(
  'model messages system tools tool_choice thinking output_config cache_control mcp_servers context_management speed',
)

function withHeaders(body: JsonObject, request: ChatRequest, { version, betas }: RequestSettings) {
  const { betas: added, user_profile_id, workspace_id, ...sent } = body
  const own = lowerCased(request.extra_headers)
  const beta = betaHeader(sent, [betas, own['anthropic-beta'], ...asList(added).map(String)])
  const headers = {
    'anthropic-version': version,
    ...(typeof user_profile_id === 'string' && { 'anthropic-user-profile-id': user_profile_id }),
    ...(typeof workspace_id === 'string' && { 'anthropic-workspace-id': workspace_id }),
    ...own,
    ...(beta !== undefined && { 'anthropic-beta': beta }),
  }
  return { body: sent, headers, model: request.model }
}

function toBody(request: ChatRequest, { version }: RequestSettings, context: WriteContext) {
  const { profile, note } = context
  reportUnmapped(request, version, note)
  const extras: JsonObject = defined(Object.assign({}, ...extrasOf(request, 'anthropic')))
  const format = toOutputFormat(request, profile, note)
  const { container, system, messages } = toWireMessages(request.messages, context)
  const isPrompted = format.kind === 'prompt'
  const reasoning = reasoningFor(request, messages, context)
  const isChanged = isPrompted && profile.bindsThoughts && messages.some(hasThoughts)
  const { thinking, effort } = isChanged ? bindingLoosely(reasoning, context) : reasoning
  const { tools, tool_choice, mcp_servers } = toToolSet(request, { ...context, format, messages })
  const prompt = fitCacheMarks(
    { tools, messages, system: [...system, ...(isPrompted ? toText(jsonInstruction) : [])] },
    maxMarks - (extras.cache_control ? 1 : 0),
    note,
  )
  const output_config = defined({
    effort,
    format: format.kind === 'native' ? toJsonFormat(format.schema) : undefined,
  })
  const body: WireBody & JsonObject = {
    model: request.model,
    max_tokens: maxTokensOf(request, context),
    messages: prompt.messages,
    ...(prompt.system.length > 0 && { system: prompt.system }),
    ...sampling(request, version),
    ...(thinking && { thinking }),
    ...(nonEmpty(output_config) && { output_config }),
    ...(prompt.tools.length > 0 && { tools: prompt.tools }),
    ...(tool_choice && { tool_choice }),
    ...identity(request, note),
    ...serviceTier(request, note),
    ...(mcp_servers.length > 0 && { mcp_servers }),
    ...containerFor(container, prompt),
    ...extras,
    ...(isObject(extras.container) &&
      container && { container: { id: container.id, ...extras.container } }),
    ...(isObject(extras.output_config) && {
      output_config: { ...output_config, ...extras.output_config },
    }),
  }
  return withRoomForThinking(body, context)
}

const toJsonFormat = (schema: JsonObject) => ({
  type: 'json_schema' as const,
  schema: { ...schema },
})

const hasThoughts = ({ content }: WireMessage) => content.some(isThinking)

/** Lets the API drop, and report, thoughts made without the line added to the system prompt. */
function bindingLoosely(reasoning: WireReasoning, { note }: WriteContext): WireReasoning {
  const { thinking = { type: 'adaptive' } } = reasoning
  if (thinking.type === 'disabled' || 'block_binding' in thinking) return reasoning
  note(
    'changed',
    'The instruction about JSON changes the system prompt: the API drops earlier reasoning that depends on it',
    'response_format',
  )
  const block_binding = { prefix_mismatch_behavior: 'drop_block' }
  return { ...reasoning, thinking: { ...thinking, block_binding } }
}

/** The container, if results of calls made in code must go there, or if there is code to run. */
const containerFor = (
  container: Container | undefined,
  { tools }: { tools: readonly WireTool[] },
) => {
  const runsCode = tools.some(({ type }) => /^code_execution/.test(String(type)))
  return container && (container.isNeeded || runsCode) ? { container: container.id } : {}
}
