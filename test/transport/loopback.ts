/** A loopback server with hand-written responses, and a transport on it. */
import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo, type Socket } from 'node:net'
import { beforeAll, describe, onTestFinished } from 'vitest'
import type { Call } from '../../src/core/index.js'
import {
  errorOf,
  type HttpOptions,
  httpTransport,
  type TransportRequest,
  type WireEvent,
} from '../../src/transport/index.js'

export interface Seen {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
  /** Resolves when the connection is closed. */
  readonly closed: Promise<unknown>
}

export interface Loopback {
  readonly url: string
  readonly seen: readonly Seen[]
  /** The next request, complete with its body. */
  next(): Promise<Seen>
}

export type Answer = (response: http.ServerResponse, request: Seen) => void

/** Listens on a free port until the test is over. */
export async function serve(answer: Answer): Promise<Loopback> {
  const seen: Seen[] = []
  const waiting: ((request: Seen) => void)[] = []
  // a keep-alive socket serves many requests: one listener per socket, not per request
  const closings = new WeakMap<Socket, Promise<unknown>>()
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = []
    const closed = closings.get(request.socket) ?? Promise.resolve()
    response.on('error', () => {})
    for await (const chunk of request) chunks.push(chunk)
    const { method, url, headers } = request
    const entry = { method, url, headers, body: Buffer.concat(chunks).toString(), closed }
    seen.push(entry)
    waiting.shift()?.(entry)
    answer(response, entry)
  })
  server.on('connection', (socket: Socket) => {
    closings.set(socket, new Promise((resolve) => void socket.once('close', resolve)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    next: () => new Promise((resolve) => void waiting.push(resolve)),
  }
}

/** A server of raw sockets, until the test is over. */
export async function listen(onSocket: (socket: Socket) => void, host = '127.0.0.1') {
  const sockets = new Set<Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    onSocket(socket)
  })
  server.listen(0, host)
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** Calls back for each whole request on a socket, numbered from 1. */
export const eachRequest = (socket: Socket, answer: (count: number) => void): void => {
  let text = ''
  let count = 0
  socket.on('data', (data) => {
    text += data
    for (;;) {
      const head = text.indexOf('\r\n\r\n')
      const length = Number(/content-length: (\d+)/i.exec(text.slice(0, head))?.[1] ?? 0)
      if (head < 0 || text.length < head + 4 + length) return
      text = text.slice(head + 4 + length)
      count += 1
      answer(count)
    }
  })
}

/** Responds with SSE in the given pieces, one write each. */
export const sse =
  (...pieces: readonly string[]): Answer =>
  (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const piece of pieces) response.write(piece)
    response.end()
  }

export const reply =
  (status: number, body: unknown, headers: http.OutgoingHttpHeaders = {}): Answer =>
  (response) => {
    const isText = typeof body === 'string'
    response.writeHead(status, {
      'content-type': isText ? 'text/html' : 'application/json',
      ...headers,
    })
    response.end(isText ? body : JSON.stringify(body))
  }

/** Sends the head and the given pieces, then nothing more. */
export const stall =
  (...pieces: readonly string[]): Answer =>
  (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.flushHeaders()
    for (const piece of pieces) response.write(piece)
  }

export const apiKey = 'sk-canary-0123456789abcdef'

export type TransportName = 'node' | 'fetch'

let transport: TransportName = 'node'

/** Runs one suite over `node:http` and `fetch`. */
export const overBoth = (define: (transport: TransportName) => void) =>
  describe.each(['node', 'fetch'] as const)('over %s', (name) => {
    beforeAll(() => {
      transport = name
    })
    define(name)
  })

export const transportOn = (baseURL: HttpOptions['baseURL'], options: Partial<HttpOptions> = {}) =>
  httpTransport({
    provider: 'acme',
    baseURL,
    apiKey,
    apiKeyVariables: ['ACME_API_KEY'],
    authorize: (key) => ({ authorization: `Bearer ${key}` }),
    toError: (failure) => errorOf(failure, { provider: 'acme' }),
    requestIdHeader: 'x-request-id',
    // a given fetch is used
    ...(transport === 'fetch' && { fetch: globalThis.fetch }),
    ...options,
  })

export const call = (options: Partial<Call> = {}): Call => ({
  signal: new AbortController().signal,
  warn() {},
  onResponse() {},
  onUsage() {},
  ...options,
})

export const request = (options: Partial<TransportRequest> = {}): TransportRequest => ({
  path: '/v1/answer',
  body: { hello: 'there' },
  model: 'acme-1',
  ...options,
})

/** What a stream yielded, and how it ended. */
export interface Outcome {
  readonly batches: readonly (readonly WireEvent[])[]
  readonly events: readonly WireEvent[]
  readonly error: unknown
}

export async function collect(
  source: AsyncIterable<readonly WireEvent[]>,
  onEvents: (events: readonly WireEvent[]) => void = () => {},
): Promise<Outcome> {
  const batches: (readonly WireEvent[])[] = []
  let error: unknown
  try {
    for await (const events of source) {
      batches.push(events)
      onEvents(events)
    }
  } catch (thrown) {
    error = thrown
  }
  return { batches, events: batches.flat(), error }
}

export const caught = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )
