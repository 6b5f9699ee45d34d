/** Handles POST of a route: from the request body to the response. */
import {
  type ChatRequest,
  type ChatResponse,
  defined,
  isObject,
  type PartialResponse,
  type StreamChunk,
} from '../chat/index.js'
import { type BaseCallOptions, type ChatStream, isTetradError, MisuseError } from '../core/index.js'
import {
  type AnswerContext,
  type Format,
  type FormatName,
  formatOfBody,
  type Incoming,
  loadFormat,
} from './formats/index.js'
import { type BodyLimits, bodyWasRead, readBody } from './input/body.js'
import {
  addNewMessages,
  type Conversation,
  type HistoryOptions,
  markUsed,
  readHistory,
  readNewMessages,
  unmarkUsed,
} from './input/history.js'
import { closedInput, limitsOf } from './input/parts.js'
import type { Scope } from './input/signing.js'
import type { HandlerClient } from './options.js'
import { RefusedError } from './public-error.js'
import { closed, redactChunks, redactResponse } from './redact-response.js'
import { failure, ownerOf, type Route, type RouteRequest, streamOptions } from './route-request.js'
import { answerName, namedId } from './stream/answer-name.js'
import { EventStream } from './stream/events.js'
import { following, json, streamResponse, within } from './stream/respond.js'

/** A validated request, and what its answer needs. */
interface PreparedRequest<State> extends RouteRequest<State> {
  readonly chatRequest: ChatRequest
  readonly incoming: Incoming
  readonly state: State
  readonly body: unknown
  readonly format: Format
  readonly scope: Scope
  /** Lets approvals of this request be used again. */
  readonly reopen: () => Promise<void>
}

/** Answers a POST. Throws `RefusedError` for bad input, and what fails before the first content. */
export async function handleChat<State>(
  state: State,
  routeRequest: RouteRequest<State>,
): Promise<Response> {
  const { route, request } = routeRequest
  const { input = closedInput } = route.options
  const scopeOwner = ownerOf(state, route)
  const nameOf = (body: unknown) => routeRequest.format?.name ?? formatOfBody(body)
  const body = await readBody(request, bodyLimitsOf(route, nameOf))
  const format = routeRequest.format ?? (await loadFormat(nameOf(body)))
  const incoming = format.read(body)
  const scope = { user: scopeOwner, conversation: incoming.id ?? '' }
  const { signer, used } = route
  const trust: HistoryOptions = { input, signer, used, scope }
  const { messages, approvals } = await conversation(incoming, trust, { state, body, route })
  const requested = chatRequestOf({ ...incoming, messages }, route)
  const chatRequest = await applyBefore(requested, { ...routeRequest, state, body })
  await markUsed(approvals, trust)
  const all = {
    ...routeRequest,
    ...{ chatRequest, state, body, format, scope },
    reopen: () => unmarkUsed(approvals, trust),
    incoming: { ...incoming, messages },
  }
  if (incoming.isStream && !wantsJson(request, body)) return streamed(all)
  const answer = plain(all)
  // keeps it running when the client disconnects
  routeRequest.defer(answer)
  return answer
}

/** With signed or open members a body also carries server output: the body limits apply to it. */
function bodyLimitsOf<State>(
  { options: { input = closedInput }, signer }: Route<State>,
  nameOf: (body: unknown) => FormatName,
): BodyLimits {
  const { maxBytes, maxConversationBytes, maxBodyBytes } = limitsOf(input)
  const isOpen = Boolean(signer || input.allowTools || input.params?.length)
  return {
    maxBytes,
    maxBodyBytes,
    maxPlainBytes: isOpen ? maxBodyBytes / 2 : maxConversationBytes,
    maxDepth: (body) => input.maxDepth ?? (isOpen || nameOf(body) === 'ui' ? 64 : 8),
  }
}

/** Applies `before`. Throws `MisuseError` where it reads the body, which is already consumed. */
async function applyBefore<State>(
  chatRequest: ChatRequest,
  { route, request, native, state, body }: RouteRequest<State> & AppInfo<State>,
): Promise<ChatRequest> {
  const { options } = route
  if (!options.before) return chatRequest
  try {
    const edited = await options.before(chatRequest, { state, body, request, native })
    if (Array.isArray(edited?.messages)) return edited
    throw new MisuseError('`before` must return the request, with its messages')
  } catch (error) {
    // the platform's error for a body that was already read
    if (error instanceof TypeError && /\b(?:body|locked|unusable|clone)/i.test(error.message))
      throw bodyWasRead(error)
    throw error
  }
}

interface AppInfo<State> {
  readonly state: State
  readonly body: unknown
}

/** Reads the `Accept` header where the body has no `stream` member. */
function wantsJson(request: Request, body: unknown): boolean {
  const accept = request.headers.get('accept') ?? ''
  const hasStreamMember = isObject(body) && body.stream !== undefined
  return (
    !hasStreamMember &&
    /\bapplication\/json\b/.test(accept) &&
    !/text\/event-stream|\*\/\*/.test(accept)
  )
}

async function conversation<State>(
  incoming: Incoming,
  trust: HistoryOptions,
  { state, body, route: { options } }: AppInfo<State> & { readonly route: Route<State> },
): Promise<Conversation> {
  if (!options.history) return readHistory(incoming, trust)
  const { id, trigger, messageId } = incoming
  if (id === undefined)
    throw new RefusedError('invalid_body', 'The body must name its conversation: `id`.')
  const { messages, approvals } = await readNewMessages(incoming, trust)
  const kept = await options.history(id, { state, trigger, messageId, body })
  if (!Array.isArray(kept) || kept.some((one) => !isObject(one)))
    throw new MisuseError('`history` must return a list of messages, empty for a new conversation')
  return { messages: addNewMessages(kept, messages, incoming), approvals }
}

/** Chat request members, and their names in other libraries: closed until the app opens them. */
const requestKeys: ReadonlySet<string> = new Set(
  (
    'temperature top_p top_k max_tokens max_completion_tokens stop seed n presence_penalty frequency_penalty ' +
    'logit_bias logprobs top_logprobs tools tool_choice parallel_tool_calls functions function_call response_format ' +
    'reasoning_effort thinking verbosity modalities user metadata store service_tier safety_identifier prompt_cache_key ' +
    'previous_response_id web_search_options drop_params additional_drop_params allowed_openai_params extra_body ' +
    'extra_headers provider_options stream_options timeout max_retries num_retries api_key api_base base_url headers ' +
    'fallbacks mock_response audio prediction moderation prompt_cache_options prompt_cache_retention'
  ).split(' '),
)

/** True for a member without effect: null or an empty list. */
const isEmpty = (value: unknown) => value === null || (Array.isArray(value) && value.length === 0)

/** Sends opened members to the provider. Throws `RefusedError` `unknown_model`, `unknown_param`. */
function chatRequestOf<State>(incoming: Incoming, { models, options }: Route<State>): ChatRequest {
  const name = incoming.model ?? models.keys().next().value ?? ''
  const model = models.get(name)
  if (model === undefined)
    throw new RefusedError('unknown_model', 'There is no such model here.', { param: 'model' })
  const open = options.input?.params ?? []
  const given = Object.entries(incoming.rest).filter(([, value]) => !isEmpty(value))
  const closedKey = given.find(([key]) => requestKeys.has(key) && !open.includes(key))?.[0]
  if (closedKey !== undefined)
    throw new RefusedError('unknown_param', `\`${closedKey}\` is not accepted here.`, {
      param: closedKey,
    })
  const opened = Object.fromEntries(given.filter(([key]) => open.includes(key)))
  return { ...opened, model, messages: incoming.messages }
}

/** Removes the app's message ids, which providers do not accept. */
const withoutIds = ({ messages, ...request }: ChatRequest): ChatRequest => ({
  ...request,
  messages: messages.map((message) => {
    if (!('id' in message)) return message
    const { id: _, ...rest } = message
    return rest
  }),
})

/** Call options of both modes. */
const callOptionsOf = <State>({ route: { options }, state, defer }: PreparedRequest<State>) => {
  const tags = typeof options.tags === 'function' ? options.tags(state) : options.tags
  return { state, waitUntil: defer, ...defined({ tags }) }
}

/** The client's methods without its conditional type, which a generic State leaves unresolved. */
type Calls = {
  stream(request: ChatRequest, options: BaseCallOptions): ChatStream
  generate(
    request: ChatRequest,
    options: BaseCallOptions,
  ): ReturnType<HandlerClient<{}>['generate']>
}

const callsOf = <State>({ ai }: Route<State>) => ai as unknown as Calls

async function plain<State>(prepared: PreparedRequest<State>): Promise<Response> {
  const { route, request, headers, format, scope } = prepared
  const owner = scope.user
  const stop = new AbortController()
  // a plain answer cannot be resumed
  const isKept = route.options.onDisconnect === 'finish'
  const name = isKept ? answerName(prepared.body) : undefined
  const named = name === undefined ? undefined : await namedId(name, owner)
  const close = named && route.sessions.openPlain(named, { owner, format }, () => stop.abort())
  let response: ChatResponse
  try {
    response = await callsOf(route).generate(withoutIds(prepared.chatRequest), {
      ...callOptionsOf(prepared),
      signal: isKept ? stop.signal : request.signal,
    })
  } catch (error) {
    return finishCut(error, prepared)
  } finally {
    if (close) close()
  }
  await finish(response, prepared)
  return json(await bodyOf(response, prepared), 200, headers)
}

async function bodyOf<State>(
  response: ChatResponse,
  prepared: PreparedRequest<State>,
): Promise<unknown> {
  const context = contextOf(response.id, prepared)
  const approvals = response.approvals && (await issueAll(response.approvals, prepared))
  const shown = redactResponse({ ...response, ...defined({ approvals }) }, context.expose)
  return prepared.format.toJson(shown, context)
}

async function streamed<State>(prepared: PreparedRequest<State>): Promise<Response> {
  const { route, request, format, scope, incoming, reportError, defer } = prepared
  const { stalledMs = 60_000, commitAfterMs = 10_000 } = route.options
  const { preamble = [] } = incoming
  const name = answerName(prepared.body)
  const named = name === undefined ? undefined : await namedId(name, scope.user)
  // nothing is awaited before `open`: of two requests with one name only one gets its id
  const id = route.sessions.newId(named)
  const context = contextOf(id, prepared)
  const eventStream = new EventStream({
    stream: callsOf(route).stream(withoutIds(prepared.chatRequest), {
      ...callOptionsOf(prepared),
      stalledMs,
    }),
    encoder: format.encoder(context),
    expose: (chunks) => issueInChunks(redactChunks(chunks, context.expose), prepared),
    toPublic: reportError,
    onAnswer: (response) => finish(response, prepared),
    onFailure: (error) => finishFailed(error, prepared),
  })
  const first = eventStream.first()
  const session = route.sessions.open({
    ...{ id, eventStream, format, owner: scope.user, conversation: incoming.id, preamble, defer },
    isNamed: name !== undefined,
  })
  // this client already has the preamble
  const reader = following(
    session.read(preamble.length, (error) => format.failure(reportError(error))),
    request,
  )
  try {
    await within(first, commitAfterMs)
  } catch (error) {
    await session.drop()
    throw error
  }
  return streamResponse(reader, streamOptions(prepared, format, id))
}

const contextOf = <State>(
  id: string,
  { route: { options, signer }, incoming, scope }: PreparedRequest<State>,
): AnswerContext => ({
  id,
  incoming,
  expose: { ...closed, ...options.expose },
  sign: signer && ((message) => signer.sign(message, scope)),
})

/** Calls `onFinish` before the client can continue the conversation; only reports its failure. */
async function finish<State>(
  response: ChatResponse | PartialResponse,
  { route, chatRequest, incoming, state, body, request_id, reportError }: PreparedRequest<State>,
): Promise<void> {
  try {
    await route.options.onFinish?.(response, {
      ...defined({ id: incoming.id }),
      ...{ request: chatRequest, state, body, request_id },
    })
  } catch (error) {
    reportError(error)
  }
}

/**
 * Passes the partial answer of a failed call to `onFinish`, with what was spent on it. A yes to a call
 * that was refused before it began stays unused. Returns the partial answer.
 */
async function finishFailed<State>(
  error: unknown,
  prepared: PreparedRequest<State>,
): Promise<PartialResponse | undefined> {
  if (!isTetradError(error)) return undefined
  const { partial, usage, attempts = [] } = error
  if (partial) await finish({ ...partial, attempts, ...defined({ usage }) }, prepared)
  else if (attempts.length === 0 && refusals.has(error.name)) await reopen(prepared)
  return partial
}

/** Errors of layers that ask the client to come again. */
const refusals: ReadonlySet<string> = new Set([
  'RateLimitError',
  'BudgetExceededError',
  'ServiceUnavailableError',
])

async function reopen<State>({ reopen: run, reportError }: PreparedRequest<State>): Promise<void> {
  await run().catch(reportError)
}

/** Ends a failed call; what tools did goes to the client. Else throws the error. */
async function finishCut<State>(
  error: unknown,
  prepared: PreparedRequest<State>,
): Promise<Response> {
  const partial = await finishFailed(error, prepared)
  const done = partial && doneOf(partial)
  if (!done) throw error
  return failure(error, prepared, await bodyOf(done, prepared))
}

/** The answer up to the last result of a tool: its turns are whole, what the model began behind them is not. */
function doneOf({ approvals: _, ...partial }: PartialResponse): ChatResponse | undefined {
  const last = partial.messages.findLastIndex(({ role }) => role === 'tool')
  if (last < 0) return undefined
  const messages = partial.messages.slice(0, last + 1)
  const message = messages.findLast((one) => one.role === 'assistant') ?? partial.message
  return { ...partial, messages, message, text: message.content ?? '', finish_reason: 'tool_calls' }
}

type Approval = { readonly id: string; readonly tool_call_id: string }

/** Approvals as sent to the client: signed where there is a secret. */
const issueAll = <State, T extends Approval>(
  approvals: readonly T[],
  { route: { signer }, scope }: PreparedRequest<State>,
): Promise<readonly T[]> =>
  Promise.all(
    approvals.map(async (one) => (signer ? { ...one, id: await signer.issue(one, scope) } : one)),
  )

function issueInChunks<State>(chunks: readonly StreamChunk[], prepared: PreparedRequest<State>) {
  const hasApproval = prepared.route.signer && chunks.some(({ type }) => type === 'tool-approval')
  if (!hasApproval) return chunks
  return Promise.all(
    chunks.map(async (chunk) => {
      if (chunk.type !== 'tool-approval') return chunk
      const [issued] = await issueAll([chunk], prepared)
      return issued ?? chunk
    }),
  )
}
