/** Converts a Node request to a web one. Forwarding headers (`x-forwarded-…`) are not trusted. */
import type { IncomingMessage } from 'node:http'
import { AbortError } from '../core/index.js'

export interface TranslateOptions {
  /** The path as the client sent it, before any router rewrote it. */
  readonly path: string
  /** The body as an earlier parser left it; undefined without one. */
  readonly parsed: unknown
  readonly signal: AbortSignal
}

/** Throws `TypeError` for an invalid host, header or method. */
export function toRequest(raw: IncomingMessage, options: TranslateOptions): Request {
  const { path, parsed, signal } = options
  const method = raw.method ?? 'GET'
  const init: RequestInit & { duplex?: 'half' } = { method, headers: headersOf(raw), signal }
  if (method !== 'GET' && method !== 'HEAD') {
    init.body = bodyOf(raw, parsed)
    init.duplex = 'half'
  }
  return new Request(urlOf(raw, path), init)
}

function urlOf(raw: IncomingMessage, path: string): URL {
  const isEncrypted = 'encrypted' in raw.socket && raw.socket.encrypted === true
  const host = raw.headers.host ?? raw.headers[':authority']
  const url = new URL(`${isEncrypted ? 'https' : 'http'}://${host || 'localhost'}`)
  // set separately, path and query cannot change the host: `//evil.test/`, `http://evil.test/`
  const [, pathname = '/', search = ''] =
    /^(?:[a-z][a-z\d+.-]*:\/\/[^/?#]*)?([^?#]*)(\?[^#]*)?/i.exec(path) ?? []
  url.pathname = pathname
  url.search = search
  return url
}

function headersOf(raw: IncomingMessage): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(raw.headers)) {
    if (name.startsWith(':') || value === undefined) continue
    for (const one of Array.isArray(value) ? value : [value]) headers.append(name, one)
  }
  return headers
}

/** Serializes an already parsed body again, so that the usual limits and checks apply to it. */
function bodyOf(raw: IncomingMessage, parsed: unknown): BodyInit {
  // Express 4 sets `{}` where no parser matched
  if (parsed === undefined || !raw.readableDidRead) return streamOf(raw)
  // Node's buffer type allows shared memory, the web's body type does not
  if (parsed instanceof Uint8Array) return parsed as Uint8Array<ArrayBuffer>
  return typeof parsed === 'string' ? parsed : JSON.stringify(parsed)
}

/**
 * Streams the body on demand. Unlike `Readable.toWeb` it keeps the socket open when its reader
 * cancels: an error response may still be sent on it.
 */
function streamOf(raw: IncomingMessage): ReadableStream<Uint8Array> {
  let release = () => {}
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const onData = (bytes: Uint8Array) => {
          raw.pause()
          controller.enqueue(bytes)
        }
        const onEnd = () => {
          release()
          controller.close()
        }
        const onCut = (error?: Error) => {
          release()
          controller.error(
            new AbortError('The client disconnected before its request was complete', {
              cause: error,
            }),
          )
        }
        release = () => {
          raw.off('data', onData).off('end', onEnd).off('close', onCut)
        }
        if (raw.readableEnded) return controller.close()
        if (raw.destroyed) return onCut()
        // without it the `data` listener would start the flow
        raw.pause()
        raw.on('data', onData).on('end', onEnd).on('close', onCut)
        // an aborted upload also emits `error`; `close` follows
        raw.on('error', ignore)
      },
      pull: () => void raw.resume(),
      cancel: () => {
        release()
        raw.pause()
      },
    },
    { highWaterMark: 0 },
  )
}

const ignore = () => {}

/** Bytes of an unread body that are discarded before the connection is cut. */
const maxDiscarded = 4_194_304

/** Discards the rest of a body, as many clients read the response only after sending all of it. */
export function discard(raw: IncomingMessage): void {
  if (raw.readableEnded || raw.destroyed) return
  let left = maxDiscarded
  raw.on('data', (bytes: Uint8Array) => {
    left -= bytes.length
    if (left < 0) raw.destroy()
  })
  raw.on('error', ignore)
  raw.resume()
}
