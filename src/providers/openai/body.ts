/** What a response object says of itself: whether it is an answer, and why it ended. */
import { asObject, type FinishReason, isObject, type JsonObject } from '../../chat/index.js'
import type { WireContext } from '../adapter.js'
import { type TurnWriter, unexpected } from '../turn-writer.js'
import { asText, type Profile } from './wire.js'

/** Why the answer ended; a refusal beside text is a `stop`. */
export function toFinish(
  { status: told, incomplete_details }: JsonObject,
  writer: TurnWriter,
): { readonly finish_reason: FinishReason; readonly native_finish_reason: string } {
  const status = asText(told)
  const isRefusal = writer.hasRefusal && writer.textLength === 0 && writer.calls.length === 0
  if (status === 'incomplete') {
    const reason = asText(asObject(incomplete_details).reason)
    return {
      finish_reason: reason === 'content_filter' ? 'content_filter' : 'length',
      native_finish_reason: reason ?? 'incomplete',
    }
  }
  return {
    finish_reason: isRefusal ? 'content_filter' : writer.fittingReason('stop'),
    native_finish_reason: status ?? 'completed',
  }
}

/** Throws what a body says that is no answer: an error in a 200, a failed or cancelled response, another API. */
export function checkBody(body: unknown, context: WireContext, profile: Profile): JsonObject {
  const { provider } = profile
  const bad = (code: string, what: string) =>
    unexpected({ provider, context }, { code, what, phase: 'body' })
  if (!isObject(body)) throw bad('bad_json', 'answered with JSON that is no object')
  if (Array.isArray(body.choices))
    throw bad(
      'wrong_api',
      'answered as Chat Completions: the base URL leads to another API than /responses (use compatible())',
    )
  if (body.status === 'failed' || (body.error && !Array.isArray(body.output)))
    throw profile.toError({
      status: 200,
      body: body.error ? { error: body.error, code: body.code } : body,
      model: context.model,
      ...(context.request_id !== undefined && { request_id: context.request_id }),
    })
  if (body.status === 'cancelled') throw bad('cancelled', 'was cancelled at the provider')
  if (!Array.isArray(body.output)) throw bad('no_output', 'answered without an output')
  if (isPending(body) && body.background !== true)
    throw bad('incomplete', `answered before it was done: ${body.status}`)
  return body
}

export const isPending = ({ status }: JsonObject) => status === 'queued' || status === 'in_progress'
