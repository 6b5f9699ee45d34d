/** The official `openai` client in the place of `fetch`: its address, key, headers and proxy; our timers, events and errors. */

/** What is used of `new OpenAI()` (6 or 7, and `AzureOpenAI`), by structure: the package is no dependency. */
export interface OpenAIClient {
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

/** Where requests go is the client's to say: only the path behind this address is read. */
export const clientBaseURL = 'http://client.invalid'

/** As long as a timer can be: waiting is limited by our own. */
const noTimeoutMs = 2 ** 31 - 1

/**
 * A `fetch` that sends through the client, its retries off. Of a refusal, or a connection that failed, the client makes an error
 * that says half of it: what happened is taken from beneath.
 */
export const clientFetch = (client: OpenAIClient): typeof globalThis.fetch =>
  async function clientFetch(input, init = {}) {
    const beneath = watched(fetchOf(client))
    const { pathname, search } = new URL(String(input))
    try {
      const response = await client
        .withOptions({ maxRetries: 0, fetch: beneath.fetch })
        .post(`${pathname}${search}`, {
          // the transport gives text, headers and a signal
          body: init.body as string,
          headers: init.headers as Headers,
          signal: init.signal as AbortSignal,
          timeout: noTimeoutMs,
          fetchOptions: { redirect: 'manual' },
        })
        .asResponse()
      return beneath.refusal ?? response
    } catch (error) {
      throw beneath.failure ? beneath.failure.error : error
    }
  }

interface Watched {
  readonly fetch: typeof globalThis.fetch
  /** The response that the client must not see. */
  refusal?: Response
  failure?: { readonly error: unknown }
}

/** Keeps back what the client would make an error of. */
function watched(send: typeof globalThis.fetch): Watched {
  const seen: Watched = {
    async fetch(address, options) {
      try {
        const response = await send(address, options)
        if (response.ok) return response
        seen.refusal = response
        return new Response(null)
      } catch (error) {
        seen.failure = { error }
        throw error
      }
    },
  }
  return seen
}

/** The `fetch` that the client was made with: a private member, but the only way to what is beneath its errors. */
const fetchOf = (client: OpenAIClient): typeof globalThis.fetch => {
  const own: unknown = Reflect.get(client, 'fetch')
  // a client has a fetch there, or none
  return typeof own === 'function' ? (own as typeof globalThis.fetch) : globalThis.fetch
}
