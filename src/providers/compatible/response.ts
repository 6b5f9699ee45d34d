/** Reads a whole answer: to the reader it is a stream of one event, so both modes say the same. */
import { type AnswerInput, asList, asObject, isObject, type JsonObject } from '../../chat/index.js'
import type { WireResponse } from '../../transport/index.js'
import type { WireContext } from '../adapter.js'
import { readWhole, unexpected } from '../turn-writer.js'
import { type ReaderOptions, streamReader } from './stream.js'

/** The answer that a body says. Throws the typed error that it says instead, `UnexpectedResponseError` where it says neither. */
export function fromWire(
  { body, request_id }: WireResponse,
  context: WireContext,
  options: ReaderOptions,
): AnswerInput {
  const whole = request_id === undefined ? context : { ...context, request_id }
  const answer = isEmpty(body) ? undefined : readWhole(streamReader(whole, options), complete(body))
  if (answer) return answer
  const what = 'answered with JSON that holds no choice'
  throw unexpected(
    { provider: options.provider, context: whole },
    { code: 'no_choice', what, phase: 'body' },
  )
}

/** Its choice holds neither a message nor text. */
function isEmpty(body: unknown): boolean {
  const choices = isObject(body) ? asList(body.choices) : []
  const { message, delta, text } = asObject(choices[0])
  const isText = typeof message === 'string' || typeof text === 'string'
  return choices.length > 0 && !isObject(message) && !isObject(delta) && !isText
}

/** A body is complete, whether it says why it ended or not. */
function complete(body: unknown): unknown {
  if (!isObject(body) || !Array.isArray(body.choices)) return body
  const [first, ...others] = body.choices
  if (!isObject(first)) return body
  const { delta, ...choice } = first
  return {
    ...body,
    choices: [
      // beside a whole message a delta says nothing
      { ...choice, ...(!isObject(choice.message) && { delta }), finish_reason: reasonOf(first) },
      ...others,
    ],
  }
}

const reasonOf = ({ finish_reason }: JsonObject) =>
  typeof finish_reason === 'string' && finish_reason !== '' ? finish_reason : 'stop'
