/**
 * A loopback server that responds as a row of the fault matrix specifies: with a reply of the
 * provider, or with bytes on the raw socket.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { parseJson } from '../../src/chat/index.js'
import { deliver } from '../../src/testing/deliver.js'
import type { ProviderName, Reply } from '../../src/testing/index.js'
import { type Payload, render } from '../../src/testing/render.js'
import { basePaths, routeOf } from '../../src/testing/routes.js'

/** One request, and the means of a fault to respond to it. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly socket: Socket
  readonly response: ServerResponse
  /**
   * The response that the provider would send for this reply: status, headers, one frame per event.
   */
  payload(reply: Reply): Payload
  /** Sends a reply as its script says. */
  send(reply: Reply): Promise<void>
  /** Fires when the client has disconnected. */
  readonly gone: AbortSignal
}

/** The response to one request. */
export type Answer = Reply | ((exchange: Exchange) => unknown)

export interface FaultServer {
  readonly url: string
  /** Requests that arrived with their whole body. */
  readonly requests: number
  /** Paths and queries of the requests. */
  readonly addresses: readonly string[]
  baseURL(provider: ProviderName): string
  /** Resolves when the request with this number, from 1, has arrived. */
  arrived(number: number): Promise<void>
  /** Resolves when each request has been answered completely, or its socket is closed. */
  settled(): Promise<void>
  close(): Promise<void>
}

/** Responds to the requests in this order; the last answer repeats. */
export async function faultServer(answers: readonly Answer[]): Promise<FaultServer> {
  const addresses: string[] = []
  const over: Promise<unknown>[] = []
  const waiting: { readonly number: number; readonly resolve: () => void }[] = []
  const server = createServer(async (request, response) => {
    const index = over.length
    over.push(Promise.race([closed(request.socket), finished(response)]))
    const text = await textOf(request)
    addresses.push(request.url ?? '')
    for (const { number, resolve } of waiting) if (number === addresses.length) resolve()
    const answer = answers[Math.min(index, answers.length - 1)]
    if (answer) await answerWith(answer, exchangeOf({ request, response, text, index }))
  })
  server.requestTimeout = 0
  server.headersTimeout = 0
  server.on('connection', (socket: Socket) => void socket.on('error', () => {}))
  server.on('clientError', (_, socket) => socket.destroy())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    addresses,
    get requests() {
      return addresses.length
    },
    baseURL: (provider) => url + basePaths[provider],
    arrived: (number) =>
      addresses.length >= number
        ? Promise.resolve()
        : new Promise((resolve) => void waiting.push({ number, resolve })),
    settled: async () => void (await Promise.all(over)),
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const closed = (socket: Socket) =>
  new Promise<void>((resolve) => {
    if (socket.destroyed) resolve()
    else socket.once('close', () => resolve())
  })

/** A response written by hand on its socket never finishes, so its socket has to close. */
const finished = (response: ServerResponse) =>
  new Promise<void>((resolve) => void response.once('finish', () => resolve()))

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  try {
    for await (const part of request) parts.push(part)
  } catch {
    // the client disconnected before its request was complete
  }
  return Buffer.concat(parts).toString()
}

interface Arrived {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly text: string
  readonly index: number
}

function exchangeOf({ request, response, text, index }: Arrived): Exchange {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  response.on('error', () => {})
  const payload = (reply: Reply) => render(reply, requestOf(request.url ?? '', text, index))
  return {
    request,
    socket: request.socket,
    response,
    gone: gone.signal,
    payload,
    send: (reply) =>
      deliver(response, payload(reply), reply.spec.delivery, {
        clock: { now: () => 0, wait: () => Promise.resolve() },
        closed: gone.signal,
        progress() {},
        end() {},
      }),
  }
}

function requestOf(url: string, text: string, seed: number) {
  const [path = '', query = ''] = url.split('?', 2)
  const route = routeOf(path, query)
  if (route?.kind !== 'generate') throw new Error(`No provider has ${url}`)
  const body = (parseJson(text) ?? {}) as Readonly<Record<string, unknown>>
  const { provider, api, model = String(body.model) } = route
  const streaming = route.streaming ?? body.stream === true
  return { provider, api, model, streaming, body, text, seed, created: 1_767_225_600 } as const
}

async function answerWith(answer: Answer, exchange: Exchange): Promise<void> {
  if (typeof answer === 'function') await answer(exchange)
  else await exchange.send(answer)
}
