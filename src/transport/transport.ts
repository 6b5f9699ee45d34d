/** The interface between adapter and wire: `http.ts` implements it over a `fetch` or a client. */
import type { Call, ResponseHeaders, TetradError } from '../core/index.js'

export interface TransportRequest {
  /** Below the base URL: `/responses`. */
  readonly path: string
  /** JSON of the provider's API. */
  readonly body: unknown
  /** In addition to those of the transport (key, version, `extra_headers`). Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>
  /** The model, for errors. */
  readonly model: string
}

/** One parsed event of a stream. */
export interface WireEvent {
  /** The `event:` line, if any. */
  readonly event?: string
  /** Parsed JSON; undefined for `[DONE]`. */
  readonly data: unknown
  readonly done?: true
}

export interface WireResponse {
  /** Parsed JSON. */
  readonly body: unknown
  readonly request_id?: string
}

/**
 * Both methods throw typed errors only: a status ≥ 400 by the provider's `toError`,
 * `APIConnectionError`, `TimeoutError` with its phase, `StreamInterruptedError`,
 * `UnexpectedResponseError`, and `AbortError` once `call.signal` fired.
 */
export interface Transport {
  json(request: TransportRequest, call: Call): Promise<WireResponse>
  /**
   * Yields one array per network read. Ends with the body; the stream reader decides whether the
   * answer is complete. `isProgress`, called after an array was read, returns whether its events
   * became chunks: only these reset `idleEventsMs`. @default any event does
   */
  events(
    request: TransportRequest,
    call: Call,
    isProgress?: () => boolean,
  ): AsyncGenerator<readonly WireEvent[]>
}

/** The facts of a failure: an error status, or an error in a 200. */
export interface Failure {
  /** Below 400 for an error in a 200: `errorOf` derives the status from its code. */
  readonly status: number
  readonly headers?: ResponseHeaders
  /** Parsed JSON, else undefined. */
  readonly body: unknown
  readonly model: string
  readonly request_id?: string
}

/** A provider's `errors.ts`: by status and code, last by message text. */
export type ToError = (failure: Failure) => TetradError
