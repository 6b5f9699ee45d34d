/** Reads a Responses stream: a table of events over a small state. */
import { asObject, isObject, type JsonObject, toArgumentsText } from '../../chat/index.js'
import type { Call } from '../../core/index.js'
import type { WireEvent, WireResponse } from '../../transport/index.js'
import type { Push, WireContext } from '../adapter.js'
import { type AnswerReader, namesIn, readAnswer } from '../answers.js'
import { warnOfTransformations } from '../notes.js'
import type { TurnWriter } from '../turn-writer.js'
import { hostedTool, isClientCall, isHosted } from './calls.js'
import {
  addAnnotation,
  addArguments,
  addLogprobs,
  addPiece,
  addRest,
  callOf,
  closeItem,
  closePart,
  fillHoles,
  nativeItems,
  pushAudio,
  startCall,
} from './stream-items.js'
import { type Handler, type ItemState, itemOf, type Prefix, partOf, State } from './stream-state.js'
import { usageOf } from './usage.js'
import { asList, asNumber, asString, asText, type Profile, typed, type WireItem } from './wire.js'

export const streamReader =
  (profile: Profile) =>
  (context: WireContext, call?: Pick<Call, 'onUsage'>): AnswerReader =>
    new Reader(profile, context, call)

class Reader extends State implements AnswerReader {
  read(event: WireEvent, push: Push): void {
    this.writer.push = push
    if (!this.isEnded) readEvent(event, this)
  }

  isWhole(): boolean {
    return this.isEnded
  }

  end(): boolean {
    return this.isEnded
  }
}

/** Reads a plain answer: a stream of one event. Throws typed errors for a body without answer. */
export const responseReader =
  (profile: Profile) =>
  ({ body: response }: WireResponse, context: WireContext) => {
    const event = { type: 'response', response }
    return readAnswer(new Reader(profile, context), event, 'incomplete', 'a response without end')
  }

function readEvent({ event, data }: WireEvent, state: State): void {
  if (!isObject(data)) return
  const type = asText(data.type) ?? event ?? (data.error ? 'error' : '')
  if (type === '' && data.choices) checkBody(data, state)
  if (state.numbers.isRepeat(data)) return
  // consecutive events often share a type: look up the handler only when it changes
  if (type !== state.type) {
    state.type = type
    state.handler = on.get(type) ?? (isProgress(type) ? progress : undefined)
  }
  state.handler?.(data, state)
}

const start: Handler = (event, { writer, context }) => {
  if (writer.isStarted) return
  const response = asObject(event.response)
  writer.start({
    id: asText(response.id) ?? crypto.randomUUID(),
    model: asText(response.model) ?? context.model,
    created: asNumber(response.created_at) ?? 0,
  })
}

/** Some gateways report usage before the end only. */
const progressed: Handler = (event, { writer, profile }) =>
  writer.reportUsage(usageOf(asObject(event.response), profile.toUsage))

const added: Handler = (event, state) => {
  let entry = itemOf(event, state, true)
  if (!isObject(event.item)) return
  if (entry.call?.written && isOtherCall(entry.item, event.item)) entry = replaceItem(entry, state)
  if (entry.isDone) return
  entry.item = typed(event.item)
  const isClient = isClientCall(entry.item, state.profile)
  if (isHosted(entry.item) && !isClient) {
    const tool = hostedTool(entry.item, true)
    entry.hostedId = tool.id
    state.writer.hosted(tool)
  } else if (isClient) startCall(entry, state)
}

/** True for another call: some servers use one index for all. */
const isOtherCall = (before: WireItem, { call_id }: WireItem) =>
  call_id !== undefined && before.call_id !== undefined && before.call_id !== call_id

function replaceItem(entry: ItemState, state: State): ItemState {
  closeItem(entry, entry.item, state)
  state.replaced.push(entry)
  state.items.delete(entry.index)
  return itemOf({ output_index: entry.index }, state)
}

const done: Handler = (event, state) => {
  const entry = itemOf(event, state, event.item !== undefined)
  if (isObject(event.item)) closeItem(entry, typed(event.item), state)
}

const delta =
  (prefix: Prefix): Handler =>
  (event, state) => {
    const part = partOf(event, prefix, state)
    addPiece(part, asString(event.delta), state)
    addLogprobs(part, event.logprobs, state)
  }

const whole =
  (prefix: Prefix): Handler =>
  (event, state) => {
    const part = partOf(event, prefix, state)
    addRest(part, asString(prefix === 'r' ? event.refusal : event.text), state)
    if (!part.hasLogprobs) addLogprobs(part, event.logprobs, state)
  }

/** Some servers send the text of a part only with its end. */
const partDone: Handler = (event, state) => {
  const part = asObject(event.part)
  const { type } = part
  if (type === 'output_text' || type === 'refusal')
    closePart(part, asNumber(event.content_index) ?? 0, itemOf(event, state), state)
  else if (type === 'reasoning_text') whole('c')({ ...event, text: part.text }, state)
  else if (type === 'summary_text') whole('s')({ ...event, text: part.text }, state)
}

const annotationAdded: Handler = (event, state) =>
  addAnnotation(partOf(event, 't', state), event.annotation, state)

const callDelta: Handler = (event, state) =>
  addArguments(itemOf(event, state), asString(event.delta), state)

const callDone =
  (field: 'arguments' | 'input'): Handler =>
  (event, state) => {
    const call = callOf(itemOf(event, state))
    const whole = toArgumentsText(event[field])
    if (whole === undefined) return
    if (call.written && !call.isHeld) state.writer.completeArguments(call.written, whole)
    call.text = whole
  }

/** True for progress of a hosted tool; complete values come with its item. */
const isProgress = (type: string) => !/\.(done|in_progress|completed|failed)$/.test(type)

const progress: Handler = (event, { items, writer }) => {
  const entry = items.get(asNumber(event.output_index) ?? -1)
  if (entry?.hostedId === undefined || entry.isDone) return
  const { type, output_index, item_id, sequence_number, obfuscation, ...members } = event
  writer.hosted({
    ...hostedTool(entry.item, true),
    id: entry.hostedId,
    progress: { event: asString(type).replace(/^response\./, ''), ...members },
  })
}

const audioDelta =
  (member: 'data' | 'transcript'): Handler =>
  (event, state) => {
    state.hasAudio = true
    pushAudio({ [member]: asString(event.delta) }, state)
  }

const terminal =
  (status?: string): Handler =>
  (event, state) => {
    const { profile, context, writer } = state
    const response = finalResponse(event.response, status)
    writer.reportUsage(usageOf(response, profile.toUsage))
    checkBody(response, state)
    start(event, state)
    fillHoles(asList(response.output), state)
    state.isEnded = true
    const isSilent = writer.textLength === 0 && !writer.hasRefusal && writer.calls.length === 0
    if (isSilent) writer.text(asString(response.output_text))
    writer.keepUnread(response, readMembers)
    writer.keepUsage(response.usage, readCounts)
    warnOfTransformations(response.input_transformations, profile.provider, context.warn)
    const content = nativeItems(state)
    writer.finish({
      ...toFinish(response, writer),
      service_tier: asText(response.service_tier),
      content: content.length > 0 ? content : undefined,
    })
  }

const body: Handler = (event, state) => {
  warnPending(checkBody(event.response, state), state)
  terminal()(event, state)
}

const fail: Handler = (event, { profile, writer }) => {
  throw writer.failed(event, profile.toError)
}

/** Read once the answer has started. */
const contents: Readonly<Record<string, Handler>> = {
  'response.created': progressed,
  'response.queued': progressed,
  'response.in_progress': progressed,
  'response.output_item.added': added,
  'response.output_item.done': done,
  'response.output_text.delta': delta('t'),
  'response.output_text.done': whole('t'),
  'response.output_text.annotation.added': annotationAdded,
  'response.refusal.delta': delta('r'),
  'response.refusal.done': whole('r'),
  'response.content_part.done': partDone,
  'response.reasoning_summary_part.done': partDone,
  'response.reasoning_summary_text.delta': delta('s'),
  'response.reasoning_summary_text.done': whole('s'),
  'response.reasoning_text.delta': delta('c'),
  'response.reasoning_text.done': whole('c'),
  'response.function_call_arguments.delta': callDelta,
  'response.function_call_arguments.done': callDone('arguments'),
  'response.custom_tool_call_input.delta': callDelta,
  'response.custom_tool_call_input.done': callDone('input'),
  'response.audio.delta': audioDelta('data'),
  'response.audio.transcript.delta': audioDelta('transcript'),
}

/** Terminal events: later ones are ignored. `response.done` is sent by some gateways and xAI. */
const endings: Readonly<Record<string, Handler>> = {
  'response.completed': terminal('completed'),
  'response.done': terminal('completed'),
  'response.incomplete': terminal('incomplete'),
  'response.failed': terminal('failed'),
  'response.cancelled': terminal('cancelled'),
  // a whole body, as a synthetic event
  response: body,
  error: fail,
  'response.error': fail,
}

/** A map: a name such as "constructor" is no event. */
const on: ReadonlyMap<string, Handler> = new Map([
  ...Object.entries(contents).map(([type, read]) => [type, started(read)] as const),
  ...Object.entries(endings),
])

function started(read: Handler): Handler {
  return (event, state) => {
    start(event, state)
    read(event, state)
  }
}

// -- the status of a response: whether it is an answer, and why it ended -----------------------------------------------

/** The finish reason; a refusal beside text is a `stop`. */
function toFinish({ status, incomplete_details }: JsonObject, writer: TurnWriter) {
  if (status === 'incomplete') {
    const native = asText(asObject(incomplete_details).reason) ?? status
    const finish_reason = native === 'content_filter' ? native : 'length'
    return { finish_reason, native_finish_reason: native } as const
  }
  const isRefusal = writer.hasRefusal && writer.textLength === 0 && writer.calls.length === 0
  return {
    finish_reason: isRefusal ? 'content_filter' : writer.fittingReason('stop'),
    native_finish_reason: asText(status) ?? 'completed',
  } as const
}

const finalStatuses = ['completed', 'incomplete', 'failed', 'cancelled']

/** The response of a terminal event; a status that is not final is replaced by the event's. */
function finalResponse(wire: unknown, named: string | undefined): JsonObject {
  const response = asObject(wire)
  const own = finalStatuses.find((final) => final === response.status)
  return { ...response, output: asList(response.output), status: own ?? named ?? response.status }
}

/** Throws for a body that is an error, a failed or canceled response, or of another API. */
function checkBody(body: unknown, { writer, profile }: State): JsonObject {
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
function warnPending(body: JsonObject, { writer }: State): void {
  if (isPending(body))
    writer.warn(
      'other',
      `the response ${asString(body.id)} is ${body.status}: this is a handle, not the answer`,
    )
}

const isPending = ({ status }: JsonObject) => status === 'queued' || status === 'in_progress'

/** Members of a response that are read, repeat the request, or are server timestamps. */
const readMembers = namesIn(
  'id object created_at completed_at status error incomplete_details model output output_text usage tool_usage service_tier instructions tools tool_choice temperature top_p text truncation max_output_tokens max_tool_calls parallel_tool_calls store previous_response_id user safety_identifier prompt_cache_key prompt_cache_retention background top_logprobs frequency_penalty presence_penalty',
)

/** Of its usage; the last ones are xAI's. */
const readCounts = namesIn(
  'input_tokens output_tokens prompt_tokens completion_tokens total_tokens cached_tokens cache_write_tokens cache_write_tokens_details audio_tokens image_tokens text_tokens reasoning_tokens tool_usage cost_in_usd_ticks num_sources_used num_server_side_tools_used server_side_tool_usage_details',
)
