/** Shared by the usage readers: the shape of `Usage`, and counts by name. */
import { asCount, asObject, defined, type JsonObject, nonEmpty, type Usage } from '../chat/index.js'
import type { Loose } from './turn-writer.js'

/** Members beside the two counts; undefined ones are left out. */
interface Details extends Loose<Partial<Omit<Usage, `${string}_tokens` | `${string}_details`>>> {
  readonly prompt_tokens_details?: Loose<NonNullable<Usage['prompt_tokens_details']>>
  readonly completion_tokens_details?: Loose<NonNullable<Usage['completion_tokens_details']>>
}

/**
 * Total = prompt + completion, whatever the wire reports. Creates no objects for absent counts, as
 * some wires send usage in every chunk.
 */
export function usageFrom(
  prompt_tokens: number,
  completion_tokens: number,
  { prompt_tokens_details = {}, completion_tokens_details = {}, ...others }: Details,
): Usage {
  const prompt = hasMember(prompt_tokens_details) && defined(prompt_tokens_details)
  const completion = hasMember(completion_tokens_details) && defined(completion_tokens_details)
  return {
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    ...(prompt && { prompt_tokens_details: prompt }),
    ...(completion && { completion_tokens_details: completion }),
    ...(hasMember(others) && defined(others)),
  }
}

function hasMember(members: Readonly<Record<string, unknown>>): boolean {
  for (const name in members) if (members[name] !== undefined) return true
  return false
}

/**
 * Maps each member to what `read` returns: `{ name: count }`; undefined if empty. Names come from
 * the wire, hence the null prototype.
 */
export function byName<Value>(
  wire: unknown,
  read: (value: unknown) => Value | undefined,
  rename = (name: string) => name,
): Readonly<Record<string, Value>> | undefined {
  const found: Record<string, Value> = Object.create(null)
  for (const [name, value] of Object.entries(asObject(wire))) {
    const count = read(value)
    if (count !== undefined) found[rename(name)] = count
  }
  return nonEmpty(found)
}

/** Cache reads are part of the prompt: if they exceed it, they were counted separately. */
export const wholePrompt = (prompt: number, cached = 0) =>
  cached > prompt ? prompt + cached : prompt

/**
 * Adds reasoning that a server reports next to the completion, not within it: the total reveals it,
 * or reasoning far above the completion. Slightly above can still be within: some servers count the
 * two differently.
 */
export function wholeCompletion(
  prompt: number,
  completion: number,
  { total, reasoning = 0 }: { readonly total: unknown; readonly reasoning: number | undefined },
): number {
  const isApart =
    total === prompt + completion
      ? reasoning > 2 * completion
      : total === prompt + completion + reasoning || reasoning > completion
  return isApart ? completion + reasoning : completion
}

/** Counts by modality, as in the details of OpenAI's wires. */
export const byMedia = ({ audio_tokens, image_tokens }: JsonObject) => ({
  audio_tokens: asCount(audio_tokens),
  image_tokens: asCount(image_tokens),
})

export const firstCount = (...values: readonly unknown[]): number | undefined =>
  values.map(asCount).find((value) => value !== undefined)
