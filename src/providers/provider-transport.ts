/** Options shared by all provider factories; the transport, with a key or an official client. */
import { clientURL, type HttpOptions, httpTransport, type Transport } from '../transport/index.js'
import type { ReaderLimits } from './turn-writer.js'

/** All are optional. */
export interface ProviderOptions extends ReaderLimits {
  /** @default the environment variable of the provider, read at each call */
  readonly apiKey?: string | (() => string | undefined) | undefined
  /** Sends the key from a page, where its visitors can read it. @default false */
  readonly dangerouslyAllowBrowser?: boolean | undefined
  /** @default the environment variable of the provider, then its public address */
  readonly baseURL?: string | undefined
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly fetch?: typeof globalThis.fetch | undefined
  /** Maximum characters of one stream event, never more than its bytes. @default 67_108_864 */
  readonly maxEventBytes?: number | undefined
  /** Maximum bytes of a non-streaming response body. @default 67_108_864 */
  readonly maxBodyBytes?: number | undefined
}

export interface ProviderServer
  extends Pick<HttpOptions, 'provider' | 'baseURL' | 'apiKeyVariables' | 'toError'>,
    Partial<Pick<HttpOptions, 'authorize' | 'requestIdHeader'>> {
  /** An official client as a `fetch`, with its own key, address and fetch; the call's key wins. */
  readonly client?: typeof globalThis.fetch | undefined
}

/** Default: the key is a bearer token, the request id is in `x-request-id`. */
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
      baseURL: clientURL,
      fetch: client,
    }),
  })

export const bearer = (apiKey: string) => ({ authorization: `Bearer ${apiKey}` })

/** `process` does not exist in a browser or on some edges. */
export const readEnv = (name: string): string | undefined =>
  globalThis.process?.env?.[name] || undefined
