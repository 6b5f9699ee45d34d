/** `tetrad/adapter`: what the adapters of this package stand on, for a provider of one's own. */
import type { ProviderAdapter } from './core/index.js'
import { type AdapterParts, createAdapter } from './providers/adapter.js'
import {
  errorOf,
  type HttpOptions,
  type Transport,
  httpTransport as transportOf,
} from './transport/index.js'

export { addUsage, estimateTokens, unknownUsage } from './chat/index.js'
export type { Call, ProviderAdapter } from './core/index.js'
export { readUsage } from './core/index.js'
export type { AdapterParts, Push, StreamReader, WireContext } from './providers/adapter.js'
export { type SseDecoder, type SseEvent, sseDecoder } from './sse/index.js'
export {
  type ErrorTable,
  errorOf,
  type Failure,
  type ToError,
  type Transport,
  type TransportRequest,
  type WireEvent,
  type WireResponse,
} from './transport/index.js'

export interface TransportOptions
  extends Omit<HttpOptions, 'authorize' | 'apiKeyVariables' | 'toError' | 'requestIdHeader'>,
    Partial<Pick<HttpOptions, 'authorize' | 'apiKeyVariables' | 'toError' | 'requestIdHeader'>> {}

/**
 * POSTs JSON and reads JSON or server-sent events. Keys go out as a bearer token unless `authorize` is given; timers,
 * abort, bounds and errors are those of the package's own adapters. Throws typed errors only (see `Transport`).
 */
export const httpTransport = (options: TransportOptions): Transport =>
  transportOf({
    authorize: (apiKey) => ({ authorization: `Bearer ${apiKey}` }),
    apiKeyVariables: [],
    requestIdHeader: 'x-request-id',
    toError: (failure) => errorOf(failure, { provider: options.provider }),
    ...options,
  })

/**
 * An adapter of pure parts and a transport. `toWire` makes the body, `streamReader` reads the events; without `fromWire`
 * the stream serves `generate` too. A stream that ends before its reader says that it is whole is a
 * `StreamInterruptedError`.
 */
export const defineAdapter = (parts: AdapterParts, transport: Transport): ProviderAdapter =>
  createAdapter(parts, transport)
