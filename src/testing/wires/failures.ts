/** The errors of each provider: from their documentation, and from recorded responses. */
import type { Failure, FailureKind } from '../script.js'

/**
 * `status, code, type, param | message`. The code is `error.code` of OpenAI, `error.type` of
 * Anthropic, `error.status` of Gemini, `code` of xAI; `-` is null.
 */
type Rows = Readonly<Record<FailureKind, string>>

/** https://platform.openai.com/docs/guides/error-codes */
const openai: Rows = {
  bad_request: "400, invalid_value, invalid_request_error, input | Invalid value for 'input'.",
  context_window:
    '400, context_length_exceeded, invalid_request_error, input | Your input exceeds the context window of this model. Please adjust your input and try again.',
  content_policy:
    '400, content_policy_violation, invalid_request_error | Your request was rejected as a result of our safety system. Your prompt may contain text that is not allowed by our safety system.',
  auth: '401, invalid_api_key, invalid_request_error | Incorrect API key provided: mock-*****-key. You can find your API key at https://platform.openai.com/account/api-keys.',
  permission:
    '403, unsupported_country_region_territory, request_forbidden | Country, region, or territory not supported',
  not_found:
    '404, model_not_found, invalid_request_error, model | The model `{model}` does not exist or you do not have access to it.',
  conflict: '409, conflict, invalid_request_error | The resource was changed by another request.',
  too_large: '413, request_too_large, invalid_request_error | The request body is too large.',
  unprocessable:
    '422, unprocessable_entity, invalid_request_error | The request was well-formed but could not be processed.',
  rate_limit:
    '429, rate_limit_exceeded, requests | Rate limit reached for {model} in organization org-mock on requests per min (RPM): Limit 500, Used 500, Requested 1.',
  quota:
    '429, insufficient_quota, insufficient_quota | You exceeded your current quota, please check your plan and billing details.',
  server_error:
    '500, server_error, server_error | The server had an error while processing your request. Sorry about that! You can retry your request.',
  bad_gateway: '502, -, server_error | Bad gateway.',
  overloaded:
    '503, server_is_overloaded, service_unavailable_error | Our servers are currently overloaded. Please try again later.',
  timeout: '504, timeout, server_error | The request timed out.',
}

/** https://docs.anthropic.com/en/api/errors */
const anthropic: Rows = {
  bad_request: '400, invalid_request_error | messages.0.content: Input should be a valid list',
  context_window: '400, invalid_request_error | prompt is too long: 210000 tokens > 200000 maximum',
  content_policy: '400, invalid_request_error | Output blocked by content filtering policy',
  auth: '401, authentication_error | invalid x-api-key',
  permission:
    '403, permission_error | Your API key does not have permission to use the specified resource.',
  not_found: '404, not_found_error | model: {model}',
  conflict: '409, invalid_request_error | The resource was changed by another request.',
  too_large: '413, request_too_large | Request exceeds the maximum allowed number of bytes.',
  unprocessable: '422, invalid_request_error | The request could not be processed.',
  rate_limit:
    "429, rate_limit_error | This request would exceed your organization's rate limit of 50 requests per minute.",
  quota: '402, billing_error | Your credit balance is too low to access the Anthropic API.',
  server_error: '500, api_error | Internal server error',
  bad_gateway: '502, api_error | Bad gateway',
  overloaded: '529, overloaded_error | Overloaded',
  timeout: '504, timeout_error | The request timed out.',
}

const noQuota =
  '429, RESOURCE_EXHAUSTED | You exceeded your current quota, please check your plan and billing details.'

/** https://ai.google.dev/gemini-api/docs/troubleshooting */
const gemini: Rows = {
  bad_request:
    '400, INVALID_ARGUMENT | * GenerateContentRequest.contents: contents is not specified',
  context_window:
    '400, INVALID_ARGUMENT | The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
  content_policy: '400, INVALID_ARGUMENT | The request was blocked by the usage policy.',
  auth: '400, INVALID_ARGUMENT | API key not valid. Please pass a valid API key.',
  permission: '403, PERMISSION_DENIED | The caller does not have permission',
  not_found: '404, NOT_FOUND | models/{model} is not found for API version v1beta.',
  conflict: '409, ABORTED | The operation was aborted.',
  too_large: '413, INVALID_ARGUMENT | Request payload size exceeds the limit: 20971520 bytes.',
  unprocessable: '422, FAILED_PRECONDITION | The request could not be processed.',
  rate_limit: noQuota,
  quota: noQuota,
  server_error: '500, INTERNAL | An internal error has occurred.',
  bad_gateway: '502, UNAVAILABLE | Bad gateway.',
  overloaded: '503, UNAVAILABLE | The model is overloaded. Please try again later.',
  timeout: '504, DEADLINE_EXCEEDED | Deadline expired before operation could complete.',
}

const xai: Rows = {
  bad_request: '400, invalid-argument | Argument not supported on this model.',
  context_window:
    "400, invalid-argument | This model's maximum prompt length is 500000 but the request contains 600000 tokens.",
  content_policy: '403, permission-denied | Content violates usage guidelines.',
  auth: '400, invalid-argument | Incorrect API key provided. You can obtain an API key from https://console.x.ai.',
  permission: '403, permission-denied | The API key is currently blocked.',
  not_found:
    '404, not-found | The model {model} does not exist or your team does not have access to it.',
  conflict: '409, aborted | The operation was aborted.',
  too_large: '413, out-of-range | The request is too large.',
  unprocessable:
    '422, invalid-argument | Failed to deserialize the JSON body into the target type.',
  rate_limit:
    "429, resource-exhausted | Too many requests for the model {model}. Your team's rate limit is 480.",
  quota:
    '403, permission-denied | Your team has either used all available credits or reached its spending limit.',
  server_error: '500, internal | Internal error.',
  bad_gateway: '502, unavailable | Bad gateway.',
  overloaded:
    '503, The service is currently unavailable | The service is temporarily unavailable. Please try again later.',
  timeout: '504, deadline-exceeded | Deadline exceeded.',
}

const tables = { openai, anthropic, gemini, xai }

/** The error of a kind from a provider's table; values of the script override it. */
export function refusalOf(provider: keyof typeof tables, failure: Failure, model: string) {
  const [facts = '', message = ''] = tables[provider][failure.kind].split(' | ')
  const [status, code = '-', type, param] = facts.split(', ')
  return {
    status: failure.status ?? Number(status),
    code: failure.code ?? (code === '-' ? null : code),
    type: failure.type ?? type,
    param: failure.param ?? param ?? null,
    message: failure.message ?? message.replaceAll('{model}', model),
  }
}

/** The retry-after header, as most providers send it. */
export const retryHeaders = ({ retryAfter, headers }: Failure) => ({
  ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }),
  ...headers,
})
