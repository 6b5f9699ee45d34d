/** The official client as transport: it finds address, key and headers; timers, errors and events are those of `httpTransport`. */

import {
  clientBaseURL,
  clientFetch,
  type HttpOptions,
  httpTransport,
  type OpenAIClient,
  type Transport,
} from '../../transport/index.js'

export type { OpenAIClient as ResponsesClient } from '../../transport/index.js'

/** What is not the client's. */
export type SdkOptions = Pick<
  HttpOptions,
  'provider' | 'toError' | 'headers' | 'maxEventBytes' | 'maxBodyBytes'
>

/**
 * Speaks through the client, with the same bodies, chunks and errors as without it; its own retries are off. A key that comes
 * with the call beats the client's.
 */
export const sdkTransport = (client: OpenAIClient, options: SdkOptions): Transport =>
  httpTransport({
    provider: options.provider,
    toError: options.toError,
    headers: options.headers,
    maxEventBytes: options.maxEventBytes,
    maxBodyBytes: options.maxBodyBytes,
    // of it only the path behind it is used: the client has its own
    baseURL: clientBaseURL,
    authorize: (apiKey) => ({ authorization: `Bearer ${apiKey}` }),
    apiKeyVariables: [],
    requestIdHeader: 'x-request-id',
    fetch: clientFetch(client),
  })
