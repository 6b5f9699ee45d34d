/** The official `openai` client in the place of `fetch`: its address, key, headers and proxy; our timers, events and errors. */
import { isObject, parseJson } from '../chat/index.js'
import { MisuseError } from '../core/index.js'

/** What is used of `new OpenAI()` (6 or 7, and `AzureOpenAI`), by structure: the package is no dependency. */
export interface OpenAIClient {
  /** Of `AzureOpenAI`. */
  readonly apiVersion?: string | undefined
  readonly deploymentName?: string | undefined
  post(path: string, options: never): unknown
  withOptions(options: {
    readonly maxRetries: number
    readonly apiVersion?: string
    readonly deployment?: string
    readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>
  }): Poster
}

interface Poster {
  post(path: string, options: PostOptions): { asResponse(): Promise<Response> }
}

interface PostOptions {
  body: unknown
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
export const clientFetch = (client: OpenAIClient): typeof globalThis.fetch => {
  checkClient(client)
  return async function clientFetch(input, init = {}) {
    const beneath = watched(fetchOf(client))
    const { pathname, search } = new URL(String(input))
    try {
      const response = await client
        .withOptions({ maxRetries: 0, fetch: beneath.fetch, ...azureOptions(client) })
        .post(`${pathname}${search}`, {
          body: bodyFor(client, init.body),
          // the transport gives headers and a signal
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
}

/** Throws `MisuseError` for what could carry no request. */
function checkClient(client: unknown): void {
  const { withOptions, post } = isObject(client) ? client : {}
  if (typeof withOptions === 'function' && typeof post === 'function') return
  throw new MisuseError(
    'This client cannot carry requests: give a client of the `openai` package (4.104 or later), new OpenAI() or new AzureOpenAI()',
  )
}

/** `AzureOpenAI` forgets its version and deployment in `withOptions`, and would take the version of the environment. */
const azureOptions = ({ apiVersion, deploymentName }: AzureMembers) => ({
  ...(apiVersion && { apiVersion }),
  ...(apiVersion && deploymentName && { deployment: deploymentName }),
})

/** `AzureOpenAI` looks for the deployment in an object; one it was made with beats the model that was asked. */
function bodyFor({ apiVersion, deploymentName }: AzureMembers, body: unknown): unknown {
  if (!apiVersion) return body
  const parsed = parseJson(String(body))
  return isObject(parsed) && deploymentName ? { ...parsed, model: deploymentName } : parsed
}

interface AzureMembers {
  readonly apiVersion?: string | undefined
  readonly deploymentName?: string | undefined
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
