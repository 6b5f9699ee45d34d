/** A server whose connections are scripted. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { StreamChunk } from '../../src/chat/index.js'

export interface Seen {
  readonly method: string
  readonly path: string
  readonly lastEventId: string | undefined
  readonly body: unknown
}

export type Turn = (response: ServerResponse, request: Seen) => unknown

/** One turn per request, in order; stop requests are only answered and recorded. */
export async function serve(...turns: readonly Turn[]) {
  const seen: Seen[] = []
  const stopped: string[] = []
  const left = [...turns]
  /** Connections that have not ended. */
  let open = 0
  const server = createServer(async (request, response) => {
    open++
    response.once('close', () => open--)
    const one = { ...(await read(request)) }
    const stop = /\/([^/]+)\/stop$/.exec(one.path)
    if (stop) {
      stopped.push(decodeURIComponent(stop[1] ?? ''))
      response.writeHead(204).end()
      return
    }
    seen.push(one)
    const turn = left.shift()
    if (turn) await turn(response, one)
    else response.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // a TCP server that listens has an address with a port
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/chat`
  return {
    url,
    seen,
    stopped,
    open: () => open,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function read(request: IncomingMessage): Promise<Seen> {
  let text = ''
  for await (const piece of request) text += piece
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://any')
  if (searchParams.get('format') !== 'chunks') throw new Error('the format was not asked for')
  return {
    method: request.method ?? '',
    path: pathname,
    lastEventId: request.headers['last-event-id'] as string | undefined,
    body: text === '' ? undefined : JSON.parse(text),
  }
}

export const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 }
export const start: StreamChunk = { type: 'start', id: 'c', model: 'm', provider: 'p', created: 1 }
export const finish: StreamChunk = { type: 'finish', finish_reason: 'stop', usage }
export const text = (text: string): StreamChunk => ({ type: 'text-delta', text })

/** Events of a response, numbered from 1. */
export const eventsOf = (chunks: readonly (StreamChunk | object | string)[]): string[] =>
  chunks.map((chunk, index) => {
    const data = typeof chunk === 'string' ? chunk : JSON.stringify(chunk)
    return `id: ${index + 1}\ndata: ${data}\n\n`
  })

export const withoutIds = (events: readonly string[]) =>
  events.map((event) => event.replace(/^id: .*\n/, ''))

export type End = 'end' | 'cut' | 'open'

/** Streams events; then ends, resets the connection, or leaves it open. */
export const stream =
  (events: readonly string[], end: End = 'end', headers: Record<string, string> = {}): Turn =>
  async (response) => {
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'x-stream-id': 'answer/1',
      ...headers,
    })
    response.flushHeaders()
    for (const event of events) response.write(event)
    if (end === 'end') response.end()
    if (end !== 'cut') return
    // the fetch of newer Node versions drops unread data with a broken connection
    await wait(50)
    response.socket?.end()
  }

/** Streams the events after the last one that the client has. */
export const rest =
  (events: readonly string[], upTo = events.length, end: End = 'end'): Turn =>
  (response, request) =>
    stream(events.slice(Number(request.lastEventId ?? 0), upTo), end)(response, request)

export const refuse =
  (status: number, body?: unknown, headers: Record<string, string> = {}): Turn =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(body === undefined ? '' : JSON.stringify(body))
  }

export const drop: Turn = (response) => response.destroy()
