/** How the line to the server is: what the browser knows, and what the client's own requests show. */

export type Line = 'fine' | 'offline' | 'reconnecting'

/** A `fetch` for the client that tells each change. */
export function watchedFetch(onChange: (line: Line) => void): typeof fetch {
  let isReconnecting = false
  const tell = () =>
    onChange(navigator.onLine ? (isReconnecting ? 'reconnecting' : 'fine') : 'offline')
  addEventListener('online', tell)
  addEventListener('offline', tell)
  return async (input, init) => {
    // only a client that lost its answer, or a page that was loaded again, reads on
    const isResume = init?.method === undefined
    if (isResume) {
      isReconnecting = true
      tell()
    }
    const response = await fetch(input, init)
    isReconnecting = false
    tell()
    return response
  }
}
