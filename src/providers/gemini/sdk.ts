/** The official client in the place of `fetch`: its key, base URL, version and fetch; our bodies, timers, events and errors. */
import { asObject, isObject } from '../../chat/index.js'
import { MisuseError } from '../../core/index.js'

type Fetch = typeof globalThis.fetch

interface ClientRequest {
  readonly model: string
  readonly contents: string
  readonly config: {
    readonly abortSignal?: AbortSignal
    readonly httpOptions: {
      readonly fetch: Fetch
      readonly retryOptions: { readonly attempts: number }
    }
  }
}

/** The part of `GoogleGenAI` (`@google/genai`, 2 or later) that is used. */
export interface GeminiClient {
  readonly models: {
    generateContent(request: ClientRequest & typeof oneAnswer): Promise<object>
    generateContentStream(request: ClientRequest & typeof oneAnswer): Promise<AsyncIterable<object>>
    countTokens(request: ClientRequest): Promise<object>
  }
}

/** The client neither goes on by itself nor calls tools. */
const oneAnswer = {
  config: { automaticContinuation: false, automaticFunctionCalling: { disable: true } },
} as const

/**
 * A `fetch` that sends through the client, its retries off. The client makes address and key of the request; the body is
 * ours, byte for byte, and the response is read here: the client's own reader loses headers, events with a name, and what
 * its types do not know. A client that asks no `fetch` (a stub in a test) answers with what it returns.
 */
export const clientFetch = (client: GeminiClient): Fetch => {
  const { models } = isObject(client) ? client : {}
  if (!isObject(models) || typeof models.generateContent !== 'function')
    throw new MisuseError(
      'This client cannot carry requests: gemini() takes one of `@google/genai`, new GoogleGenAI({ apiKey })',
    )
  return function clientFetch(input, init) {
    return new Promise<Response>((resolve, reject) => {
      let isSent = false
      const tap: Fetch = async (url, clientInit) => {
        if (isSent) throw new Error('retries are off')
        isSent = true
        try {
          resolve(await fetchOf(client)(url, merged(clientInit, init)))
        } catch (error) {
          reject(error)
        }
        // what the client gets is not looked at again
        return Response.json({})
      }
      send(client, new URL(String(input)), { init, tap }).then((answer) => {
        if (!isSent) resolve(answer)
      }, reject)
    })
  }
}

/** The client's key and our headers; ours win, a key that came with the call among them. */
function merged(clientInit: RequestInit | undefined, init: RequestInit | undefined): RequestInit {
  const headers = new Headers(clientInit?.headers)
  new Headers(init?.headers).forEach((value, name) => {
    headers.set(name, value)
  })
  return {
    ...clientInit,
    headers,
    ...(init?.body !== undefined && { body: init.body }),
    redirect: 'manual',
  }
}

interface Sending {
  readonly init: RequestInit | undefined
  readonly tap: Fetch
}

async function send({ models }: GeminiClient, { pathname }: URL, { init, tap }: Sending) {
  const colon = pathname.lastIndexOf(':')
  const model = pathname.slice(pathname.search(/\/(models|tunedModels)\//) + 1, colon)
  const method = pathname.slice(colon + 1)
  const request: ClientRequest = {
    // the client has its own words for where a model lives
    model: decodeURIComponent(model).replace(/^models\//, ''),
    // stands in for the body, which takes its place
    contents: '.',
    config: {
      ...(init?.signal && { abortSignal: init.signal }),
      httpOptions: { fetch: tap, retryOptions: { attempts: 1 } },
    },
  }
  const answering = { ...request, config: { ...request.config, ...oneAnswer.config } }
  if (method === 'countTokens') return Response.json(await models.countTokens(request))
  if (method === 'generateContent') return Response.json(await models.generateContent(answering))
  return toEvents(await models.generateContentStream(answering))
}

function toEvents(chunks: AsyncIterable<object>): Response {
  const iterator = chunks[Symbol.asyncIterator]()
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await iterator.next()
      if (done) controller.close()
      else controller.enqueue(new TextEncoder().encode(`data: ${JSON.stringify(value)}\r\n\r\n`))
    },
    async cancel() {
      await iterator.return?.()
    },
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}

/** The `fetch` that the client was made with. No public member tells it; what is not there is the global one. */
function fetchOf(client: GeminiClient): Fetch {
  // the class declares it `protected`, which no structural type can name
  const { apiClient } = asObject(client)
  const getFetch = isObject(apiClient) ? apiClient.getFetch : undefined
  const own: unknown = typeof getFetch === 'function' ? getFetch.call(apiClient) : undefined
  // what it gives is a fetch by its own type
  return typeof own === 'function' ? (own as Fetch) : globalThis.fetch
}
