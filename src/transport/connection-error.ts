/** Classifies a broken connection: whether anything was sent or billed, and whether to retry. */
import {
  APIConnectionError,
  type ErrorDetails,
  isTetradError,
  StreamInterruptedError,
  type TetradError,
  TimeoutError,
  unsentCode,
} from '../core/index.js'

export interface FaultContext extends ErrorDetails {
  readonly phase: 'headers' | 'body' | 'stream'
  /** Since the request was sent. Milliseconds. */
  readonly elapsedMs: number
  /** The connection was reused and received no byte for this request. */
  readonly isStale?: boolean
}

/**
 * The typed error for what `fetch` or a read of its body threw. `code` is the system's
 * (`ECONNREFUSED`, `UND_ERR_SOCKET`), but `stale_socket` for a kept-alive connection that the
 * server had closed before it received the request: one immediate retry is free. `cause` is the
 * system error if fetch wrapped one.
 */
export function faultOf(
  thrown: unknown,
  { elapsedMs, isStale = false, ...details }: FaultContext,
): TetradError {
  if (isTetradError(thrown)) return thrown
  const cause = systemError(thrown)
  const code = codeOf(cause)
  const who = `${details.provider}/${details.model}`
  const phase = isConnect(cause) && code === 'ETIMEDOUT' ? 'connect' : timeoutPhases.get(code ?? '')
  if (phase === 'connect')
    return new TimeoutError(`No connection to ${who} in time (${code})`, {
      ...details,
      phase,
      code,
      cause,
    })
  if (phase)
    return new TimeoutError(
      `${who}: a timeout of the HTTP client ended the request after ${Math.round(elapsedMs)} ms (${code}), not one of tetrad's timeouts. Pass a fetch without timeouts of its own, or on Node pass none`,
      // the same timer would end a retry, which would be billed again
      { ...details, phase, code, cause, maybeBilled: true, retryable: false },
    )
  if (details.phase === 'stream')
    return new StreamInterruptedError(`The stream of ${who} broke off${inBrackets(code)}`, {
      ...details,
      code,
      cause,
      maybeBilled: true,
    })
  if (details.phase === 'body')
    return new APIConnectionError(`The answer of ${who} broke off${inBrackets(code)}`, {
      ...details,
      code,
      cause,
      maybeBilled: true,
    })
  return new APIConnectionError(`No answer from ${who}: the connection failed${inBrackets(code)}`, {
    ...details,
    ...beforeHeaders(cause, code, isStale && elapsedMs <= staleWithinMs),
    cause,
  })
}

const beforeHeaders = (
  cause: unknown,
  code: string | undefined,
  isStale: boolean,
): ErrorDetails => {
  if (isUnusable(code)) return { code, phase: 'connect', retryable: false }
  if (isUnsent(cause, code)) return { code, phase: 'connect' }
  return isStale ? { code: 'stale_socket' } : { code, maybeBilled: true }
}

/** A server that had closed an idle connection resets its next request at once. Milliseconds. */
const staleWithinMs = 50

const isUnsent = (cause: unknown, code: string | undefined) =>
  unsentCode.test(code ?? '') || isConnect(cause)

const isConnect = (cause: unknown) =>
  typeof cause === 'object' && cause !== null && 'syscall' in cause && cause.syscall === 'connect'

/** Certificates, TLS, addresses: a retry fails the same way. */
const isUnusable = (code = '') =>
  /^(CERT_|ERR_TLS_|ERR_SSL_|ERR_INVALID_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_(CA|PURPOSE)|PATH_LENGTH_)|SELF_SIGNED|^EPROTO$|^UND_ERR_INVALID_ARG$/.test(
    code,
  )

const timeoutPhases: ReadonlyMap<string, 'connect' | 'headers' | 'idle-bytes'> = new Map([
  ['UND_ERR_CONNECT_TIMEOUT', 'connect'],
  ['UND_ERR_HEADERS_TIMEOUT', 'headers'],
  ['UND_ERR_BODY_TIMEOUT', 'idle-bytes'],
])

/** `fetch` only throws "fetch failed"; the system error is its cause. */
const systemError = (thrown: unknown): unknown =>
  thrown instanceof Error && typeof thrown.cause === 'object' && thrown.cause !== null
    ? thrown.cause
    : thrown

const codeOf = (cause: unknown): string | undefined =>
  typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'string'
    ? cause.code
    : undefined

const inBrackets = (code: string | undefined) => (code === undefined ? '' : ` (${code})`)
