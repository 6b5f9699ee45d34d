/** Maps xAI's usage: as OpenAI's, with its own tool counts, and the price. */
import { asCost, asCount, isObject, type JsonObject, type Usage } from '../../chat/index.js'
import { toUsage as toResponsesUsage } from '../openai/usage.js'
import { byName, usageFrom, wholeCompletion, wholePrompt } from '../usage.js'

/** 10¹⁰ ticks are one USD: https://docs.x.ai/docs/guides/cost-tracking */
const ticksPerUsd = 1e10

/**
 * Undefined if the wire has none. Reasoning is in the output here, but separate in Chat
 * Completions: the total shows which.
 */
export function toUsage(wire: unknown): Usage | undefined {
  const usage = toResponsesUsage(wire)
  if (!usage || !isObject(wire)) return usage
  const { prompt_tokens, completion_tokens, total_tokens: _, ...details } = usage
  const { prompt_tokens_details, completion_tokens_details } = details
  const prompt = wholePrompt(prompt_tokens, prompt_tokens_details?.cached_tokens)
  const completion = wholeCompletion(prompt_tokens, completion_tokens, {
    total: wire.total_tokens,
    reasoning: completion_tokens_details?.reasoning_tokens,
  })
  const ticks = wire.cost_in_usd_ticks
  return usageFrom(prompt, completion, {
    ...details,
    server_tool_use: toolUse(wire),
    cost: typeof ticks === 'number' ? asCost(ticks / ticksPerUsd) : undefined,
  })
}

/** `{ web_search_calls: 2 }` → `{ web_search: 2 }`; leaves out a tool that did not run. */
const toolUse = ({ server_side_tool_usage_details: details }: JsonObject) =>
  byName(
    details,
    (count) => asCount(count) || undefined,
    (name) => name.replace(/_calls$/, ''),
  )
