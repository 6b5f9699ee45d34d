/** Gemini's error bodies: google.rpc.Status as JSON, https://ai.google.dev/gemini-api/docs/troubleshooting. */
import type { JsonObject } from '../../chat/index.js'
import type { Failure, FailureKind } from '../script.js'

interface GeminiFailure {
  readonly status: number
  readonly name: string
  readonly message: (model: string) => string
}

const failures: Readonly<Record<FailureKind, GeminiFailure>> = {
  bad_request: {
    status: 400,
    name: 'INVALID_ARGUMENT',
    message: () => '* GenerateContentRequest.contents: contents is not specified',
  },
  context_window: {
    status: 400,
    name: 'INVALID_ARGUMENT',
    message: () =>
      'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
  },
  content_policy: {
    status: 400,
    name: 'INVALID_ARGUMENT',
    message: () => 'The request was blocked by the usage policy.',
  },
  auth: {
    status: 400,
    name: 'INVALID_ARGUMENT',
    message: () => 'API key not valid. Please pass a valid API key.',
  },
  permission: {
    status: 403,
    name: 'PERMISSION_DENIED',
    message: () => 'The caller does not have permission',
  },
  not_found: {
    status: 404,
    name: 'NOT_FOUND',
    message: (model) => `models/${model} is not found for API version v1beta.`,
  },
  conflict: { status: 409, name: 'ABORTED', message: () => 'The operation was aborted.' },
  too_large: {
    status: 413,
    name: 'INVALID_ARGUMENT',
    message: () => 'Request payload size exceeds the limit: 20971520 bytes.',
  },
  unprocessable: {
    status: 422,
    name: 'FAILED_PRECONDITION',
    message: () => 'The request could not be processed.',
  },
  rate_limit: {
    status: 429,
    name: 'RESOURCE_EXHAUSTED',
    message: () => 'You exceeded your current quota, please check your plan and billing details.',
  },
  quota: {
    status: 429,
    name: 'RESOURCE_EXHAUSTED',
    message: () => 'You exceeded your current quota, please check your plan and billing details.',
  },
  server_error: { status: 500, name: 'INTERNAL', message: () => 'An internal error has occurred.' },
  bad_gateway: { status: 502, name: 'UNAVAILABLE', message: () => 'Bad gateway.' },
  overloaded: {
    status: 503,
    name: 'UNAVAILABLE',
    message: () => 'The model is overloaded. Please try again later.',
  },
  timeout: {
    status: 504,
    name: 'DEADLINE_EXCEEDED',
    message: () => 'Deadline expired before operation could complete.',
  },
}

export const statusOf = (failure: Failure) => failure.status ?? failures[failure.kind].status

export function geminiError(failure: Failure, model: string): JsonObject {
  const known = failures[failure.kind]
  const details = detailsOf(failure, model)
  return {
    error: {
      code: statusOf(failure),
      message: failure.message ?? known.message(model),
      status: failure.code ?? known.name,
      ...(details.length > 0 && { details }),
    },
  }
}

const google = (type: string) => `type.googleapis.com/google.rpc.${type}`

/** What tells a wrong key from a wrong argument, a day's quota from a minute's, and how long to wait. */
function detailsOf(failure: Failure, model: string): readonly JsonObject[] {
  if (failure.kind === 'auth' && (failure.status ?? 400) === 400)
    return [
      {
        '@type': google('ErrorInfo'),
        reason: 'API_KEY_INVALID',
        domain: 'googleapis.com',
        metadata: { service: 'generativelanguage.googleapis.com' },
      },
    ]
  if (failure.kind !== 'rate_limit' && failure.kind !== 'quota') return retryInfo(failure)
  const period = failure.kind === 'quota' ? 'PerDay' : 'PerMinute'
  const violation = {
    quotaMetric: 'generativelanguage.googleapis.com/generate_content_free_tier_requests',
    quotaId: `GenerateRequests${period}PerProjectPerModel-FreeTier`,
    quotaDimensions: { location: 'global', model },
    quotaValue: '50',
  }
  return [{ '@type': google('QuotaFailure'), violations: [violation] }, ...retryInfo(failure)]
}

const retryInfo = ({ retryAfter }: Failure): readonly JsonObject[] =>
  retryAfter === undefined ? [] : [{ '@type': google('RetryInfo'), retryDelay: `${retryAfter}s` }]
