/** OpenAI's Responses wire. Shapes from recorded responses of gpt-4o to gpt-5.5 (2025-10 to 2026-08). */
import { asObject, defined } from '../../chat/index.js'
import { argumentPieces } from '../chunks.js'
import type { Failure } from '../script.js'
import { refusalOf } from './failures.js'
import { responsesWire, usageOf } from './responses.js'
import type { HttpFailure, RenderContext } from './wire.js'

export const openaiHeaders = (context: RenderContext) => ({
  'x-request-id': context.requestId,
  'openai-organization': 'org-mock',
  'openai-version': '2020-10-01',
  'openai-processing-ms': '21',
  'x-ratelimit-limit-requests': '500',
  'x-ratelimit-limit-tokens': '200000',
  'x-ratelimit-remaining-requests': '499',
  'x-ratelimit-remaining-tokens': '199000',
  'x-ratelimit-reset-requests': '120ms',
  'x-ratelimit-reset-tokens': '6m0s',
})

/** The inner error object of a body, a stream and a failed response. */
export function openaiError(failure: Failure, model: string) {
  const { message, type, param, code } = refusalOf('openai', failure, model)
  const isQuota = failure.type === undefined && failure.code === 'insufficient_quota'
  return { message, type: isQuota ? code : type, param, code }
}

/** The HTTP error response; the same for Chat Completions. */
export const openaiFailure = (failure: Failure, { model }: RenderContext): HttpFailure => ({
  status: refusalOf('openai', failure, model).status,
  headers: {
    ...(failure.retryAfter !== undefined && {
      'retry-after': String(Math.ceil(failure.retryAfter)),
      'retry-after-ms': String(Math.round(failure.retryAfter * 1000)),
    }),
    ...failure.headers,
  },
  body: { error: openaiError(failure, model) },
})

export const openai = responsesWire({
  contentType: { json: 'application/json', stream: 'text/event-stream; charset=utf-8' },
  lineEnd: '\n',
  requestId: (id) => id('req_', 32, 'hex'),
  headers: openaiHeaders,
  responseId: ({ id }) => id('resp_', 50, 'hex'),
  itemId: (prefix, { context }) => context.id(`${prefix}_`, 50, 'hex'),
  callId: ({ context }) => context.id('call_', 24),
  encrypted: (thought, { body, id }) => {
    const include = body.include
    const isAsked = Array.isArray(include) && include.includes('reasoning.encrypted_content')
    return isAsked ? (thought.signature ?? id('gAAAAAB', 120)) : undefined
  },
  thought: (encrypted) => {
    const fields = 'encrypted_content' in encrypted ? { content: [], ...encrypted } : {}
    return { open: fields, done: fields }
  },
  pieces: argumentPieces,
  usage: (usage) => ({
    ...usageOf(usage),
    input_tokens_details: defined({
      cached_tokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
      cache_write_tokens: usage.prompt_tokens_details?.cache_creation_tokens,
    }),
  }),
  envelope: ({ body }) => ({
    background: body.background ?? false,
    max_tool_calls: body.max_tool_calls ?? null,
    prompt_cache_retention: null,
    safety_identifier: body.safety_identifier ?? null,
    service_tier: body.service_tier ?? 'auto',
    temperature: body.temperature ?? 1,
    text: { format: { type: 'text' }, verbosity: 'medium', ...Object(body.text) },
    top_p: body.top_p ?? 1,
    truncation: body.truncation ?? 'disabled',
    metadata: body.metadata ?? {},
  }),
  count: (tokens) => ({ object: 'response.input_tokens', input_tokens: tokens }),
  failure: openaiFailure,
  failureEvents: (failure, context, before) => {
    const error = openaiError(failure, context.model)
    const events = [{ event: 'error', data: { type: 'error', error } }]
    const { response } = asObject(before[0]?.data)
    const { code, message } = error
    const failed = { ...asObject(response), status: 'failed', error: { code, message } }
    const ended = { event: 'response.failed', data: { type: 'response.failed', response: failed } }
    return (response ? [...events, ended] : events).map(({ event, data }, index) => ({
      event,
      data: { ...data, sequence_number: before.length + index },
    }))
  },
})
