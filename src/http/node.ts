/** `handler` for Express, Fastify and `node:http`: a translator around the web one. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { ReadableStream as NodeStream } from 'node:stream/web'
import type { HandlerClient, HandlerOptions } from './options.js'
import { handler as webHandler } from './web.js'

export type { BaseHandlerOptions, HandlerClient, HandlerOptions } from './options.js'

/** Express has read the body already where a parser stood before; Fastify wraps what Node gives. */
export type NodeRequest =
  | (IncomingMessage & { readonly body?: unknown; readonly originalUrl?: string })
  | { readonly raw: IncomingMessage; readonly body?: unknown; readonly originalUrl?: string }

export type NodeResponse = ServerResponse | { readonly raw: ServerResponse; hijack(): unknown }

/**
 * A route handler for `(req, res)`. It never rejects. Throws `MisuseError` for options that cannot work.
 *
 * @example
 * app.post('/api/chat', handler(ai, { models: ['fast'], authorize: (request) => userOf(request) }))
 */
export function handler<State = {}>(
  ai: HandlerClient<State>,
  options: HandlerOptions<NoInfer<State>>,
): (request: NodeRequest, response: NodeResponse) => Promise<void> {
  const answer = webHandler<State>(ai, options)
  return async (request, response) => {
    const raw = 'raw' in request ? request.raw : request
    const out = rawOf(response)
    const gone = new AbortController()
    // before the end was handed to the socket, a close is a client that left
    const onClose = () => {
      if (!out.writableFinished) gone.abort()
    }
    out.once('close', onClose)
    // a socket may die at any moment: `close` follows
    out.on('error', ignore)
    try {
      await send(await answer(toRequest(raw, request, gone.signal)), out)
    } catch {
      // what is half sent cannot be taken back; the client sees a cut answer
      out.destroy()
    } finally {
      out.off('close', onClose)
    }
  }
}

const ignore = () => {}

function rawOf(response: NodeResponse): ServerResponse {
  if (!('raw' in response)) return response
  response.hijack()
  return response.raw
}

function toRequest(raw: IncomingMessage, outer: NodeRequest, signal: AbortSignal): Request {
  const method = raw.method ?? 'GET'
  const path = outer.originalUrl ?? raw.url ?? '/'
  const scheme = 'encrypted' in raw.socket ? 'https' : 'http'
  const host = raw.headers.host ?? 'localhost'
  // an absolute or doubled slash path must not name another host
  const url = new URL(`${scheme}://${host}`)
  const [pathname = '/', query = ''] = path.split('?', 2)
  url.pathname = pathname
  url.search = query
  const init: RequestInit & { duplex?: 'half' } = { method, headers: headersOf(raw), signal }
  if (method !== 'GET' && method !== 'HEAD') {
    init.body = bodyOf(raw, outer.body)
    init.duplex = 'half'
  }
  return new Request(url, init)
}

function bodyOf(raw: IncomingMessage, parsed: unknown): BodyInit {
  if (parsed !== undefined && (raw.readableEnded || raw.readableDidRead))
    return typeof parsed === 'string' ? parsed : JSON.stringify(parsed)
  // Node's own type of a web stream and that of the DOM are one at run time
  return Readable.toWeb(raw) as NodeStream as unknown as ReadableStream
}

function headersOf(raw: IncomingMessage): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(raw.headers)) {
    if (name.startsWith(':') || value === undefined) continue
    for (const one of Array.isArray(value) ? value : [value]) headers.append(name, one)
  }
  return headers
}

async function send(response: Response, out: ServerResponse): Promise<void> {
  out.writeHead(response.status, Object.fromEntries(response.headers))
  const reader = response.body?.getReader()
  if (!reader) {
    out.end()
    return
  }
  out.flushHeaders()
  const leave = () => {
    if (!out.writableFinished) reader.cancel().catch(ignore)
  }
  out.once('close', leave)
  // the client may have left before there was a listener
  if (out.destroyed) leave()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    const isRoomy = out.write(value)
    flush(out)
    if (!isRoomy) await drained(out)
  }
  out.off('close', leave)
  out.end()
}

/** `compression()` holds bytes back until it is told; nobody else has the method. */
function flush(out: ServerResponse): void {
  if ('flush' in out && typeof out.flush === 'function') out.flush()
}

function drained(out: ServerResponse): Promise<void> {
  if (out.destroyed) return Promise.resolve()
  return new Promise((resolve) => {
    const go = () => {
      out.off('drain', go)
      out.off('close', go)
      resolve()
    }
    out.once('drain', go)
    out.once('close', go)
  })
}
