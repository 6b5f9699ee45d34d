/** Anthropic's Messages wire. Shapes from recorded messages of claude-sonnet-4 to claude-opus-4-8 (2025-05 to 2026-08). */
import { defined, type FinishReason, type JsonObject } from '../../chat/index.js'
import type { Answer, AnswerUsage, Failure, Refusal, SseEvent } from '../script.js'
import { blocksOf } from './anthropic-blocks.js'
import { refusalOf, retryHeaders } from './failures.js'
import type { RenderContext, Wire } from './wire.js'

const stopReasons: Readonly<Record<FinishReason, string>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
  content_filter: 'refusal',
}

export const anthropic: Wire = {
  contentType: { json: 'application/json', stream: 'text/event-stream; charset=utf-8' },
  lineEnd: '\n',
  requestId: (id) => id('req_01', 22),
  headers: ({ requestId, created }) => ({
    'request-id': requestId,
    'anthropic-organization-id': '00000000-0000-4000-8000-000000000000',
    ...rateLimits(created),
  }),

  body(answer, context) {
    return {
      ...envelope(context),
      content: answer.parts.flatMap((part) => blocksOf(part, context)).map(({ whole }) => whole),
      ...ending(answer),
      ...(answer.usage && { usage: usageOf(answer.usage, answer.serviceTier) }),
    }
  },

  events(answer, context) {
    const { usage } = answer
    const message = {
      ...envelope(context),
      content: [],
      stop_reason: null,
      stop_sequence: null,
      stop_details: null,
      ...(usage && { usage: startUsage(usage, answer.serviceTier) }),
    }
    const blocks = answer.parts.flatMap((part) => blocksOf(part, context))
    const events = [event('message_start', { message })]
    blocks.forEach((block, index) => {
      events.push(event('content_block_start', { index, content_block: block.start }))
      if (index === 0) events.push(event('ping', {}))
      for (const delta of block.deltas) events.push(event('content_block_delta', { index, delta }))
      events.push(event('content_block_stop', { index }))
    })
    const delta = ending(answer)
    events.push(event('message_delta', { delta, ...(usage && { usage: deltaUsage(usage) }) }))
    events.push(event('message_stop', {}))
    return events
  },

  failure: (failure, context) => ({
    status: refusalOf('anthropic', failure, context.model).status,
    headers: { 'x-should-retry': String(isRetried(failure)), ...retryHeaders(failure) },
    body: errorOf(failure, context),
  }),
  failureEvents: (failure, context) => [{ event: 'error', data: errorOf(failure, context) }],
  count: (tokens) => ({ input_tokens: tokens }),
}

/** The error in a body and in an event. */
function errorOf(failure: Failure, { model, requestId }: RenderContext): JsonObject {
  const { code, message } = refusalOf('anthropic', failure, model)
  const type = failure.code ?? failure.type ?? code
  return { type: 'error', error: { type, message }, request_id: requestId }
}

/** By the kind, even if a script sets another status. */
function isRetried({ kind }: Failure): boolean {
  const { status } = refusalOf('anthropic', { kind }, '')
  return status === 409 || status === 429 || status >= 500
}

const event = (type: string, fields: JsonObject): SseEvent => ({
  event: type,
  data: { type, ...fields },
})

const envelope = (context: RenderContext): JsonObject => ({
  model: context.model,
  id: context.id('msg_01', 22),
  type: 'message',
  role: 'assistant',
})

function ending(answer: Answer): JsonObject {
  const refusal = answer.parts.find((part): part is Refusal => part.type === 'refusal')
  const isRefused = refusal !== undefined || answer.finish === 'content_filter'
  const { stopSequence } = answer
  const stop_reason = stopSequence !== undefined ? 'stop_sequence' : stopReasons[answer.finish]
  return {
    stop_reason: answer.nativeFinish ?? (isRefused ? 'refusal' : stop_reason),
    stop_sequence: stopSequence ?? null,
    stop_details: isRefused
      ? { type: 'refusal', category: null, explanation: refusal?.text ?? null }
      : null,
  }
}

function inputUsage(usage: AnswerUsage) {
  const read = usage.prompt_tokens_details?.cached_tokens ?? 0
  const written = usage.prompt_tokens_details?.cache_creation_tokens ?? 0
  return {
    input_tokens: usage.prompt_tokens - read - written,
    cache_creation_input_tokens: written,
    cache_read_input_tokens: read,
  }
}

/** `input_tokens` excludes tokens read from and written to the cache. */
function usageOf(usage: AnswerUsage, serviceTier = 'standard'): JsonObject {
  const written = usage.prompt_tokens_details?.cache_creation
  const total = usage.prompt_tokens_details?.cache_creation_tokens ?? 0
  const hour = written?.['1h'] ?? 0
  return {
    ...inputUsage(usage),
    cache_creation: {
      ephemeral_5m_input_tokens: written?.['5m'] ?? total - hour,
      ephemeral_1h_input_tokens: hour,
    },
    ...outputUsage(usage),
    service_tier: serviceTier,
    inference_geo: 'global',
  }
}

/** The usage known before the first output token. */
const startUsage = (usage: AnswerUsage, serviceTier?: string): JsonObject => {
  const { output_tokens_details: _, server_tool_use: __, ...known } = usageOf(usage, serviceTier)
  return { ...known, output_tokens: 1 }
}

const deltaUsage = (usage: AnswerUsage): JsonObject => ({
  ...inputUsage(usage),
  ...outputUsage(usage),
})

function outputUsage(usage: AnswerUsage): JsonObject {
  const thinking = usage.completion_tokens_details?.reasoning_tokens
  return defined({
    output_tokens: usage.completion_tokens,
    output_tokens_details: thinking === undefined ? undefined : { thinking_tokens: thinking },
    server_tool_use: usage.server_tool_use,
  })
}

function rateLimits(created: number): Readonly<Record<string, string>> {
  const reset = new Date((created + 1) * 1000).toISOString().replace('.000', '')
  return Object.fromEntries(
    ['requests', 'tokens', 'input-tokens', 'output-tokens'].flatMap((what) => [
      [`anthropic-ratelimit-${what}-limit`, '4000'],
      [`anthropic-ratelimit-${what}-remaining`, '3999'],
      [`anthropic-ratelimit-${what}-reset`, reset],
    ]),
  )
}
