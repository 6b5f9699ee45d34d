/** The client as a `fetch`: its key, base URL, version, fetch; our body, timers, events, errors. */
import { asObject, isObject } from '../../chat/index.js'
import { checkClient } from '../../transport/index.js'

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

/** The members of `GoogleGenAI` (`@google/genai`, 2 or later) that are used. */
export interface GeminiClient {
  readonly models: {
    generateContent(request: ClientRequest & typeof oneAnswer): Promise<object>
    generateContentStream(request: ClientRequest & typeof oneAnswer): Promise<AsyncIterable<object>>
    countTokens(request: ClientRequest): Promise<object>
  }
}

/** The client must neither continue by itself nor call tools. */
const oneAnswer = {
  config: { automaticContinuation: false, automaticFunctionCalling: { disable: true } },
} as const

/**
 * A `fetch` that sends through the client, its retries off. The client makes address and key of the
 * request; the body is ours, byte for byte, and the response is read here: the client's reader
 * drops headers, named events and members without a type. A client that calls no `fetch` (a stub in
 * a test) answers with its return value.
 */
export const clientFetch = (client: GeminiClient): Fetch => {
  const hint = 'gemini() takes one of `@google/genai`, new GoogleGenAI({ apiKey })'
  checkClient(asObject(client).models, ['generateContent'], hint)
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
        // the client's own result is not used
        return Response.json({})
      }
      send(client, new URL(String(input)), { init, tap }).then((answer) => {
        if (!isSent) resolve(answer)
      }, reject)
    })
  }
}

/** The client's key and our headers; ours win, including a key of the call. */
function merged(clientInit: RequestInit | undefined, init: RequestInit | undefined): RequestInit {
  const headers = new Headers(clientInit?.headers)
  for (const [name, value] of new Headers(init?.headers)) headers.set(name, value)
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
    // the client builds the resource name itself
    model: decodeURIComponent(model).replace(/^models\//, ''),
    // placeholder, replaced by our body
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

/** The `fetch` of the client, which no public member exposes; else the global one. */
function fetchOf(client: GeminiClient): Fetch {
  // `protected` in the class, so no structural type can name it
  const { apiClient } = asObject(client)
  const getFetch = isObject(apiClient) ? apiClient.getFetch : undefined
  const own: unknown = typeof getFetch === 'function' ? getFetch.call(apiClient) : undefined
  // its own type is a fetch
  return typeof own === 'function' ? (own as Fetch) : globalThis.fetch
}
