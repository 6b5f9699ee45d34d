/** Waits between attempts: longer each time, shorter when the network comes back. */

/**
 * Equal jitter: half of the wait is fixed, half random.
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter
 */
export const backoffMs = (attempt: number, random: () => number): number => {
  const full = Math.min(10_000, 250 * 2 ** attempt)
  return (full * (1 + random())) / 2
}

/** The page's network events; absent outside of a browser. */
const page = globalThis as Omit<typeof globalThis, 'navigator'> & {
  /** Node 20 has none. */
  readonly navigator?: Navigator
  readonly addEventListener?: (type: string, listener: () => void) => void
  readonly removeEventListener?: (type: string, listener: () => void) => void
}

/** True where the browser reports no network. */
const isOffline = (): boolean => page.navigator?.onLine === false

/** Calls back when the network goes or comes back; returns a function that unsubscribes. */
export function onNetwork(type: 'online' | 'offline', listener: () => void): () => void {
  page.addEventListener?.(type, listener)
  return () => page.removeEventListener?.(type, listener)
}

/** Resolves after the time (offline: none), when the network is back, or when the signal fires. */
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
