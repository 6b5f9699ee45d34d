/** Waits between two tries: longer each time, shorter when the network comes back. */

/** `equal jitter`: half of the wait is sure, half is chance. @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter */
export const backoffMs = (attempt: number, random: () => number): number => {
  const full = Math.min(10_000, 250 * 2 ** attempt)
  return (full * (1 + random())) / 2
}

/** What a page hears of its network; nothing outside of one. */
const page = globalThis as typeof globalThis & {
  readonly addEventListener?: (type: string, listener: () => void) => void
  readonly removeEventListener?: (type: string, listener: () => void) => void
}

/** True where the browser knows that there is no network. */
const isOffline = (): boolean => {
  // there is none in Node 20
  const navigator: Navigator | undefined = globalThis.navigator
  return navigator?.onLine === false
}

/** Calls once when the network goes or comes; gives what ends the listening. */
export function onNetwork(type: 'online' | 'offline', listener: () => void): () => void {
  page.addEventListener?.(type, listener)
  return () => page.removeEventListener?.(type, listener)
}

/** Resolves after the time, when the network comes back, or at once when the signal fires. Without a network it waits for one. */
export function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      stop()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = isOffline() ? undefined : setTimeout(done, ms)
    const stop = onNetwork('online', done)
    signal.addEventListener('abort', done, { once: true })
    if (signal.aborted) done()
  })
}
