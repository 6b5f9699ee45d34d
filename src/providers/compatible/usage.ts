/** Usage of Chat Completions servers, from its many places. */
import { asCost, asCount, estimatedIfBad, type Usage } from '../../chat/index.js'
import { asObject, isObject, type JsonObject } from '../../chat/json.js'
import { byMedia, byName, firstCount, usageFrom, wholeCompletion, wholePrompt } from '../usage.js'

/**
 * Undefined if the wire has no counts. Two numbers differ: xAI excludes reasoning from
 * `completion_tokens` (its total shows that), and some gateways exclude cache reads from
 * `prompt_tokens`.
 */
export function toUsage(wire: unknown): Usage | undefined {
  if (!isObject(wire)) return undefined
  // some gateways use the words of the Responses API
  const prompt = firstCount(wire.prompt_tokens, wire.input_tokens)
  const completion = firstCount(wire.completion_tokens, wire.output_tokens)
  const total = asCount(wire.total_tokens)
  if (prompt === undefined && completion === undefined) return undefined
  const input = asObject(wire.prompt_tokens_details ?? wire.input_tokens_details)
  const output = asObject(wire.completion_tokens_details ?? wire.output_tokens_details)
  const cached_tokens = firstCount(
    input.cached_tokens,
    // DeepSeek, Moonshot, and gateways in front of Anthropic
    wire.prompt_cache_hit_tokens,
    wire.cached_tokens,
    wire.cache_read_input_tokens,
  )
  const reasoning_tokens = firstCount(output.reasoning_tokens, wire.reasoning_tokens)
  const prompt_tokens = wholePrompt(prompt ?? rest(total, completion), cached_tokens)
  const completion_tokens = wholeCompletion(prompt ?? 0, completion ?? rest(total, prompt), {
    total,
    reasoning: reasoning_tokens,
  })
  return usageFrom(prompt_tokens, completion_tokens, {
    prompt_tokens_details: {
      cached_tokens,
      cache_creation_tokens: firstCount(
        input.cache_write_tokens,
        input.cache_creation_tokens,
        wire.cache_creation_input_tokens,
      ),
      ...byMedia(input),
    },
    completion_tokens_details: { reasoning_tokens, ...byMedia(output) },
    server_tool_use: toolUse(wire),
    cost: costOf(wire),
    ...(total === undefined && estimatedIfBad(wire.prompt_tokens, wire.completion_tokens)),
  })
}

/** The usage of a chunk or body: at the top, in Groq's `x_groq`, or (Moonshot) in the choice. */
export function findUsage(wire: JsonObject, choice: JsonObject | undefined): unknown {
  if (isObject(wire.usage)) return wire.usage
  if (isObject(wire.x_groq) && isObject(wire.x_groq.usage)) return wire.x_groq.usage
  return choice?.usage
}

const rest = (total: number | undefined, part: number | undefined) =>
  Math.max(0, (total ?? 0) - (part ?? 0))

const toolUse = ({ server_tool_use, num_search_queries: searches }: JsonObject) =>
  byName(server_tool_use, times) ?? byName({ web_search_requests: searches }, times)

/** Leaves out a tool that did not run. */
const times = (count: unknown) => asCount(count) || undefined

/** USD: OpenRouter's `cost`, Perplexity's `cost.total_cost`, xAI's ticks of 1e-10. */
function costOf(wire: JsonObject): number | undefined {
  const ticks = wire.cost_in_usd_ticks
  if (typeof ticks === 'number') return asCost(ticks / 1e10)
  return asCost(isObject(wire.cost) ? wire.cost.total_cost : wire.cost)
}
