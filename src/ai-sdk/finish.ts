/** Converts the end of a response, for each version of the specification. */
import type { ChatResponse, FinishReason, Usage, Warning } from '../chat/index.js'
import { defined } from '../chat/index.js'
import { plain } from './note.js'
import type {
  FlatUsage,
  GroupedUsage,
  JsonRecord,
  ModelFinish,
  ModelWarning,
  Specification,
} from './types.js'

const reasons = {
  stop: 'stop',
  length: 'length',
  content_filter: 'content-filter',
  tool_calls: 'tool-calls',
  error: 'error',
} as const satisfies Record<FinishReason | 'error', string>

type Ended = Pick<ChatResponse, 'native_finish_reason' | 'usage'> & {
  readonly finish_reason: FinishReason | 'error'
}

/** `metadata` becomes `providerMetadata.tetrad`. */
export function toFinish<Version extends Specification>(
  version: Version,
  { finish_reason, native_finish_reason: raw, usage }: Ended,
  metadata: object,
): ModelFinish<Version> {
  const reason = reasons[finish_reason]
  const isFlat = version === 'v2'
  // the members match the version, which the compiler cannot see
  return {
    finishReason: isFlat ? reason : { unified: reason, raw },
    usage: isFlat ? toFlat(usage) : toGrouped(usage),
    providerMetadata: { tetrad: plain(defined(metadata)) },
  } as unknown as ModelFinish<Version>
}

const toFlat = (usage: Usage): FlatUsage => ({
  inputTokens: usage.prompt_tokens,
  outputTokens: usage.completion_tokens,
  totalTokens: usage.total_tokens,
  reasoningTokens: usage.completion_tokens_details?.reasoning_tokens,
  cachedInputTokens: usage.prompt_tokens_details?.cached_tokens,
})

function toGrouped(usage: Usage): GroupedUsage {
  const { cached_tokens: cacheRead, cache_creation_tokens: cacheWrite } =
    usage.prompt_tokens_details ?? {}
  const { reasoning_tokens: reasoning } = usage.completion_tokens_details ?? {}
  const { prompt_tokens, completion_tokens } = usage
  const noCache = prompt_tokens - (cacheRead ?? 0) - (cacheWrite ?? 0)
  return {
    inputTokens: { total: prompt_tokens, noCache, cacheRead, cacheWrite },
    outputTokens: {
      total: completion_tokens,
      text: completion_tokens - (reasoning ?? 0),
      reasoning,
    },
    // counts are JSON
    raw: plain(usage) as JsonRecord,
  }
}

/** The members of a response without a place in the AI SDK's parts. */
export function metadataOf(response: ChatResponse): object {
  const { usage, warnings, approvals, logprobs, request_id, stop_sequence, service_tier } = response
  return {
    cost: usage.cost,
    warnings: warnings.length > 0 ? warnings : undefined,
    attempts: response.attempts.map(({ provider, model, answered, status, usage, ...attempt }) =>
      defined({
        provider,
        model,
        answered,
        status,
        usage,
        total_ms: attempt.total_ms,
        request_id: attempt.request_id,
      }),
    ),
    approvals,
    logprobs: logprobs?.content,
    request_id,
    stop_sequence,
    service_tier,
    provider_specific_fields: response.provider_specific_fields,
  }
}

export function toWarnings<Version extends Specification>(
  version: Version,
  warnings: readonly Warning[],
): ModelWarning<Version>[] {
  // version 2 accepts only settings of its own list
  return warnings.map(({ code, param, message }) =>
    version !== 'v2' && code === 'dropped' && param
      ? { type: 'unsupported', feature: param, details: message }
      : { type: 'other', message },
  ) as ModelWarning<Version>[]
}
