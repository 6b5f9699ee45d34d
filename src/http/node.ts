/** `handler` for Express, Fastify and `node:http`: an adapter around the web handler. */
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

/** Node's request, with the `body` that an Express body parser may have set. */
export type RawRequest = (IncomingMessage | Http2ServerRequest) & {
  readonly body?: unknown
  readonly originalUrl?: string
}

export type RawResponse = ServerResponse | Http2ServerResponse

/** Fastify's request: it wraps Node's and has parsed the body. */
export interface WrappedRequest {
  readonly raw: IncomingMessage | Http2ServerRequest
  readonly body?: unknown
  readonly originalUrl?: string
}

export interface WrappedResponse {
  readonly raw: RawResponse
  /** Stops the framework from sending the response itself. */
  hijack(): unknown
  /** Headers set by hooks and plugins so far. */
  getHeaders(): Readonly<Record<string, number | string | readonly string[] | undefined>>
}

export type NodeRequest = RawRequest | WrappedRequest
export type NodeResponse = RawResponse | WrappedResponse

/**
 * Creates a route handler for `(req, res)`; the app's functions get both as `native: { req, res }`.
 * The handler never rejects. Throws `MisuseError` for invalid options.
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
    // a timeout or another route has already responded
    if (out.headersSent) return
    // a socket may fail at any time: `close` follows
    out.on('error', ignore)
    const client = watch(out)
    try {
      const translated = translate(raw, request, client.signal)
      const answered =
        translated instanceof Request
          ? await answer(translated, { req: request, res: response })
          : translated
      await send(answered, out, { stalledMs: options.stalledMs ?? 60_000 })
    } catch {
      // a started response cannot be replaced; the client sees a truncated body
      out.destroy()
    } finally {
      client.unwatch()
      discard(raw)
    }
  }
}

const ignore = () => {}

// the http2 compatibility API has all members used here
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

/** Fires its signal when the client disconnects before the response is complete. */
function watch(out: ServerResponse) {
  const gone = new AbortController()
  const leave = () => gone.abort()
  if (out.destroyed) leave()
  out.once('close', leave)
  return { signal: gone.signal, unwatch: () => out.off('close', leave) }
}

/** The web request, or a 400 response for a malformed one. */
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
