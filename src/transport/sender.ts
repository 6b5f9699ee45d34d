/** What a way to send a request offers to `connection.ts`: `fetch.ts` and `node.ts` are the two. */

import type { ResponseHeaders } from '../core/index.js'

export interface OutgoingRequest {
  readonly url: URL
  /** Checked, their names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface IncomingResponse {
  readonly status: number
  readonly headers: ResponseHeaders
  /** The next bytes of the body, undefined at its end. One read at a time; after `cancel` it is over at once. */
  read(): Promise<Uint8Array | undefined>
}

export interface Sending {
  /** Rejects with what the HTTP client threw. */
  readonly response: Promise<IncomingResponse>
  /** Closes the connection and ends a pending read, whatever the other side does about it. */
  cancel(reason?: unknown): void
  /** The connection had answered a whole request before, and has brought no byte for this one. Unknown counts as no. */
  isStale(): boolean
}

/** POSTs once: no redirect is followed, nothing is repeated. Does not throw. */
export type Sender = (request: OutgoingRequest) => Sending

/** Headers by their names in lower case. */
export const headersOf = (values: ReadonlyMap<string, string>): ResponseHeaders => ({
  get: (name) => values.get(name.toLowerCase()) ?? null,
  forEach(each) {
    for (const [name, value] of values) each(value, name)
  },
})
