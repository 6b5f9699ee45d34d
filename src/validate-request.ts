/** Validates a request before any layer sees it, and makes it plain JSON. */
import type { ChatRequest, ChatResponse, FormatInput, ResponseFormat } from './chat/index.js'
import { defined, isGiven, isObject } from './chat/index.js'
import {
  BadRequestError,
  UnexpectedResponseError,
  UnsupportedParamsError,
  type ValidRequest,
} from './core/index.js'
import { isStandardSchema, toFormat } from './schema/standard.js'

/** Call options of other libraries, and their equivalents here. */
const foreignKeys: Readonly<Record<string, string>> = {
  stream: 'call ai.stream(request) instead of ai.generate(request)',
  timeout: 'add the timeout() or deadline() middleware, or pass { timeouts } in the call options',
  max_retries: 'add the retry() middleware: retry({ attempts })',
  num_retries: 'add the retry() middleware: retry({ attempts })',
  api_key:
    'pass it to the provider, openai({ apiKey }), or in the call options: { apiKeys: { openai } }',
  api_base: 'pass it to the provider: openai({ baseURL })',
  base_url: 'pass it to the provider: openai({ baseURL })',
  headers: 'use extra_headers, or { headers } in the call options',
  fallbacks: 'add the fallback() middleware',
  mock_response: "use the server of 'tetrad/testing'",
}

/** Members that other clients send as null: treated as absent. */
const lists = new Set(['tools', 'stop', 'tool_choice'])

function withoutNulls(given: ChatRequest<FormatInput>): ChatRequest<FormatInput> {
  const kept = Object.entries(defined(given)).filter(
    ([name, value]) => value !== null || !lists.has(name),
  )
  // drops only members that are null
  return Object.fromEntries(kept) as unknown as ChatRequest<FormatInput>
}

/** Throws `BadRequestError`, and `UnsupportedParamsError` for `n` other than 1. */
export function validateRequest(input: ChatRequest<FormatInput>): ValidRequest {
  checkShape(input)
  const { stream_options: _, ...given } = input as ChatRequest<FormatInput> & {
    readonly stream_options?: unknown
  }
  // undefined members are dropped
  const { response_format: format, ...request } = withoutNulls(given)
  if (!isStandardSchema(format))
    return { request: { ...request, ...(format && { response_format: format }) } }
  const response_format = toFormat(format)
  return {
    request: { ...request, response_format },
    parse: (response) => parse(response_format, response),
  }
}

function checkShape(input: ChatRequest<FormatInput>): void {
  if (!isObject(input)) throw refusal('A request must be an object: { model, messages }')
  if (typeof input.model !== 'string' || input.model === '')
    throw refusal("The request needs a model: { model: 'anthropic/claude-sonnet-4-5' }")
  if (!Array.isArray(input.messages))
    throw refusal("The request needs a list of messages: [{ role: 'user', content: 'Hello' }]")
  for (const key of Object.keys(input))
    if (Object.hasOwn(foreignKeys, key) && isGiven(input[key as keyof typeof input]))
      throw refusal(`'${key}' is not part of a request here: ${foreignKeys[key]}`)
  if (isGiven(input.n) && input.n !== 1)
    throw new UnsupportedParamsError(
      `n: ${input.n} is not supported by any provider here: make ${input.n} calls`,
      { status: 400, code: 'unsupported_params', phase: 'request' },
    )
  for (const [name, { is, what }] of shapes) {
    const value = input[name as keyof typeof input]
    if (isGiven(value) && !is(value)) throw refusal(`${name} must be ${what}`)
  }
}

type Is = (value: unknown) => boolean

const isText: Is = (value) => typeof value === 'string'

const listOf =
  (is: Is): Is =>
  (value) =>
    Array.isArray(value) && value.every(is)

/** An object; each of these members, if present, passes its check. */
const objectOf =
  (members: Readonly<Record<string, Is>> = {}): Is =>
  (value) =>
    isObject(value) &&
    Object.entries(members).every(([name, is]) => value[name] === undefined || is(value[name]))

/** A function or custom tool needs a name; a tool in a provider's own format is not checked. */
const isNamed: Is = (value) => isObject(value) && isText(value.name)
const isTool = objectOf({ function: isNamed, custom: isNamed })

const isChoice = objectOf({
  function: isNamed,
  custom: isNamed,
  allowed_tools: objectOf({ tools: listOf(isObject) }),
})

const isFormat: Is = (value) =>
  isStandardSchema(value) ||
  (isObject(value) &&
    isText(value.type) &&
    (value.type !== 'json_schema' ||
      (isObject(value.json_schema) && objectOf({ schema: isObject })(value.json_schema))))

const texts = { is: listOf(isText), what: 'a list of strings' }
const record = { is: isObject, what: 'an object' }

/** What layers and adapters rely on. Numbers and enum values are the provider's to reject. */
const shapes = Object.entries<{ readonly is: Is; readonly what: string }>({
  stop: { is: (value) => isText(value) || texts.is(value), what: 'a string, or a list of strings' },
  tools: {
    is: listOf(isTool),
    what: "a list of tools: [{ type: 'function', function: { name: 'weather', parameters } }]",
  },
  tool_choice: {
    is: (value) => isText(value) || isChoice(value),
    what: "'auto', 'none', 'required', or { type: 'function', function: { name } }",
  },
  response_format: {
    is: isFormat,
    what: "a Standard Schema, or { type: 'text' | 'json_object' | 'json_schema', json_schema }",
  },
  user: { is: isText, what: 'a string' },
  service_tier: { is: isText, what: 'a string' },
  modalities: texts,
  additional_drop_params: texts,
  allowed_openai_params: texts,
  thinking: record,
  logit_bias: record,
  metadata: record,
  web_search_options: record,
  extra_body: record,
  extra_headers: record,
  provider_options: record,
})

const refusal = (message: string) =>
  new BadRequestError(message, { status: 400, code: 'bad_request', phase: 'request' })

/** Validates the text of a structured answer. */
async function parse(format: ResponseFormat, response: ChatResponse): Promise<unknown> {
  const { provider, model, text, finish_reason } = response
  // loaded on demand: most calls request text
  const { readAnswer } = await import('./schema/read-answer.js')
  const reading = await readAnswer(text, format)
  if (reading.defect === undefined) return reading.value
  const { code, defect } = reading
  const what =
    code === 'bad_json'
      ? `text that is not JSON (finish reason '${finish_reason}')`
      : `JSON that does not fit the schema: ${defect}`
  throw new UnexpectedResponseError(`${provider}/${model} answered with ${what}`, {
    provider,
    model,
    requestId: response.request_id,
    code,
  })
}
