/** Public errors of the server → error classes of the same name. */
import { asNumber, asObject, asText, isObject, type PartialResponse } from '../chat/index.js'
import {
  AbortError,
  APIConnectionError,
  AuthenticationError,
  BadGatewayError,
  BadRequestError,
  BudgetExceededError,
  ContentPolicyViolationError,
  ContextWindowExceededError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
  ServiceUnavailableError,
  StreamInterruptedError,
  type TetradError,
  TimeoutError,
  UnsupportedParamsError,
} from '../core/errors.js'

type ErrorClass = typeof TetradError

/** Codes that are more specific than their status. */
const codes: ReadonlyMap<unknown, ErrorClass> = new Map<unknown, ErrorClass>([
  ['context_length_exceeded', ContextWindowExceededError],
  ['content_policy', ContentPolicyViolationError],
  ['unsupported_params', UnsupportedParamsError],
  ['budget_exceeded', BudgetExceededError],
  ['interrupted', StreamInterruptedError],
  ['log_lost', StreamInterruptedError],
  ['store_unavailable', ServiceUnavailableError],
])

const statuses: ReadonlyMap<number, ErrorClass> = new Map<number, ErrorClass>([
  [401, AuthenticationError],
  [403, PermissionDeniedError],
  // nothing to resume
  [204, NotFoundError],
  [404, NotFoundError],
  [408, TimeoutError],
  [429, RateLimitError],
  [502, BadGatewayError],
  [503, ServiceUnavailableError],
  [504, TimeoutError],
])

/** `error` is the server's public error, or what a proxy sent in its place. */
export function toError(error: unknown, status: number, retryAfterMs?: number): TetradError {
  const publicError = asObject(error)
  const effectiveStatus = asNumber(publicError.status) ?? status
  const Class =
    codes.get(publicError.code) ??
    statuses.get(effectiveStatus) ??
    (effectiveStatus >= 500 ? InternalServerError : BadRequestError)
  return new Class(asText(publicError.message) ?? `The server answered ${effectiveStatus}`, {
    status: effectiveStatus,
    code: asText(publicError.code),
    requestId: asText(publicError.request_id),
    retryAfterMs: asNumber(publicError.retryAfterMs) ?? retryAfterMs,
  })
}

/** The error of a failed response. Reads its body. */
export async function failureOf(response: Response): Promise<TetradError> {
  const body = asObject(await response.json().catch(() => {}))
  const seconds = response.headers.get('retry-after') ?? 'none'
  const error = toError(body.error, response.status, asNumber(Number(seconds) * 1000))
  const { partial } = body
  if (isObject(partial)) {
    // what the handler had of the answer: its type is what the handler sends
    error.partial = { ...partial, finish_reason: null } as PartialResponse
    error.usage = error.partial.usage
  }
  return error
}

/** The error of a rejected `fetch`: an abort by the caller, or the network. */
export const toConnectionError = (
  cause: unknown,
  signal: AbortSignal | null | undefined,
): TetradError =>
  signal?.aborted
    ? toAbortError(signal.reason)
    : new APIConnectionError('The server cannot be reached', { cause, phase: 'connect' })

export const toAbortError = (reason: unknown): AbortError =>
  reason instanceof AbortError ? reason : new AbortError(undefined, { cause: reason })

export const dropped = (cause?: unknown): StreamInterruptedError =>
  new StreamInterruptedError('The connection broke before the answer was complete', {
    cause,
    phase: 'stream',
  })
