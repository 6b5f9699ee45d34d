/** How the line to the server is: what the browser knows, and what the client's own requests show. */

export type Line = 'fine' | 'offline' | 'reconnecting'

export interface WatchedLine {
  /** For the client. */
  readonly fetch: typeof fetch
  /** Nobody waits for the server any more. */
  rest(): void
}

/** Tells each change. */
export function watchLine(onChange: (line: Line) => void): WatchedLine {
  let isReconnecting = false
  const tell = () =>
    onChange(navigator.onLine ? (isReconnecting ? 'reconnecting' : 'fine') : 'offline')
  const turn = (reconnecting: boolean) => {
    isReconnecting = reconnecting
    tell()
  }
  addEventListener('online', tell)
  addEventListener('offline', tell)
  return {
    async fetch(input, init) {
      // a client that lost its answer, or a page that was loaded again, reads on: its only GET
      if (init?.method === undefined) turn(true)
      const response = await fetch(input, init)
      turn(false)
      return response
    },
    rest: () => turn(false),
  }
}
