/** The HTTP side of a stream: when the status is sent, heartbeats while it is idle, how it ends. */
import { encodeSse } from '../../sse/index.js'
import type { PublicError } from '../public-error.js'
import type { SessionReader } from './reader.js'

export const json = (body: unknown, status: number, headers: Readonly<Record<string, string>>) =>
  new Response(JSON.stringify(body), {
    status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...headers,
    },
  })

export const retryAfter = ({ retryAfterMs }: PublicError): Record<string, string> =>
  retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }

const streamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
  'x-content-type-options': 'nosniff',
}

/** Resolves true when the promise resolves in time, else false. Rejects as the promise does. */
export function within(promise: Promise<unknown>, ms: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms, false)
    promise.then(
      () => {
        clearTimeout(timer)
        resolve(true)
      },
      (error) => {
        clearTimeout(timer)
        reject(error)
      },
    )
  })
}

const heartbeat = ': \n\n'

export interface StreamOptions {
  /** Idle milliseconds between two heartbeat comments. */
  readonly heartbeatMs: number
  readonly headers: Readonly<Record<string, string>>
}

/** Closes the reader when the request aborts, for platforms that do not cancel the body. */
export function following(source: SessionReader, { signal }: Request): SessionReader {
  signal.addEventListener('abort', source.leave, { once: true })
  if (signal.aborted) source.leave()
  return source
}

/** Streams the events of a source, with a heartbeat comment whenever it is idle. */
export function streamResponse(
  source: SessionReader,
  { heartbeatMs, headers }: StreamOptions,
): Response {
  const encoder = new TextEncoder()
  let pending: ReturnType<SessionReader['next']> | undefined
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
    for (;;) {
      pending ??= source.next()
      const isThere = await within(pending, heartbeatMs)
      if (!isThere) return controller.enqueue(encoder.encode(heartbeat))
      const events = await pending
      pending = undefined
      if (!events) return controller.close()
      if (events.length === 0) continue
      return controller.enqueue(encoder.encode(events.map(encodeSse).join('')))
    }
  }
  const body = new ReadableStream<Uint8Array>({ pull, cancel: () => source.leave() })
  return new Response(body, { status: 200, headers: { ...streamHeaders, ...headers } })
}
