/** What a client sees of an error: a code, a message for end users, a request id. */
import { BadRequestError, isTetradError } from '../core/index.js'

export interface PublicError {
  readonly status: number
  /** Stable, from a small set: `bad_request`, `rate_limited`, `provider_unavailable` … */
  readonly code: string
  /** For end users: contains no provider text, key or stack trace. */
  readonly message: string
  readonly request_id: string
  /** The rejected member of the body: `temperature`, `messages[3].content[1]`. */
  readonly param?: string
  /** Milliseconds. */
  readonly retryAfterMs?: number
}

export interface RefusalOptions {
  readonly status?: number
  readonly param?: string
}

/** Thrown when the handler rejects client input. Its message is ours and is sent to the client. */
export class RefusedError extends BadRequestError {
  override readonly name: string = 'RefusedError'
  /** The rejected member of the body. */
  readonly param: string | undefined
  constructor(code: string, message: string, { status = 400, param }: RefusalOptions = {}) {
    super(message, { status, code })
    this.param = param
  }
}

interface Row {
  readonly status: number
  readonly code: string
  readonly message: string
}

const unavailable = (status: number): Row => ({
  status,
  code: 'provider_unavailable',
  message: 'The model cannot be reached at the moment.',
})

const internal: Row = {
  status: 500,
  code: 'internal_error',
  message: 'Something went wrong on the server.',
}

/** By code: configuration errors that only the app can fix; `onError` gets the original error. */
const notConfigured: Row = {
  status: 500,
  code: 'not_configured',
  message: 'The server is not set up to reach this model.',
}
const setupFaults: ReadonlySet<unknown> = new Set(['missing_api_key', 'bad_api_key'])

/** For an approval that `tools()` did not request or that was already used. */
const approvalUsed = bad('approval_used', 'This was already answered, or is no longer open.')

/** By name, so that two copies of the package agree. Errors of our key or account are outages. */
const rows: ReadonlyMap<string, Row> = new Map<string, Row>([
  ['BadRequestError', bad('bad_request', 'The model cannot process this request.')],
  [
    'UnsupportedParamsError',
    bad('unsupported_params', 'The model does not support a parameter of this request.'),
  ],
  ['UnprocessableEntityError', bad('bad_request', 'The model cannot process this request.')],
  [
    'ContextWindowExceededError',
    bad('context_length_exceeded', 'The conversation is too long for the model.'),
  ],
  ['ContentPolicyViolationError', bad('content_policy', 'The model refuses this request.')],
  ['NotFoundError', unavailable(502)],
  ['ConflictError', unavailable(503)],
  ['AuthenticationError', unavailable(502)],
  ['PermissionDeniedError', unavailable(502)],
  ['QuotaExceededError', unavailable(503)],
  ['RateLimitError', { status: 429, code: 'rate_limited', message: 'Too many requests.' }],
  [
    'BudgetExceededError',
    { status: 429, code: 'budget_exceeded', message: 'The budget for answers is used up.' },
  ],
  ['TimeoutError', { status: 504, code: 'timeout', message: 'The model took too long.' }],
  ['InternalServerError', unavailable(502)],
  ['BadGatewayError', unavailable(502)],
  ['APIConnectionError', unavailable(502)],
  ['ServiceUnavailableError', unavailable(503)],
  [
    'StreamInterruptedError',
    { status: 502, code: 'interrupted', message: 'The answer was cut off.' },
  ],
  ['UnexpectedResponseError', unavailable(502)],
  ['AbortError', { status: 499, code: 'aborted', message: 'The answer was stopped.' }],
])

/** Failures around storage, by code: their classes map to failures of the model. */
const codes: ReadonlyMap<string, Row> = new Map([
  [
    'store_unavailable',
    {
      status: 503,
      code: 'store_unavailable',
      message: 'This is not possible at the moment. Try again.',
    },
  ],
  [
    'conversation_overtaken',
    {
      status: 409,
      code: 'conversation_overtaken',
      message: 'A later message of this conversation was answered first.',
    },
  ],
  ['log_lost', { status: 502, code: 'log_lost', message: 'Part of the answer was lost.' }],
])

function bad(code: string, message: string): Row {
  return { status: 400, code, message }
}

/** Maps any error to its public form by class and code, never by message text. */
export function toPublicError(error: unknown, request_id: string): PublicError {
  if (!isTetradError(error)) return { ...internal, request_id }
  if (error.name === 'RefusedError')
    return {
      status: error.status ?? 400,
      code: error.code ?? 'bad_request',
      message: error.message,
      request_id,
      ...('param' in error && typeof error.param === 'string' && { param: error.param }),
    }
  if (error.code === 'approval_invalid') return { ...approvalUsed, request_id }
  const own = setupFaults.has(error.code) ? notConfigured : codes.get(error.code ?? '')
  const row = own ?? rows.get(error.name) ?? internal
  const mayWait = row.status === 429 || row.status === 503
  return {
    ...row,
    request_id,
    ...(mayWait && error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
  }
}

/** Maps what `authorize` threw to 401, 403 or its own `RefusedError`; undefined for all else. */
export function toRefusal(error: unknown): RefusedError | undefined {
  if (!isTetradError(error)) return undefined
  if (error.name === 'AuthenticationError')
    return new RefusedError('unauthorized', 'You are not signed in.', { status: 401 })
  if (error.name === 'PermissionDeniedError')
    return new RefusedError('forbidden', 'You may not do this.', { status: 403 })
  if (error.name === 'RefusedError') return error as RefusedError
  return undefined
}
