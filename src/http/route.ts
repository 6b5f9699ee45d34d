/** `handler`: the route between a page and a client, on platforms with `Request` and `Response`. */
import { MisuseError } from '../core/index.js'
import { memoryStore } from '../store/index.js'
import { patientStore } from '../store/patient.js'
import {
  checkFormat,
  type FormatName,
  formatOfPath,
  isFormatName,
  isServed,
  loadFormat,
  modelList,
  modelObject,
  modelOf,
} from './formats/index.js'
import { handleChat } from './handle-chat.js'
import { checkOrigin, checkOriginOptions, corsHeaders, preflight } from './input/origin.js'
import { createSigner } from './input/signing.js'
import type { HandlerClient, HandlerOptions } from './options.js'
import { RefusedError, toRefusal } from './public-error.js'
import {
  deferrer,
  errorReporter,
  failure,
  ownerOf,
  pathOf,
  type Route,
  type RouteRequest,
  streamOptions,
} from './route-request.js'
import { following, json, streamResponse } from './stream/respond.js'
import { Sessions } from './stream/sessions.js'

/**
 * Creates a route handler. `POST` answers, `POST …/chat/completions` in OpenAI's format,
 * `GET …/models` lists models, `POST …/:id/stop` aborts an answer and `GET …/:id/stream` resumes
 * it. The handler never rejects. Throws `MisuseError` for invalid options.
 *
 * @example
 * export const POST = handler(ai, { models: ['fast'], authorize: (request) => userOf(request) })
 */
export function handler<State = {}>(
  ai: HandlerClient<State>,
  options: HandlerOptions<NoInfer<State>>,
): (request: Request, native?: unknown) => Promise<Response> {
  const route = routeOf<State>(ai, options)
  return async (request, native) => {
    if (request.method === 'OPTIONS') return preflight(request, options)
    const request_id = crypto.randomUUID()
    const reportError = errorReporter(options, request_id)
    let routeRequest: RouteRequest<State> = {
      route,
      request,
      native,
      path: pathOf(request),
      format: undefined,
      request_id,
      headers: { ...corsHeaders(request, options), 'x-request-id': request_id },
      reportError,
      defer: deferrer(options, native, reportError),
    }
    try {
      const name = formatOf(request, options.format)
      if (name) routeRequest = { ...routeRequest, format: await loadFormat(name) }
      return withoutBody(request, await answer(routeRequest))
    } catch (error) {
      return withoutBody(request, failure(error, routeRequest))
    }
  }
}

/** Of HEAD, whatever its answer is, only that is sent which stands before the body (RFC 9110, 9.3.2). */
const withoutBody = ({ method }: Request, response: Response) =>
  method === 'HEAD' ? new Response(null, response) : response

const formatOf = (request: Request, format: FormatName | undefined) =>
  formatOfPath({
    method: request.method,
    path: pathOf(request),
    named: new URL(request.url).searchParams.get('format'),
    format,
  })

function routeOf<State>(ai: HandlerClient<State>, options: HandlerOptions<State>): Route<State> {
  checkOptions(options)
  const { models, keepMs = 300_000, pollMs = 1_000, secret } = options
  const store = options.store && patientStore(options.store)
  const { onDisconnect = store ? { graceMs: 30_000 } : 'cancel' } = options
  // store errors belong to no request
  const onError = errorReporter(options, '')
  const named = new Map<string, string>(
    Array.isArray(models) ? models.map((name) => [name, name]) : Object.entries(models),
  )
  for (const name of [...named].flat())
    if (typeof models === 'string' || typeof name !== 'string' || name === '')
      throw new MisuseError('models: a model is named by a string that is not empty')
  if (named.size === 0) throw new MisuseError('models: a route needs at least one model')
  return {
    ai,
    options,
    models: named,
    sessions: new Sessions({ store, keepMs, pollMs, onDisconnect, onError }),
    signer: secret === undefined ? undefined : createSigner({ secret }),
    used: store ?? memoryStore(),
  }
}

/** What untyped code can pass: an undefined `authorize` must not open the route. */
function checkOptions<State>(options: HandlerOptions<State>): void {
  if (!options.authorize && options.public !== true)
    throw new MisuseError('A route needs `authorize`, or `public: true` if everyone may call it')
  checkOriginOptions(options)
  checkFormat(options.format)
}

async function answer<State>(routeRequest: RouteRequest<State>): Promise<Response> {
  const { request, route, path, headers } = routeRequest
  checkOrigin(request, route.options)
  if (formatOf(request, route.options.format) === null)
    throw new RefusedError('unknown_format', 'No such format.')
  if (!isServed(path))
    throw new RefusedError('not_found', 'There is no such path.', { status: 404 })
  const state = await authorize(routeRequest)
  if (state instanceof Response) return state
  const [, name, action] = /\/([^/]+)\/(stop|stream)$/.exec(path) ?? []
  if (request.method === 'POST')
    return name !== undefined && action === 'stop'
      ? stop(decode(name), state, routeRequest)
      : handleChat(state, routeRequest)
  const model = modelOf(path)
  if (model !== undefined && isRead(request.method))
    return json(modelBody(decode(model), route), 200, headers)
  if (request.method === 'GET' && name !== undefined && action === 'stream')
    return resume(decode(name), state, routeRequest)
  throw new RefusedError('method_not_allowed', 'The method is not allowed here.', { status: 405 })
}

const isRead = (method: string) => method === 'GET' || method === 'HEAD'

/** Throws `RefusedError` 404 `model_not_found`. */
function modelBody<State>(name: string, { models }: Route<State>) {
  if (name === '') return modelList([...models.keys()])
  if (models.has(name)) return modelObject(name)
  throw new RefusedError('model_not_found', 'There is no such model here.', { status: 404 })
}

async function authorize<State>({
  route,
  request,
  native,
}: RouteRequest<State>): Promise<State | Response> {
  // without `authorize` the type guarantees that State has no required members
  if (!route.options.authorize) return {} as State
  try {
    const state = await route.options.authorize(request, native)
    if (state) return state
  } catch (error) {
    throw toRefusal(error) ?? error
  }
  throw new RefusedError('unauthorized', 'You are not signed in.', { status: 401 })
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

async function stop<State>(name: string, state: State, routeRequest: RouteRequest<State>) {
  const { route, headers } = routeRequest
  const isStopped = await route.sessions.stop(name, ownerOf(state, route))
  if (!isStopped) throw notFound()
  return new Response(null, { status: 204, headers })
}

async function resume<State>(name: string, state: State, routeRequest: RouteRequest<State>) {
  const { route, request, headers, format: requested, reportError } = routeRequest
  const lastEventId = /^\d{1,9}$/.exec(request.headers.get('last-event-id') ?? '')?.[0]
  const known = await route.sessions.find(name, ownerOf(state, route))
  // a GET has no body to detect the format from: the stored answer specifies it
  const format =
    requested ?? (known && isFormatName(known.format) ? await loadFormat(known.format) : undefined)
  if (known && format?.name === known.format) {
    const toFailure = (error: unknown) => format.failure(reportError(error))
    const reader = route.sessions.resume(known, { from: Number(lastEventId ?? 0), toFailure })
    if (reader)
      return streamResponse(following(reader, request), streamOptions(routeRequest, format))
  }
  // `useChat` reads 204 as nothing to resume; clients of other formats name them and get 404
  if (!requested || requested.name === 'ui') return new Response(null, { status: 204, headers })
  throw notFound()
}

const notFound = () => new RefusedError('not_found', 'There is no such answer.', { status: 404 })
