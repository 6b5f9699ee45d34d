/** An injectable clock: `deadline` and `retry` wait with it, so that their tests need not wait. */
import { AbortError, key } from '../src/core/index.js'

/** All times in milliseconds. */
export interface Clock {
  /** Monotonic: not affected when the system time is set. */
  readonly now: () => number
  readonly setTimeout: (run: () => void, ms: number) => unknown
  readonly clearTimeout: (timer: unknown) => void
}

/** The clock of the process. */
export const systemClock: Clock = Object.freeze({
  now: () => performance.now(),
  setTimeout: (run: () => void, ms: number): unknown => setTimeout(run, ms),
  // a value returned by our own setTimeout
  clearTimeout: (timer: unknown) => clearTimeout(timer as number),
})

/**
 * Returns the milliseconds left of the enclosing `deadline`s; `retry` starts nothing it cannot
 * finish.
 */
export const timeLeft = key<(() => number) | undefined>('time left', { isInherited: true })

/** setTimeout fires at once for a longer delay. */
const longestTimer = 2 ** 31 - 1

/**
 * Runs `run` after `ms` milliseconds, without an upper bound; returns a function that cancels it.
 */
export function after(ms: number, run: () => void, clock: Clock = systemClock): () => void {
  let timer: unknown
  const wait = (left: number) => {
    const next = left > longestTimer ? () => wait(left - longestTimer) : run
    timer = clock.setTimeout(next, Math.min(left, longestTimer))
  }
  wait(ms)
  return () => clock.clearTimeout(timer)
}

/** Resolves after `ms` milliseconds; rejects with an `AbortError` when the signal fires. */
export function sleep(ms: number, signal: AbortSignal, clock: Clock = systemClock): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      cancel()
      reject(new AbortError(undefined, { cause: signal.reason }))
    }
    const cancel = after(
      ms,
      () => {
        signal.removeEventListener('abort', stop)
        resolve()
      },
      clock,
    )
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}

/**
 * Resolves with the result of `work`; rejects with an `AbortError` when the signal fires, without
 * waiting for it.
 */
export async function unlessAborted<T>(work: T | Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = () => {}
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(new AbortError(undefined, { cause: signal.reason }))
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
