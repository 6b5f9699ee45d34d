/** Maps a chat request to the body of `POST /responses`; unmapped parameters are reported. */
import type { ChatRequest, ResponseFormat } from '../../chat/index.js'
import { asList, isGiven, isObject, type JsonObject, pick, words } from '../../chat/json.js'
import type { TransportRequest } from '../../transport/index.js'
import { extrasOf, headersOf } from '../extras.js'
import { reportUnmapped, type WriteOptions } from '../notes.js'
import { mayReason, toReasoning } from './thinking.js'
import { toToolChoice, toTools } from './tools.js'
import { contextOf, toInput } from './turns.js'
import type { Field, FieldContext, Fields, Includable, Profile, WireFormat } from './wire.js'

/** Creates the request writer of a server. Throws `BadRequestError` for an unsendable request. */
export const requestWriter =
  (profile: Profile) =>
  (request: ChatRequest, { streaming, warn }: WriteOptions): TransportRequest => {
    const body = toBody(request, contextOf(profile, request.model, warn))
    return toTransport('/responses', streaming ? { ...body, stream: true } : body, request)
  }

/** Creates the writer of token-count requests: the body without members about the answer. */
export const countWriter =
  (profile: Profile) =>
  (request: ChatRequest, { warn }: Pick<WriteOptions, 'warn'>): TransportRequest => {
    const body = toBody(request, contextOf(profile, request.model, warn))
    return toTransport('/responses/input_tokens', pick(body, countedKeys), request)
  }

const toTransport = (path: string, body: JsonObject, request: ChatRequest): TransportRequest => ({
  path,
  body,
  model: request.model,
  ...headersOf(request),
})

/** `InputTokenCountParams` of the SDK. */
const countedKeys = words(
  'conversation input instructions model parallel_tool_calls personality previous_response_id reasoning text tool_choice tools truncation',
)

function toBody(request: ChatRequest, context: FieldContext): JsonObject {
  const { profile, model } = context
  reportUnmapped(request, profile.capabilities(model).rules, context)
  const body = extrasOf(request, profile.provider).reduce(joined, mapped(request, context))
  const input = toInput(request.messages, context, {
    isStored: body.store === true,
    isChained: Boolean(body.previous_response_id || body.conversation),
  })
  if (input.length === 0 && !mayBeEmpty.some((key) => key in body))
    throw context.invalid('the request needs at least one message', 'no_messages')
  return { model, input, ...body }
}

/** Members that can replace messages. */
const mayBeEmpty = ['input', 'previous_response_id', 'conversation', 'prompt', 'instructions']

function mapped(request: ChatRequest, context: FieldContext): JsonObject {
  const { fields } = context.profile
  const parts: JsonObject[] = [common(request, context)]
  for (const param in fields) {
    // the keys of the table are parameters
    const name = param as keyof ChatRequest
    const field = fields[name]
    if (field && isGiven(request[name])) parts.push(field(request, context))
  }
  return parts.reduce<JsonObject>(joined, {})
}

/** Lists that are concatenated, not replaced. */
const gathered = ['include', 'tools']

/** Merges two bodies; the second wins, by member inside objects such as `reasoning` and `text`. */
function joined(body: JsonObject, more: JsonObject): JsonObject {
  const result: Record<string, unknown> = { ...body }
  for (const [key, value] of Object.entries(more)) {
    const before = Object.hasOwn(result, key) ? result[key] : undefined
    if (gathered.includes(key) && Array.isArray(before) && Array.isArray(value))
      result[key] = [...new Set([...before, ...value])]
    else if (isObject(before) && isObject(value)) result[key] = { ...before, ...value }
    else if (value !== undefined) result[key] = value
  }
  return result
}

/** Members that are always sent, or derived from several parameters. */
function common(request: ChatRequest, context: FieldContext): JsonObject {
  const tools = toToolChoice(request.tool_choice, toTools(request, context), context)
  return {
    store: request.store ?? false,
    ...includes(request, tools.tools, context),
    ...tools,
    ...toReasoning(request, context),
  }
}

/** A reasoning model refuses the parameter itself: the value 1, its default, is omitted. */
function sampling(param: 'temperature' | 'top_p'): Field {
  return (request, { profile, model }) =>
    request[param] === 1 && profile.samplesByItself(model) ? {} : { [param]: request[param] }
}

const maxIdentifier = 64

/** Chat Completions' `user` is `safety_identifier` here, of at most 64 characters. */
const toSafetyIdentifier: Field = ({ user = '', safety_identifier }, { note }) => {
  if (safety_identifier !== undefined) return { safety_identifier }
  if (user.length > maxIdentifier)
    note.changed(`user was cut to ${maxIdentifier} characters`, 'user')
  return { safety_identifier: user.slice(0, maxIdentifier) }
}

const sameNames = words(
  'top_logprobs parallel_tool_calls metadata service_tier safety_identifier prompt_cache_key previous_response_id',
)

const asGiven = (param: keyof ChatRequest): [string, Field] => [
  param,
  (request) => ({ [param]: request[param] }),
]

/** Other parameters are mapped in `common`, or have no field. */
export const fields: Fields = {
  ...Object.fromEntries(sameNames.map(asGiven)),
  temperature: sampling('temperature'),
  top_p: sampling('top_p'),
  max_completion_tokens: (request) => ({ max_output_tokens: request.max_completion_tokens }),
  max_tokens: ({ max_tokens, max_completion_tokens }) => ({
    max_output_tokens: max_completion_tokens ?? max_tokens,
  }),
  response_format: ({ response_format }, context) =>
    response_format ? { text: { format: toFormat(response_format, context) } } : {},
  verbosity: ({ verbosity }) => ({ text: { verbosity } }),
  user: toSafetyIdentifier,
}

/** The optional output that the request includes. */
function includes(request: ChatRequest, tools: unknown, { profile }: FieldContext) {
  const types = new Set(asList(tools).map((tool) => isObject(tool) && tool.type))
  const include: Includable[] = []
  if (mayReason(request, profile)) include.push('reasoning.encrypted_content')
  if (request.logprobs || request.top_logprobs) include.push('message.output_text.logprobs')
  if (types.has('web_search')) include.push('web_search_call.action.sources')
  if (types.has('code_interpreter')) include.push('code_interpreter_call.outputs')
  if (types.has('file_search')) include.push('file_search_call.results')
  const taken = include.filter((one) => profile.includable?.includes(one) ?? true)
  return taken.length > 0 ? { include: taken } : {}
}

function toFormat(format: ResponseFormat, { profile, note }: FieldContext): WireFormat {
  if (format.type !== 'json_schema') return { type: format.type }
  const { name, schema, description, strict } = format.json_schema
  // without a schema only JSON can be enforced
  if (!schema) return { type: 'json_object' }
  const dialect = profile.answerSchema(schema, {
    strict: strict === true,
    warn: (message) => note.changed(message, 'response_format'),
  })
  return {
    type: 'json_schema',
    name: fittedName(name),
    schema: dialect.schema,
    strict: dialect.strict,
    ...(description !== undefined && { description }),
  }
}

/** At most 64 of `[A-Za-z0-9_-]`. Only the model sees the name. */
const fittedName = (name: string | undefined) =>
  (name ?? '').replace(/[^A-Za-z0-9_-]+/g, '_').slice(0, 64) || 'response_schema'
