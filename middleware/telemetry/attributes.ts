/**
 * A call as attributes of OpenTelemetry's GenAI conventions:
 * open-telemetry/semantic-conventions-genai at 024a4f9 (v0.1.0 and later). `gen_ai.usage.cost.*` is
 * proposed there (PR 443); names missing there start with `tetrad.`.
 */
import type {
  Attempt,
  ChatRequest,
  ChatResponse,
  PartialResponse,
  Usage,
} from '../../src/chat/index.js'
import { isTetradError } from '../../src/core/index.js'
import { type Attributes, failedStatus, type TelemetrySpan } from './api.js'

type Loose = Readonly<Record<string, Attributes[string] | undefined>>

/** Without undefined values, which attributes must not have. */
export const attributesOf = (all: Loose): Attributes =>
  Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, Attributes[string]] => {
      return entry[1] !== undefined
    }),
  )

const providerNames: Readonly<Record<string, string>> = { gemini: 'gcp.gemini', xai: 'x_ai' }

export const providerName = (provider: string): string => providerNames[provider] ?? provider

export const operationOf = (provider: string | undefined): string =>
  provider === 'gemini' ? 'generate_content' : 'chat'

export function requestAttributes(request: ChatRequest, streaming: boolean): Attributes {
  const { stop } = request
  const stops = typeof stop === 'string' ? [stop] : stop
  return attributesOf({
    'gen_ai.request.stream': streaming || undefined,
    'gen_ai.request.max_tokens': request.max_completion_tokens ?? request.max_tokens ?? undefined,
    'gen_ai.request.temperature': request.temperature ?? undefined,
    'gen_ai.request.top_p': request.top_p ?? undefined,
    'gen_ai.request.top_k': request.top_k ?? undefined,
    'gen_ai.request.seed': request.seed ?? undefined,
    'gen_ai.request.frequency_penalty': request.frequency_penalty ?? undefined,
    'gen_ai.request.presence_penalty': request.presence_penalty ?? undefined,
    'gen_ai.request.stop_sequences': stops ? [...stops] : undefined,
    'gen_ai.request.reasoning.level': request.reasoning_effort ?? undefined,
    'gen_ai.request.previous_response.id': request.previous_response_id ?? undefined,
    'gen_ai.output.type': outputType(request),
  })
}

function outputType({ response_format, modalities }: ChatRequest): string | undefined {
  if (modalities?.includes('image')) return 'image'
  if (modalities?.includes('audio')) return 'speech'
  if (!response_format) return undefined
  return response_format.type === 'text' ? 'text' : 'json'
}

/** A complete or partial answer: a failed or aborted one has the reason `error`. */
export function answerAttributes(answer: ChatResponse | PartialResponse | undefined): Attributes {
  const { id, model, finish_reason } = answer ?? {}
  return attributesOf({
    'gen_ai.response.id': id || undefined,
    'gen_ai.response.model': model || undefined,
    'gen_ai.response.finish_reasons': [finishReason(finish_reason)],
  })
}

/** The spelling of the output message schema. */
export const finishReason = (reason: ChatResponse['finish_reason'] | null | undefined): string =>
  reason === 'tool_calls' ? 'tool_call' : (reason ?? 'error')

export function usageAttributes(usage: Usage, attempts: readonly Attempt[]): Attributes {
  const { prompt_tokens_details: prompt = {}, completion_tokens_details: completion = {} } = usage
  const source = attempts.findLast(({ cost_source }) => cost_source)?.cost_source
  return attributesOf({
    'gen_ai.usage.input_tokens': usage.prompt_tokens,
    'gen_ai.usage.output_tokens': usage.completion_tokens,
    'gen_ai.usage.cache_read.input_tokens': prompt.cached_tokens,
    'gen_ai.usage.cache_write.input_tokens': prompt.cache_creation_tokens,
    'gen_ai.usage.reasoning.output_tokens': completion.reasoning_tokens,
    'gen_ai.usage.audio.input_tokens': prompt.audio_tokens,
    'gen_ai.usage.image.input_tokens': prompt.image_tokens,
    'gen_ai.usage.audio.output_tokens': completion.audio_tokens,
    'gen_ai.usage.image.output_tokens': completion.image_tokens,
    'tetrad.usage.estimated': usage.estimated,
    ...(usage.cost !== undefined && {
      'gen_ai.usage.cost.amount': usage.cost,
      'gen_ai.usage.cost.currency': 'USD',
      'gen_ai.usage.cost.source': source === 'provider' ? 'provider' : 'local',
    }),
  })
}

/** One provider call, as an event of the span that covers all of them. */
export function attemptAttributes(attempt: Attempt): Attributes {
  const { provider, model, status, error, usage, total_ms, request_id } = attempt
  return attributesOf({
    'gen_ai.provider.name': providerName(provider),
    'gen_ai.request.model': model,
    'gen_ai.response.model': attempt.answered,
    'gen_ai.usage.input_tokens': usage.prompt_tokens,
    'gen_ai.usage.output_tokens': usage.completion_tokens,
    'error.type': error === undefined ? undefined : errorType(error),
    'http.response.status_code': isTetradError(error) ? error.status : undefined,
    'tetrad.attempt.status': status,
    'tetrad.attempt.duration': total_ms === undefined ? undefined : total_ms / 1000,
    'tetrad.attempt.request_id': request_id,
  })
}

/** The class name: low cardinality, and no content. */
export const errorType = (error: unknown): string =>
  error instanceof Error ? error.name : '_OTHER'

/**
 * Marks a failed span. An abort is no failure: only the type is set. No message, as it may quote
 * content.
 */
export function markFailed(span: TelemetrySpan, error: unknown): void {
  const type = errorType(error)
  span.setAttributes({ 'error.type': type })
  if (type !== 'AbortError') span.setStatus({ code: failedStatus, message: type })
}
