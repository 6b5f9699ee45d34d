/** A whole answer of the Messages API → ours: the same reader as for streams, fed with one message. */
import { type AnswerInput, isObject, type StreamChunk } from '../../chat/index.js'
import { accumulate, UnexpectedResponseError } from '../../core/index.js'
import { isErrorBody, type WireResponse } from '../../transport/index.js'
import type { WireContext } from '../adapter.js'
import { toError } from './errors.js'
import { streamReader } from './stream.js'

/** Throws the typed error of an error that came with status 200, and `UnexpectedResponseError` for what is no message. */
export function fromWire({ body, request_id }: WireResponse, context: WireContext): AnswerInput {
  const { model } = context
  const id = request_id ?? context.request_id
  if (isErrorBody(body))
    throw toError({ status: 200, body, model, ...(id !== undefined && { request_id: id }) })
  if (!isObject(body) || !Array.isArray(body.content)) throw noMessage(model, id)
  const chunks: StreamChunk[] = []
  const push = (chunk: StreamChunk) => void chunks.push(chunk)
  const reader = streamReader(
    { ...context, ...(id !== undefined && { request_id: id }) },
    { onUsage: () => {} },
  )
  reader.read({ data: { type: 'message_start', message: body } }, push)
  reader.read({ data: { type: 'message_stop' } }, push)
  reader.end(push)
  const answer = accumulate(chunks)
  if (!answer) throw noMessage(model, id)
  return answer
}

const noMessage = (model: string, requestId: string | undefined) =>
  new UnexpectedResponseError(`anthropic/${model} answered with something that is no message`, {
    provider: 'anthropic',
    model,
    code: 'bad_shape',
    requestId,
    maybeBilled: true,
  })
