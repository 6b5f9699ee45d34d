/** Scripted answers of the fake API. */
import type { ServerResponse } from 'node:http'
import { errorBody, statusOf } from './errors.js'

/**
 * The calls an answer is for: messages, typing and read marks, descriptions of media, bytes of
 * media.
 */
export type GraphCall = 'message' | 'typing' | 'media' | 'bytes'

/**
 * - `{ code }`: refused with this error of the Graph API, by its own HTTP status or the given one
 *   (also 200),
 * - `{ html }`: a proxy's page with this status,
 * - `'hang'`: accepted and never answered, so that the sender does not know the outcome,
 * - `'reset'`: the connection breaks before the call is accepted,
 * - `'ok'`: the ordinary answer, to let some calls pass first.
 */
export type GraphAnswer =
  | { readonly code: number; readonly status?: number; readonly retryAfter?: number }
  | { readonly html: number }
  | 'hang'
  | 'reset'
  | 'ok'

export interface Answer {
  readonly status: number
  readonly body: object | string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

export const refuse = (code: number, details?: string): Answer => ({
  status: statusOf(code),
  body: errorBody(code, details),
})

/** Converts a scripted refusal to a response. */
export function toAnswer(scripted: Exclude<GraphAnswer, string>): Answer {
  if ('html' in scripted)
    return { status: scripted.html, body: '<html><body>Sorry, something went wrong.</body></html>' }
  const { code, status = statusOf(code), retryAfter } = scripted
  const headers = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }
  return { status, body: errorBody(code), headers }
}

export function respond(response: ServerResponse, { status, body, headers }: Answer): void {
  const isPlain = typeof body === 'string' || body instanceof Uint8Array
  const type = typeof body === 'string' ? 'text/html' : 'application/json'
  response.writeHead(status, {
    'content-type': body instanceof Uint8Array ? 'application/octet-stream' : type,
    ...headers,
  })
  response.end(isPlain ? body : JSON.stringify(body))
}
