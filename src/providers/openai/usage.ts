/** Maps token usage of the Responses wire. */
import { asCount, estimatedIfBad, type Usage } from '../../chat/index.js'
import { asObject, defined, isObject, type JsonObject, nonEmpty } from '../../chat/json.js'
import { byMedia, byName, firstCount, usageFrom } from '../usage.js'

/**
 * `input_tokens` includes cache reads and writes, `output_tokens` includes reasoning
 * (`ResponseUsage` of the SDK). Undefined if the wire has none.
 */
export function toUsage(wire: unknown): Usage | undefined {
  if (!isObject(wire)) return undefined
  // some gateways use the words of Chat Completions
  const prompt_tokens = firstCount(wire.input_tokens, wire.prompt_tokens)
  const completion_tokens = firstCount(wire.output_tokens, wire.completion_tokens)
  if (prompt_tokens === undefined && completion_tokens === undefined) return undefined
  const input = asObject(wire.input_tokens_details ?? wire.prompt_tokens_details)
  const output = asObject(wire.output_tokens_details ?? wire.completion_tokens_details)
  return usageFrom(prompt_tokens ?? 0, completion_tokens ?? 0, {
    prompt_tokens_details: {
      cached_tokens: asCount(input.cached_tokens),
      cache_creation_tokens: asCount(input.cache_write_tokens),
      cache_creation: cacheWrites(input.cache_write_tokens_details),
      ...byMedia(input),
    },
    completion_tokens_details: {
      reasoning_tokens: asCount(output.reasoning_tokens),
      ...byMedia(output),
    },
    server_tool_use: toolUse(wire.tool_usage),
    ...estimatedIfBad(wire.input_tokens, wire.output_tokens),
  })
}

/** Usage of a whole response; that of hosted tools is in `Response.tool_usage` of the SDK. */
export function usageOf(response: JsonObject, toUsage: (wire: unknown) => Usage | undefined) {
  const usage = toUsage(response.usage)
  const { tool_usage } = response
  const server_tool_use = toolUse(tool_usage)
  const server_tool_tokens = toolTokens(tool_usage)
  return usage && { ...usage, ...defined({ server_tool_use, server_tool_tokens }) }
}

const cacheWrites = (value: unknown) => {
  const details = asObject(value)
  return nonEmpty(
    defined({ '30m': asCount(details.ttl_30m_tokens), '12h': asCount(details.ttl_12h_tokens) }),
  )
}

/** `{ web_search: { num_requests: 2 } }`: how often each hosted tool ran. */
const toolUse = (wire: unknown) => byName(wire, (use) => asCount(asObject(use).num_requests))

/** `{ image_gen: { input_tokens: 9, output_tokens: 9 } }`: usage of a tool's own model. */
const toolTokens = (wire: unknown) =>
  byName(wire, (use) => {
    const { input_tokens, output_tokens } = asObject(use)
    const prompt_tokens = asCount(input_tokens)
    return nonEmpty(defined({ prompt_tokens, completion_tokens: asCount(output_tokens) }))
  })
