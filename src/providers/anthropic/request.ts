/** Maps a request to the body and headers of `POST /v1/messages`. */
import {
  asList,
  type ChatRequest,
  defined,
  isGiven,
  isObject,
  type JsonObject,
  nonEmpty,
  pick,
  words,
} from '../../chat/index.js'
import type { TransportRequest } from '../../transport/index.js'
import { extrasOf, lowerCased } from '../extras.js'
import { type Note, reportUnmapped, type WriteOptions } from '../notes.js'
import { betaHeader } from './betas.js'
import { fitCacheMarks, maxMarks } from './cache.js'
import { capabilitiesOf, hasSampling } from './models.js'
import { jsonInstruction, toOutputFormat } from './output-format.js'
import { toText } from './parts.js'
import type { WriteContext } from './profile.js'
import { stopsOf } from './rules.js'
import { reasoningFor, type WireReasoning, withRoomForThinking } from './thinking.js'
import { toToolSet } from './tools.js'
import { type Container, contextOf, toWireMessages } from './turns.js'
import { isThinking, type WireBody, type WireMessage, type WireTool } from './wire.js'

export interface RequestSettings {
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
  reportUnmapped(request, capabilitiesOf(request.model, version).rules, context)
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
    ...containerFor(container, prompt.tools),
    ...extras,
    ...(isObject(extras.container) &&
      container && { container: { id: container.id, ...extras.container } }),
    ...(isObject(extras.output_config) && {
      output_config: { ...output_config, ...extras.output_config },
    }),
  }
  return withRoomForThinking(body, context)
}

const toJsonFormat = (schema: JsonObject) => ({ type: 'json_schema', schema }) as const

const hasThoughts = ({ content }: WireMessage) => content.some(isThinking)

/** Lets the API drop, and report, thoughts made without the line added to the system prompt. */
function bindingLoosely(reasoning: WireReasoning, { note }: WriteContext): WireReasoning {
  const { thinking = { type: 'adaptive' } } = reasoning
  if (thinking.type === 'disabled' || 'block_binding' in thinking) return reasoning
  note.changed(
    'The instruction about JSON changes the system prompt: the API drops earlier reasoning that depends on it',
    'response_format',
  )
  const block_binding = { prefix_mismatch_behavior: 'drop_block' }
  return { ...reasoning, thinking: { ...thinking, block_binding } }
}

/** The container, if results of calls made in code must go there, or if there is code to run. */
const containerFor = (container: Container | undefined, tools: readonly WireTool[]) => {
  const runsCode = tools.some(({ type }) => /^code_execution/.test(String(type)))
  return container && (container.isNeeded || runsCode) ? { container: container.id } : {}
}

// -- parameters -------------------------------------------------------------------------------------------------------

const defaultMaxTokens = 4_096

function maxTokensOf(request: ChatRequest, { profile, note }: WriteContext): number {
  const asked = request.max_completion_tokens ?? request.max_tokens
  if (asked !== undefined && asked !== null) return Math.round(asked)
  if (profile.maxOutputTokens !== undefined) return profile.maxOutputTokens
  note.other(
    `max_tokens is ${defaultMaxTokens}: the output limit of ${request.model} is unknown`,
    'max_tokens',
  )
  return defaultMaxTokens
}

/** Without sampling in the API version, its parameters are reported above. */
function sampling(request: ChatRequest, version: string) {
  const { temperature, top_p, top_k } = request
  const stops = stopsOf(request).filter((text) => text.trim() !== '')
  return defined({
    stop_sequences: stops.length > 0 ? stops : undefined,
    ...(hasSampling(version) && {
      temperature: temperature ?? undefined,
      top_p: top_p ?? undefined,
      top_k: top_k ?? undefined,
    }),
  })
}

/** True for an email address or a phone number, which must not be sent as an id. */
const isPersonal = (user: string) =>
  /^[^\s@]+@[^\s@.]+\.[^\s@]+$/.test(user) || /^\+?[\d\s().-]{7,}$/.test(user)

function identity({ metadata, safety_identifier, user }: ChatRequest, note: Note) {
  const { user_id, ...others } = metadata ?? {}
  if (Object.keys(others).length > 0)
    note.ignored('Of metadata, the API accepts only user_id', 'metadata')
  const id = user_id ?? safety_identifier ?? user
  if (id === undefined || id === null) return undefined
  if (user_id === undefined && isPersonal(id)) {
    note.dropped('user was left out: it looks like an e-mail address or a phone number', 'user')
    return undefined
  }
  return { metadata: { user_id: id } }
}

const tiers: ReadonlyMap<unknown, 'auto' | 'standard_only'> = new Map([
  ['auto', 'auto'],
  ['priority', 'auto'],
  ['default', 'standard_only'],
  ['standard_only', 'standard_only'],
])

function serviceTier({ service_tier: asked }: ChatRequest, note: Note) {
  const service_tier = tiers.get(asked)
  if (!service_tier && isGiven(asked))
    note.dropped(`service_tier was left out: the API has no tier ${asked}`, 'service_tier')
  return service_tier && { service_tier }
}
