/** Limits on concurrent work: how many at once, how long. */
import { TimeoutError } from '../../src/core/index.js'
import { after, type Clock } from '../clock.js'

/**
 * Runs at most `limit` at once, and yields the outcomes in order, each when it and all before it
 * have settled. If the reader stops, no rejection stays unhandled.
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

/** Rejects with the signal's reason, without waiting for work that ignores the signal. */
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
  /** Subject of the error: "The tool weather". */
  readonly what: string
}

/**
 * Passes `run` a signal that fires with the outer one and on timeout. Rejects with the outer
 * reason, or with a `TimeoutError`, without waiting for work that ignores it.
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
