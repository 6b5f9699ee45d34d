/** The official client in the place of `fetch`: its keys, base URL, proxies and middleware; our timers, events and errors. */
import { isObject } from '../../chat/index.js'
import { MisuseError } from '../../core/index.js'

/** The part of `Anthropic` (`@anthropic-ai/sdk`) that is used. */
export interface AnthropicClient {
  post(
    path: string,
    options: {
      readonly body: string
      readonly headers: Record<string, string | null>
      readonly signal: AbortSignal | null
      readonly stream: boolean
      readonly maxRetries: number
      readonly timeout: number
      readonly fetchOptions: { readonly redirect: 'manual' }
    },
  ): { asResponse(): Promise<Response> }
}

/** As long as a timer can be: waiting is limited by our own. */
const noTimeoutMs = 2_147_483_647

/** A `fetch` that sends through the client, its retries off. Its error for a status becomes the response that it was. */
export const clientFetch = (client: AnthropicClient): typeof globalThis.fetch => {
  if (!isObject(client) || typeof client.post !== 'function')
    throw new MisuseError(
      'This client cannot carry requests: anthropic() takes one of `@anthropic-ai/sdk`, new Anthropic()',
    )
  return async function clientFetch(input, init) {
    const { pathname, search } = new URL(String(input))
    const headers = Object.fromEntries(new Headers(init?.headers))
    try {
      return await client
        .post(`${pathname}${search}`, {
          body: String(init?.body),
          headers: withoutClientKey(headers),
          signal: init?.signal ?? null,
          stream: headers.accept === 'text/event-stream',
          maxRetries: 0,
          timeout: noTimeoutMs,
          fetchOptions: { redirect: 'manual' },
        })
        .asResponse()
    } catch (error) {
      return responseOf(error)
    }
  }
}

/** A key that came with the call goes out alone. */
const withoutClientKey = (headers: Record<string, string>): Record<string, string | null> => {
  if ('x-api-key' in headers) return { ...headers, authorization: null }
  return 'authorization' in headers ? { ...headers, 'x-api-key': null } : headers
}

/** Throws what is no answer: for a failed connection, what the connection failed with. */
function responseOf(error: unknown): Response {
  // `APIError` of the client; one without a status never had a response
  const { status, headers, error: body, cause } = isObject(error) ? error : {}
  if (typeof status !== 'number' || !(headers instanceof Headers))
    throw cause instanceof Error ? cause : error
  const text = body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body)
  return new Response(text, { status, headers })
}
