/** Maps errors of Chat Completions servers: by status and code, last by message text. */
import { isObject, type JsonObject } from '../../chat/index.js'
import { ContextWindowExceededError } from '../../core/index.js'
import { type ErrorTable, errorOf, type ToError } from '../../transport/index.js'

/** Groq's code for a prompt that is too long; elsewhere it is a body that is too large. */
const codes: ErrorTable['codes'] = { request_too_large: ContextWindowExceededError }

const texts: ErrorTable['texts'] = [
  {
    pattern:
      /context (size|length|window)|requested? .{0,40}tokens.{0,60}(exceed|larger)|input is too (long|large)/i,
    error: ContextWindowExceededError,
  },
]

export const toError =
  (provider: string): ToError =>
  (failure) =>
    errorOf(failure, { provider, codes, texts, hints })

/** OpenRouter has the upstream error in `metadata`, Mistral FastAPI's details in `message`. */
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

/** The error body of an event; undefined without an error. */
export function errorIn(event: string | undefined, data: unknown): unknown {
  if (event === 'error') return data ?? {}
  if (!isObject(data)) return undefined
  if (data.error || data.object === 'error') return data
  const { x_groq, choices } = data
  if (isObject(x_groq) && x_groq.error) return { error: x_groq.error }
  const [choice] = Array.isArray(choices) ? choices : []
  if (isObject(choice) && choice.error) return { error: choice.error }
  // xAI's { code, error: 'text' } is handled above, { code, message } is FastAPI's and Mistral's
  const isRefusal = data.code !== undefined && typeof data.message === 'string'
  return isRefusal && choices === undefined ? data : undefined
}

/**
 * The error of a finish reason without an answer: vLLM and SGLang `abort`, OpenRouter `error`,
 * causes of DeepSeek and GLM.
 */
export const givenUp = (reason: string) =>
  /^(error|abort(ed)?|insufficient_system_resource|network_error)$/.test(reason)
    ? { error: { code: reason, message: `The server stopped the answer: ${reason}` } }
    : undefined
