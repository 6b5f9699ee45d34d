/** The client as a `fetch`: its keys, base URL, proxies, middleware; our timers, events, errors. */
import { isObject } from '../../chat/index.js'
import { checkClient, noTimeoutMs } from '../../transport/index.js'

/** The members of `Anthropic` (`@anthropic-ai/sdk`) that are used. */
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

/** A `fetch` that sends through the client, its retries off. Its status errors become responses. */
export const clientFetch = (client: AnthropicClient): typeof globalThis.fetch => {
  checkClient(client, ['post'], 'anthropic() takes one of `@anthropic-ai/sdk`, new Anthropic()')
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

const withoutClientKey = (headers: Record<string, string>): Record<string, string | null> => {
  if ('x-api-key' in headers) return { ...headers, authorization: null }
  return 'authorization' in headers ? { ...headers, 'x-api-key': null } : headers
}

/** Throws an error without a response; for a failed connection, its cause. */
function responseOf(error: unknown): Response {
  // `APIError` of the client; without a status there was no response
  const { status, headers, error: body, cause } = isObject(error) ? error : {}
  if (typeof status !== 'number' || !(headers instanceof Headers))
    throw cause instanceof Error ? cause : error
  const text = body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body)
  return new Response(text, { status, headers })
}
