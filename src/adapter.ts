/** `tetrad/adapter`: the base of this package's adapters, for an adapter of your own. */
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
 * POSTs JSON and reads JSON or server-sent events. Sends the key as a bearer token unless
 * `authorize` is set; timers, abort, bounds and errors are those of the package's own adapters.
 * Throws only typed errors (see `Transport`).
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
 * Creates an adapter from pure parts and a transport. `toWire` builds the body, `streamReader`
 * reads the events; without `fromWire`, `generate` uses the stream too. A stream that ends before
 * its reader reports completion throws `StreamInterruptedError`.
 */
export const defineAdapter = (parts: AdapterParts, transport: Transport): ProviderAdapter =>
  createAdapter(parts, transport)
