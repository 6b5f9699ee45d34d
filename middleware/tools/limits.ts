/** Limits on work that is done at once: how many, how long. */
import { TimeoutError } from '../../src/core/index.js'
import { after, type Clock } from '../clock.js'

/**
 * Runs at most `limit` at once, and gives the outcomes in order, each as soon as it and all before it are there.
 * Whoever stops reading leaves no unhandled rejection behind.
 */
export async function* inOrder<Item, Outcome>(
  items: readonly Item[],
  limit: number,
  run: (item: Item) => Promise<Outcome>,
): AsyncGenerator<Outcome> {
  const enter = semaphore(limit)
  const outcomes = items.map((item) => enter(() => run(item)))
  for (const outcome of outcomes) outcome.catch(() => {})
  for (const outcome of outcomes) yield await outcome
}

function semaphore(limit: number) {
  let free = limit
  const waiting: (() => void)[] = []
  return async <T>(run: () => Promise<T>): Promise<T> => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await run()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else free++
    }
  }
}

/** Work that ignores the signal is left behind: rejects with the signal's reason. */
export function orAborted<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const end = () => reject(signal.reason)
    signal.addEventListener('abort', end, { once: true })
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', end))
  })
}

export interface Limits {
  readonly signal: AbortSignal
  readonly timeoutMs: number
  readonly clock: Clock
  /** For the error: "The tool weather". */
  readonly what: string
}

/**
 * Gives `run` a signal that fires with the outer one and when the time is over. Work that ignores it is left behind:
 * rejects with the outer reason, or with a `TimeoutError`.
 */
export async function withLimits<T>(
  run: (signal: AbortSignal) => Promise<T>,
  { signal, timeoutMs, clock, what }: Limits,
): Promise<T> {
  signal.throwIfAborted()
  const controller = new AbortController()
  let end = (_reason: unknown) => {}
  const ended = new Promise<never>((_, reject) => {
    end = (reason) => {
      controller.abort(reason)
      reject(reason)
    }
  })
  const follow = () => end(signal.reason)
  signal.addEventListener('abort', follow, { once: true })
  const cancel = after(
    timeoutMs,
    () => end(new TimeoutError(`${what} took longer than ${timeoutMs} ms`)),
    clock,
  )
  try {
    return await Promise.race([run(controller.signal), ended])
  } finally {
    cancel()
    signal.removeEventListener('abort', follow)
  }
}
