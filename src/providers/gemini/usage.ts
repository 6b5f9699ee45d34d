/** Gemini's usage in litellm's fields. It comes with nearly every chunk of a stream, so it is read without detours. */
import {
  asCount,
  asObjects,
  estimatedIfBad,
  type JsonObject,
  nonEmpty,
  type Usage,
} from '../../chat/index.js'
import { usageFrom } from '../usage.js'

/**
 * Undefined while the wire has told no count. `promptTokenCount` has the cached tokens in it but not those of hosted tools,
 * `candidatesTokenCount` has no thoughts in it.
 */
export function toUsage(wire: JsonObject, searches = 0): Usage | undefined {
  const { promptTokenCount, candidatesTokenCount, totalTokenCount } = wire
  if (!isCount(promptTokenCount) && !isCount(candidatesTokenCount) && !isCount(totalTokenCount))
    return undefined
  const prompt_tokens = count(promptTokenCount) + count(wire.toolUsePromptTokenCount)
  const reasoning_tokens = thoughts(wire, prompt_tokens)
  const candidates = count(candidatesTokenCount)
  // a gateway that counts the thoughts as candidates shows it in the total
  const isWithin = isCount(totalTokenCount) && totalTokenCount === prompt_tokens + candidates
  const completion_tokens = candidates + (isWithin ? 0 : count(reasoning_tokens))
  return usageFrom(prompt_tokens, completion_tokens, {
    prompt_tokens_details: promptDetails(wire),
    completion_tokens_details: modalities(wire.candidatesTokensDetails, { reasoning_tokens }),
    server_tool_use: searches > 0 ? { web_search_requests: searches } : undefined,
    ...estimatedIfBad(promptTokenCount, candidatesTokenCount),
  })
}

/** What was told, else what is missing in the total. */
function thoughts(wire: JsonObject, promptTokens: number): number | undefined {
  if (isCount(wire.thoughtsTokenCount)) return wire.thoughtsTokenCount
  if (!isCount(wire.totalTokenCount)) return undefined
  const rest = wire.totalTokenCount - promptTokens - count(wire.candidatesTokenCount)
  return rest > 0 ? rest : undefined
}

function promptDetails(wire: JsonObject) {
  const details = {
    cached_tokens: asCount(wire.cachedContentTokenCount),
    cached_tokens_details: nonEmpty(modalities(wire.cacheTokensDetails, {})),
  }
  return modalities(wire.toolUsePromptTokensDetails, modalities(wire.promptTokensDetails, details))
}

interface Modalities {
  readonly audio_tokens?: number
  readonly image_tokens?: number
}

const members: ReadonlyMap<unknown, keyof Modalities> = new Map<unknown, keyof Modalities>([
  ['AUDIO', 'audio_tokens'],
  ['IMAGE', 'image_tokens'],
])

/** The details with these counts added to them. */
function modalities<Details extends object>(wire: unknown, details: Details): Details & Modalities {
  let sum: Details & Modalities = details
  for (const { modality, tokenCount } of asObjects(wire)) {
    const member = members.get(modality)
    if (member) sum = { ...sum, [member]: (sum[member] ?? 0) + count(tokenCount) }
  }
  return sum
}

const isCount = (value: unknown): value is number => asCount(value) !== undefined
const count = (value: unknown) => asCount(value) ?? 0
