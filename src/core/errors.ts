/** One class per action that a caller can take, named as litellm and openai name them. */
import type { Attempt, PartialResponse, Usage } from '../chat/index.js'

const brand = Symbol.for('tetrad.error')

/** The stage of a provider call that failed. */
export type Phase =
  | 'request'
  | 'connect'
  | 'headers'
  | 'body'
  | 'stream'
  | 'idle-bytes'
  | 'idle-events'
  | 'deadline'

export interface ErrorDetails {
  readonly status?: number | undefined
  readonly provider?: string | undefined
  readonly model?: string | undefined
  /** The provider's own code, or ours: `missing_api_key`, `html`, `empty`, `not_a_stream`, `bad_json` … */
  readonly code?: string | undefined
  readonly phase?: Phase | undefined
  /** The provider's `x-should-retry`, or the default of the class. */
  readonly retryable?: boolean | undefined
  /** Milliseconds the provider asked to wait. */
  readonly retryAfterMs?: number | undefined
  /** The provider may have processed, and may charge for, the failed call. */
  readonly maybeBilled?: boolean | undefined
  readonly requestId?: string | undefined
  readonly cause?: unknown
}

/** The printed details, in this order. */
const shownDetails = [
  'status',
  'provider',
  'model',
  'code',
  'phase',
  'retryable',
  'retryAfterMs',
  'maybeBilled',
  'requestId',
] as const

/**
 * The base of all errors of this package. `toJSON` and `util.inspect` print no body, header or key.
 */
export class TetradError extends Error {
  /** The default of the class, if neither the wire nor the thrower specified it. */
  static readonly retryable: boolean = false
  override readonly name: string = 'TetradError'
  declare readonly status: number | undefined
  declare readonly provider: string | undefined
  declare readonly model: string | undefined
  declare readonly code: string | undefined
  declare readonly phase: Phase | undefined
  declare readonly retryable: boolean
  declare readonly retryAfterMs: number | undefined
  declare readonly maybeBilled: boolean
  declare readonly requestId: string | undefined
  /** The answer so far; set when the error leaves the client, as are `usage` and `attempts`. */
  declare partial?: PartialResponse
  /** Usage of all attempts of the call, failed ones too. */
  declare usage?: Usage
  declare attempts?: readonly Attempt[]
  /** A retry was due, but the provider's retry budget is spent. */
  declare retryBudgetExhausted?: true

  constructor(message: string, details: ErrorDetails = {}) {
    const { retryable = new.target.retryable, maybeBilled = false, cause } = details
    super(message, cause === undefined ? {} : { cause })
    Object.assign(this, pick({ ...details, retryable, maybeBilled }))
  }

  get [brand](): true {
    return true
  }

  toJSON() {
    const { name, message } = this
    return { name, message, ...pick(this) }
  }
}

/** All details, with undefined for absent ones. */
const pick = (details: ErrorDetails) =>
  // named by the same list
  Object.fromEntries(shownDetails.map((name) => [name, details[name]])) as {
    [Name in (typeof shownDetails)[number]]: ErrorDetails[Name]
  }

/** Errors that may not recur on a retry. */
class TransientError extends TetradError {
  static override readonly retryable: boolean = true
}

/** True for an error of any copy of this package. */
export const isTetradError = (error: unknown): error is TetradError =>
  typeof error === 'object' && error !== null && brand in error

/** 401, or no key at all. */
export class AuthenticationError extends TetradError {
  override readonly name: string = 'AuthenticationError'
}
/** 403. */
export class PermissionDeniedError extends TetradError {
  override readonly name: string = 'PermissionDeniedError'
}
/** 404: no such model or address. */
export class NotFoundError extends TetradError {
  override readonly name: string = 'NotFoundError'
}
/** 400, 413: the request is invalid. */
export class BadRequestError extends TetradError {
  override readonly name: string = 'BadRequestError'
}
/** The model does not support a parameter; the message names both solutions. */
export class UnsupportedParamsError extends BadRequestError {
  override readonly name: string = 'UnsupportedParamsError'
}
/** More tokens than the context window of the model. */
export class ContextWindowExceededError extends BadRequestError {
  override readonly name: string = 'ContextWindowExceededError'
}
/** The provider's policy refuses the request. */
export class ContentPolicyViolationError extends BadRequestError {
  override readonly name: string = 'ContentPolicyViolationError'
}
/** 409. */
export class ConflictError extends TransientError {
  override readonly name: string = 'ConflictError'
}
/** 422. */
export class UnprocessableEntityError extends TetradError {
  override readonly name: string = 'UnprocessableEntityError'
}
/** 429. `retryAfterMs` is the provider's wait, if it specified one. */
export class RateLimitError extends TransientError {
  override readonly name: string = 'RateLimitError'
}
/** 402, and 429 with a quota code: needs a payment or a higher quota. */
export class QuotaExceededError extends RateLimitError {
  static override readonly retryable: boolean = false
  override readonly name: string = 'QuotaExceededError'
}
/** 408, 504 and our own timers; `phase` specifies which. */
export class TimeoutError extends TransientError {
  override readonly name: string = 'TimeoutError'
}
/** 500. */
export class InternalServerError extends TransientError {
  override readonly name: string = 'InternalServerError'
}
/** 502, 520–524. */
export class BadGatewayError extends TransientError {
  override readonly name: string = 'BadGatewayError'
}
/** 503, 529. */
export class ServiceUnavailableError extends TransientError {
  override readonly name: string = 'ServiceUnavailableError'
}
/** No connection, or it broke before an answer. */
export class APIConnectionError extends TransientError {
  override readonly name: string = 'APIConnectionError'
}
/** A stream was cut, reset, or ended without its terminal event. */
export class StreamInterruptedError extends TransientError {
  override readonly name: string = 'StreamInterruptedError'
}
/** A 200 with an unexpected body; `code` specifies it. */
export class UnexpectedResponseError extends TransientError {
  override readonly name: string = 'UnexpectedResponseError'
}
/** The caller, the consumer or an outer layer ended the call. */
export class AbortError extends TetradError {
  override readonly name: string = 'AbortError'
  constructor(message = 'The call was aborted', details?: ErrorDetails) {
    super(message, details)
  }
}
/** A cap would be exceeded. */
export class BudgetExceededError extends TetradError {
  override readonly name: string = 'BudgetExceededError'
  declare readonly cap: ExceededCap | undefined
  /** So far, in the unit of the cap. */
  declare readonly used: number | undefined
  /** Undefined for a total. */
  declare readonly resetsAt: Date | undefined

  constructor(message: string, details: BudgetErrorDetails = {}) {
    super(message, details)
    const { cap, used, resetsAt } = details
    Object.assign(this, { cap, used, resetsAt })
  }
}

export interface BudgetErrorDetails extends ErrorDetails {
  readonly cap?: ExceededCap | undefined
  readonly used?: number | undefined
  readonly resetsAt?: Date | undefined
}

/** The exceeded cap. */
export interface ExceededCap {
  readonly unit: 'usd' | 'tokens'
  readonly window: string
  readonly limit: number
  /** Key in the ledger of the store. */
  readonly key: string
}
/** The package is used in a way that cannot work. */
export class MisuseError extends TetradError {
  override readonly name: string = 'MisuseError'
}
