/** `handler`: one route from a page to a client of this package, for everything that speaks Request and Response. */
import type { ChatRequest } from '../chat/index.js'
import type { BaseCallOptions, ChatStream } from '../core/index.js'
import { readBody } from './body.js'
import { closed, exposeResponse } from './expose.js'
import { chunks, type Format, type Incoming, modelList, openai, ui } from './formats/index.js'
import { checkMessages } from './input.js'
import type { HandlerClient, HandlerOptions } from './options.js'
import { checkOrigin, checkOriginOptions, corsHeaders, preflight } from './origin.js'
import { RefusedError, toPublicError, toRefusal } from './public-error.js'
import { json, retryAfter, streamResponse, within } from './respond.js'
import { Run } from './run.js'

export type { Exposure, FormatName } from './formats/index.js'
export type { InputOptions } from './input.js'
export type { Access, BaseHandlerOptions, HandlerClient, HandlerOptions } from './options.js'
export type { PublicError } from './public-error.js'

const formats: Readonly<Record<string, Format | undefined>> = {
  __proto__: null,
  chunks,
  openai,
  ui,
} as never

/**
 * A route handler. `POST` answers, `POST …/chat/completions` does so as OpenAI, `POST …/:id/stop` ends an answer,
 * `GET …/models` lists models. It never rejects. Throws `MisuseError` for options that cannot work.
 *
 * @example
 * export const POST = handler(ai, { models: ['fast'], authorize: (request) => userOf(request) })
 */
export function handler<State = {}>(
  ai: HandlerClient<State>,
  options: HandlerOptions<NoInfer<State>>,
): (request: Request) => Promise<Response> {
  checkOriginOptions(options)
  const route: Route<State> = { ai, options, models: modelsOf(options), runs: new Map() }
  return async (request) => {
    if (request.method === 'OPTIONS') return preflight(request, options)
    const request_id = crypto.randomUUID()
    const format = formatOf(request, options) ?? chunks
    const headers = { ...corsHeaders(request, options), 'x-request-id': request_id }
    const exchange: Exchange<State> = { route, request, format, request_id, headers }
    try {
      return await answer(exchange)
    } catch (error) {
      return failure(error, exchange)
    }
  }
}

interface Route<State> {
  readonly ai: HandlerClient<State>
  readonly options: HandlerOptions<State>
  /** Public name → real name. */
  readonly models: ReadonlyMap<string, string>
  readonly runs: Map<string, { readonly run: Run; readonly owner: string }>
}

interface Exchange<State> {
  readonly route: Route<State>
  readonly request: Request
  readonly format: Format
  readonly request_id: string
  readonly headers: Readonly<Record<string, string>>
}

const modelsOf = <State>({ models }: HandlerOptions<State>) =>
  new Map(Array.isArray(models) ? models.map((name) => [name, name]) : Object.entries(models))

const pathOf = (request: Request) => new URL(request.url).pathname.replace(/\/+$/, '')

function formatOf<State>(request: Request, { format }: HandlerOptions<State>) {
  const path = pathOf(request)
  if (/\/(?:chat\/completions|models(?:\/[^/]+)?)$/.test(path)) return openai
  return formats[new URL(request.url).searchParams.get('format') ?? format ?? 'chunks']
}

function failure<State>(error: unknown, exchange: Exchange<State>): Response {
  const { format, request_id, headers } = exchange
  const shown = tell(error, exchange)
  return json(format.errorBody({ ...shown, request_id }), shown.status, {
    ...headers,
    ...retryAfter(shown),
  })
}

function tell<State>(error: unknown, { route, request_id }: Exchange<State>) {
  try {
    route.options.onError?.(error, { request_id })
  } catch {
    // a log that fails must not fail the answer
  }
  return toPublicError(error, request_id)
}

async function answer<State>(exchange: Exchange<State>): Promise<Response> {
  const { request, route, headers } = exchange
  checkOrigin(request, route.options)
  if (!formatOf(request, route.options)) throw new RefusedError('unknown_format', 'No such format.')
  const state = await authorize(exchange)
  if (state instanceof Response) return state
  const path = pathOf(request)
  const id = /\/([^/]+)\/stop$/.exec(path)?.[1]
  if (request.method === 'POST' && id !== undefined) return stop(id, state, exchange)
  if (request.method === 'GET' && path.endsWith('/models'))
    return json(modelList([...route.models.keys()]), 200, headers)
  if (request.method !== 'POST')
    throw new RefusedError('method_not_allowed', 'The method is not allowed here.', 405)
  return converse(state, exchange)
}

async function authorize<State>({ route, request }: Exchange<State>): Promise<State | Response> {
  // without `authorize` the type has made sure that State needs nothing
  if (!route.options.authorize) return {} as State
  try {
    const state = await route.options.authorize(request)
    if (state) return state
  } catch (error) {
    throw toRefusal(error) ?? error
  }
  throw new RefusedError('unauthorized', 'You are not signed in.', 401)
}

/** An id is only known to whom it was told, and only its owner may use it. */
const ownerOf = (state: unknown) => {
  const { userId } = state as { readonly userId?: unknown }
  return typeof userId === 'string' ? userId : ''
}

function stop<State>(id: string, state: State, { route, headers }: Exchange<State>): Response {
  const known = route.runs.get(id)
  if (!known || known.owner !== ownerOf(state))
    throw new RefusedError('not_found', 'There is no such answer.', 404)
  known.run.stop()
  return new Response(null, { status: 204, headers })
}

async function converse<State>(state: State, exchange: Exchange<State>): Promise<Response> {
  const { route, request, format } = exchange
  const { input = {}, before } = route.options
  const isOpen = Boolean(input.allowTools || input.params?.length)
  const body = await readBody(request, {
    maxBytes: input.maxBytes ?? 262_144,
    maxBytesWithFiles: input.maxBytesWithFiles ?? 8_388_608,
    maxDepth: input.maxDepth ?? (isOpen ? 32 : 8),
  })
  const incoming = format.read(body)
  checkMessages(incoming.messages, input)
  const asked = chatRequestOf(incoming, route)
  const chatRequest = before ? await before(asked, state, request) : asked
  return incoming.isStream
    ? streamed({ chatRequest, incoming, state }, exchange)
    : plain({ chatRequest, incoming, state }, exchange)
}

function chatRequestOf<State>(incoming: Incoming, { models, options }: Route<State>): ChatRequest {
  const name = incoming.model ?? models.keys().next().value ?? ''
  const model = models.get(name)
  if (model === undefined) throw new RefusedError('unknown_model', 'There is no such model here.')
  const open = options.input?.params ?? []
  const closedKey = Object.keys(incoming.rest).find((key) => !open.includes(key))
  if (closedKey !== undefined)
    throw new RefusedError('unknown_param', 'The body has a parameter that is not accepted.')
  return { ...incoming.rest, model, messages: incoming.messages }
}

interface Asked<State> {
  readonly chatRequest: ChatRequest
  readonly incoming: Incoming
  readonly state: State
}

/** The client's own conditional type cannot be resolved for a State that is not known yet. */
type Calls = {
  stream(request: ChatRequest, options: BaseCallOptions): ChatStream
  generate(
    request: ChatRequest,
    options: BaseCallOptions,
  ): ReturnType<HandlerClient<{}>['generate']>
}

async function plain<State>(asked: Asked<State>, exchange: Exchange<State>): Promise<Response> {
  const { route, request, format, headers } = exchange
  const { expose, onDisconnect = 'cancel' } = route.options
  const ai = route.ai as unknown as Calls
  const response = await ai.generate(asked.chatRequest, {
    ...{ state: asked.state },
    ...(onDisconnect === 'cancel' && { signal: request.signal }),
  })
  const shown = { ...closed, ...expose }
  const context = { id: response.id, incoming: asked.incoming, expose: shown }
  return json(await format.toJson(exposeResponse(response, shown), context), 200, headers)
}

async function streamed<State>(asked: Asked<State>, exchange: Exchange<State>): Promise<Response> {
  const { route, request, format, headers } = exchange
  const { options, runs } = route
  const id = crypto.randomUUID()
  const expose = { ...closed, ...options.expose }
  const ai = route.ai as unknown as Calls
  const run = new Run({
    stream: ai.stream(asked.chatRequest, {
      ...{ state: asked.state },
      stalledMs: options.stalledMs ?? 60_000,
    }),
    encoder: format.encoder({ id, incoming: asked.incoming, expose }),
    expose,
    onDisconnect: options.onDisconnect ?? 'cancel',
    toPublic: (error) => tell(error, exchange),
    onEnd: () => {
      runs.delete(id)
      request.signal.removeEventListener('abort', leave)
    },
  })
  const leave = () => run.leave()
  runs.set(id, { run, owner: ownerOf(asked.state) })
  request.signal.addEventListener('abort', leave, { once: true })
  if (request.signal.aborted) leave()
  try {
    await within(run.first(), options.commitAfterMs ?? 10_000)
  } catch (error) {
    run.end()
    throw error
  }
  return streamResponse(run, {
    heartbeatMs: options.heartbeatMs ?? 15_000,
    headers: { ...headers, ...format.headers, 'x-stream-id': id },
  })
}
