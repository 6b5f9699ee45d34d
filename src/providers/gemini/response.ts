/** A whole answer: the same reader as for a stream, so that the two cannot differ. */
import { type AnswerInput, defined, isObject, type StreamChunk } from '../../chat/index.js'
import { accumulate, UnexpectedResponseError } from '../../core/index.js'
import type { WireResponse } from '../../transport/index.js'
import type { WireContext } from '../adapter.js'
import { type ReaderLimits, streamReader } from './stream.js'

/** Throws `UnexpectedResponseError` for a body that holds no whole answer, the typed error for one that holds an error. */
export function fromWire(
  { body }: WireResponse,
  context: WireContext,
  limits: ReaderLimits = {},
): AnswerInput {
  const chunks: StreamChunk[] = []
  const push = (chunk: StreamChunk) => void chunks.push(chunk)
  const reader = streamReader(context, undefined, limits)
  reader.read({ data: body }, push)
  const isWhole = reader.end(push)
  const answer = isWhole ? accumulate(chunks) : undefined
  if (!answer)
    throw new UnexpectedResponseError(`gemini/${context.model} answered with ${describe(body)}`, {
      provider: 'gemini',
      model: context.model,
      code: chunks.length > 0 ? 'truncated' : 'not_an_answer',
      phase: 'body',
      retryable: true,
      maybeBilled: true,
      ...defined({ requestId: context.request_id }),
    })
  return answer
}

const describe = (body: unknown) =>
  isObject(body) && Array.isArray(body.candidates) && body.candidates.length > 0
    ? 'a candidate that has no finishReason'
    : 'a body that holds no candidate'

/** The count of `:countTokens`. */
export function countFromWire(body: unknown): number {
  const total = isObject(body) ? body.totalTokens : undefined
  if (typeof total === 'number') return total
  throw new UnexpectedResponseError('gemini counted no tokens', {
    provider: 'gemini',
    code: 'not_an_answer',
    phase: 'body',
  })
}
