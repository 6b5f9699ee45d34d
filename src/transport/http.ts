/** JSON over HTTP: one request, typed errors, timers only around a pending fetch or read. */
import { parseJson } from '../chat/index.js'
import type { Call, ErrorDetails, ResponseHeaders } from '../core/index.js'
import { AbortError, UnexpectedResponseError } from '../core/index.js'
import { apiKeyOf } from './api-key.js'
import { type BodyKind, kindOf, parseErrorText, readHead, readText } from './body.js'
import { type Connection, openConnection } from './connection.js'
import { isErrorBody, readFailure } from './error-body.js'
import { EventReader } from './events.js'
import { fetchSender } from './fetch.js'
import { isNode, nodeSender } from './node.js'
import { jsonBody, mergeHeaders } from './request.js'
import { scrub, shownName } from './scrub.js'
import { headersOf, type IncomingResponse } from './sender.js'
import type { ToError, Transport, TransportRequest } from './transport.js'
import { requestUrl } from './url.js'

export interface HttpOptions {
  readonly provider: string
  /** May have a path and a query. A function is called at each call. */
  readonly baseURL: string | (() => string)
  /** Returns the only headers that hold the key. */
  readonly authorize: (apiKey: string) => Readonly<Record<string, string>>
  readonly apiKey?: string | (() => string | undefined) | undefined
  /** Variables read at each call, in this order. Empty: the server may require no key. */
  readonly apiKeyVariables: readonly string[]
  /** Allows a key in a page, which exposes it: only for the user's own key. @default false */
  readonly dangerouslyAllowBrowser?: boolean | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly fetch?: typeof globalThis.fetch | undefined
  readonly toError: ToError
  /** The header with the request id. */
  readonly requestIdHeader: string
  /** Maximum characters of one event, never more than its bytes. @default 67_108_864 */
  readonly maxEventBytes?: number | undefined
  /** Maximum bytes of a non-streaming response body. @default 67_108_864 */
  readonly maxBodyBytes?: number | undefined
}

/**
 * Sends over the `fetch` of the options; by default over `node:http` on Node, over the global
 * `fetch` elsewhere. In addition to the errors of `Transport`, it throws `AuthenticationError`
 * (`missing_api_key`, `bad_api_key`) and `BadRequestError` (`bad_base_url`, `bad_path`,
 * `bad_header`, `bad_body`) before any connection.
 */
export function httpTransport(options: HttpOptions): Transport {
  const open = opener(options)
  return {
    async json(request, call) {
      const connection = open({ request, call, kind: 'body' })
      try {
        const reply = await send(options, { request, call, kind: 'body' }, connection)
        const body = await readAnswer(options, reply)
        return { body, ...(reply.request_id !== undefined && { request_id: reply.request_id }) }
      } finally {
        await connection.close()
      }
    },

    async *events(request, call, isProgress = always) {
      const connection = open({ request, call, kind: 'stream' })
      let isSound = true
      try {
        const reply = await send(options, { request, call, kind: 'stream' }, connection)
        const reader = new EventReader({
          maxEventBytes: options.maxEventBytes,
          details: reply.details,
          secret: reply.key,
        })
        let bytes: Uint8Array | undefined = await readStreamHead(options, reply)
        for (;;) {
          if (bytes) reader.push(bytes)
          else reader.end()
          const events = reader.take()
          if (events.length > 0) {
            yield events
            if (isProgress()) connection.progress()
          }
          if (reader.failure) throw reader.failure
          if (!bytes || reader.isDone) return
          try {
            bytes = await connection.read()
          } catch (error) {
            // the reason that the server sent is read before the failure is thrown
            reader.failure = error
            bytes = undefined
          }
        }
      } catch (error) {
        isSound = false
        throw error
      } finally {
        await connection.close(isSound ? { drainMs } : undefined)
      }
    },
  }
}

const always = () => true

/** Enough for the last bytes of a finished body, without waiting long for an open one. */
const drainMs = 25

const maxBodyBytesDefault = 64 * 1024 * 1024
const maxRefusalBytes = 64 * 1024

/** Time limit for the body of an error: its status is known, so no timer of the call applies. */
const refusalMs = 10_000

interface Task {
  readonly request: TransportRequest
  readonly call: Call
  readonly kind: 'body' | 'stream'
}

/** A response without an error status. */
interface Reply {
  readonly connection: Connection
  readonly response: IncomingResponse
  readonly key: string | undefined
  readonly request_id: string | undefined
  readonly details: ErrorDetails
}

/** Chooses the sender per call: tracing tools replace `fetch` and set dispatchers after import. */
const opener = ({ provider, fetch }: HttpOptions) => {
  let isWarned = false
  return ({ request, call, kind }: Task) => {
    const own = fetch ? undefined : nodeSender()
    if (!own && !isWarned) isWarned = warnOfOtherTimers(call)
    return openConnection({
      sender: own ?? fetchSender(fetch ?? globalThis.fetch),
      call,
      kind,
      details: { provider, model: request.model },
    })
  }
}

/** Node's `fetch` has its own timers for headers and silence in a body. */
const warnOfOtherTimers = ({ timeouts = {}, warn }: Call): boolean => {
  const longest = Object.entries(timeouts).find(([, ms]) => ms > fetchTimerMs)
  if (!longest || !isNode()) return false
  const [name, ms] = longest
  warn({
    code: 'other',
    message: `${name} is ${ms} ms, but Node's fetch gives up after ${fetchTimerMs} ms: use no fetch option, no global fetch of your own and no undici dispatcher, or give the dispatcher a longer headersTimeout and bodyTimeout`,
  })
  return true
}

const fetchTimerMs = 300_000

async function send(options: HttpOptions, task: Task, connection: Connection): Promise<Reply> {
  const { request, call, kind } = task
  const details = { provider: options.provider, model: request.model }
  const key = apiKeyOf(call.apiKey, options, details)
  const url = requestUrl(options.baseURL, request.path, details)
  const headers = mergeHeaders(
    [
      { accept: accepts[kind], 'content-type': 'application/json' },
      options.headers,
      key === undefined ? undefined : options.authorize(key),
      request.headers,
      call.headers,
    ],
    details,
  )
  const body = jsonBody(request.body, details)
  const response = await connection.send({ url, headers, body })
  const id = response.headers.get(options.requestIdHeader) ?? undefined
  const request_id = id === undefined ? undefined : shownName(id, key)
  call.onResponse({
    status: response.status,
    headers: withoutKey(response.headers, key),
    ...(request_id !== undefined && { request_id }),
  })
  const reply = {
    connection,
    response,
    key,
    request_id,
    details: { ...details, status: response.status, requestId: request_id },
  }
  if (response.status >= 400)
    throw refusalOf(options, reply, { status: response.status, body: await readRefusal(reply) })
  if (response.status >= 300) throw redirected(reply.details)
  return reply
}

/** Removes headers that contain the key: not every key looks like one. */
function withoutKey(headers: ResponseHeaders, key: string | undefined): ResponseHeaders {
  const rest = new Map<string, string>()
  let hasKey = false
  headers.forEach((value, name) => {
    if (scrub(value, key) === value) rest.set(name, value)
    else hasKey = true
  })
  return hasKey ? headersOf(rest) : headers
}

const accepts = { body: 'application/json', stream: 'text/event-stream' } as const

/** JSON of an error status. If it cannot be read, the status is more useful than that error. */
async function readRefusal({ connection, key }: Reply, head?: Uint8Array): Promise<unknown> {
  const timer = setTimeout(() => void connection.close(), refusalMs)
  try {
    const text = await readText(connection, maxRefusalBytes, head)
    return text === undefined ? undefined : parseErrorText(scrub(text, key))
  } catch (error) {
    if (error instanceof AbortError) throw error
    return undefined
  } finally {
    clearTimeout(timer)
  }
}

const refusalOf = (
  { toError }: HttpOptions,
  { response, request_id, details }: Reply,
  refusal: { readonly status: number; readonly body: unknown },
) =>
  toError({
    ...refusal,
    headers: response.headers,
    model: details.model ?? '',
    ...(request_id !== undefined && { request_id }),
  })

/** The error in a 200: its status is that of its code, or 200 without one. */
const errorIn200 = (options: HttpOptions, reply: Reply, body: unknown) =>
  refusalOf(options, reply, { body, status: readFailure(body).status ?? reply.response.status })

async function readAnswer(options: HttpOptions, reply: Reply): Promise<unknown> {
  const { maxBodyBytes = maxBodyBytesDefault } = options
  const text = await readText(reply.connection, maxBodyBytes)
  if (text === undefined) throw unexpected(reply.details, 'too_large')
  const kind = kindOf(text)
  if (kind === 'empty' || kind === 'html') throw unexpected(reply.details, kind)
  const body = parseJson(text)
  if (body === undefined) throw unexpected(reply.details, 'bad_json')
  if (isErrorBody(body)) throw errorIn200(options, reply, parseJson(scrub(text, reply.key)))
  return body
}

/** The first bytes of a stream. The content type decides only if their kind is unknown. */
async function readStreamHead(options: HttpOptions, reply: Reply): Promise<Uint8Array> {
  const { kind, bytes } = await readHead(reply.connection)
  if (kind === 'sse' || (kind === 'other' && isEventStream(reply.response))) return bytes
  if (kind === 'json') {
    const body = await readRefusal(reply, bytes)
    if (isErrorBody(body)) throw errorIn200(options, reply, body)
  }
  throw unexpected(reply.details, streamCodes[kind])
}

const isEventStream = ({ headers }: IncomingResponse) =>
  headers.get('content-type')?.toLowerCase().startsWith('text/event-stream') ?? false

const streamCodes = {
  empty: 'empty',
  html: 'html',
  json: 'not_a_stream',
  sse: 'not_a_stream',
  other: 'not_a_stream',
} as const satisfies Record<BodyKind, string>

const unexpected = (details: ErrorDetails, code: keyof typeof surprises) =>
  new UnexpectedResponseError(
    `${details.provider}/${details.model} answered ${details.status} with ${surprises[code]}`,
    {
      ...details,
      code,
      phase: 'body',
      maybeBilled: true,
      ...(code === 'too_large' && { retryable: false }),
    },
  )

const surprises = {
  empty: 'an empty body',
  html: 'an HTML page: is the base URL right, is there a proxy on the way?',
  not_a_stream: 'something that is not an event stream',
  bad_json: 'a body that is not JSON',
  too_large: 'a body above maxBodyBytes',
} as const

/** Following it would send the prompt, and some keys, to another host. */
const redirected = (details: ErrorDetails) =>
  new UnexpectedResponseError(
    `${details.provider}/${details.model} answered with a redirect, which is not followed: use the final address as base URL`,
    { ...details, code: 'redirect', phase: 'headers', retryable: false },
  )
