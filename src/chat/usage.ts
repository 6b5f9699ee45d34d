/** Token usage in litellm's field names, its sum, and the count we make where nobody told one. */
import { defined, isObject, type JsonObject } from './json.js'

/**
 * `prompt_tokens` includes cache reads, cache writes and the prompt tokens of hosted tools; `completion_tokens`
 * includes reasoning; total = prompt + completion, always. A detail that the provider did not tell is absent, never 0.
 */
export interface Usage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
  readonly prompt_tokens_details?: {
    readonly cached_tokens?: number
    /** Of the cached tokens, those that are no text. */
    readonly cached_tokens_details?: {
      readonly audio_tokens?: number
      readonly image_tokens?: number
    }
    readonly cache_creation_tokens?: number
    /** Cache writes by lifetime. */
    readonly cache_creation?: {
      readonly '5m'?: number
      readonly '30m'?: number
      readonly '1h'?: number
      readonly '12h'?: number
    }
    readonly audio_tokens?: number
    readonly image_tokens?: number
  }
  readonly completion_tokens_details?: {
    readonly reasoning_tokens?: number
    readonly audio_tokens?: number
    readonly image_tokens?: number
  }
  /** How often each hosted tool ran. */
  readonly server_tool_use?: Readonly<Record<string, number>>
  /** Tokens that a hosted tool used in a model of its own, where the provider tells them: no part of the counts above. */
  readonly server_tool_tokens?: Readonly<
    Record<string, { readonly prompt_tokens?: number; readonly completion_tokens?: number }>
  >
  /** USD: the provider's figure, or by the prices of the client or of `usage()`. */
  readonly cost?: number
  /** Prompt or completion is our own count. */
  readonly estimated?: true
}

/** Above this a count is none: sums of such counts are still exact. */
const maxCount = 1e12

/** A count as a wire reports it: a finite whole number from 0; undefined for anything else. */
export const asCount = (value: unknown): number | undefined =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) <= maxCount
    ? Number(value)
    : undefined

/** USD from 0; undefined for anything else, and for more than any call costs. */
export const asCost = (value: unknown): number | undefined =>
  typeof value === 'number' && value >= 0 && value <= maxCostUsd ? value : undefined

const maxCostUsd = 1e9

/** Marks a usage of which one of these counts is there and is no count: the core estimates what is missing. */
export const estimatedIfBad = (...counts: readonly unknown[]): { readonly estimated?: true } =>
  counts.some((count) => count !== undefined && count !== null && asCount(count) === undefined)
    ? { estimated: true }
    : {}

/** A later snapshot of counts over an earlier one, as a wire reports them: null and 0 take nothing back. */
export function mergeCounts(before: JsonObject, after: unknown): JsonObject {
  if (!isObject(after)) return before
  const told = Object.entries(after).filter(
    ([name, value]) => isGiven(value) && (value !== 0 || before[name] === undefined),
  )
  return told.length > 0 ? { ...before, ...Object.fromEntries(told) } : before
}

const isGiven = (value: unknown) => value !== null && value !== undefined

/**
 * Reasoning is a part of the completion, and stands beside it on some servers: the total shows it, or that it is several
 * times as much. A little more than the completion it may be as a part: some count the two in different ways.
 */
export function isReasoningApart(
  {
    prompt,
    completion,
    total,
  }: Readonly<Record<'prompt' | 'completion', number>> & {
    readonly total: unknown
  },
  reasoning: number,
): boolean {
  if (reasoning === 0) return false
  if (total === prompt + completion) return reasoning > 2 * completion
  return total === prompt + completion + reasoning || reasoning > completion
}

export const emptyUsage: Usage = /* @__PURE__ */ Object.freeze({
  prompt_tokens: 0,
  completion_tokens: 0,
  total_tokens: 0,
})

/** What an adapter puts on a finish whose wire told no usage: the core counts in its place. */
export const unknownUsage: Usage = /* @__PURE__ */ Object.freeze({ ...emptyUsage, estimated: true })

type Counts = { readonly [key: string]: number | Counts | undefined }

const addCounts = (a: Counts | undefined, b: Counts): Counts => {
  const sum: Record<string, number | Counts | undefined> = { ...a }
  for (const [key, value] of Object.entries(b)) {
    const before = sum[key]
    // a member is a count on both sides, or a group of counts
    if (typeof value === 'number') sum[key] = value + (typeof before === 'number' ? before : 0)
    else if (value) sum[key] = addCounts(typeof before === 'object' ? before : undefined, value)
  }
  return sum
}

/** The sum of two usages; with nothing to add to, the other one as it is. A cost stays known only while each part has one. */
export function addUsage(a: Usage | undefined, b: Usage): Usage {
  if (!a) return b
  const { cost: costA, estimated: isEstimated, ...countsA } = a
  const { cost: costB, estimated = isEstimated, ...countsB } = b
  const cost = isEmpty(a)
    ? costB
    : isEmpty(b)
      ? costA
      : costA !== undefined && costB !== undefined
        ? costA + costB
        : undefined
  return {
    // the shape of the sum is the shape of its parts
    ...(addCounts(countsA, countsB) as Usage & Counts),
    ...defined({ cost, estimated }),
  }
}

const isEmpty = (usage: Usage) => usage.total_tokens === 0 && usage.cost === undefined
