/** OpenAI's Responses wire. Shapes from recorded responses of gpt-4o to gpt-5.5 (2025-10 to 2026-08). */
import { defined } from '../../chat/index.js'
import { argumentPieces } from '../chunks.js'
import type { Failure, FailureKind } from '../script.js'
import { responsesWire } from './responses.js'
import type { HttpFailure, RenderContext } from './wire.js'

interface OpenAIFailure {
  readonly status: number
  readonly type: string
  readonly code: string | null
  readonly message: (model: string) => string
  readonly param?: string
}

const invalid = 'invalid_request_error'

const failures: Readonly<Record<FailureKind, OpenAIFailure>> = {
  bad_request: {
    status: 400,
    type: invalid,
    code: 'invalid_value',
    message: () => "Invalid value for 'input'.",
    param: 'input',
  },
  context_window: {
    status: 400,
    type: invalid,
    code: 'context_length_exceeded',
    message: () =>
      'Your input exceeds the context window of this model. Please adjust your input and try again.',
    param: 'input',
  },
  content_policy: {
    status: 400,
    type: invalid,
    code: 'invalid_prompt',
    message: () =>
      'Invalid prompt: your prompt was flagged as potentially violating our usage policy.',
  },
  auth: {
    status: 401,
    type: invalid,
    code: 'invalid_api_key',
    message: () =>
      'Incorrect API key provided: mock-*****-key. You can find your API key at https://platform.openai.com/account/api-keys.',
  },
  permission: {
    status: 403,
    type: 'request_forbidden',
    code: 'unsupported_country_region_territory',
    message: () => 'Country, region, or territory not supported',
  },
  not_found: {
    status: 404,
    type: invalid,
    code: 'model_not_found',
    message: (model) => `The model \`${model}\` does not exist or you do not have access to it.`,
    param: 'model',
  },
  conflict: {
    status: 409,
    type: invalid,
    code: 'conflict',
    message: () => 'The resource was changed by another request.',
  },
  too_large: {
    status: 413,
    type: invalid,
    code: 'request_too_large',
    message: () => 'The request body is too large.',
  },
  unprocessable: {
    status: 422,
    type: invalid,
    code: 'unprocessable_entity',
    message: () => 'The request was well-formed but could not be processed.',
  },
  rate_limit: {
    status: 429,
    type: 'requests',
    code: 'rate_limit_exceeded',
    message: (model) =>
      `Rate limit reached for ${model} in organization org-mock on requests per min (RPM): Limit 500, Used 500, Requested 1.`,
  },
  quota: {
    status: 429,
    type: 'insufficient_quota',
    code: 'insufficient_quota',
    message: () => 'You exceeded your current quota, please check your plan and billing details.',
  },
  server_error: {
    status: 500,
    type: 'server_error',
    code: 'server_error',
    message: () =>
      'The server had an error while processing your request. Sorry about that! You can retry your request.',
  },
  bad_gateway: {
    status: 502,
    type: 'server_error',
    code: null,
    message: () => 'Bad gateway.',
  },
  overloaded: {
    status: 503,
    type: 'service_unavailable_error',
    code: 'server_is_overloaded',
    message: () => 'Our servers are currently overloaded. Please try again later.',
  },
  timeout: {
    status: 504,
    type: 'server_error',
    code: 'timeout',
    message: () => 'The request timed out.',
  },
}

/** The inner error object, as a body, a stream and a failed response carry it. */
export function openaiError(failure: Failure, model: string) {
  const known = failures[failure.kind]
  return {
    message: failure.message ?? known.message(model),
    type: failure.type ?? (failure.code === 'insufficient_quota' ? failure.code : known.type),
    param: failure.param ?? known.param ?? null,
    code: failure.code ?? known.code,
  }
}

/** The whole refusal over HTTP; Chat Completions answers with the same. */
export function openaiFailure(failure: Failure, context: RenderContext): HttpFailure {
  const seconds = failure.retryAfter
  return {
    status: failure.status ?? failures[failure.kind].status,
    headers: {
      ...(seconds !== undefined && {
        'retry-after': String(Math.ceil(seconds)),
        'retry-after-ms': String(Math.round(seconds * 1000)),
      }),
      ...failure.headers,
    },
    body: { error: openaiError(failure, context.model) },
  }
}

export const openaiHeaders = (context: RenderContext) => ({
  'x-request-id': context.requestId,
  'openai-organization': 'org-mock',
  'openai-version': '2020-10-01',
  'openai-processing-ms': '21',
  'x-ratelimit-limit-requests': '500',
  'x-ratelimit-limit-tokens': '200000',
  'x-ratelimit-remaining-requests': '499',
  'x-ratelimit-remaining-tokens': '199000',
  'x-ratelimit-reset-requests': '120ms',
  'x-ratelimit-reset-tokens': '6m0s',
})

export const openai = responsesWire({
  contentType: { json: 'application/json', stream: 'text/event-stream; charset=utf-8' },
  lineEnd: '\n',
  requestId: (id) => id('req_', 32, 'hex'),
  headers: openaiHeaders,
  responseId: ({ id }) => id('resp_', 50, 'hex'),
  itemId: (prefix, { context }) => context.id(`${prefix}_`, 50, 'hex'),
  callId: ({ context }) => context.id('call_', 24),
  encrypted: (thought, { body, id }) => {
    const include = body.include
    const isAsked = Array.isArray(include) && include.includes('reasoning.encrypted_content')
    return isAsked ? (thought.signature ?? id('gAAAAAB', 120)) : undefined
  },
  thought: (encrypted) => {
    const fields = { content: [], ...encrypted }
    return { open: fields, done: fields }
  },
  pieces: argumentPieces,
  usage: (usage) => ({
    input_tokens: usage.prompt_tokens,
    input_tokens_details: defined({
      cached_tokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
      cache_write_tokens: usage.prompt_tokens_details?.cache_creation_tokens,
    }),
    output_tokens: usage.completion_tokens,
    output_tokens_details: {
      reasoning_tokens: usage.completion_tokens_details?.reasoning_tokens ?? 0,
    },
    total_tokens: usage.total_tokens,
  }),
  envelope: ({ body }) => ({
    background: body.background ?? false,
    frequency_penalty: 0,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: body.max_tool_calls ?? null,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    presence_penalty: 0,
    previous_response_id: body.previous_response_id ?? null,
    prompt_cache_key: body.prompt_cache_key ?? null,
    prompt_cache_retention: null,
    reasoning: { effort: null, summary: null, ...Object(body.reasoning) },
    safety_identifier: body.safety_identifier ?? null,
    service_tier: body.service_tier ?? 'auto',
    store: body.store ?? true,
    temperature: body.temperature ?? 1,
    text: { format: { type: 'text' }, verbosity: 'medium', ...Object(body.text) },
    tool_choice: body.tool_choice ?? 'auto',
    tools: body.tools ?? [],
    top_logprobs: body.top_logprobs ?? 0,
    top_p: body.top_p ?? 1,
    truncation: body.truncation ?? 'disabled',
    user: body.user ?? null,
    metadata: body.metadata ?? {},
  }),
  count: (tokens) => ({ object: 'response.input_tokens', input_tokens: tokens }),
  failure: openaiFailure,
  failureEvents: (failure, context, before) => {
    const error = openaiError(failure, context.model)
    const told = {
      event: 'error',
      data: { type: 'error', error, sequence_number: before.length },
    }
    const response = responseOf(before[0]?.data)
    if (!response) return [told]
    const { code, message } = error
    const failed = { ...response, status: 'failed', error: { code, message } }
    return [
      told,
      {
        event: 'response.failed',
        data: { type: 'response.failed', response: failed, sequence_number: before.length + 1 },
      },
    ]
  },
})

/** The response that the first event of a stream brought. */
const responseOf = (data: unknown): object | undefined =>
  typeof data === 'object' && data !== null && 'response' in data
    ? Object(data.response)
    : undefined
