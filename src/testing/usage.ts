/** The usage and finish reason of a scripted answer, as scripted or derived from its parts. */
import { estimateTokens, type FinishReason } from '../chat/index.js'
import type { AnswerUsage, Part, ScriptedUsage } from './script.js'

/** A quarter of a token per character of the request JSON: for usage and for counted tokens. */
export const promptTokens = (body: string) => Math.ceil(body.length / 4)

export function usageOf(
  scripted: ScriptedUsage | null | undefined,
  parts: readonly Part[],
  body: string,
): AnswerUsage | undefined {
  if (scripted === null) return undefined
  const prompt_tokens = scripted?.prompt_tokens ?? promptTokens(body)
  const thought = parts.reduce((sum, part) => sum + thoughtTokens(part), 0)
  const completion_tokens =
    scripted?.completion_tokens ?? parts.reduce((sum, part) => sum + tokensOf(part), 0)
  return {
    ...(thought > 0 && scripted?.completion_tokens === undefined
      ? { completion_tokens_details: { reasoning_tokens: thought } }
      : {}),
    ...scripted,
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
  }
}

const thoughtTokens = (part: Part) => (part.type === 'thought' ? tokensOf(part) : 0)

function tokensOf(part: Part): number {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return estimateTokens(part.text)
    case 'thought':
      return Math.max(1, estimateTokens(part.summaries.flat().join('')))
    case 'call':
      return estimateTokens(part.name) + estimateTokens(part.arguments)
    case 'media':
      return 1_000
    case 'hosted':
      return 0
  }
}

/** The finish reason of an answer that does not specify it. */
export function finishOf(parts: readonly Part[]): FinishReason {
  if (parts.some(({ type }) => type === 'call')) return 'tool_calls'
  return parts.some(({ type }) => type === 'refusal') ? 'content_filter' : 'stop'
}
