/** Waits by the clock of an inbox. */
import type { InboxClock } from './options.js'

/** A longer timer would fire at once. Milliseconds. */
const longestMs = 2 ** 31 - 1

/** Runs `run` in so many milliseconds, at most 24 days; gives what calls it off. */
export function startTimer(clock: InboxClock, ms: number, run: () => void): () => void {
  const timer = clock.setTimeout(run, Math.min(ms, longestMs))
  return () => clock.clearTimeout(timer)
}

export const sleep = (clock: InboxClock, ms: number): Promise<void> =>
  new Promise((resolve) => startTimer(clock, ms, resolve))
