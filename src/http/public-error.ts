/** What a client may know of a failure: a code, a sentence for end users, an id to ask with. */

export interface PublicError {
  readonly status: number
  /** Stable, low in number: `bad_request`, `rate_limited`, `provider_unavailable` … */
  readonly code: string
  /** Fit for end users: no provider text, no key, no stack. */
  readonly message: string
  readonly request_id: string
  /** Milliseconds. */
  readonly retryAfterMs?: number
}
