/** Chat Completions: any OpenAI client works against the route. */
import { defined, isObject } from '../../../chat/index.js'
import { isTetradError } from '../../../core/index.js'
import { paramOf } from '../../../openai/check.js'
import {
  asOpenAI,
  type ChatCompletionChunk,
  fromOpenAI,
  openAIEncoder,
} from '../../../openai/index.js'
import { jsonLine } from '../../../sse/index.js'
import { type PublicError, RefusedError } from '../../public-error.js'
import type { AnswerContext, Encoder, Format, Incoming } from '../format.js'

/** Reads the body of `POST …/chat/completions`; sends `chat.completion` objects. */
export const openai: Format = {
  name: 'openai',
  isResumable: false,
  headers: {},
  read,
  encoder,
  toJson: (response, { incoming: { model, functionCall } }) =>
    asOpenAI(response, { model, functionCall }),
  failure: (error) => [jsonLine(errorBody(error)), '[DONE]'],
  errorBody,
}

/** Allows members that are not of Chat Completions: the handler knows which are the app's own. */
function read(body: unknown): Incoming {
  const { id, ...source } = isObject(body) ? body : {}
  try {
    const own = Object.keys(source).filter((key) => !streamKeys.has(key))
    const { request, streaming, ...flags } = fromOpenAI(isObject(body) ? source : body, {
      allow: own,
    })
    const { model, messages, ...rest } = request
    const conversation = typeof id === 'string' && id !== '' && id.length <= 200 ? { id } : {}
    return { ...conversation, model, messages, isStream: streaming, rest, ...flags }
  } catch (error) {
    // these errors concern the client's own body
    if (isTetradError(error) && error.name === 'BadRequestError')
      throw new RefusedError(
        error.code ?? 'invalid_value',
        error.message,
        defined({ param: paramOf(error) }),
      )
    throw error
  }
}

/** Members that `fromOpenAI` reads itself. */
const streamKeys: ReadonlySet<string> = new Set(['model', 'messages', 'stream', 'stream_options'])

function encoder({ id, incoming }: AnswerContext): Encoder {
  const { model, includeUsage, functionCall } = incoming
  const inner = openAIEncoder({ model, includeUsage, functionCall })
  let head = { id, object: 'chat.completion.chunk', created: 0, model: model ?? '' }
  const toLine = (chunk: ChatCompletionChunk) => {
    head = { id: chunk.id, object: chunk.object, created: chunk.created, model: chunk.model }
    return jsonLine(chunk)
  }
  // clients treat a stream without a finish_reason as interrupted
  const stopped = () => ({
    ...head,
    choices: [{ index: 0, delta: {}, logprobs: null, finish_reason: 'stop' }],
  })
  return {
    encode: (chunks) => chunks.flatMap((chunk) => inner.encode(chunk).map(toLine)),
    end: () => [...inner.end().map(toLine), '[DONE]'],
    error: (error) => [jsonLine(errorBody(error)), '[DONE]'],
    aborted: () => [jsonLine(stopped()), '[DONE]'],
  }
}

const types: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  429: 'rate_limit_error',
}

function errorBody({
  status,
  code,
  message,
  param = null,
  request_id,
}: Omit<PublicError, 'param'> & { readonly param?: string | null | undefined }) {
  const type = types[status] ?? (status < 500 ? 'invalid_request_error' : 'server_error')
  return { error: { message, type, param, code, request_id } }
}
