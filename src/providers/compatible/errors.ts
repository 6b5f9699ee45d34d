/** Refusals of Chat Completions servers: status and code decide, the message text last. */
import { isObject, type JsonObject } from '../../chat/index.js'
import {
  AuthenticationError,
  BadGatewayError,
  ContentPolicyViolationError,
  ContextWindowExceededError,
  NotFoundError,
  QuotaExceededError,
  RateLimitError,
  ServiceUnavailableError,
  UnprocessableEntityError,
} from '../../core/index.js'
import { type ErrorTable, errorOf, type ToError } from '../../transport/index.js'

/**
 * Codes beside those of OpenAI that many servers share. Sources: the error pages of Groq, Fireworks, OpenRouter, Azure OpenAI,
 * Moonshot, and the servers of vLLM, llama.cpp and LM Studio.
 */
const codes: ErrorTable['codes'] = {
  authentication_error: AuthenticationError,
  invalid_authentication_error: AuthenticationError,
  model_decommissioned: NotFoundError,
  model_not_available: NotFoundError,
  resource_not_found_error: NotFoundError,
  DeploymentNotFound: NotFoundError,
  context_window_exceeded: ContextWindowExceededError,
  exceed_context_size_error: ContextWindowExceededError,
  request_too_large: ContextWindowExceededError,
  ResponsibleAIPolicyViolation: ContentPolicyViolationError,
  moderation_blocked: ContentPolicyViolationError,
  data_inspection_failed: ContentPolicyViolationError,
  exceeded_current_quota_error: QuotaExceededError,
  billing_hard_limit_reached: QuotaExceededError,
  insufficient_balance: QuotaExceededError,
  rate_limit_reached_error: RateLimitError,
  engine_overloaded_error: ServiceUnavailableError,
  insufficient_system_resource: ServiceUnavailableError,
  network_error: BadGatewayError,
  tool_use_failed: UnprocessableEntityError,
}

const texts: ErrorTable['texts'] = [
  {
    pattern:
      /context (size|length|window)|requested? .{0,40}tokens.{0,60}(exceed|larger)|input is too (long|large)/i,
    error: ContextWindowExceededError,
  },
  { pattern: /insufficient (balance|credits?|funds)/i, error: QuotaExceededError },
]

/** The `ToError` of a server of this name. */
export const toError =
  (provider: string): ToError =>
  (failure) =>
    errorOf(failure, { provider, codes, texts, hints })

/** OpenRouter says in `metadata` what the provider behind it said; Mistral hides FastAPI's details in `message`. */
const hints = (body: JsonObject) => {
  const error = isObject(body.error) ? body.error : body
  return { message: upstreamMessage(error) ?? nestedDetail(error) }
}

const upstreamMessage = ({ message, metadata }: JsonObject): string | undefined => {
  if (!isObject(metadata) || typeof metadata.raw !== 'string') return undefined
  const who = typeof metadata.provider_name === 'string' ? `${metadata.provider_name}: ` : ''
  return `${typeof message === 'string' ? message : 'Provider returned error'} (${who}${metadata.raw})`
}

const nestedDetail = ({ message, detail }: JsonObject): string | undefined => {
  const list = isObject(message) ? message.detail : detail
  const [first] = Array.isArray(list) ? list : []
  if (!isObject(first) || typeof first.msg !== 'string') return undefined
  const path = Array.isArray(first.loc) ? `${first.loc.join('.')}: ` : ''
  return path + first.msg
}

/** The error body of one event, if it is one. */
export function errorIn(event: string | undefined, data: unknown): unknown {
  if (event === 'error') return data ?? {}
  if (!isObject(data)) return undefined
  if (data.error || data.object === 'error') return data
  const { x_groq, choices } = data
  if (isObject(x_groq) && x_groq.error) return { error: x_groq.error }
  const [choice] = Array.isArray(choices) ? choices : []
  if (isObject(choice) && choice.error) return { error: choice.error }
  // xAI: { code, error: 'text' } was seen above, { code, message } is FastAPI's and Mistral's
  const isRefusal = data.code !== undefined && typeof data.message === 'string'
  return isRefusal && choices === undefined ? data : undefined
}

/** The error that a finish reason stands for: vLLM and SGLang `abort`, OpenRouter `error`, DeepSeek and GLM name what broke: none of them is an answer. */
export const givenUp = (reason: string) =>
  /^(error|abort(ed)?|insufficient_system_resource|network_error)$/.test(reason)
    ? { error: { code: reason, message: `The server gave up the answer: ${reason}` } }
    : undefined
