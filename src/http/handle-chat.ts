/** From the body of a request to the response that answers it. */
import {
  type ChatRequest,
  type ChatResponse,
  defined,
  isObject,
  type PartialResponse,
  type StreamChunk,
} from '../chat/index.js'
import type { BaseCallOptions, ChatStream } from '../core/index.js'
import {
  type AnswerContext,
  type Format,
  formatOfBody,
  type Incoming,
  ui,
} from './formats/index.js'
import { readBody } from './input/body.js'
import { readHistory, readNews } from './input/history.js'
import { closedInput } from './input/parts.js'
import type { Scope } from './input/signing.js'
import type { HandlerClient } from './options.js'
import { RefusedError } from './public-error.js'
import { closed, redactChunks, redactResponse } from './redact-response.js'
import { ownerOf, type Route, type RouteRequest, streamOptions } from './route-request.js'
import { EventStream } from './stream/events.js'
import { following, json, streamResponse, within } from './stream/respond.js'

/** A request as it goes to the client of the app, and what its answer needs. */
interface Asked<State> extends RouteRequest<State> {
  readonly chatRequest: ChatRequest
  readonly incoming: Incoming
  readonly state: State
  readonly format: Format
  readonly scope: Scope
}

/** Answers a body. Throws `RefusedError` for one that is not taken, and what the call throws before its first content. */
export async function handleChat<State>(
  state: State,
  routeRequest: RouteRequest<State>,
): Promise<Response> {
  const { route, request } = routeRequest
  const { input = closedInput, before } = route.options
  const formatOf = (body: unknown) => routeRequest.format ?? formatOfBody(body)
  const isOpen = Boolean(route.signer || input.allowTools || input.params?.length)
  const body = await readBody(request, {
    maxBytes: input.maxBytes ?? 262_144,
    maxBytesWithFiles: input.maxBytesWithFiles ?? 8_388_608,
    maxDepth: (body) => input.maxDepth ?? (isOpen || formatOf(body) === ui ? 64 : 8),
  })
  const format = formatOf(body)
  const incoming = format.read(body)
  const scope = { user: ownerOf(state, route.options), conversation: incoming.id ?? '' }
  const messages = await conversation(incoming, scope, state, route)
  const asked = chatRequestOf({ ...incoming, messages }, route)
  const chatRequest = before ? await before(asked, state, request) : asked
  const all = {
    ...routeRequest,
    chatRequest,
    incoming: { ...incoming, messages },
    state,
    format,
    scope,
  }
  return incoming.isStream && !wantsJson(request, body) ? streamed(all) : plain(all)
}

/** A client that does not say in its body how it wants the answer may say it in its headers. */
function wantsJson(request: Request, body: unknown): boolean {
  const accept = request.headers.get('accept') ?? ''
  const isSaid = isObject(body) && body.stream !== undefined
  return (
    !isSaid && /\bapplication\/json\b/.test(accept) && !/text\/event-stream|\*\/\*/.test(accept)
  )
}

async function conversation<State>(
  incoming: Incoming,
  scope: Scope,
  state: State,
  { options, signer, used }: Route<State>,
) {
  const { input = closedInput, history } = options
  if (!history) return readHistory(incoming, { input, signer, used, scope })
  if (incoming.id === undefined)
    throw new RefusedError('invalid_body', 'The body must name its conversation: `id`.')
  const news = await readNews(incoming, { input, signer, used, scope })
  return [...(await history(incoming.id, state)), ...news]
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

/** The client's own conditional type cannot be resolved for a State that is not known yet. */
type Calls = {
  stream(request: ChatRequest, options: BaseCallOptions): ChatStream
  generate(
    request: ChatRequest,
    options: BaseCallOptions,
  ): ReturnType<HandlerClient<{}>['generate']>
}

const callsOf = <State>({ ai }: Route<State>) => ai as unknown as Calls

async function plain<State>(asked: Asked<State>): Promise<Response> {
  const { route, request, format, headers } = asked
  const { signal } = request
  const response = await callsOf(route).generate(asked.chatRequest, {
    ...{ state: asked.state },
    // nobody can come back for it
    ...(route.options.onDisconnect !== 'finish' && { signal }),
  })
  await finish(response, asked)
  const context = contextOf(response.id, asked)
  const approvals = response.approvals && (await issueAll(response.approvals, asked))
  const shown = redactResponse({ ...response, ...defined({ approvals }) }, context.expose)
  return json(await format.toJson(shown, context), 200, headers)
}

async function streamed<State>(asked: Asked<State>): Promise<Response> {
  const { route, request, format, scope, incoming, reportError } = asked
  const { stalledMs = 60_000, commitAfterMs = 10_000 } = route.options
  const { preamble = [] } = incoming
  const id = crypto.randomUUID()
  const context = contextOf(id, asked)
  const eventStream = new EventStream({
    stream: callsOf(route).stream(asked.chatRequest, { ...{ state: asked.state }, stalledMs }),
    encoder: format.encoder(context),
    expose: (chunks) => issueInChunks(redactChunks(chunks, context.expose), asked),
    toPublic: reportError,
    onAnswer: (response) => finish(response, asked),
  })
  const first = eventStream.first()
  const session = await route.sessions.open({
    ...{ id, eventStream, format, owner: scope.user, conversation: incoming.id, preamble },
  })
  // this reader has it
  const reader = following(session.read(preamble.length), request)
  try {
    await within(first, commitAfterMs)
  } catch (error) {
    await session.drop()
    throw error
  }
  return streamResponse(reader, streamOptions(asked, format, id))
}

const contextOf = <State>(
  id: string,
  { route: { options, signer }, incoming, scope }: Asked<State>,
): AnswerContext => ({
  id,
  incoming,
  expose: { ...closed, ...options.expose },
  sign: signer && ((message) => signer.sign(message, scope)),
})

/** The app keeps the answer before its client can go on from it. What fails there is the app's own affair. */
async function finish<State>(
  response: ChatResponse | PartialResponse,
  { route, chatRequest, incoming, state, request_id, reportError }: Asked<State>,
): Promise<void> {
  try {
    await route.options.onFinish?.(response, {
      ...defined({ id: incoming.id }),
      ...{ request: chatRequest, state, request_id },
    })
  } catch (error) {
    reportError(error)
  }
}

type Approval = { readonly id: string; readonly tool_call_id: string }

/** Approvals as the client gets them: signed, where there is a secret. */
const issueAll = <State, T extends Approval>(
  approvals: readonly T[],
  { route: { signer }, scope }: Asked<State>,
): Promise<readonly T[]> =>
  Promise.all(
    approvals.map(async (one) => (signer ? { ...one, id: await signer.issue(one, scope) } : one)),
  )

function issueInChunks<State>(chunks: readonly StreamChunk[], asked: Asked<State>) {
  const isAsked = asked.route.signer && chunks.some(({ type }) => type === 'tool-approval')
  if (!isAsked) return chunks
  return Promise.all(
    chunks.map(async (chunk) => {
      if (chunk.type !== 'tool-approval') return chunk
      const [issued] = await issueAll([chunk], asked)
      return issued ?? chunk
    }),
  )
}
