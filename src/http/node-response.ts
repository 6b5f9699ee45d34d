/** Writes a web response to a Node response, with backpressure, until the client disconnects. */
import type { ServerResponse } from 'node:http'

export interface SendOptions {
  /** A client that reads nothing for this long is disconnected. Milliseconds. */
  readonly stalledMs: number
}

/** Resolves when all is written or the client has disconnected. Rejects when the body fails. */
export async function send(
  response: Response,
  out: ServerResponse,
  options: SendOptions,
): Promise<void> {
  const reader = response.body?.getReader()
  // a timeout of the app has responded meanwhile
  if (out.headersSent) return void reader?.cancel().catch(ignore)
  out.writeHead(response.status, headersOf(response, out))
  if (!reader) return void out.end()
  out.flushHeaders()
  const stop = onClose(out, () => void reader.cancel().catch(ignore))
  const room = roomOf(out, options)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      const hasRoom = out.write(value)
      flush(out)
      if (!hasRoom) await room.wait()
    }
  } finally {
    stop()
    room.close()
  }
  out.end()
}

const ignore = () => {}

/** Keeps multiple cookies separate, and adds to a `vary` header that is already set. */
function headersOf({ headers }: Response, out: ServerResponse): Record<string, string | string[]> {
  const all: Record<string, string | string[]> = Object.fromEntries(headers)
  const cookies = headers.getSetCookie()
  if (cookies.length > 0) all['set-cookie'] = cookies
  const vary = out.getHeader('vary')
  if (vary !== undefined && all.vary !== undefined) all.vary = `${vary}, ${all.vary}`
  return all
}

/** Calls back when the client disconnects, at once if it already has. */
function onClose(out: ServerResponse, callback: () => void): () => void {
  if (out.destroyed) callback()
  out.once('close', callback)
  return () => out.off('close', callback)
}

/** `compression()` buffers until `flush()` is called; other responses have no such method. */
function flush(out: ServerResponse): void {
  if ('flush' in out && typeof out.flush === 'function') out.flush()
}

/** One `drain` listener per response: `compression()` never removes them. */
function roomOf(out: ServerResponse, { stalledMs }: SendOptions) {
  let go = ignore
  const onRoom = () => go()
  out.on('drain', onRoom)
  const stop = onClose(out, onRoom)
  const wait = () =>
    new Promise<void>((resolve) => {
      if (out.destroyed) return resolve()
      const timer = setTimeout(() => out.destroy(), stalledMs)
      go = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  const close = () => {
    stop()
    out.off('drain', onRoom)
  }
  return { wait, close }
}
