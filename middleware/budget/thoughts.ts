/**
 * Claude counts thinking tokens in `max_tokens`, which must exceed their budget, so the adapter
 * adds the budget if it does not:
 * https://platform.claude.com/docs/en/build-with-claude/extended-thinking. For other providers
 * `max_tokens` is sent as it is.
 */
import type { ChatRequest } from '../../src/chat/index.js'
import type { Place } from './cap.js'

/** Thinking budget of each effort level. Tokens. */
const efforts: ReadonlyMap<string, number> = new Map([
  ['minimal', 1_024],
  ['low', 1_024],
  ['medium', 2_048],
  ['high', 4_096],
  ['xhigh', 16_384],
  ['max', 32_768],
])
/** Minimum budget of Claude. Tokens. */
const least = 1_024

/** Thinking tokens, which the adapter adds to `max_tokens` unless they are fewer. */
export function thoughtsOf({ request, client }: Place): number {
  const { thinking, reasoning_effort: effort } = request
  if (client.capabilities(request.model).provider !== 'anthropic') return 0
  if (thinking?.type === 'disabled') return 0
  const ofEffort = effort ? (efforts.get(effort) ?? 0) : 0
  return thinking?.budget_tokens ?? (thinking ? ofEffort || 4_096 : ofEffort)
}

/**
 * The request with its thinking budget within this many tokens; without thinking if that leaves too
 * few.
 */
export function withThoughtsInside(place: Place, tokens: number): ChatRequest {
  const { request } = place
  const wished = thoughtsOf(place)
  if (wished < tokens) return request
  const { reasoning_effort: _, ...rest } = request
  const budget_tokens = Math.min(wished, Math.floor((tokens * 3) / 4))
  if (budget_tokens < least) return { ...rest, thinking: { type: 'disabled' } }
  return { ...rest, thinking: { ...request.thinking, type: 'enabled', budget_tokens } }
}
