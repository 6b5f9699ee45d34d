/** The fetch transport: one request, typed errors, timers around the pending fetch or read only. */
import { parseJson } from '../chat/index.js'
import type { Call, ErrorDetails } from '../core/index.js'
import { AbortError, BadRequestError, UnexpectedResponseError } from '../core/index.js'
import { sseDecoder } from '../sse/index.js'
import { isErrorBody, readFailure } from './failure-body.js'
import { type BodyKind, kindOf, parseErrorText, readHead, readText } from './http-body.js'
import { eventBatch } from './http-events.js'
import { type Exchange, openExchange } from './http-exchange.js'
import { apiKeyOf } from './http-key.js'
import { jsonBody, mergeHeaders } from './http-request.js'
import { requestUrl } from './http-url.js'
import { scrub } from './scrub.js'
import type { ToError, Transport, TransportRequest, WireEvent } from './transport.js'

export interface HttpOptions {
  readonly provider: string
  /** A path and a query of it are kept. A function is asked at each call. */
  readonly baseURL: string | (() => string)
  /** The key goes into these headers, and nowhere else. */
  readonly authorize: (apiKey: string) => Readonly<Record<string, string>>
  readonly apiKey?: string | (() => string | undefined) | undefined
  /** Variables read at the call, in this order. None at all: the server may need no key. */
  readonly apiKeyVariables: readonly string[]
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly fetch?: typeof globalThis.fetch | undefined
  readonly toError: ToError
  /** The header that carries the request id. */
  readonly requestIdHeader: string
  /** Bytes of one event. @default 67_108_864 */
  readonly maxEventBytes?: number | undefined
  /** Bytes of a whole answer that is no stream. @default 67_108_864 */
  readonly maxBodyBytes?: number | undefined
}

/** One response whose status is no error. */
interface Reply {
  readonly exchange: Exchange
  readonly response: Response
  readonly key: string | undefined
  readonly request_id: string | undefined
  readonly details: ErrorDetails
}

type Kind = 'body' | 'stream'

/**
 * Speaks JSON over `fetch`. What both methods throw is said at `Transport`; before any connection
 * `AuthenticationError` (`missing_api_key`, `bad_api_key`) and `BadRequestError` (`bad_base_url`, `bad_header`, `bad_body`).
 */
export function httpTransport(options: HttpOptions): Transport {
  return {
    async json(request, call) {
      const exchange = exchangeFor(options, request, call, 'body')
      try {
        const reply = await send(options, request, call, exchange, 'body')
        const body = await readAnswer(options, request, reply)
        return { body, ...(reply.request_id !== undefined && { request_id: reply.request_id }) }
      } finally {
        await exchange.close()
      }
    },

    async *events(request, call) {
      const exchange = exchangeFor(options, request, call, 'stream')
      let isBroken = true
      try {
        const reply = await send(options, request, call, exchange, 'stream')
        const head = await readStreamHead(options, request, reply)
        yield* readEvents(options, reply, head)
      }
      finally {
        await exchange.close({ drainMs })
      }
    },
  }
}
