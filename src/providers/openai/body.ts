/** Reads the status of a response object: whether it is an answer, and why it ended. */
import { asObject, type FinishReason, isObject, type JsonObject } from '../../chat/index.js'
import { namesIn } from '../answers.js'
import type { TurnWriter } from '../turn-writer.js'
import type { State } from './stream-state.js'
import { asList, asString, asText } from './wire.js'

/** The finish reason; a refusal beside text is a `stop`. */
export function toFinish(
  { status, incomplete_details }: JsonObject,
  writer: TurnWriter,
): { readonly finish_reason: FinishReason; readonly native_finish_reason: string } {
  if (status === 'incomplete') {
    const native = asText(asObject(incomplete_details).reason) ?? status
    const finish_reason = native === 'content_filter' ? native : 'length'
    return { finish_reason, native_finish_reason: native }
  }
  const isRefusal = writer.hasRefusal && writer.textLength === 0 && writer.calls.length === 0
  return {
    finish_reason: isRefusal ? 'content_filter' : writer.fittingReason('stop'),
    native_finish_reason: asText(status) ?? 'completed',
  }
}

const finalStatuses = ['completed', 'incomplete', 'failed', 'cancelled']

/** The response of a terminal event; a status that is not final is replaced by the event's. */
export function finalResponse(wire: unknown, named: string | undefined): JsonObject {
  const response = asObject(wire)
  const own = finalStatuses.find((final) => final === response.status)
  return { ...response, output: asList(response.output), status: own ?? named ?? response.status }
}

/** Throws for a body that is an error, a failed or canceled response, or of another API. */
export function checkBody(body: unknown, { writer, profile }: State): JsonObject {
  const bad = (code: string, what: string) => writer.unexpected(code, what, 'body')
  if (!isObject(body)) throw bad('bad_json', 'answered with JSON that is not an object')
  const { choices, output, status, error, code } = body
  if (Array.isArray(choices))
    throw bad(
      'wrong_api',
      'answered as Chat Completions: the base URL leads to another API than /responses (use compatible())',
    )
  if (status === 'failed' || (error && !Array.isArray(output)))
    throw writer.failed(error ? { error, code } : body, profile.toError)
  if (status === 'cancelled') throw bad('cancelled', 'was canceled at the provider')
  if (!Array.isArray(output)) throw bad('no_output', 'answered without an output')
  if (isPending(body) && body.background !== true)
    throw bad('incomplete', `answered before it was done: ${status}`)
  return body
}

/** `background: true` responds at once with a handle, whose id retrieves the answer later. */
export function warnIfPending(body: JsonObject, { writer }: State): void {
  if (isPending(body))
    writer.warn(
      'other',
      `the response ${asString(body.id)} is ${body.status}: this is a handle, not the answer`,
    )
}

const isPending = ({ status }: JsonObject) => status === 'queued' || status === 'in_progress'

/** Members of a response that are read, repeat the request, or are server timestamps. */
export const readMembers = namesIn(
  'id object created_at completed_at status error incomplete_details model output output_text usage tool_usage service_tier instructions tools tool_choice temperature top_p text truncation max_output_tokens max_tool_calls parallel_tool_calls store previous_response_id user safety_identifier prompt_cache_key prompt_cache_retention background top_logprobs frequency_penalty presence_penalty',
)

/** Of its usage; the last ones are xAI's. */
export const readCounts = namesIn(
  'input_tokens output_tokens total_tokens cached_tokens cache_write_tokens cache_write_tokens_details audio_tokens image_tokens text_tokens reasoning_tokens tool_usage cost_in_usd_ticks num_sources_used num_server_side_tools_used server_side_tool_usage_details',
)
