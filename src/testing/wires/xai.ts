/** xAI's Responses wire: OpenAI's, with its own ids, errors and usage. Shapes from recorded responses of grok-4.3 (2026-08). */

import { uuidOf } from '../random.js'
import type { Failure, FailureKind } from '../script.js'
import { responsesWire } from './responses.js'

interface XaiFailure {
  readonly status: number
  readonly code: string
  readonly error: (model: string) => string
}

const failures: Readonly<Record<FailureKind, XaiFailure>> = {
  bad_request: {
    status: 400,
    code: 'invalid-argument',
    error: () => 'Argument not supported on this model.',
  },
  context_window: {
    status: 400,
    code: 'invalid-argument',
    error: () =>
      "This model's maximum prompt length is 500000 but the request contains 600000 tokens.",
  },
  content_policy: {
    status: 403,
    code: 'permission-denied',
    error: () => 'Content violates usage guidelines.',
  },
  auth: {
    status: 400,
    code: 'invalid-argument',
    error: () => 'Incorrect API key provided. You can obtain an API key from https://console.x.ai.',
  },
  permission: {
    status: 403,
    code: 'permission-denied',
    error: () => 'The API key is currently blocked.',
  },
  not_found: {
    status: 404,
    code: 'not-found',
    error: (model) => `The model ${model} does not exist or your team does not have access to it.`,
  },
  conflict: { status: 409, code: 'aborted', error: () => 'The operation was aborted.' },
  too_large: { status: 413, code: 'out-of-range', error: () => 'The request is too large.' },
  unprocessable: {
    status: 422,
    code: 'invalid-argument',
    error: () => 'Failed to deserialize the JSON body into the target type.',
  },
  rate_limit: {
    status: 429,
    code: 'resource-exhausted',
    error: (model) => `Too many requests for the model ${model}. Your team's rate limit is 480.`,
  },
  quota: {
    status: 403,
    code: 'permission-denied',
    error: () => 'Your team has either used all available credits or reached its spending limit.',
  },
  server_error: { status: 500, code: 'internal', error: () => 'Internal error.' },
  bad_gateway: { status: 502, code: 'unavailable', error: () => 'Bad gateway.' },
  overloaded: {
    status: 503,
    code: 'The service is currently unavailable',
    error: () => 'The service is temporarily unavailable. Please try again later.',
  },
  timeout: { status: 504, code: 'deadline-exceeded', error: () => 'Deadline exceeded.' },
}

const errorOf = (failure: Failure, model: string) => ({
  code: failure.code ?? failures[failure.kind].code,
  error: failure.message ?? failures[failure.kind].error(model),
})

export const xai = responsesWire({
  contentType: { json: 'application/json', stream: 'text/event-stream' },
  lineEnd: '\n',
  requestId: uuidOf,
  headers: ({ requestId }) => ({ 'x-request-id': requestId }),
  responseId: ({ id }) => uuidOf(id),
  itemId: (prefix, { responseId, nth }) => {
    const isNumbered = nth > 0 || (prefix !== 'msg' && prefix !== 'rs')
    return `${prefix}_${responseId}${isNumbered ? `_${nth}` : ''}`
  },
  callId: ({ context, nth }) => `call-${uuidOf(context.id)}-${nth}`,
  // told always, asked or not
  encrypted: (thought, { id }) => thought.signature ?? id('', 120),
  thought: (encrypted) => ({
    open: { status: 'in_progress' },
    done: { status: 'completed', ...encrypted },
  }),
  pieces: (text) => [text],
  usage: (usage) => ({
    input_tokens: usage.prompt_tokens,
    input_tokens_details: { cached_tokens: usage.prompt_tokens_details?.cached_tokens ?? 0 },
    output_tokens: usage.completion_tokens,
    output_tokens_details: {
      reasoning_tokens: usage.completion_tokens_details?.reasoning_tokens ?? 0,
    },
    total_tokens: usage.total_tokens,
    num_sources_used: 0,
    num_server_side_tools_used: sumOf(usage.server_tool_use),
    ...(usage.server_tool_use && { server_side_tool_usage_details: usage.server_tool_use }),
    ...(usage.cost !== undefined && { cost_in_usd_ticks: Math.round(usage.cost * 1e10) }),
    context_details: {
      input_tokens: usage.prompt_tokens,
      output_tokens: usage.completion_tokens,
    },
  }),
  envelope: ({ body }) => ({
    background: false,
    frequency_penalty: 0,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: null,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    presence_penalty: 0,
    previous_response_id: body.previous_response_id ?? null,
    prompt_cache_key: body.prompt_cache_key ?? null,
    reasoning: { effort: null, summary: null, ...Object(body.reasoning) },
    safety_identifier: null,
    service_tier: body.service_tier ?? 'default',
    store: body.store ?? true,
    temperature: body.temperature ?? 0.7,
    text: { format: { type: 'text' }, ...Object(body.text) },
    tool_choice: body.tool_choice ?? 'auto',
    tools: body.tools ?? [],
    top_logprobs: body.top_logprobs ?? 0,
    top_p: body.top_p ?? 0.95,
    truncation: 'disabled',
    user: body.user ?? null,
    metadata: { system_fingerprint: 'fp_mock' },
  }),
  failure: (failure, context) => ({
    status: failure.status ?? failures[failure.kind].status,
    headers: {
      ...(failure.retryAfter !== undefined && { 'retry-after': String(failure.retryAfter) }),
      ...failure.headers,
    },
    body: errorOf(failure, context.model),
  }),
  // flat, where OpenAI nests it
  failureEvents: (failure, context, before) => {
    const { code, error } = errorOf(failure, context.model)
    const data = {
      type: 'error',
      code,
      message: error,
      param: failure.param ?? null,
      sequence_number: before.length,
    }
    return [{ event: 'error', data }]
  },
  // it counts by `/v1/tokenize-text`, which gives the tokens themselves
  count: (tokens) => ({
    token_ids: Array.from({ length: tokens }, (_, index) => ({
      token_id: index,
      string_token: '',
      token_bytes: [],
    })),
  }),
})

const sumOf = (counts: Readonly<Record<string, number>> = {}) =>
  Object.values(counts).reduce((sum, count) => sum + count, 0)
