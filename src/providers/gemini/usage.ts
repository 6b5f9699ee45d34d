/** Gemini's usage in litellm's fields. */
import { defined, type Usage } from '../../chat/index.js'
import type { ModalityTokens, UsageMetadata } from './wire.js'

/** The later snapshot over the earlier one: a chunk may tell only part of it. */
export const mergeUsage = (
  before: UsageMetadata | undefined,
  next: UsageMetadata,
): UsageMetadata => ({
  ...before,
  ...defined(next),
})

/**
 * Undefined while the wire has told no count. `promptTokenCount` has the cached tokens in it but not those of hosted tools,
 * `candidatesTokenCount` has no thoughts in it.
 */
export function toUsage(wire: UsageMetadata, searches = 0): Usage | undefined {
  const { promptTokenCount, candidatesTokenCount, totalTokenCount } = wire
  if (![promptTokenCount, candidatesTokenCount, totalTokenCount].some(isCount)) return undefined
  const prompt_tokens = count(promptTokenCount) + count(wire.toolUsePromptTokenCount)
  const reasoning_tokens = thoughts(wire, prompt_tokens)
  const candidates = count(candidatesTokenCount)
  // a gateway that counts the thoughts as candidates shows it in the total
  const isWithin = isCount(totalTokenCount) && totalTokenCount === prompt_tokens + candidates
  const completion_tokens = candidates + (isWithin ? 0 : count(reasoning_tokens))
  const cached_tokens_details = defined(modalities(list(wire.cacheTokensDetails)))
  const prompt_tokens_details = defined({
    cached_tokens: countIfTold(wire.cachedContentTokenCount),
    ...(hasMembers(cached_tokens_details) && { cached_tokens_details }),
    ...modalities([...list(wire.promptTokensDetails), ...list(wire.toolUsePromptTokensDetails)]),
  })
  const completion_tokens_details = defined({
    reasoning_tokens,
    ...modalities(list(wire.candidatesTokensDetails)),
  })
  return {
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    ...(hasMembers(prompt_tokens_details) && { prompt_tokens_details }),
    ...(hasMembers(completion_tokens_details) && { completion_tokens_details }),
    ...(searches > 0 && { server_tool_use: { web_search_requests: searches } }),
  }
}

/** What was told, else what is missing in the total. */
function thoughts(wire: UsageMetadata, promptTokens: number): number | undefined {
  if (isCount(wire.thoughtsTokenCount)) return wire.thoughtsTokenCount
  if (!isCount(wire.totalTokenCount)) return undefined
  const rest = wire.totalTokenCount - promptTokens - count(wire.candidatesTokenCount)
  return rest > 0 ? rest : undefined
}

const modalities = (details: readonly ModalityTokens[]) => ({
  audio_tokens: sumOf('AUDIO', details),
  image_tokens: sumOf('IMAGE', details),
})

const sumOf = (modality: string, details: readonly ModalityTokens[]) => {
  const found = details.filter((detail) => detail.modality === modality)
  return found.length > 0
    ? found.reduce((sum, detail) => sum + count(detail.tokenCount), 0)
    : undefined
}

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0
const count = (value: unknown) => (isCount(value) ? value : 0)
const countIfTold = (value: unknown) => (isCount(value) ? value : undefined)
const list = <T>(value: readonly T[] | undefined): readonly T[] =>
  Array.isArray(value) ? value : []
const hasMembers = (object: object) => Object.keys(object).length > 0
