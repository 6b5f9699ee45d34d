/** Maps xAI's usage: as OpenAI's, with its own tool counts, and the price. */
import {
  asCost,
  asCount,
  asNumber,
  isObject,
  isReasoningApart,
  type JsonObject,
  type Usage,
} from '../../chat/index.js'
import { toUsage as toResponsesUsage } from '../openai/usage.js'
import { byName, usageFrom } from '../usage.js'

/** 10¹⁰ ticks are one USD: https://docs.x.ai/docs/guides/cost-tracking */
const ticksPerUsd = 1e10

/** Undefined if the wire has none. `cached_tokens` above `input_tokens` are separate, so added. */
export function toUsage(wire: unknown): Usage | undefined {
  const usage = toResponsesUsage(wire)
  if (!usage || !isObject(wire)) return usage
  const cached = usage.prompt_tokens_details?.cached_tokens ?? 0
  const prompt = usage.prompt_tokens + (cached > usage.prompt_tokens ? cached : 0)
  const completion = usage.completion_tokens + reasoningApart(usage, wire)
  const ticks = asNumber(wire.cost_in_usd_ticks)
  const { prompt_tokens: _, completion_tokens: __, total_tokens: ___, ...details } = usage
  return usageFrom(prompt, completion, {
    ...details,
    server_tool_use: toolUse(wire),
    cost: ticks === undefined ? undefined : asCost(ticks / ticksPerUsd),
  })
}

/** Reasoning is in the output here, but separate in Chat Completions: the total shows which. */
function reasoningApart(usage: Usage, { total_tokens: total }: JsonObject): number {
  const { prompt_tokens, completion_tokens, completion_tokens_details: details } = usage
  const reasoning = details?.reasoning_tokens ?? 0
  return isReasoningApart(
    { prompt: prompt_tokens, completion: completion_tokens, total },
    reasoning,
  )
    ? reasoning
    : 0
}

/** `{ web_search_calls: 2 }` → `{ web_search: 2 }`; leaves out a tool that did not run. */
const toolUse = ({ server_side_tool_usage_details: details }: JsonObject) =>
  byName(
    details,
    (count) => asCount(count) || undefined,
    (name) => name.replace(/_calls$/, ''),
  )
