/** A response of the web on a response of Node: at the pace of its reader, and no further when he has left. */
import type { ServerResponse } from 'node:http'

export interface SendOptions {
  /** A client that takes nothing for so long is cut off. Milliseconds. */
  readonly stalledMs: number
}

/** Resolves when all is handed over, or the client has left. Rejects when the body fails. */
export async function send(
  response: Response,
  out: ServerResponse,
  options: SendOptions,
): Promise<void> {
  const reader = response.body?.getReader()
  // a time limit of the app has answered meanwhile
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

/** Several cookies stay several; what else was said to vary still does. */
function headersOf({ headers }: Response, out: ServerResponse): Record<string, string | string[]> {
  const all: Record<string, string | string[]> = Object.fromEntries(headers)
  const cookies = headers.getSetCookie()
  if (cookies.length > 0) all['set-cookie'] = cookies
  const vary = out.getHeader('vary')
  if (vary !== undefined && all.vary !== undefined) all.vary = `${vary}, ${all.vary}`
  return all
}

/** Calls back once the client is gone, also when that was before. */
function onClose(out: ServerResponse, callback: () => void): () => void {
  if (out.destroyed) callback()
  out.once('close', callback)
  return () => out.off('close', callback)
}

/** `compression()` holds bytes back until it is told; nobody else has the method. */
function flush(out: ServerResponse): void {
  if ('flush' in out && typeof out.flush === 'function') out.flush()
}

/** One listener for the whole answer: `compression()` never lets go of those for `drain`. */
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
