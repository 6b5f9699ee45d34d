/**
 * The loopback server: accepts requests on all wires, answers from one script, records the
 * requests.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AnswerOptions, answerOf } from './answer.js'
import { type Clock, systemClock } from './clock.js'
import { deliver } from './deliver.js'
import { close, listen, readBody, urlOf } from './loopback.js'
import { type Queue, queueOf, type Step } from './queue.js'
import { type RecordedRequest, record } from './record.js'
import { basePaths, routeOf } from './routes.js'
import type { ProviderName } from './script.js'

export interface MockServerOptions extends AnswerOptions {
  /** Clock of `delay()` and `created`. @default the system's */
  readonly clock?: Clock
  /** @default a free port */
  readonly port?: number
}

/** A running server. */
export type MockServer = Pick<Running, keyof Running>

/**
 * Starts a server on the loopback interface with the wires of OpenAI, Anthropic, Gemini, xAI and
 * Chat Completions, plain and streamed. Each request consumes the next reply of the script, on any
 * wire; the endpoints that count tokens or list models consume none.
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
export const mockServer = (
  script: Step | readonly Step[] = [],
  options: MockServerOptions = {},
): Promise<MockServer> => Running.start(script, options)

/** Shared, so that a thousand streams create no thousand stack traces. */
const left = new Error('The response is closed')

class Running {
  /** `http://127.0.0.1:…`, without a trailing slash. */
  readonly url: string
  private readonly arrived: RecordedRequest[] = []
  /** Requests in order of arrival. */
  readonly requests: readonly RecordedRequest[] = this.arrived
  private readonly waiting: { index: number; resolve: (request: RecordedRequest) => void }[] = []
  private responding = 0

  static async start(script: Step | readonly Step[], options: MockServerOptions): Promise<Running> {
    // thousands of clients may connect at once, without a timeout
    const server = createServer({ requestTimeout: 0, headersTimeout: 0 })
    await listen(server, options.port)
    return new Running(server, queueOf(script), options)
  }

  private constructor(
    private readonly server: Server,
    private readonly queue: Queue<RecordedRequest>,
    private readonly settings: MockServerOptions,
  ) {
    this.url = urlOf(server)
    server.on('request', (request, response) => {
      // a socket may break at any time
      response.on('error', () => {})
      this.handle(request, response).catch((error) => response.destroy(error))
    })
  }

  /** Number of unfinished responses. */
  get open(): number {
    return this.responding
  }

  /** Number of unused replies of the script. */
  get left(): number {
    return this.queue.left
  }

  /** Environment variables for apps that read their keys and base URLs there. */
  get env(): Readonly<Record<string, string>> {
    const entries = Object.entries(variables).flatMap(([provider, [key, address]]) => {
      // keys of the table
      const { apiKey, baseURL } = this.options(provider as ProviderName)
      return [
        [key, apiKey],
        [address, baseURL],
      ]
    })
    return Object.fromEntries(entries)
  }

  /** The base URL for the provider's factory, or its official client. */
  readonly baseURL = (provider: ProviderName): string => this.url + basePaths[provider]

  /** For a provider's factory: `anthropic(server.options('anthropic'))`. */
  readonly options = (
    provider: ProviderName,
  ): { readonly apiKey: string; readonly baseURL: string } => ({
    apiKey: `mock-key-of-${provider}`,
    baseURL: this.baseURL(provider),
  })

  /** Resolves with the request of this index, now or when it arrives. */
  readonly request = (index: number): Promise<RecordedRequest> => {
    const arrived = this.arrived[index]
    if (arrived) return Promise.resolve(arrived)
    return new Promise((resolve) => this.waiting.push({ index, resolve }))
  }

  /** Adds replies to the end of the script. */
  readonly script = (...steps: readonly Step[]): void => this.queue.add(steps)

  /** Sets the reply after the end of the script. */
  readonly reply = (step: Step): void => this.queue.fallBackTo(step)

  /** Closes all connections and resolves when the port is free. */
  readonly close = (): Promise<void> => close(this.server)

  readonly [Symbol.asyncDispose] = this.close

  private async handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { clock = systemClock } = this.settings
    const gone = new AbortController()
    this.responding++
    response.once('close', () => {
      this.responding--
      gone.abort(left)
    })
    const text = await readBody(incoming)
    const [path = '/', query = ''] = (incoming.url ?? '/').split('?', 2)
    const route = routeOf(path, query)
    const recording = record(incoming, response, { index: this.arrived.length, text, route })
    this.arrive(recording.request)
    const created = Math.floor(clock.now() / 1000)
    const { next } = this.queue
    const answering = { ...this.settings, route, created, next }
    const { payload, delivery } = await answerOf(recording.request, answering)
    const { progress, end } = recording
    await deliver(response, payload, delivery, { clock, closed: gone.signal, progress, end })
  }

  private arrive(request: RecordedRequest): void {
    this.arrived.push(request)
    for (const { index, resolve } of this.waiting) if (index === request.index) resolve(request)
  }
}

/** The environment variables that official clients and our factories read. */
const variables: Readonly<Record<ProviderName, readonly [key: string, url: string]>> = {
  openai: ['OPENAI_API_KEY', 'OPENAI_BASE_URL'],
  anthropic: ['ANTHROPIC_API_KEY', 'ANTHROPIC_BASE_URL'],
  gemini: ['GEMINI_API_KEY', 'GOOGLE_GEMINI_BASE_URL'],
  xai: ['XAI_API_KEY', 'XAI_BASE_URL'],
  compatible: ['COMPATIBLE_API_KEY', 'COMPATIBLE_BASE_URL'],
}
