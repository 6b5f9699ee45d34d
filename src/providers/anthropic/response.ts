/** A whole answer of the Messages API → ours: the same reader as for streams, fed with one message. */
import { type AnswerInput, asObject, defined } from '../../chat/index.js'
import { isErrorBody, type WireResponse } from '../../transport/index.js'
import type { WireContext } from '../adapter.js'
import { readWhole, unexpected } from '../turn-writer.js'
import { toError } from './errors.js'
import { streamReader } from './stream.js'

/** Throws the typed error of an error that came with status 200, and `UnexpectedResponseError` for what is no message. */
export function fromWire({ body, request_id }: WireResponse, given: WireContext): AnswerInput {
  const context = request_id === undefined ? given : { ...given, request_id }
  const { model } = context
  if (isErrorBody(body))
    throw toError({ status: 200, body, model, ...defined({ request_id: context.request_id }) })
  const { content } = asObject(body)
  const isMessage = typeof content === 'string' || Array.isArray(content)
  const answer = isMessage
    ? readWhole(streamReader(context), { type: 'message', message: body })
    : undefined
  if (answer) return answer
  const what = 'answered with something that is no message'
  throw unexpected({ provider: 'anthropic', context }, { code: 'bad_shape', what, phase: 'body' })
}
