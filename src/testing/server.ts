/** The loopback server: takes requests on all wires, answers from one script, remembers what it was asked. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type AnswerOptions, answerOf } from './answer.js'
import { type Clock, systemClock } from './clock.js'
import { deliver } from './deliver.js'
import { type Queue, queueOf, type Step } from './queue.js'
import { type RecordedRequest, record } from './record.js'
import { basePaths, routeOf } from './routes.js'
import type { ProviderName } from './script.js'

export interface MockServerOptions extends AnswerOptions {
  /** Time for `delay()` and for `created`. @default the system's */
  readonly clock?: Clock
  /** @default a free one */
  readonly port?: number
}

/** A running server. */
export interface MockServer {
  /** `http://127.0.0.1:…`, without a slash at the end. */
  readonly url: string
  /** Requests in order of arrival. */
  readonly requests: readonly RecordedRequest[]
  /** Responses that have not ended. */
  readonly open: number
  /** Replies of the script that nobody asked for yet. */
  readonly left: number
  /** Variables for apps that read their keys and addresses from the environment. */
  readonly env: Readonly<Record<string, string>>
  /** What the provider's factory, or its official client, takes as base URL. */
  baseURL(provider: ProviderName): string
  /** For a provider's factory: `anthropic(server.options('anthropic'))`. */
  options(provider: ProviderName): { readonly apiKey: string; readonly baseURL: string }
  /** Resolves with the request of this index, now or when it arrives. */
  request(index: number): Promise<RecordedRequest>
  /** Adds replies to the end of the script. */
  script(...steps: readonly Step[]): void
  /** What is answered when the script has ended. */
  reply(step: Step): void
  /** Closes all connections and resolves when the port is free. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Starts a server on the loopback interface that speaks the wires of OpenAI, Anthropic, Gemini, xAI and Chat
 * Completions, plain and streamed. Each request takes the next reply of the script, whichever wire it comes on; the
 * endpoints that count tokens or list models take none.
 *
 * @example
 * ```ts
 * const server = await mockServer([callTool('get_weather', { city: 'Rome' }), say('Sunny.')])
 * const ai = createClient({ providers: [anthropic(server.options('anthropic'))] })
 * const reply = await ai.generate({ model: 'anthropic/claude-sonnet-4-5', messages })
 * server.requests[0].body           // what was sent, word for word
 * await server.requests[0].closed   // false: the client read to the end
 * await server.close()
 * ```
 */
export async function mockServer(
  script: Step | readonly Step[] = [],
  options: MockServerOptions = {},
): Promise<MockServer> {
  const { clock = systemClock, port = 0 } = options
  const state: State = {
    queue: queueOf(script),
    clock,
    options,
    requests: [],
    waiting: [],
    open: 0,
  }
  const server = createServer((request, response) => {
    // a socket may die at any moment: that is the client's right
    response.on('error', () => {})
    handle(request, response, state).catch((error) => response.destroy(error))
  })
  // a thousand clients may come at once, and none is hurried
  server.requestTimeout = 0
  server.headersTimeout = 0
  await listen(server, port)
  return facadeOf(server, state)
}

/** One reason for all: a thousand streams need no thousand stack traces. */
const left = new Error('The response is closed')

interface State {
  readonly queue: Queue<RecordedRequest>
  readonly clock: Clock
  readonly options: AnswerOptions
  readonly requests: RecordedRequest[]
  readonly waiting: { index: number; resolve: (request: RecordedRequest) => void }[]
  open: number
}

const listen = (server: Server, port: number) =>
  new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, host: '127.0.0.1', backlog: 4096 }, resolve)
  })

async function handle(
  incoming: IncomingMessage,
  response: ServerResponse,
  state: State,
): Promise<void> {
  const gone = new AbortController()
  state.open++
  response.once('close', () => {
    state.open--
    gone.abort(left)
  })
  const text = await read(incoming)
  const [path = '/', query = ''] = (incoming.url ?? '/').split('?', 2)
  const route = routeOf(path, query)
  const recording = record(incoming, response, { index: state.requests.length, text, route })
  arrive(recording.request, state)
  const created = Math.floor(state.clock.now() / 1000)
  const { payload, delivery } = await answerOf(recording.request, {
    ...state.options,
    route,
    created,
    next: state.queue.next,
  })
  await deliver(response, payload, delivery, {
    clock: state.clock,
    closed: gone.signal,
    tell: recording.tell,
    end: recording.end,
  })
}

async function read(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

function arrive(request: RecordedRequest, state: State): void {
  state.requests.push(request)
  for (const { index, resolve } of state.waiting) if (index === request.index) resolve(request)
}

const providers = Object.keys(basePaths) as ProviderName[]

/** Where keys and addresses are read from: what the official clients and our factories look for. */
const variables: Readonly<Record<ProviderName, readonly [key: string, url: string]>> = {
  openai: ['OPENAI_API_KEY', 'OPENAI_BASE_URL'],
  anthropic: ['ANTHROPIC_API_KEY', 'ANTHROPIC_BASE_URL'],
  gemini: ['GEMINI_API_KEY', 'GOOGLE_GEMINI_BASE_URL'],
  xai: ['XAI_API_KEY', 'XAI_BASE_URL'],
  compatible: ['COMPATIBLE_API_KEY', 'COMPATIBLE_BASE_URL'],
}

const keyOf = (provider: ProviderName) => `mock-key-of-${provider}`

function facadeOf(server: Server, state: State): MockServer {
  // a TCP server that listens has an address with a port
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const baseURL = (provider: ProviderName) => url + basePaths[provider]
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return {
    url,
    requests: state.requests,
    get open() {
      return state.open
    },
    get left() {
      return state.queue.left
    },
    env: Object.fromEntries(
      providers.flatMap((provider) => {
        const [key, address] = variables[provider]
        return [
          [key, keyOf(provider)],
          [address, baseURL(provider)],
        ]
      }),
    ),
    baseURL,
    options: (provider) => ({ apiKey: keyOf(provider), baseURL: baseURL(provider) }),
    request: (index) => {
      const arrived = state.requests[index]
      if (arrived) return Promise.resolve(arrived)
      return new Promise((resolve) => state.waiting.push({ index, resolve }))
    },
    script: (...steps) => state.queue.add(steps),
    reply: (step) => state.queue.fallBackTo(step),
    close,
    [Symbol.asyncDispose]: close,
  }
}
