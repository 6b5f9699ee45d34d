/** The rate limit of a business number and a person: a burst, then one message per interval. */

export interface PairLimit {
  /** Messages at once. */
  readonly burst: number
  /** Interval of further messages. Milliseconds. */
  readonly everyMs: number
}

/** Pair rate limits: 1 message in 6 seconds, bursts of up to 45 are borrowed from it. https://developers.facebook.com/docs/whatsapp/cloud-api/overview#pair-rate-limits */
export const metaPairLimit: PairLimit = { burst: 45, everyMs: 6_000 }

/** Returns a function that counts one message of a pair; false if it exceeds the limit. */
export function pairLimiter({ burst, everyMs }: PairLimit, now: () => number) {
  /** When the full burst of a pair is available again. */
  const until = new Map<string, number>()
  return (pair: string): boolean => {
    const whole = Math.max(until.get(pair) ?? 0, now())
    if (whole - now() > (burst - 1) * everyMs) return false
    until.set(pair, whole + everyMs)
    return true
  }
}
