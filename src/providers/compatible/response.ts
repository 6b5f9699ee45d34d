/** Reads a whole answer: to the reader it is a stream of one event, so both modes say the same. */
import { type AnswerInput, isObject, type JsonObject, type StreamChunk } from '../../chat/index.js'
import { accumulate, UnexpectedResponseError } from '../../core/index.js'
import type { WireResponse } from '../../transport/index.js'
import type { WireContext } from '../adapter.js'
import { type ReaderOptions, streamReader } from './stream.js'

/** The answer that a body says. Throws the typed error that it says instead, `UnexpectedResponseError` where it says neither. */
export function fromWire(
  { body, request_id }: WireResponse,
  context: WireContext,
  options: ReaderOptions,
): AnswerInput {
  const reader = streamReader(
    { ...context, ...(request_id !== undefined && { request_id }) },
    options,
  )
  const chunks: StreamChunk[] = []
  const push = (chunk: StreamChunk) => void chunks.push(chunk)
  reader.read({ data: whole(body) }, push)
  reader.end(push)
  const answer = accumulate(chunks)
  if (!answer) throw noAnswer(options.provider, context)
  return answer
}

/** A body is complete, whether it says why it ended or not. */
function whole(body: unknown): unknown {
  if (!isObject(body) || !Array.isArray(body.choices)) return body
  const [first, ...others] = body.choices
  if (!isObject(first)) return body
  return { ...body, choices: [{ ...first, finish_reason: reasonOf(first) }, ...others] }
}

const reasonOf = ({ finish_reason }: JsonObject) =>
  typeof finish_reason === 'string' && finish_reason !== '' ? finish_reason : 'stop'

const noAnswer = (provider: string, { model, request_id }: WireContext) =>
  new UnexpectedResponseError(`${provider}/${model} answered with JSON that holds no choice`, {
    provider,
    model,
    code: 'no_choice',
    phase: 'body',
    maybeBilled: true,
    ...(request_id !== undefined && { requestId: request_id }),
  })
