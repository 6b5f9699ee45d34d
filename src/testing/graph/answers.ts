/** What the fake API does with a call in place of its ordinary answer. */
import type { ServerResponse } from 'node:http'
import { errorBody, statusOf } from './errors.js'

/** Which calls an answer is for: messages, typing and read marks, descriptions of media, bytes of media. */
export type GraphCall = 'message' | 'typing' | 'media' | 'bytes'

/**
 * - `{ code }`: refused with this error of the Graph API, by its own HTTP status, or the one that is given: 200 too,
 * - `{ html }`: a page of a proxy with this status,
 * - `'hang'`: the call is taken and never answered: whoever sent it does not know,
 * - `'reset'`: the connection breaks before the call is taken,
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

/** A scripted refusal as a response. */
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
