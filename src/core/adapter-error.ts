/**
 * Converts errors of an adapter to typed errors that name it: retried by the same rules as our own.
 */
import { isObject } from '../chat/index.js'
import type { CallTarget } from './adapter-chunks.js'
import {
  APIConnectionError,
  AuthenticationError,
  BadGatewayError,
  BadRequestError,
  ConflictError,
  ContentPolicyViolationError,
  ContextWindowExceededError,
  type ErrorDetails,
  InternalServerError,
  isTetradError,
  NotFoundError,
  PermissionDeniedError,
  QuotaExceededError,
  RateLimitError,
  ServiceUnavailableError,
  StreamInterruptedError,
  type TetradError,
  TimeoutError,
  UnexpectedResponseError,
  UnprocessableEntityError,
} from './errors.js'

export type ErrorClass = new (message: string, details?: ErrorDetails) => TetradError

/**
 * Each class with its status, and other statuses that mean the same; of two rows with a status the
 * first counts.
 */
const statuses: readonly (readonly [ErrorClass, own: number, ...others: number[]])[] = [
  [BadRequestError, 400, 413],
  [AuthenticationError, 401],
  [PermissionDeniedError, 403, 451],
  [NotFoundError, 404, 410],
  [ConflictError, 409],
  [UnprocessableEntityError, 422],
  [RateLimitError, 429],
  [InternalServerError, 500],
  [BadGatewayError, 502, 520, 521, 522, 523, 524, 525, 526],
  [ServiceUnavailableError, 503, 425, 529],
  [TimeoutError, 504, 408],
  [QuotaExceededError, 429, 402],
  [ContextWindowExceededError, 400],
  [ContentPolicyViolationError, 400],
]

/** The class for an error status without a more specific code. */
export const classOfStatus = (status: number): ErrorClass =>
  statuses.find(([, ...known]) => known.includes(status))?.[0] ??
  (status >= 500 ? InternalServerError : BadRequestError)

/** The status of an error class if the wire reported none. */
export const statusOfClass = (Class: ErrorClass): number | undefined =>
  statuses.find(([known]) => known === Class)?.[1]

/**
 * The typed error for anything an adapter threw: its own `TetradError` unchanged, an error with a
 * `status` (as official SDKs throw) by that status, a timeout, a failed connection, else an
 * unreadable answer. The original is its `cause`; its text is not repeated, as it may contain
 * anything.
 */
export function adapterError(
  thrown: unknown,
  target: CallTarget,
  hasAnswered: boolean,
): TetradError {
  if (isTetradError(thrown)) return withTarget(thrown, target)
  const who = `${target.provider}/${target.model}`
  const code = codeOf(thrown)
  const details = {
    ...target,
    code,
    cause: thrown,
    phase: hasAnswered ? 'stream' : 'headers',
  } as const
  const status = statusOf(thrown)
  if (status !== undefined) {
    const retryAfterMs = waitOf(thrown)
    const isBilled = status >= 500 && status !== 503 && status !== 529
    return new (classOfStatus(status))(`${who} answered ${status}`, {
      ...details,
      status,
      maybeBilled: isBilled,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    })
  }
  const words = `${nameOf(thrown)}${code === undefined ? '' : `, ${code}`}: see cause`
  if (isTimer(thrown, code))
    return new TimeoutError(`${who}: a timeout inside the adapter ended the request (${words})`, {
      ...details,
      maybeBilled: true,
    })
  if (isUnreadable(thrown))
    return new UnexpectedResponseError(`${who} answered with a body that is not JSON (${words})`, {
      ...details,
      code: 'bad_json',
      maybeBilled: true,
    })
  if (hasAnswered)
    return new StreamInterruptedError(`The stream of ${who} broke off (${words})`, {
      ...details,
      maybeBilled: true,
    })
  if (isConnection(thrown, code))
    return new APIConnectionError(`No answer from ${who}: the connection failed (${words})`, {
      ...details,
      maybeBilled: !unsentCode.test(code ?? ''),
    })
  return new UnexpectedResponseError(`The adapter of ${who} failed (${words})`, {
    ...details,
    code: code ?? 'adapter_failed',
    // a bug: the next attempt would fail the same way
    retryable: false,
    maybeBilled: true,
  })
}

/** Adds the provider and model if the adapter left them out. */
function withTarget(error: TetradError, { provider, model }: CallTarget): TetradError {
  if (error.provider === undefined) Reflect.set(error, 'provider', provider)
  if (error.model === undefined) Reflect.set(error, 'model', model)
  return error
}

/** The error and its chain of causes: `fetch` itself only reports "fetch failed". */
function linksOf(thrown: unknown): readonly Record<string, unknown>[] {
  const links: Record<string, unknown>[] = []
  for (let link = thrown; isObject(link) && links.length < 8; link = link.cause) links.push(link)
  return links
}

const codeOf = (thrown: unknown): string | undefined => {
  const codes = linksOf(thrown).map(({ code }) => code)
  return codes.find((code): code is string => typeof code === 'string' && /^\w{1,60}$/.test(code))
}

const nameOf = (thrown: unknown): string =>
  thrown instanceof Error
    ? thrown.name.slice(0, 60)
    : `${thrown === null ? 'null' : typeof thrown} thrown`

/**
 * `status` of SDK errors and of a thrown `Response`, `statusCode` and `response.status` of HTTP
 * clients.
 */
const statusOf = (thrown: unknown): number | undefined => {
  if (!isObject(thrown)) return undefined
  const { status, statusCode, response } = thrown
  const candidates = [status, statusCode, isObject(response) ? response.status : undefined]
  return candidates.find(
    (one): one is number => Number.isInteger(one) && Number(one) >= 400 && Number(one) < 600,
  )
}

/** Milliseconds, from the seconds of `retry-after`. */
const waitOf = (thrown: unknown): number | undefined => {
  if (!isObject(thrown)) return undefined
  const { response } = thrown
  const headers = thrown.headers ?? (isObject(response) ? response.headers : undefined)
  const text =
    headers instanceof Headers
      ? headers.get('retry-after')
      : isObject(headers)
        ? headers['retry-after']
        : undefined
  const seconds = typeof text === 'string' && text.trim() !== '' ? Number(text) : Number.NaN
  return seconds >= 0 && Number.isFinite(seconds) ? seconds * 1000 : undefined
}

const isTimer = (thrown: unknown, code = '') =>
  /^(UND_ERR_(CONNECT|HEADERS|BODY)_TIMEOUT|ETIMEDOUT|ESOCKETTIMEDOUT)$/.test(code) ||
  linksOf(thrown).some(
    ({ name }) => name === 'TimeoutError' || name === 'APIConnectionTimeoutError',
  )

const isUnreadable = (thrown: unknown) =>
  linksOf(thrown).some((link) => link instanceof SyntaxError)

/**
 * By code, by the error name of SDKs, or by the message of each engine's `fetch`, which has no
 * code.
 */
const isConnection = (thrown: unknown, code = '') =>
  /^(E[A-Z]{4,}|UND_ERR_\w+|CERT_\w+|ERR_(TLS|SSL|SOCKET)\w*|UNABLE_TO_\w+|(DEPTH_ZERO_)?SELF_SIGNED_CERT\w*|Connection\w+|FailedToOpenSocket)$/.test(
    code,
  ) ||
  linksOf(thrown).some(
    ({ name, message }) =>
      name === 'APIConnectionError' ||
      name === 'AbortError' ||
      name === 'NetworkError' ||
      (name === 'TypeError' && typeof message === 'string' && fetchFailed.test(message)),
  )

const fetchFailed =
  /^(fetch failed|Failed to fetch|Load failed|NetworkError when|terminated$|network error|error sending request|Network connection lost)/

/** Codes of a failed connect: the request was not sent. `ConnectionRefused` is Bun's. */
export const unsentCode =
  /^(ECONNREFUSED|EAI_\w+|ENOTFOUND|E(NET|HOST)(UNREACH|DOWN)|EADDRNOTAVAIL|ConnectionRefused)$/
