/** The official client as transport: it finds address, key and headers; timers, errors and events are those of `httpTransport`. */
import { type HttpOptions, httpTransport } from '../http.js'
import type { Transport } from '../transport.js'

/** What is used of `new OpenAI()` (6 or 7, and `AzureOpenAI`), by structure: the package is no dependency. */
export interface ResponsesClient {
  withOptions(options: {
    readonly maxRetries: number
    readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>
  }): Poster
}

interface Poster {
  post(path: string, options: PostOptions): { asResponse(): Promise<Response> }
}

interface PostOptions {
  body: string
  headers: Headers
  signal: AbortSignal
  timeout: number
  fetchOptions: { redirect: 'manual' }
}

/** What is not the client's. */
export type SdkOptions = Pick<
  HttpOptions,
  'provider' | 'toError' | 'headers' | 'maxEventBytes' | 'maxBodyBytes'
>

/**
 * Speaks through the client, with the same bodies, chunks and errors as without it; its own retries are off. A key that comes
 * with the call beats the client's.
 */
export const sdkTransport = (client: ResponsesClient, options: SdkOptions): Transport =>
  httpTransport({
    provider: options.provider,
    toError: options.toError,
    headers: options.headers,
    maxEventBytes: options.maxEventBytes,
    maxBodyBytes: options.maxBodyBytes,
    // of it only the path behind it is used: the client has its own
    baseURL: 'http://client.invalid',
    authorize: (apiKey) => ({ authorization: `Bearer ${apiKey}` }),
    apiKeyVariables: [],
    requestIdHeader: 'x-request-id',
    fetch: fetchThrough(client),
  })

/** The longest that a timer can be: the timers of the call are ours. */
const noTimeoutMs = 2 ** 31 - 1

/**
 * A `fetch` that sends what it is given through the client. The client makes errors of its own of refusals and of failed
 * connections, and loses half of what they say: both are taken from beneath it.
 */
function fetchThrough(client: ResponsesClient): typeof globalThis.fetch {
  return async (input, init = {}) => {
    let refusal: Response | undefined
    let failure: { readonly error: unknown } | undefined
    const send = fetchOf(client)
    const beneath: typeof globalThis.fetch = async (address, options) => {
      try {
        const response = await send(address, options)
        if (response.ok) return response
        refusal = response
        return new Response(null)
      } catch (error) {
        failure = { error }
        throw error
      }
    }
    const { pathname, search } = new URL(String(input))
    try {
      const response = await client
        .withOptions({ maxRetries: 0, fetch: beneath })
        .post(`${pathname}${search}`, {
          // httpTransport gives text, headers and a signal
          body: init.body as string,
          headers: init.headers as Headers,
          signal: init.signal as AbortSignal,
          timeout: noTimeoutMs,
          fetchOptions: { redirect: 'manual' },
        })
        .asResponse()
      return refusal ?? response
    } catch (error) {
      throw failure ? failure.error : error
    }
  }
}

/** The fetch that the client was made with: a private member, but the only way to what is beneath its errors. */
const fetchOf = (client: ResponsesClient): typeof globalThis.fetch => {
  const own: unknown = Reflect.get(client, 'fetch')
  return typeof own === 'function' ? (own as typeof globalThis.fetch) : globalThis.fetch
}
