/** A whole answer of the Responses API in the common shape. */
import {
  type AnswerInput,
  defined,
  type FinishReason,
  isObject,
  type JsonObject,
  unknownUsage,
} from '../../chat/index.js'
import { UnexpectedResponseError } from '../../core/index.js'
import type { WireResponse } from '../../transport/index.js'
import type { WireContext } from '../adapter.js'
import { declaredNames, readItems } from './items.js'
import { usageOf } from './usage.js'
import { asList, asNumber, asString, asText, type Profile } from './wire.js'

/** Why the answer ended; a refusal beside text is a `stop`. */
export function toFinish(
  response: JsonObject,
  said: { readonly hasCalls: boolean; readonly hasText: boolean; readonly hasRefusal: boolean },
): { readonly finish_reason: FinishReason; readonly native_finish_reason: string } {
  const details = isObject(response.incomplete_details) ? response.incomplete_details : undefined
  const status = asText(response.status)
  if (status === 'incomplete') {
    const reason = asText(details?.reason)
    return {
      finish_reason: reason === 'content_filter' ? 'content_filter' : 'length',
      native_finish_reason: reason ?? 'incomplete',
    }
  }
  const native_finish_reason = status ?? 'completed'
  if (said.hasCalls) return { finish_reason: 'tool_calls', native_finish_reason }
  if (said.hasRefusal && !said.hasText)
    return { finish_reason: 'content_filter', native_finish_reason }
  return { finish_reason: 'stop', native_finish_reason }
}

/** Throws what a body says that is no answer: an error in a 200, a failed or cancelled response, another API. */
export function checkBody(body: unknown, context: WireContext, profile: Profile): JsonObject {
  const unexpected = (code: string, what: string) =>
    new UnexpectedResponseError(`${profile.provider}/${context.model} ${what}`, {
      provider: profile.provider,
      model: context.model,
      code,
      phase: 'body',
      requestId: context.request_id,
    })
  if (!isObject(body)) throw unexpected('bad_json', 'answered with JSON that is no object')
  if (Array.isArray(body.choices))
    throw unexpected(
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
  if (body.status === 'cancelled') throw unexpected('cancelled', 'was cancelled at the provider')
  if (!Array.isArray(body.output)) throw unexpected('no_output', 'answered without an output')
  if (isPending(body) && body.background !== true)
    throw unexpected('incomplete', `answered before it was done: ${body.status}`)
  return body
}

const isPending = ({ status }: JsonObject) => status === 'queued' || status === 'in_progress'

/** A plain answer in the common shape. Throws typed errors for a body that is none. */
export const responseReader =
  (profile: Profile) =>
  (response: WireResponse, context: WireContext): AnswerInput => {
    const body = checkBody(response.body, context, profile)
    warnIfPending(body, context, profile)
    const items = asList(body.output).filter(isObject)
    const options = { profile, declared: declaredNames(context) }
    const { message, approvals, logprobs } = readItems(items, options)
    return {
      id: asString(body.id),
      created: Math.floor(asNumber(body.created_at) ?? Date.now() / 1000),
      model: asText(body.model) ?? context.model,
      provider: profile.provider,
      message: {
        ...message,
        ...(items.length > 0 && {
          native: { provider: profile.provider, model: context.model, content: items },
        }),
      },
      ...toFinish(body, {
        hasCalls: message.tool_calls !== undefined,
        hasText: message.content !== null,
        hasRefusal: message.refusal !== undefined,
      }),
      usage: usageOf(body, profile.toUsage) ?? unknownUsage,
      ...(approvals.length > 0 && { approvals }),
      ...(logprobs.length > 0 && { logprobs: { content: logprobs } }),
      ...defined({ service_tier: asText(body.service_tier), request_id: context.request_id }),
    }
  }

/** `background: true` answers at once with a handle: its id is what to ask for later. */
function warnIfPending(body: JsonObject, { warn }: WireContext, { provider }: Profile): void {
  if (!isPending(body)) return
  warn({
    code: 'other',
    provider,
    message: `the response ${asString(body.id)} is ${body.status}: this is a handle, not the answer`,
  })
}
