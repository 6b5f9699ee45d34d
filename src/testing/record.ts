/** The server's record of a request. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isObject, type JsonObject, parseJson } from '../chat/index.js'
import type { Api } from './render.js'
import type { Route } from './routes.js'
import type { ProviderName } from './script.js'

/** One request as the server received it. */
export interface RecordedRequest {
  /** From 0, in order of arrival. */
  readonly index: number
  /** Undefined for a path of no provider. */
  readonly provider: ProviderName | undefined
  readonly api: Api | undefined
  readonly kind: 'generate' | 'count' | 'models' | 'unknown'
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly query: string
  /** '' if the request has none. */
  readonly model: string
  readonly streaming: boolean
  /** Names in lower case. Only the last four characters of a key are recorded. */
  readonly headers: Readonly<Record<string, string>>
  /** The JSON body; `{}` if there was none. */
  readonly body: JsonObject
  /** The body as it was received. */
  readonly text: string
  /** Resolves with `aborted` when the response has ended or its socket is closed. Never rejects. */
  readonly closed: Promise<boolean>
  /** The client left before the response was complete. */
  readonly aborted: boolean
  /** Events written to the socket so far. */
  readonly sent: number
}

/** The server's side of a record: the members that change during the response. */
export interface Recording {
  readonly request: RecordedRequest
  /** The response was ended on purpose: a later close is no abort. */
  end(): void
  progress(sent: number): void
}

export function record(
  request: IncomingMessage,
  response: ServerResponse,
  { index, text, route }: { index: number; text: string; route: Route | undefined },
): Recording {
  const [path = '/', query = ''] = (request.url ?? '/').split('?', 2)
  const parsed = parseJson(text)
  const body = isObject(parsed) ? parsed : {}
  const state = { sent: 0, isEnded: false, aborted: false }
  const closed = new Promise<boolean>((resolve) => {
    response.once('close', () => {
      state.aborted = !state.isEnded && !response.writableFinished
      resolve(state.aborted)
    })
  })
  return {
    request: {
      index,
      provider: route?.provider,
      api: route?.api,
      kind: route?.kind ?? 'unknown',
      method: request.method ?? 'GET',
      path,
      query: query.replace(/(^|&)key=[^&]*/, '$1key=****'),
      model: modelOf(route, body),
      streaming: isStreaming(route, body),
      headers: masked(request.headers),
      body,
      text,
      closed,
      get aborted() {
        return state.aborted
      },
      get sent() {
        return state.sent
      },
    },
    end: () => {
      state.isEnded = true
    },
    progress: (sent) => {
      state.sent = sent
    },
  }
}

function modelOf(route: Route | undefined, body: JsonObject): string {
  if (route?.model !== undefined) return route.model
  return typeof body.model === 'string' ? body.model : ''
}

function isStreaming(route: Route | undefined, body: JsonObject): boolean {
  if (route?.kind !== 'generate') return false
  return route.streaming ?? body.stream === true
}

const keyHeaders = new Set(['authorization', 'x-api-key', 'x-goog-api-key', 'api-key'])

function masked(headers: IncomingMessage['headers']): Readonly<Record<string, string>> {
  const entries = Object.entries(headers).map(([name, value]) => {
    const text = Array.isArray(value) ? value.join(', ') : (value ?? '')
    return [name, keyHeaders.has(name) ? maskKey(text) : text] as const
  })
  return Object.fromEntries(entries)
}

function maskKey(value: string): string {
  const [, scheme = '', key = ''] = /^(\S+ )?(.*)$/.exec(value) ?? []
  return `${scheme}****${key.length >= 8 ? key.slice(-4) : ''}`
}
