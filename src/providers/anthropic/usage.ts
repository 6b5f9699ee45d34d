/** Maps usage. `input_tokens` excludes the cache, `output_tokens` includes thinking. */
import { asCount, estimatedIfBad, type Usage } from '../../chat/index.js'
import { asObject, asObjects, defined, type JsonObject } from '../../chat/json.js'
import { byName, usageFrom } from '../usage.js'

/**
 * The usage of one answer; undefined if the wire has none. A `compaction` pass is billed in
 * addition to the top level, so it is added; so are earlier `message` passes if the top level
 * counts only the last one. Passes of another model (`advisor_message`) and attempts that a
 * fallback replaced are not: the top level is what was served.
 */
export function fromWireUsage(wire: JsonObject = {}): Usage | undefined {
  if (wire.input_tokens == null && wire.output_tokens == null) return undefined
  const passes = unreportedPasses(wire)
  const sum = (count: (part: JsonObject) => number | undefined) => sumOf([wire, ...passes], count)
  const cached = sum(({ cache_read_input_tokens }) => asCount(cache_read_input_tokens))
  const written = sum(writtenTokens)
  const prompt_tokens =
    (sum(({ input_tokens }) => asCount(input_tokens)) ?? 0) + (cached ?? 0) + (written ?? 0)
  const completion_tokens = sum(({ output_tokens }) => asCount(output_tokens)) ?? 0
  const reasoning_tokens = sum((part) =>
    asCount(asObject(part.output_tokens_details).thinking_tokens),
  )
  return usageFrom(prompt_tokens, completion_tokens, {
    prompt_tokens_details: {
      cached_tokens: cached,
      cache_creation_tokens: written,
      cache_creation: splitByLifetime(wire, written),
    },
    completion_tokens_details: { reasoning_tokens },
    server_tool_use: byName(wire.server_tool_use, asCount),
    ...estimatedIfBad(wire.input_tokens, wire.output_tokens),
  })
}

const sumOf = (parts: readonly JsonObject[], count: (part: JsonObject) => number | undefined) => {
  const counts = parts.map(count).filter((value) => value !== undefined)
  return counts.length > 0 ? counts.reduce((sum, value) => sum + value) : undefined
}

const lifetimes = ({ cache_creation }: JsonObject) => {
  const split = asObject(cache_creation)
  return {
    '5m': asCount(split.ephemeral_5m_input_tokens),
    '1h': asCount(split.ephemeral_1h_input_tokens),
  }
}

const writtenTokens = (wire: JsonObject) => {
  const total = asCount(wire.cache_creation_input_tokens)
  if (total !== undefined) return total
  const split = lifetimes(wire)
  return split['5m'] === undefined && split['1h'] === undefined
    ? undefined
    : (split['5m'] ?? 0) + (split['1h'] ?? 0)
}

/** A later event corrects only the total: a split that disagrees is used only if of one kind. */
function splitByLifetime(wire: JsonObject, written: number | undefined) {
  const split = lifetimes(wire)
  const { '5m': short, '1h': long } = split
  if (short === undefined && long === undefined) return undefined
  if ((short ?? 0) + (long ?? 0) === written) return defined(split)
  if (short && !long) return { '5m': written ?? short }
  return long && !short ? { '1h': written ?? long } : undefined
}

function unreportedPasses(wire: JsonObject): readonly JsonObject[] {
  const passes = asObjects(wire.iterations)
  const messages = passes.filter(({ type }) => type === 'message')
  const last = messages.at(-1)
  const isLastOnly =
    messages.length > 1 &&
    last?.input_tokens === wire.input_tokens &&
    last?.output_tokens === wire.output_tokens
  return [
    ...passes.filter(({ type }) => type === 'compaction'),
    ...(isLastOnly ? messages.slice(0, -1) : []),
  ]
}
