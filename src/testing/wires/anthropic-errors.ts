/** Anthropic's error bodies: https://docs.anthropic.com/en/api/errors, and recorded refusals. */
import type { JsonObject } from '../../chat/index.js'
import type { Failure, FailureKind } from '../script.js'
import type { HttpFailure, RenderContext } from './wire.js'

interface AnthropicFailure {
  readonly status: number
  readonly type: string
  readonly isRetried: boolean
  readonly message: (model: string) => string
}

const failures: Readonly<Record<FailureKind, AnthropicFailure>> = {
  bad_request: {
    status: 400,
    type: 'invalid_request_error',
    isRetried: false,
    message: () => 'messages.0.content: Input should be a valid list',
  },
  context_window: {
    status: 400,
    type: 'invalid_request_error',
    isRetried: false,
    message: () => 'prompt is too long: 210000 tokens > 200000 maximum',
  },
  content_policy: {
    status: 400,
    type: 'invalid_request_error',
    isRetried: false,
    message: () => 'Output blocked by content filtering policy',
  },
  auth: {
    status: 401,
    type: 'authentication_error',
    isRetried: false,
    message: () => 'invalid x-api-key',
  },
  permission: {
    status: 403,
    type: 'permission_error',
    isRetried: false,
    message: () => 'Your API key does not have permission to use the specified resource.',
  },
  not_found: {
    status: 404,
    type: 'not_found_error',
    isRetried: false,
    message: (model) => `model: ${model}`,
  },
  conflict: {
    status: 409,
    type: 'invalid_request_error',
    isRetried: true,
    message: () => 'The resource was changed by another request.',
  },
  too_large: {
    status: 413,
    type: 'request_too_large',
    isRetried: false,
    message: () => 'Request exceeds the maximum allowed number of bytes.',
  },
  unprocessable: {
    status: 422,
    type: 'invalid_request_error',
    isRetried: false,
    message: () => 'The request could not be processed.',
  },
  rate_limit: {
    status: 429,
    type: 'rate_limit_error',
    isRetried: true,
    message: () =>
      "This request would exceed your organization's rate limit of 50 requests per minute.",
  },
  quota: {
    status: 402,
    type: 'billing_error',
    isRetried: false,
    message: () => 'Your credit balance is too low to access the Anthropic API.',
  },
  server_error: {
    status: 500,
    type: 'api_error',
    isRetried: true,
    message: () => 'Internal server error',
  },
  bad_gateway: {
    status: 502,
    type: 'api_error',
    isRetried: true,
    message: () => 'Bad gateway',
  },
  overloaded: {
    status: 529,
    type: 'overloaded_error',
    isRetried: true,
    message: () => 'Overloaded',
  },
  timeout: {
    status: 504,
    type: 'timeout_error',
    isRetried: true,
    message: () => 'The request timed out.',
  },
}

/** The refusal over HTTP. */
export const anthropicFailure = (failure: Failure, context: RenderContext): HttpFailure => ({
  status: failure.status ?? failures[failure.kind].status,
  headers: {
    'x-should-retry': String(failures[failure.kind].isRetried),
    ...(failure.retryAfter !== undefined && { 'retry-after': String(failure.retryAfter) }),
    ...failure.headers,
  },
  body: anthropicError(failure, context),
})

/** The error as a body and as an event carry it. */
export const anthropicError = (failure: Failure, context: RenderContext): JsonObject => ({
  type: 'error',
  error: {
    type: failure.code ?? failure.type ?? failures[failure.kind].type,
    message: failure.message ?? failures[failure.kind].message(context.model),
  },
  request_id: context.requestId,
})
