/** A request of Node as one of the web. Nothing that a proxy claims (`x-forwarded-…`) is believed. */
import type { IncomingMessage } from 'node:http'
import { AbortError } from '../core/index.js'

export interface TranslateOptions {
  /** As the client sent it, whatever router it has passed. */
  readonly path: string
  /** What a parser has made of the body, where one stood before. */
  readonly parsed: unknown
  readonly signal: AbortSignal
}

/** Throws `TypeError` for a host, a header or a method that cannot be one. */
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
  // what is set part by part cannot name another host: `//evil.test/`, `http://evil.test/`
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

/** A body that was read already is written anew: its limits and its shape are checked as those of any other. */
function bodyOf(raw: IncomingMessage, parsed: unknown): BodyInit {
  // Express 4 says `{}` where no parser wanted the body
  if (parsed === undefined || !raw.readableDidRead) return streamOf(raw)
  // Node's type of a buffer allows shared memory, and that of the web does not
  if (parsed instanceof Uint8Array) return parsed as Uint8Array<ArrayBuffer>
  return typeof parsed === 'string' ? parsed : JSON.stringify(parsed)
}

/**
 * The body as it comes, never more than was asked for. Unlike `Readable.toWeb` it leaves the socket open when its reader
 * stops: a refusal is still to be sent on it.
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
            new AbortError('The client left before its request was whole', { cause: error }),
          )
        }
        release = () => {
          raw.off('data', onData).off('end', onEnd).off('close', onCut)
        }
        if (raw.readableEnded) return controller.close()
        if (raw.destroyed) return onCut()
        // a listener for data would start the flow
        raw.pause()
        raw.on('data', onData).on('end', onEnd).on('close', onCut)
        // an aborted upload is told here too, and `close` follows
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

/** Bytes of an unwanted body that are let pass. */
const maxDiscarded = 4_194_304

/** Lets the rest of a body pass, for many a client reads its answer only when all is sent; endless ones are cut. */
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
