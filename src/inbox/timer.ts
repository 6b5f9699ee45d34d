/** Timers on the clock of an inbox. */
import type { InboxClock } from './options.js'

/** JavaScript fires a longer timer at once. Milliseconds. */
const longestMs = 2 ** 31 - 1

/** Runs `run` after `ms`, at most 24 days; returns a function that cancels it. */
export function startTimer(clock: InboxClock, ms: number, run: () => void): () => void {
  const timer = clock.setTimeout(run, Math.min(ms, longestMs))
  return () => clock.clearTimeout(timer)
}

export const sleep = (clock: InboxClock, ms: number): Promise<void> =>
  new Promise((resolve) => startTimer(clock, ms, resolve))
