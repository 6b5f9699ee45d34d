/** The fetch transport: one request, typed errors, timers around the pending fetch or read only. */
import type { ToError, Transport } from './transport.js'

export interface HttpOptions {
  readonly provider: string
  readonly baseURL: string | (() => string)
  /** The key goes into these headers, and nowhere else. */
  readonly authorize: (apiKey: string) => Readonly<Record<string, string>>
  readonly apiKey?: string | (() => string | undefined) | undefined
  /** Variables read at the first call, in this order. */
  readonly apiKeyVariables: readonly string[]
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly fetch?: typeof globalThis.fetch | undefined
  readonly toError: ToError
  /** The header that carries the request id. */
  readonly requestIdHeader: string
  /** Bytes of one event. @default 67_108_864 */
  readonly maxEventBytes?: number | undefined
}

export declare function httpTransport(options: HttpOptions): Transport
