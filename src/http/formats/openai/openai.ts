/** Chat Completions: any OpenAI client works against the route. */
import { isTetradError } from '../../../core/index.js'
import { asOpenAI, fromOpenAI, openAIEncoder } from '../../../openai/index.js'
import { jsonLine } from '../../../sse/index.js'
import { type PublicError, RefusedError } from '../../public-error.js'
import type { AnswerContext, Encoder, Format, Incoming } from '../format.js'

/** The body of `POST …/chat/completions` in; `chat.completion` objects out. */
export const openai: Format = {
  name: 'openai',
  isResumable: false,
  headers: {},
  read,
  encoder,
  toJson: (response, { incoming: { model } }) => asOpenAI(response, { model }),
  failure: (error) => [jsonLine(errorBody(error)), '[DONE]'],
  errorBody,
}

function read(body: unknown): Incoming {
  try {
    const { request, streaming, includeUsage } = fromOpenAI(body)
    const { model, messages, ...rest } = request
    return { model, messages, isStream: streaming, rest, includeUsage }
  } catch (error) {
    // these checks speak of the client's own body
    if (isTetradError(error) && error.name === 'BadRequestError')
      throw new RefusedError(error.code ?? 'invalid_value', error.message)
    throw error
  }
}

function encoder({ incoming: { model, includeUsage } }: AnswerContext): Encoder {
  const inner = openAIEncoder({ model, includeUsage })
  return {
    encode: (chunks) => chunks.flatMap((chunk) => inner.encode(chunk).map(jsonLine)),
    end: () => [...inner.end().map(jsonLine), '[DONE]'],
    error: (error) => [jsonLine(errorBody(error)), '[DONE]'],
    aborted: () => ['[DONE]'],
  }
}

const types: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  429: 'rate_limit_error',
}

function errorBody({ status, code, message, request_id }: PublicError) {
  const type = types[status] ?? (status < 500 ? 'invalid_request_error' : 'server_error')
  return { error: { message, type, param: null, code, request_id } }
}

/** The body of `GET …/models`. */
export const modelList = (models: readonly string[]) => ({
  object: 'list',
  data: models.map((id) => ({ id, object: 'model', created: 0, owned_by: 'app' })),
})
