/** The interface of senders for `connection.ts`: `fetch.ts` and `node.ts` implement it. */

import type { ResponseHeaders } from '../core/index.js'

export interface OutgoingRequest {
  readonly url: URL
  /** Validated; lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface IncomingResponse {
  readonly status: number
  readonly headers: ResponseHeaders
  /** The next bytes of the body, undefined at its end. One read at a time; `cancel` ends it. */
  read(): Promise<Uint8Array | undefined>
}

export interface Sending {
  /** Rejects with the error of the HTTP client. */
  readonly response: Promise<IncomingResponse>
  /** Closes the connection and ends a pending read, whether or not the server reacts. */
  cancel(reason?: unknown): void
  /** True if the connection was reused and received no byte for this request. False if unknown. */
  isStale(): boolean
}

/** POSTs once: follows no redirect, repeats nothing. Does not throw. */
export type Sender = (request: OutgoingRequest) => Sending

/** Headers by lower-case names. */
export const headersOf = (values: ReadonlyMap<string, string>): ResponseHeaders => ({
  get: (name) => values.get(name.toLowerCase()) ?? null,
  forEach(each) {
    for (const [name, value] of values) each(value, name)
  },
})
