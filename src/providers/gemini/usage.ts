/** Maps Gemini's usage to litellm's fields. Nearly every chunk has it, so reading must be cheap. */
import { asCount, estimatedIfBad, type Usage } from '../../chat/index.js'
import { asObjects, type JsonObject, nonEmpty } from '../../chat/json.js'
import { firstCount, usageFrom } from '../usage.js'

/**
 * Undefined until the wire has a count. `promptTokenCount` includes cached tokens but not those of
 * hosted tools, `candidatesTokenCount` excludes thoughts.
 */
export function toUsage(wire: JsonObject, searches = 0): Usage | undefined {
  const { promptTokenCount, candidatesTokenCount } = wire
  const total = asCount(wire.totalTokenCount)
  if (firstCount(promptTokenCount, candidatesTokenCount, total) === undefined) return undefined
  const prompt_tokens = count(promptTokenCount) + count(wire.toolUsePromptTokenCount)
  const reasoning_tokens = thoughts(wire, prompt_tokens)
  const candidates = count(candidatesTokenCount)
  // the total shows whether a gateway counts thoughts as candidates
  const isWithin = total === prompt_tokens + candidates
  const completion_tokens = candidates + (isWithin ? 0 : count(reasoning_tokens))
  return usageFrom(prompt_tokens, completion_tokens, {
    prompt_tokens_details: promptDetails(wire),
    completion_tokens_details: modalities(wire.candidatesTokensDetails, { reasoning_tokens }),
    server_tool_use: searches > 0 ? { web_search_requests: searches } : undefined,
    ...estimatedIfBad(promptTokenCount, candidatesTokenCount),
  })
}

/** The reported count, else the rest of the total. */
function thoughts(wire: JsonObject, promptTokens: number): number | undefined {
  const rest = count(wire.totalTokenCount) - promptTokens - count(wire.candidatesTokenCount)
  return asCount(wire.thoughtsTokenCount) ?? (rest > 0 ? rest : undefined)
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

function modalities<Details extends object>(wire: unknown, details: Details): Details & Modalities {
  let sum: Details & Modalities = details
  for (const { modality, tokenCount } of asObjects(wire)) {
    const member = members.get(modality)
    if (member) sum = { ...sum, [member]: (sum[member] ?? 0) + count(tokenCount) }
  }
  return sum
}

const count = (value: unknown) => asCount(value) ?? 0
