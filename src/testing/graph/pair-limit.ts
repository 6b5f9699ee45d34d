/** The limit of one of our numbers and one person: a burst, then one message in so many milliseconds. */

export interface PairLimit {
  /** Messages at once. */
  readonly burst: number
  /** One more after so long. Milliseconds. */
  readonly everyMs: number
}

/** Pair rate limits: 1 message in 6 seconds, bursts of up to 45 are borrowed from it. https://developers.facebook.com/docs/whatsapp/cloud-api/overview#pair-rate-limits */
export const metaPairLimit: PairLimit = { burst: 45, everyMs: 6_000 }

/** Gives a function that takes one message of a pair; false where it is over the limit. */
export function pairLimiter({ burst, everyMs }: PairLimit, now: () => number) {
  /** When the pair's burst will be whole again. */
  const until = new Map<string, number>()
  return (pair: string): boolean => {
    const whole = Math.max(until.get(pair) ?? 0, now())
    if (whole - now() > (burst - 1) * everyMs) return false
    until.set(pair, whole + everyMs)
    return true
  }
}
