/** A whole answer: the same reader as for a stream, so that the two cannot differ. */
import { type AnswerInput, asList, isObject } from '../../chat/index.js'
import { UnexpectedResponseError } from '../../core/index.js'
import type { WireResponse } from '../../transport/index.js'
import type { WireContext } from '../adapter.js'
import { readWhole, unexpected } from '../turn-writer.js'
import { type ReaderLimits, streamReader } from './stream.js'

/** Throws `UnexpectedResponseError` for a body that holds no whole answer, the typed error for one that holds an error. */
export function fromWire(
  { body }: WireResponse,
  context: WireContext,
  limits: ReaderLimits = {},
): AnswerInput {
  const reader = streamReader(context, undefined, limits)
  const answer = readWhole(reader, body)
  if (answer) return answer
  const isCandidate = isObject(body) && asList(body.candidates).length > 0
  const what = `answered with ${isCandidate ? 'a candidate that has no finishReason' : 'a body that holds no candidate'}`
  const code = isCandidate ? 'truncated' : 'not_an_answer'
  throw unexpected({ provider: 'gemini', context }, { code, what, phase: 'body' })
}

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
