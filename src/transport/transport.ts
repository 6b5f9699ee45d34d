/** The seam between an adapter and the wire: `http.ts` goes over fetch, each provider's `sdk.ts` over the official client. */
import type { Call, ResponseHeaders, TetradError } from '../core/index.js'

export interface TransportRequest {
  /** Below the base URL: `/responses`. */
  readonly path: string
  /** JSON, as the provider's API takes it. */
  readonly body: unknown
  /** Of this request, beside those of the transport (key, version, `extra_headers`). Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>
  /** The model, for errors. */
  readonly model: string
}

/** One parsed event of a stream. */
export interface WireEvent {
  /** The `event:` line, where there was one. */
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
 * Both methods throw typed errors only: a status ≥ 400 through the `toError` of the provider, `APIConnectionError`,
 * `TimeoutError` with its phase, `StreamInterruptedError`, `UnexpectedResponseError`, and `AbortError` once `call.signal` fired.
 */
export interface Transport {
  json(request: TransportRequest, call: Call): Promise<WireResponse>
  /**
   * One array a network read. Ends when the body ends; whether that was a whole answer is the stream reader's to say.
   * `isProgress`, asked once an array was read, reports whether its events became chunks: `idleEventsMs` waits for those
   * that did. @default any event does
   */
  events(
    request: TransportRequest,
    call: Call,
    isProgress?: () => boolean,
  ): AsyncGenerator<readonly WireEvent[]>
}

/** What is known of a refusal: an error status, or an error that came in a 200. */
export interface Failure {
  /** Below 400 for an error that came in a 200: `errorOf` finds the status that its code stands for. */
  readonly status: number
  readonly headers?: ResponseHeaders
  /** Parsed JSON, else undefined. */
  readonly body: unknown
  readonly model: string
  readonly request_id?: string
}

/** A provider's `errors.ts`: status and code decide, message text last. */
export type ToError = (failure: Failure) => TetradError
