/** `handler` for Express, Fastify and `node:http`: a translator around the web one. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { chunks } from './formats/index.js'
import { discard, toRequest } from './node-request.js'
import { send } from './node-response.js'
import type { HandlerClient, HandlerOptions } from './options.js'
import { RefusedError, toPublicError } from './public-error.js'
import { handler as webHandler } from './route.js'
import { json } from './stream/respond.js'

export type { BaseHandlerOptions, HandlerClient, HandlerOptions } from './options.js'

/** What Node gives, and what a body parser of Express has put on it. */
export type RawRequest = (IncomingMessage | Http2ServerRequest) & {
  readonly body?: unknown
  readonly originalUrl?: string
}

export type RawResponse = ServerResponse | Http2ServerResponse

/** Fastify wraps what Node gives, and has read the body already. */
export interface WrappedRequest {
  readonly raw: IncomingMessage | Http2ServerRequest
  readonly body?: unknown
  readonly originalUrl?: string
}

export interface WrappedResponse {
  readonly raw: RawResponse
  /** Tells the framework that the answer is no longer its own. */
  hijack(): unknown
  /** What hooks and plugins have set so far. */
  getHeaders(): Readonly<Record<string, number | string | readonly string[] | undefined>>
}

export type NodeRequest = RawRequest | WrappedRequest
export type NodeResponse = RawResponse | WrappedResponse

/**
 * A route handler for `(req, res)`; the app's functions get both as `native: { req, res }`. It never rejects. Throws `MisuseError` for options that cannot work.
 *
 * @example
 * app.all('/api/chat{/*rest}', handler(ai, { models: ['fast'], authorize: (request) => userOf(request) }))
 */
export function handler<State = {}>(
  ai: HandlerClient<State>,
  options: HandlerOptions<NoInfer<State>>,
): (request: NodeRequest, response: NodeResponse) => Promise<void> {
  const answer = webHandler<State>(ai, options)
  return async (request, response) => {
    const raw = rawRequest(request)
    const out = rawResponse(response)
    // a time limit, or another route, has answered already
    if (out.headersSent) return
    // a socket may die at any moment: `close` follows
    out.on('error', ignore)
    const client = watch(out)
    try {
      const asked = translate(raw, request, client.signal)
      const answered =
        asked instanceof Request ? await answer(asked, { req: request, res: response }) : asked
      await send(answered, out, { stalledMs: options.stalledMs ?? 60_000 })
    } catch {
      // what is half sent cannot be taken back; the client sees a cut answer
      out.destroy()
    } finally {
      client.unwatch()
      discard(raw)
    }
  }
}

const ignore = () => {}

// the compatibility API of http2 has the members that are used here
const rawRequest = (request: NodeRequest) =>
  ('raw' in request ? request.raw : request) as IncomingMessage

function rawResponse(response: NodeResponse): ServerResponse {
  if (!('hijack' in response)) return response as ServerResponse
  response.hijack()
  const out = response.raw as ServerResponse
  if (out.headersSent) return out
  for (const [name, value] of Object.entries(response.getHeaders()))
    if (value !== undefined) out.setHeader(name, value)
  return out
}

/** A signal that fires when the client leaves before its answer is whole. */
function watch(out: ServerResponse) {
  const gone = new AbortController()
  const leave = () => gone.abort()
  if (out.destroyed) leave()
  out.once('close', leave)
  return { signal: gone.signal, unwatch: () => out.off('close', leave) }
}

/** The request, or the answer to one that is none. */
function translate(raw: IncomingMessage, outer: NodeRequest, signal: AbortSignal) {
  try {
    return toRequest(raw, {
      path: outer.originalUrl ?? raw.url ?? '/',
      parsed: outer.body,
      signal,
    })
  } catch {
    const refused = new RefusedError('bad_request', 'The request is malformed.')
    const shown = toPublicError(refused, crypto.randomUUID())
    return json(chunks.errorBody(shown), shown.status, { 'x-request-id': shown.request_id })
  }
}
