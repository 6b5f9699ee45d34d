/** The retry delay of a provider in milliseconds, from headers or body. */
import type { ResponseHeaders } from '../core/index.js'

/**
 * Order: `retry-after-ms`, `retry-after` (seconds or a date, relative to the response's own
 * `date`), the delay in the body, and for a 429 the reset headers. A value that is no finite number
 * ≥ 0 is skipped; 0 is valid.
 */
export function retryAfterMs(
  headers: ResponseHeaders | undefined,
  { bodyMs, status }: { readonly bodyMs?: number | undefined; readonly status: number },
): number | undefined {
  return (
    (headers && (milliseconds(headers) ?? secondsOrDate(headers))) ??
    valid(bodyMs) ??
    (headers && status === 429 ? untilReset(headers) : undefined)
  )
}

/** `34.4s`, `1m30s`, `120ms`, `1h2m3s`, or bare seconds, in milliseconds; undefined for others. */
export function durationMs(text: string): number | undefined {
  if (number.test(text)) return Number(text) * 1000
  if (!duration.test(text)) return undefined
  let sum = 0
  for (const [, amount, unit] of text.matchAll(piece))
    sum += Number(amount) * (unitMs.get(unit ?? '') ?? 0)
  return sum
}

const number = /^\d+(\.\d+)?$/
const duration = /^(\d+(\.\d+)?(ms|[dhms]))+$/
const piece = /(\d+(?:\.\d+)?)(ms|[dhms])/gy
const unitMs = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])

const valid = (ms: number | undefined) =>
  ms !== undefined && Number.isFinite(ms) && ms >= 0 ? ms : undefined

const milliseconds = (headers: ResponseHeaders) => {
  const text = headers.get('retry-after-ms')?.trim() ?? ''
  return number.test(text) ? valid(Number(text)) : undefined
}

const secondsOrDate = (headers: ResponseHeaders) => {
  const text = headers.get('retry-after')?.trim() ?? ''
  return number.test(text) ? valid(Number(text) * 1000) : untilDate(text, headers)
}

/** Checks for a date: `Date.parse` accepts "-5" and "1e3" too. */
const dateLike = /^((mon|tue|wed|thu|fri|sat|sun)[a-z]*,? |\d{4}-\d\d-\d\dt)/i

const untilDate = (text: string, headers: ResponseHeaders) => {
  const then = dateLike.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(then) ? undefined : Math.max(0, then - serverTime(headers))
}

/** Seconds or milliseconds since 1970, as some gateways write a reset: no duration is that long. */
const untilEpoch = (text: string, headers: ResponseHeaders) => {
  const then = number.test(text) ? Number(text) : 0
  if (then < 1e9) return undefined
  return Math.max(0, (then < 1e11 ? then * 1000 : then) - serverTime(headers))
}

/** The server's clock, as ours may be a day off. */
const serverTime = (headers: ResponseHeaders) => {
  const now = Date.parse(headers.get('date') ?? '')
  return Number.isNaN(now) ? Date.now() : now
}

/**
 * `x-ratelimit-reset-{requests,tokens}` (durations) and `anthropic-ratelimit-*-reset` (RFC 3339).
 * Every response has them, so the exhausted limit counts; if none is marked so, the first to reset.
 */
const untilReset = (headers: ResponseHeaders): number | undefined => {
  const resets: { readonly waitMs: number; readonly isUsedUp: boolean }[] = []
  headers.forEach((value, name) => {
    if (!resetName.test(name)) return
    const waitMs = valid(
      untilEpoch(value.trim(), headers) ??
        durationMs(value.trim()) ??
        untilDate(value.trim(), headers),
    )
    if (waitMs !== undefined) resets.push({ waitMs, isUsedUp: remaining(name, headers) === '0' })
  })
  const usedUp = resets.filter((reset) => reset.isUsedUp)
  if (usedUp.length > 0) return Math.max(...usedUp.map((reset) => reset.waitMs))
  return resets.length > 0 ? Math.min(...resets.map((reset) => reset.waitMs)) : undefined
}

const resetName = /^(x-ratelimit-reset(-|$)|anthropic-ratelimit-.*-reset$)/

const remaining = (name: string, headers: ResponseHeaders) =>
  headers.get(name.replace('reset', 'remaining'))
