/** Time as a thing that is given: `deadline` and `retry` wait with it, and their tests need no waiting. */
import { AbortError, key } from '../src/core/index.js'

/** All spans in milliseconds. */
export interface Clock {
  /** Monotonic: a wall clock that is set does not move it. */
  readonly now: () => number
  readonly setTimeout: (run: () => void, ms: number) => unknown
  readonly clearTimeout: (timer: unknown) => void
}

/** The clock of the process. */
export const systemClock: Clock = Object.freeze({
  now: () => performance.now(),
  setTimeout: (run: () => void, ms: number): unknown => setTimeout(run, ms),
  // what comes back is what our own setTimeout gave
  clearTimeout: (timer: unknown) => clearTimeout(timer as number),
})

/** How many milliseconds the innermost `deadline` around this place leaves; `retry` starts nothing it cannot finish. */
export const timeLeft = key<(() => number) | undefined>('time left')

/** A longer timer would fire at once. */
const longestTimer = 2 ** 31 - 1

/** Runs `run` in so many milliseconds, however many; returns what calls it off. */
export function after(ms: number, run: () => void, clock: Clock = systemClock): () => void {
  let timer: unknown
  const wait = (left: number) => {
    const next = left > longestTimer ? () => wait(left - longestTimer) : run
    timer = clock.setTimeout(next, Math.min(left, longestTimer))
  }
  wait(ms)
  return () => clock.clearTimeout(timer)
}

/** Resolves in so many milliseconds; rejects with an `AbortError` as soon as the signal fires. */
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

/** What `work` gives; rejects with an `AbortError` as soon as the signal fires, and leaves the work behind. */
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
