/** Failures by kind or by status. */
import type { Failure, FailureKind, FailureOptions } from './script.js'

const kinds: Readonly<Record<number, FailureKind>> = {
  400: 'bad_request',
  401: 'auth',
  402: 'quota',
  403: 'permission',
  404: 'not_found',
  408: 'timeout',
  409: 'conflict',
  413: 'too_large',
  422: 'unprocessable',
  429: 'rate_limit',
  500: 'server_error',
  502: 'bad_gateway',
  503: 'overloaded',
  504: 'timeout',
  529: 'overloaded',
}

/**
 * The failure of a status or kind. An unknown status is a bad request below 500, else a server
 * error.
 */
export function failureOf(what: number | FailureKind, options: FailureOptions = {}): Failure {
  if (typeof what === 'string') return { ...options, kind: what }
  const kind = kinds[what] ?? (what < 500 ? 'bad_request' : 'server_error')
  return { status: what, ...options, kind }
}
