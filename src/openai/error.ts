/** Errors as sent by OpenAI. */
import { isTetradError } from '../core/index.js'
import { paramOf } from './check.js'
import type { OpenAIErrorBody } from './types.js'

export interface OpenAIError {
  /** The status to send, if no response has begun. */
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: OpenAIErrorBody
}

interface Row {
  readonly status: number
  readonly type: string
  /** Replaces the error's own message, which describes this server and not the request. */
  readonly message?: string
}

/**
 * The error to send to a client. Messages about its own request are shown; errors about the key,
 * the account or the code of this server get a generic message. In a stream that has begun, `body`
 * is the last event.
 */
export function asOpenAIError(error: unknown): OpenAIError {
  if (!isTetradError(error)) return answer(broken, broken.message)
  const row = rows.get(error.name) ?? broken
  if (row.message !== undefined) return answer(row, row.message, { ...waitOf(row, error) })
  return answer(row, error.message, {
    param: paramOf(error),
    code: error.code,
    ...waitOf(row, error),
  })
}

const broken = {
  status: 500,
  type: 'server_error',
  message: 'The server had an error while processing your request.',
}

const invalid = (status: number): Row => ({ status, type: 'invalid_request_error' })

const misconfigured: Row = {
  status: 500,
  type: 'server_error',
  message: 'The server is not set up to answer this request.',
}

const unreachable = (status: number): Row => ({
  status,
  type: 'server_error',
  message: 'The model cannot be reached at the moment.',
})

/** By name, so that errors of two copies of the package match. */
const rows: ReadonlyMap<string, Row> = new Map<string, Row>([
  ['BadRequestError', invalid(400)],
  ['UnsupportedParamsError', invalid(400)],
  ['ContextWindowExceededError', invalid(400)],
  ['ContentPolicyViolationError', invalid(400)],
  ['NotFoundError', invalid(404)],
  ['ConflictError', invalid(409)],
  ['UnprocessableEntityError', invalid(422)],
  ['RateLimitError', { status: 429, type: 'rate_limit_error' }],
  ['BudgetExceededError', { status: 429, type: 'insufficient_quota' }],
  ['AuthenticationError', misconfigured],
  ['PermissionDeniedError', misconfigured],
  ['QuotaExceededError', misconfigured],
  ['MisuseError', misconfigured],
  ['AbortError', { status: 499, type: 'server_error', message: 'The request was aborted.' }],
  ['TimeoutError', { status: 504, type: 'server_error', message: 'The model took too long.' }],
  ['ServiceUnavailableError', unreachable(503)],
  ['BadGatewayError', unreachable(502)],
  ['APIConnectionError', unreachable(502)],
  ['StreamInterruptedError', unreachable(502)],
  ['UnexpectedResponseError', unreachable(502)],
])

interface Facts {
  readonly param?: string | undefined
  readonly code?: string | undefined
  readonly waitMs?: number | undefined
}

/** Sets the wait only for statuses after which the client may retry. */
const waitOf = (
  { status }: Row,
  { retryAfterMs }: { readonly retryAfterMs: number | undefined },
) => (status === 429 || status === 503 ? { waitMs: retryAfterMs } : {})

const answer = (
  { status, type }: Row,
  message: string,
  { param, code, waitMs }: Facts = {},
): OpenAIError => ({
  status,
  headers: waitMs === undefined ? {} : { 'retry-after': String(Math.ceil(waitMs / 1000)) },
  body: { error: { message, type, param: param ?? null, code: code ?? null } },
})
