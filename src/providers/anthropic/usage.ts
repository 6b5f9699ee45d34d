/** Usage of the Messages API → ours. `input_tokens` leaves the cache out, `output_tokens` includes thinking. */
import {
  asCount,
  asObjects,
  defined,
  estimatedIfBad,
  isObject,
  type Usage,
} from '../../chat/index.js'
import type { WireIteration, WireUsage } from './wire.js'

/**
 * The usage of one answer; undefined where the wire told none. A `compaction` pass is billed beside what the top level
 * says, so it is added; so are earlier `message` passes where the top level tells only of the last one. Passes of
 * another model (`advisor_message`) and attempts that a fallback replaced are not: the top level is what was served.
 */
export function fromWireUsage(wire: WireUsage | undefined): Usage | undefined {
  if (!wire || (wire.input_tokens == null && wire.output_tokens == null)) return undefined
  const passes = unreportedPasses(wire)
  const sum = (count: (part: WireUsage) => number | undefined) => sumOf([wire, ...passes], count)
  const cached = sum(({ cache_read_input_tokens }) => asCount(cache_read_input_tokens))
  const written = sum(writtenTokens)
  const prompt_tokens =
    (sum(({ input_tokens }) => asCount(input_tokens)) ?? 0) + (cached ?? 0) + (written ?? 0)
  const completion_tokens = sum(({ output_tokens }) => asCount(output_tokens)) ?? 0
  const reasoning_tokens = sum((part) => asCount(part.output_tokens_details?.thinking_tokens))
  const prompt_tokens_details = defined({
    cached_tokens: cached,
    cache_creation_tokens: written,
    cache_creation: splitByLifetime(wire, written),
  })
  return {
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    ...(Object.keys(prompt_tokens_details).length > 0 && { prompt_tokens_details }),
    ...(reasoning_tokens !== undefined && { completion_tokens_details: { reasoning_tokens } }),
    ...serverToolUse(wire),
    ...estimatedIfBad(wire.input_tokens, wire.output_tokens),
  }
}

const sumOf = (parts: readonly WireUsage[], count: (part: WireUsage) => number | undefined) => {
  const told = parts.map(count).filter((value) => value !== undefined)
  return told.length > 0 ? told.reduce((sum, value) => sum + value) : undefined
}

const lifetimes = ({ cache_creation: split }: WireUsage) => ({
  '5m': asCount(split?.ephemeral_5m_input_tokens),
  '1h': asCount(split?.ephemeral_1h_input_tokens),
})

const writtenTokens = (wire: WireUsage) => {
  const total = asCount(wire.cache_creation_input_tokens)
  if (total !== undefined) return total
  const split = lifetimes(wire)
  return split['5m'] === undefined && split['1h'] === undefined
    ? undefined
    : (split['5m'] ?? 0) + (split['1h'] ?? 0)
}

/** A later event corrects the total but not its split: where the two disagree, only a split of one kind still says something. */
function splitByLifetime(wire: WireUsage, written: number | undefined) {
  const split = lifetimes(wire)
  const { '5m': short, '1h': long } = split
  if (short === undefined && long === undefined) return undefined
  if ((short ?? 0) + (long ?? 0) === written) return defined(split)
  if (short && !long) return { '5m': written ?? short }
  return long && !short ? { '1h': written ?? long } : undefined
}

function unreportedPasses(wire: WireUsage): readonly WireIteration[] {
  // every member of it is read as what it may be
  const passes = asObjects(wire.iterations) as readonly unknown[] as readonly WireIteration[]
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

function serverToolUse({ server_tool_use }: WireUsage) {
  if (!isObject(server_tool_use)) return undefined
  const counts: Record<string, number | undefined> = Object.fromEntries(
    Object.entries(server_tool_use).map(([name, count]) => [name, asCount(count)]),
  )
  const told = defined(counts)
  return Object.keys(told).length > 0 ? { server_tool_use: told } : undefined
}
