/** Gemini's usage: cumulative over a stream. */
import { defined, type JsonObject } from '../../chat/index.js'
import type { Answer, AnswerUsage } from '../script.js'
import type { GeminiPart } from './gemini-parts.js'

/**
 * `candidatesTokenCount` excludes thoughts, `promptTokenCount` the prompt tokens of hosted tools.
 */
export function usageMetadata(usage: AnswerUsage, answer: Answer): JsonObject {
  const thoughts = usage.completion_tokens_details?.reasoning_tokens
  const tools = usage.tool_prompt_tokens
  const prompt = usage.prompt_tokens - (tools ?? 0)
  const cached = usage.prompt_tokens_details?.cached_tokens
  const candidates = usage.completion_tokens - (thoughts ?? 0)
  return defined({
    promptTokenCount: prompt,
    cachedContentTokenCount: cached,
    candidatesTokenCount: candidates > 0 ? candidates : undefined,
    totalTokenCount: usage.total_tokens,
    promptTokensDetails: modalities(prompt, usage.prompt_tokens_details),
    cacheTokensDetails: cached === undefined ? undefined : modalities(cached),
    candidatesTokensDetails: usage.completion_tokens_details?.image_tokens
      ? modalities(candidates, usage.completion_tokens_details)
      : undefined,
    toolUsePromptTokenCount: tools,
    toolUsePromptTokensDetails: tools === undefined ? undefined : modalities(tools),
    thoughtsTokenCount: thoughts,
    serviceTier: answer.serviceTier,
  })
}

function modalities(
  total: number,
  details: { readonly audio_tokens?: number; readonly image_tokens?: number } = {},
): readonly JsonObject[] {
  const { audio_tokens = 0, image_tokens = 0 } = details
  return [
    { modality: 'TEXT', tokenCount: total - audio_tokens - image_tokens },
    { modality: 'AUDIO', tokenCount: audio_tokens },
    { modality: 'IMAGE', tokenCount: image_tokens },
  ].filter(({ tokenCount, modality }) => tokenCount > 0 || modality === 'TEXT')
}

/** Cumulative: during thoughts only the prompt is reported, then the candidates grow. */
export function usageProgress(
  steps: readonly (readonly GeminiPart[])[],
  answer: Answer,
): readonly (JsonObject | undefined)[] {
  const { usage } = answer
  if (!usage) return []
  const whole = usageMetadata(usage, answer)
  const thoughts = usage.completion_tokens_details?.reasoning_tokens ?? 0
  const spoken = usage.completion_tokens - thoughts
  return steps.map((parts, index) => {
    if (index === steps.length - 1) return whole
    const isThinking = parts.every(({ thought }) => thought === true)
    const share = isThinking ? 0 : Math.floor((spoken * (index + 1)) / steps.length)
    const total = usage.prompt_tokens + (isThinking ? 0 : thoughts + share)
    const { candidatesTokenCount: _, thoughtsTokenCount, ...rest } = whole
    return defined({
      ...rest,
      candidatesTokenCount: share > 0 ? share : undefined,
      thoughtsTokenCount: isThinking ? undefined : thoughtsTokenCount,
      totalTokenCount: total,
    })
  })
}
