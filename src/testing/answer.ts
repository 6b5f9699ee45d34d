/**
 * Selects the answer to a request: the next reply of the script, a token count, a model list, or an
 * error.
 */
import { isObject, parseJson } from '../chat/index.js'
import type { RecordedRequest } from './record.js'
import { type Api, type Asked, type Payload, render, wireOf } from './render.js'
import { fail, Reply, raw } from './reply.js'
import type { Route } from './routes.js'
import { chatRules } from './rules/chat.js'
import { contentsRules } from './rules/contents.js'
import { messagesRules } from './rules/messages.js'
import { responsesRules } from './rules/responses.js'
import type { Rule } from './rules/rule.js'
import type { Delivery, ProviderName } from './script.js'
import { promptTokens } from './usage.js'

export interface AnswerOptions {
  /**
   * The answer of the token-counting endpoints.
   * @default a quarter of a token per character of the request
   */
  readonly countTokens?: number | Reply | ((request: RecordedRequest) => number | Reply)
  /** Model ids that `GET /models` lists, by provider. */
  readonly models?: Partial<Readonly<Record<ProviderName, readonly string[]>>>
  /**
   * False: requests without a key are answered too. Chat Completions never requires one.
   * @default true
   */
  readonly requireKey?: boolean
  /**
   * Refuses with status 400 and the provider's message what the provider would refuse: calls
   * without results, empty texts, missing thought signatures, malformed ids and names. Such a
   * request consumes no reply of the script.
   * @default false
   */
  readonly strict?: boolean
}

export interface Answering extends AnswerOptions {
  readonly route: Route | undefined
  /** Unix seconds. */
  readonly created: number
  readonly next: (request: RecordedRequest) => Promise<Reply>
}

export interface Rendered {
  readonly payload: Payload
  readonly delivery: Delivery
}

export async function answerOf(request: RecordedRequest, answering: Answering): Promise<Rendered> {
  const { route, created } = answering
  const { model, streaming, body, text, index: seed } = request
  const asked: Asked = {
    ...(route ?? { provider: 'openai', api: 'chat' }),
    model,
    streaming,
    body,
    text,
    seed,
    created,
  }
  if (!route) return rendered(noRoute(request), asked)
  const refused = refusalOf(request, answering)
  if (refused) return rendered(refused, asked)
  if (route.kind === 'models') return rendered(listOf(request, answering), asked)
  if (route.kind === 'count') return rendered(countOf(request, answering), asked)
  return rendered(await nextReply(request, answering), asked)
}

async function nextReply(request: RecordedRequest, { next }: Answering): Promise<Reply> {
  const { index, method, path } = request
  try {
    return await next(request)
  } catch (error) {
    return mistake(`Request ${index} (${method} ${path}) has no reply: ${messageOf(error)}`)
  }
}

/** A mistake in a test is not transient: official clients are told by header not to retry. */
const mistake = (message: string): Reply =>
  fail(500, {
    message: `Mock server: ${message}`,
    code: 'mock_server',
    headers: { 'x-should-retry': 'false' },
  })

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

function rendered(reply: Reply, asked: Asked): Rendered {
  try {
    return { payload: render(reply, asked), delivery: reply.spec.delivery }
  } catch (error) {
    const why = mistake(`This reply cannot be rendered: ${messageOf(error)}`)
    return { payload: render(why, asked), delivery: why.spec.delivery }
  }
}

const noRoute = ({ method, path }: RecordedRequest) =>
  fail(404, {
    message: `The mock server has no ${method} ${path}. Take base URLs from server.baseURL(provider).`,
    code: 'mock_server',
  })

/** Checks that a real provider performs before it resolves the model. */
function refusalOf(request: RecordedRequest, answering: Answering): Reply | undefined {
  if (answering.requireKey !== false && !hasKey(request)) return missingKey(request.provider)
  if (request.kind === 'models') return undefined
  if (request.method !== 'POST') return fail(405, { message: `Not allowed: ${request.method}` })
  if (!isObject(parseJson(request.text)))
    return fail(400, { message: 'We could not parse the JSON body of your request.' })
  return answering.strict ? objectionTo(request) : undefined
}

const rules: Readonly<Record<Api, Rule>> = {
  responses: responsesRules,
  messages: messagesRules,
  generateContent: contentsRules,
  chat: chatRules,
}

function objectionTo({ provider, api, kind, model, headers, body }: RecordedRequest) {
  if (!provider || !api || kind !== 'generate') return undefined
  const message = rules[api]({ provider, model, headers, body })
  return message === undefined ? undefined : fail(400, { message })
}

function hasKey({ provider, api, headers, query }: RecordedRequest): boolean {
  const isBearer = /^Bearer \S/.test(headers.authorization ?? '')
  if (isBearer || api === 'chat') return true
  if (provider === 'anthropic') return headers['x-api-key'] !== undefined
  if (provider === 'gemini') return 'x-goog-api-key' in headers || /(^|&)key=/.test(query)
  return false
}

const missingKeys: Partial<Readonly<Record<ProviderName, readonly [number, string]>>> = {
  anthropic: [401, 'x-api-key header is required'],
  gemini: [
    403,
    "Method doesn't allow unregistered callers. Please use API Key or other form of API consumer identity.",
  ],
}

function missingKey(provider: ProviderName = 'openai'): Reply {
  const [status, message] = missingKeys[provider] ?? [
    401,
    "You didn't provide an API key. You need to provide your API key in an Authorization header.",
  ]
  return fail(status, { message })
}

function countOf(request: RecordedRequest, { countTokens, route }: Answering): Reply {
  const told = typeof countTokens === 'function' ? countTokens(request) : countTokens
  if (told instanceof Reply) return told
  const tokens = told ?? promptTokens(request.text)
  // a counted request has a route
  const { provider, api } = route as Route
  return json(wireOf(provider, api).count(tokens))
}

const json = (body: unknown) =>
  raw(JSON.stringify(body), { headers: { 'content-type': 'application/json' } })

const defaultModels: Readonly<Record<ProviderName, readonly string[]>> = {
  openai: ['gpt-5.5', 'gpt-4o'],
  anthropic: ['claude-sonnet-4-5', 'claude-opus-4-8'],
  gemini: ['gemini-2.5-flash', 'gemini-3.5-flash'],
  xai: ['grok-4.3'],
  compatible: ['mock-model'],
}

function listOf(request: RecordedRequest, { models, route, created }: Answering): Reply {
  const provider = request.provider ?? 'openai'
  const ids = models?.[provider] ?? defaultModels[provider]
  const list = ids.map((id) => modelOf(id, provider, created))
  if (route?.model === undefined) return json(pageOf(list, ids, provider))
  const at = ids.indexOf(route.model)
  return at < 0 ? fail(404) : json(list[at])
}

function modelOf(id: string, provider: ProviderName, created: number): object {
  if (provider === 'gemini')
    return {
      name: `models/${id}`,
      displayName: id,
      inputTokenLimit: 1_048_576,
      outputTokenLimit: 65_536,
      supportedGenerationMethods: ['generateContent', 'countTokens'],
    }
  if (provider === 'anthropic')
    return {
      type: 'model',
      id,
      display_name: id,
      created_at: new Date(created * 1000).toISOString(),
    }
  return { id, object: 'model', created, owned_by: provider }
}

function pageOf(list: readonly object[], ids: readonly string[], provider: ProviderName): object {
  if (provider === 'gemini') return { models: list }
  if (provider === 'anthropic')
    return { data: list, has_more: false, first_id: ids[0] ?? null, last_id: ids.at(-1) ?? null }
  return { object: 'list', data: list }
}
