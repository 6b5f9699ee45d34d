/** OpenAI's error bodies: https://platform.openai.com/docs/guides/error-codes, and recorded refusals. */
import type { Failure, FailureKind } from '../script.js'
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
    code: 'content_policy_violation',
    message: () =>
      'Your request was rejected as a result of our safety system. Your prompt may contain text that is not allowed by our safety system.',
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
