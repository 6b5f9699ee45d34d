/** The clock of a script, and promises that never reject. */
import { setTimeout as wait } from 'node:timers/promises'

/** Tests inject one that they advance by hand. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number
  /** Resolves after `ms` milliseconds, or early when the signal fires. */
  wait(ms: number, signal: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: Date.now,
  wait: (ms, signal) => wait(ms, undefined, { signal }).catch(() => undefined),
}

/** Resolves when the promise settles, either way. */
export const settled = (promise: PromiseLike<unknown>): Promise<void> =>
  Promise.resolve(promise).then(
    () => {},
    () => {},
  )

/** Resolves when the signal fires. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
