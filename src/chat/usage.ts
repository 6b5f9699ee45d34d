/** Token usage in litellm's field names, its sum, and the marks of usage to be estimated. */
import { asObject, defined, isGiven, isObject } from './json.js'

/**
 * `prompt_tokens` includes cache reads, cache writes and the prompt tokens of hosted tools;
 * `completion_tokens` includes reasoning; total = prompt + completion, always. A detail that the
 * provider did not report is absent, never 0.
 */
export interface Usage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
  readonly prompt_tokens_details?: {
    readonly cached_tokens?: number
    /** The cached tokens that are not text. */
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
  /** Number of runs of each hosted tool. */
  readonly server_tool_use?: Readonly<Record<string, number>>
  /** Tokens that a hosted tool used in its own model, if reported; not part of the counts above. */
  readonly server_tool_tokens?: Readonly<
    Record<string, { readonly prompt_tokens?: number; readonly completion_tokens?: number }>
  >
  /** USD: the provider's figure, or computed from the prices of the client or of `usage()`. */
  readonly cost?: number
  /** Prompt or completion tokens are estimated. */
  readonly estimated?: true
}

/** A larger count is invalid, so that sums stay exact. */
const maxCount = 1e12

/** A reported count: an integer from 0 to 1e12, or its digits; undefined for anything else. */
export function asCount(value: unknown): number | undefined {
  // proto3 writes 64-bit numbers as text
  const count = typeof value === 'string' && /^\d{1,13}$/.test(value) ? Number(value) : value
  return Number.isInteger(count) && Number(count) >= 0 && Number(count) <= maxCount
    ? Number(count)
    : undefined
}

/** USD from 0 to 1e9; undefined for anything else. */
export const asCost = (value: unknown): number | undefined =>
  typeof value === 'number' && value >= 0 && value <= maxCostUsd ? value : undefined

const maxCostUsd = 1e9

/** Marks a usage with an invalid count: the core estimates what is missing. */
export const estimatedIfBad = (...counts: readonly unknown[]): { readonly estimated?: true } =>
  counts.some((count) => count !== undefined && count !== null && asCount(count) === undefined)
    ? { estimated: true }
    : {}

/** Updates counts by a later snapshot of them; null and 0 overwrite nothing. */
export function updateCounts(counts: Record<string, unknown>, snapshot: unknown): void {
  if (!isObject(snapshot)) return
  for (const name in snapshot) {
    const value = snapshot[name]
    // a count of that name would be no member, but what the counts inherit from
    const isCount = isGiven(value) && name !== '__proto__'
    if (!isCount || (value === 0 && counts[name] !== undefined)) continue
    counts[name] = isObject(value) ? updated(asObject(counts[name]), value) : value
  }
}

function updated(counts: Readonly<Record<string, unknown>>, snapshot: unknown) {
  const group = { ...counts }
  updateCounts(group, snapshot)
  return group
}

export const emptyUsage: Usage = /* @__PURE__ */ Object.freeze({
  prompt_tokens: 0,
  completion_tokens: 0,
  total_tokens: 0,
})

/** The usage of a finish without reported usage: the core estimates it. */
export const unknownUsage: Usage = /* @__PURE__ */ Object.freeze({
  // a bundler keeps a spread that nobody uses
  prompt_tokens: 0,
  completion_tokens: 0,
  total_tokens: 0,
  estimated: true,
})

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

/** The sum of two usages; `b` if there is no `a` yet. The cost stays known only if both have one. */
export function addUsage(a: Usage | undefined, b: Usage): Usage {
  if (!a || a === emptyUsage) return b
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
    // the sum has the shape of its parts
    ...(addCounts(countsA, countsB) as Usage & Counts),
    ...defined({ cost, estimated }),
  }
}

const isEmpty = (usage: Usage) => usage.total_tokens === 0 && usage.cost === undefined
