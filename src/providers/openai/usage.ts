/** Token usage of the Responses wire in the common shape. */
import {
  asCount,
  asObject,
  defined,
  estimatedIfBad,
  isObject,
  type JsonObject,
  type Usage,
} from '../../chat/index.js'

/**
 * `input_tokens` includes cache reads and writes, `output_tokens` includes reasoning (`ResponseUsage` of the SDK).
 * Undefined where the wire told none.
 */
export function toUsage(wire: unknown): Usage | undefined {
  if (!isObject(wire)) return undefined
  const prompt_tokens = asCount(wire.input_tokens)
  const completion_tokens = asCount(wire.output_tokens)
  if (prompt_tokens === undefined && completion_tokens === undefined) return undefined
  const input = asObject(wire.input_tokens_details)
  const output = asObject(wire.output_tokens_details)
  return {
    ...sum(prompt_tokens ?? 0, completion_tokens ?? 0),
    ...group('prompt_tokens_details', {
      cached_tokens: asCount(input.cached_tokens),
      cache_creation_tokens: asCount(input.cache_write_tokens),
      cache_creation: cacheWrites(input.cache_write_tokens_details),
      audio_tokens: asCount(input.audio_tokens),
      image_tokens: asCount(input.image_tokens),
    }),
    ...group('completion_tokens_details', {
      reasoning_tokens: asCount(output.reasoning_tokens),
      audio_tokens: asCount(output.audio_tokens),
      image_tokens: asCount(output.image_tokens),
    }),
    ...toolUse(wire.tool_usage),
    ...estimatedIfBad(wire.input_tokens, wire.output_tokens),
  }
}

/** The usage of a whole response: what its hosted tools used stands beside `usage` (`Response.tool_usage` of the SDK). */
export function usageOf(response: JsonObject, toUsage: (wire: unknown) => Usage | undefined) {
  const usage = toUsage(response.usage)
  const { tool_usage } = response
  return usage && { ...usage, ...toolUse(tool_usage), ...toolTokens(tool_usage) }
}

/** Total = prompt + completion, whatever the wire says. */
export const sum = (prompt_tokens: number, completion_tokens: number) => ({
  prompt_tokens,
  completion_tokens,
  total_tokens: prompt_tokens + completion_tokens,
})

/** A member that is there only if it would say something. */
export function group<Name extends string, Members extends object>(name: Name, members: Members) {
  const known = defined(members)
  // a computed name makes the type an index signature
  return (Object.keys(known).length > 0 ? { [name]: known } : {}) as {
    [key in Name]?: typeof known
  }
}

const cacheWrites = (value: unknown) => {
  const details = asObject(value)
  return group('writes', {
    '30m': asCount(details.ttl_30m_tokens),
    '12h': asCount(details.ttl_12h_tokens),
  }).writes
}

/** `{ web_search: { num_requests: 2 } }`: how often each hosted tool ran. */
const toolUse = (wire: unknown) =>
  group(
    'server_tool_use',
    byTool(wire, ({ num_requests }) => asCount(num_requests)),
  )

/** `{ image_gen: { input_tokens: 9, output_tokens: 9 } }`: what a tool used in a model of its own. */
const toolTokens = (wire: unknown) =>
  group(
    'server_tool_tokens',
    byTool(wire, ({ input_tokens, output_tokens }) => {
      const counts = defined({
        prompt_tokens: asCount(input_tokens),
        completion_tokens: asCount(output_tokens),
      })
      return Object.keys(counts).length > 0 ? counts : undefined
    }),
  )

function byTool<T>(wire: unknown, read: (use: JsonObject) => T | undefined): Record<string, T> {
  // names come from the wire
  const found: Record<string, T> = Object.create(null)
  for (const [name, use] of Object.entries(asObject(wire))) {
    const value = read(asObject(use))
    if (value !== undefined) found[name] = value
  }
  return found
}
