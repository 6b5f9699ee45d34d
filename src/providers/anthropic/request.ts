/** A request → the body and headers of `POST /v1/messages`. */
import { type ChatRequest, defined, isObject, type JsonObject } from '../../chat/index.js'
import type { TransportRequest } from '../../transport/index.js'
import type { Warn } from '../adapter.js'
import { lowerCased } from '../headers.js'
import { type Notes, notesOf } from '../notes.js'
import { betaHeader } from './betas.js'
import { fitCacheMarks, maxMarks } from './cache.js'
import type { WireReasoning } from './effort.js'
import { extrasOf } from './extras.js'
import { profileOf } from './models.js'
import { jsonInstruction, toOutputFormat } from './output-format.js'
import { identity, maxTokensOf, sampling, serviceTier, tellUnmapped } from './parameters.js'
import { toText } from './parts.js'
import { reasoningFor, withRoomForThinking } from './thinking.js'
import { toolsFor } from './tool-set.js'
import { type Container, toWireMessages } from './turns.js'
import { isThinking, type WireBody, type WireMessage } from './wire.js'

export interface RequestSettings {
  /** `anthropic-version`. */
  readonly version: string
  /** Betas of the client, beside those that a body needs. */
  readonly betas?: string | undefined
}

export interface RequestOptions {
  readonly streaming: boolean
  readonly warn: Warn
}

/** Throws `BadRequestError` for content, roles and choices that the API does not know. */
export function toWire(
  request: ChatRequest,
  { streaming, warn }: RequestOptions,
  settings: RequestSettings,
): TransportRequest {
  const notes = notesOf('anthropic', request.model, warn)
  const body = toBody(request, { streaming, notes, version: settings.version })
  return { path: '/v1/messages', ...withHeaders(body, request, settings) }
}

/** What the counting endpoint takes of it: https://docs.claude.com/en/api/messages-count-tokens. */
export function toCountWire(
  request: ChatRequest,
  { warn }: Pick<RequestOptions, 'warn'>,
  settings: RequestSettings,
): TransportRequest {
  const notes = notesOf('anthropic', request.model, warn)
  const body = toBody(request, { streaming: false, notes, version: settings.version })
  const counted = Object.fromEntries(
    Object.entries(body).filter(([name]) => countedMembers.has(name)),
  )
  return { path: '/v1/messages/count_tokens', ...withHeaders(counted, request, settings) }
}

const countedMembers = new Set([
  'model',
  'messages',
  'system',
  'tools',
  'tool_choice',
  'thinking',
  'output_config',
  'cache_control',
  'mcp_servers',
  'context_management',
  'speed',
])

function withHeaders(
  body: JsonObject,
  request: ChatRequest,
  { version, betas }: RequestSettings,
): Omit<TransportRequest, 'path'> {
  const { betas: asked, user_profile_id, workspace_id, ...sent } = body
  const own = lowerCased(request.extra_headers)
  const beta = betaHeader(sent, [
    betas,
    own['anthropic-beta'],
    Array.isArray(asked) ? asked.join() : undefined,
  ])
  return {
    body: sent,
    headers: {
      'anthropic-version': version,
      ...(typeof user_profile_id === 'string' && { 'anthropic-user-profile-id': user_profile_id }),
      ...(typeof workspace_id === 'string' && { 'anthropic-workspace-id': workspace_id }),
      ...own,
      ...(beta !== undefined && { 'anthropic-beta': beta }),
    },
    model: request.model,
  }
}

interface BodyOptions {
  readonly streaming: boolean
  readonly notes: Notes
  readonly version: string
}

function toBody(request: ChatRequest, { streaming, notes, version }: BodyOptions): JsonObject {
  const { note } = notes
  const profile = profileOf(request.model)
  tellUnmapped(request, version, note)
  const extras = extrasOf(request)
  const format = toOutputFormat(request, profile, note)
  const { container, system, messages } = toWireMessages(request.messages, notes)
  const isTold = format.kind === 'told'
  const reasoning = bindingLoosely(reasoningFor(request, { profile, messages, note }), {
    isChanged: isTold && profile.bindsThoughts && messages.some(hasThoughts),
    note,
  })
  const { tools, tool_choice, mcp_servers } = toolsFor(request, { profile, format, messages, note })
  const prompt = fitCacheMarks(
    {
      tools,
      messages,
      system: [...system, ...(isTold ? toText(jsonInstruction) : [])],
    },
    maxMarks - (extras.cache_control ? 1 : 0),
    note,
  )
  const output_config = defined({
    effort: reasoning.effort,
    format:
      format.kind === 'native'
        ? { type: 'json_schema' as const, schema: format.schema }
        : undefined,
  })
  const body: WireBody = {
    model: request.model,
    max_tokens: maxTokensOf(request, profile, note),
    messages: prompt.messages,
    ...(prompt.system.length > 0 && { system: prompt.system }),
    ...sampling(request, version),
    ...(reasoning.thinking && { thinking: reasoning.thinking }),
    ...(Object.keys(output_config).length > 0 && { output_config }),
    ...(prompt.tools.length > 0 && { tools: prompt.tools }),
    ...(tool_choice && { tool_choice }),
    ...identity(request, note),
    ...serviceTier(request, note),
    ...(streaming && { stream: true as const }),
  }
  const whole = {
    ...body,
    ...(mcp_servers.length > 0 && { mcp_servers }),
    ...containerFor(container, body),
    ...extras,
    ...(isObject(extras.container) &&
      container && { container: { id: container.id, ...extras.container } }),
    ...(isObject(extras.output_config) && {
      output_config: { ...output_config, ...extras.output_config },
    }),
  }
  return withRoomForThinking(whole, profile, note)
}

const hasThoughts = ({ content }: WireMessage) => content.some(isThinking)

/** A line was added to the system prompt: thoughts that were made without it are left out by the API, which says so. */
function bindingLoosely(
  reasoning: WireReasoning,
  { isChanged, note }: { readonly isChanged: boolean; readonly note: Notes['note'] },
): WireReasoning {
  const { thinking } = reasoning
  const isBound = thinking && 'block_binding' in thinking
  if (!isChanged || thinking?.type === 'disabled' || isBound) return reasoning
  note(
    'changed',
    'The line about JSON in the system prompt changes what earlier reasoning stands behind: the API leaves out what no longer fits',
    'response_format',
  )
  const block_binding = { prefix_mismatch_behavior: 'drop_block' }
  return { ...reasoning, thinking: { ...(thinking ?? { type: 'adaptive' }), block_binding } }
}

/** Where the results of calls made in code must go; else where there is code to run. */
const containerFor = (container: Container | undefined, { tools = [] }: WireBody) => {
  const runsCode = tools.some((tool) => 'type' in tool && /^code_execution/.test(String(tool.type)))
  return container && (container.isNeeded || runsCode) ? { container: container.id } : {}
}
