/** The `openai` client as a `fetch`: its address, key, headers, proxy; our timers and errors. */
import { asObject, isObject, parseJson } from '../chat/index.js'
import { MisuseError } from '../core/index.js'

/** Used members of `new OpenAI()` (6 or 7, and `AzureOpenAI`); the package is no dependency. */
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

/** A placeholder: the client chooses the address, only the path after this one is used. */
export const clientURL = 'http://client.invalid'

/** The longest possible timer: our own timers limit the wait. */
export const noTimeoutMs = 2 ** 31 - 1

/**
 * A `fetch` that sends through the client, its retries off. The client's errors lack details of a
 * failed response or connection, so these are taken from the `fetch` below it.
 */
export const clientFetch = (client: OpenAIClient): typeof globalThis.fetch => {
  const hint =
    'pass a client of the `openai` package (4.104 or later), new OpenAI() or new AzureOpenAI()'
  checkClient(client, ['withOptions', 'post'], hint)
  return async function clientFetch(input, init = {}) {
    const beneath = watched(fetchOf(client))
    const { pathname, search } = new URL(String(input))
    try {
      const response = await client
        .withOptions({ maxRetries: 0, fetch: beneath.fetch, ...azureOptions(client) })
        .post(`${pathname}${search}`, {
          body: bodyFor(client, init.body),
          // the transport sets headers and a signal
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

/** Throws `MisuseError` for a client without one of these methods; `hint`: which client to give. */
export function checkClient(client: unknown, methods: readonly string[], hint: string): void {
  const members = asObject(client)
  if (methods.every((name) => typeof members[name] === 'function')) return
  throw new MisuseError(`This client cannot send requests: ${hint}`)
}

/** `withOptions` of `AzureOpenAI` drops version and deployment; the environment's would apply. */
const azureOptions = ({ apiVersion, deploymentName }: AzureMembers) => ({
  ...(apiVersion && { apiVersion }),
  ...(apiVersion && deploymentName && { deployment: deploymentName }),
})

/** `AzureOpenAI` reads the deployment from an object; its own overrides the requested model. */
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
  /** The response that is hidden from the client. */
  refusal?: Response
  failure?: { readonly error: unknown }
}

/** Records failures that the client would convert. */
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

/** The `fetch` of the client: a private member, but the only access to what is below its errors. */
const fetchOf = (client: OpenAIClient): typeof globalThis.fetch => {
  const own: unknown = Reflect.get(client, 'fetch')
  // a client has a fetch there, or none
  return typeof own === 'function' ? (own as typeof globalThis.fetch) : globalThis.fetch
}
