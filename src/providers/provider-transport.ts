/** What the factories of all providers share: their options, and the way to a server with a key or with an official client. */
import {
  clientBaseURL,
  type HttpOptions,
  httpTransport,
  type Transport,
} from '../transport/index.js'
import type { ReaderLimits } from './answers.js'

/** All of it may be left out. */
export interface ProviderOptions extends ReaderLimits {
  /** @default the environment variable of the provider, read at each call */
  readonly apiKey?: string | (() => string | undefined) | undefined
  /** Sends the key from a page, which shows it to its reader. @default false */
  readonly dangerouslyAllowBrowser?: boolean | undefined
  /** @default the environment variable of the provider, then its public address */
  readonly baseURL?: string | undefined
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly fetch?: typeof globalThis.fetch | undefined
  /** Bytes of one event of a stream. @default 67_108_864 */
  readonly maxEventBytes?: number | undefined
  /** Bytes of a whole answer that is no stream. @default 67_108_864 */
  readonly maxBodyBytes?: number | undefined
}

/** How one provider is reached. */
export interface ProviderServer
  extends Pick<HttpOptions, 'provider' | 'baseURL' | 'apiKeyVariables' | 'toError'>,
    Partial<Pick<HttpOptions, 'authorize' | 'requestIdHeader'>> {
  /** An official client as a `fetch`: key, address and fetch are its own, and a key that comes with the call beats its key. */
  readonly client?: typeof globalThis.fetch | undefined
}

/** A key is a bearer token, and the request id is in `x-request-id`, unless the server has it otherwise. */
export const providerTransport = (
  options: ProviderOptions,
  { client, ...server }: ProviderServer,
): Transport =>
  httpTransport({
    ...options,
    authorize: bearer,
    requestIdHeader: 'x-request-id',
    ...server,
    ...(client && {
      apiKey: undefined,
      apiKeyVariables: [],
      baseURL: clientBaseURL,
      fetch: client,
    }),
  })

export const bearer = (apiKey: string) => ({ authorization: `Bearer ${apiKey}` })

/** There is no `process` in a browser or on some edges. */
export const environment = (name: string): string | undefined =>
  globalThis.process?.env?.[name] || undefined
