/** Reads a Responses stream: a table of events over a small state. */
import {
  asObject,
  isObject,
  type JsonObject,
  toArgumentsText,
  unknownUsage,
} from '../../chat/index.js'
import type { Call } from '../../core/index.js'
import type { WireEvent } from '../../transport/index.js'
import type { StreamReader, WireContext } from '../adapter.js'
import { warnOfTransformations } from '../notes.js'
import { checkBody, toFinish } from './body.js'
import { hostedTool, isClientCall, isHosted } from './calls.js'
import { typed } from './items.js'
import { addArguments, callOf, startCall } from './stream-calls.js'
import { closeItem, fillHoles, nativeItems, pushAudio } from './stream-items.js'
import {
  type Handler,
  type ItemState,
  isRepeat,
  itemOf,
  newState,
  partOf,
  type State,
} from './stream-state.js'
import {
  addAnnotation,
  addLogprobs,
  addReasoning,
  addRefusal,
  addText,
  rest,
} from './stream-text.js'
import { usageOf } from './usage.js'
import { asList, asNumber, asString, asText, type Profile, type WireItem } from './wire.js'

/** Makes a reader for one stream. */
export const streamReader =
  (profile: Profile) =>
  (context: WireContext, call: Pick<Call, 'onUsage'> = { onUsage: () => {} }): StreamReader => {
    const state = newState(profile, context, call)
    return {
      read(event, push) {
        state.writer.push = push
        if (!state.isEnded) readEvent(event, state)
      },
      isWhole: () => state.isEnded,
      end: () => state.isEnded,
    }
  }

function readEvent({ event, data }: WireEvent, state: State): void {
  if (!isObject(data)) return
  const type = asText(data.type) ?? event ?? (data.error ? 'error' : '')
  if (type === '' && data.choices) checkBody(data, state.context, state.profile)
  if (isRepeat(state.numbers, data)) return
  // events of one name come in rows: the tables are asked where it changes
  if (type !== state.type) {
    state.type = type
    state.handler = handlerOf(type)
  }
  state.handler?.(data, state)
}

function handlerOf(type: string): Handler | undefined {
  // a name such as "constructor" must not find what every object has
  if (Object.hasOwn(endings, type)) return endings[type]
  const read = Object.hasOwn(on, type) ? on[type] : undefined
  if (!read) return isProgress(type) ? progress : undefined
  return (event, state) => {
    start(event, state)
    read(event, state)
  }
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
    state.writer.push({ type: 'hosted-tool', ...tool })
  } else if (isClient || entry.item.type === 'function_call') startCall(entry, state)
}

/** A server that gives each call one index. */
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

const textDelta: Handler = (event, state) => {
  const part = partOf(event, 't', state)
  addText(part, asString(event.delta), state)
  addLogprobs(part, event.logprobs, state)
}

const textDone: Handler = (event, state) => {
  const part = partOf(event, 't', state)
  addText(part, rest(part, asString(event.text), state), state)
  if (!part.hasLogprobs) addLogprobs(part, event.logprobs, state)
}

const annotationAdded: Handler = (event, state) =>
  addAnnotation(partOf(event, 't', state), event.annotation, state)

const refusalDelta: Handler = (event, state) =>
  addRefusal(partOf(event, 'r', state), asString(event.delta), state)

const refusalDone: Handler = (event, state) => {
  const part = partOf(event, 'r', state)
  addRefusal(part, rest(part, asString(event.refusal), state), state)
}

const reasoningDelta =
  (prefix: 's' | 'c'): Handler =>
  (event, state) =>
    addReasoning(partOf(event, prefix, state), asString(event.delta), state)

const reasoningDone =
  (prefix: 's' | 'c'): Handler =>
  (event, state) => {
    const part = partOf(event, prefix, state)
    addReasoning(part, rest(part, asString(event.text), state), state)
  }

const callDelta: Handler = (event, state) =>
  addArguments(callOf(itemOf(event, state)), asString(event.delta), state)

const callDone =
  (field: 'arguments' | 'input'): Handler =>
  (event, state) => {
    const call = callOf(itemOf(event, state))
    const whole = toArgumentsText(event[field])
    if (whole === undefined) return
    if (call.written && !call.isHeld) state.writer.completeArguments(call.written, whole)
    call.text = whole
  }

/** Pieces of what a hosted tool does; what is whole comes with its item. */
const isProgress = (type: string) => !/\.(done|in_progress|completed|failed)$/.test(type)

const progress: Handler = (event, { items, writer }) => {
  const entry = items.get(asNumber(event.output_index) ?? -1)
  if (entry?.hostedId === undefined || entry.isDone) return
  const {
    type,
    output_index: _,
    item_id: __,
    sequence_number: ___,
    obfuscation: ____,
    ...told
  } = event
  const tool = hostedTool(entry.item, true)
  const name = asString(type).replace(/^response\./, '')
  writer.push({
    type: 'hosted-tool',
    ...tool,
    id: entry.hostedId,
    progress: { event: name, ...told },
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
    const { profile, context, call } = state
    const response = finalResponse(event.response, status)
    const usage = usageOf(response, profile.toUsage)
    if (usage) call.onUsage(usage)
    checkBody(response, context, profile)
    start(event, state)
    fillHoles(asList(response.output), state)
    state.isEnded = true
    const { writer } = state
    const isSilent = writer.textLength === 0 && !writer.hasRefusal && writer.calls.length === 0
    if (isSilent) writer.text(asString(response.output_text))
    writer.keepUnread(response, readMembers)
    writer.keepUsage(response.usage, readCounts)
    warnOfTransformations(response.input_transformations, profile.provider, context.warn)
    const service_tier = asText(response.service_tier)
    const content = nativeItems(state)
    writer.finish({
      ...toFinish(response, writer),
      ...(service_tier !== undefined && { service_tier }),
      usage: usage ?? unknownUsage,
      content: content.length > 0 ? content : undefined,
    })
  }

/** What is read above, repeats the request, or is a time of the server. */
const readMembers: ReadonlySet<string> = new Set(
  'id object created_at completed_at status error incomplete_details model output output_text usage tool_usage service_tier instructions tools tool_choice temperature top_p text truncation max_output_tokens max_tool_calls parallel_tool_calls store previous_response_id user safety_identifier prompt_cache_key prompt_cache_retention background top_logprobs frequency_penalty presence_penalty'.split(
    ' ',
  ),
)

/** Of its usage; the last ones are xAI's. */
const readCounts: ReadonlySet<string> = new Set(
  'input_tokens output_tokens total_tokens cached_tokens cache_write_tokens cache_write_tokens_details audio_tokens image_tokens text_tokens reasoning_tokens tool_usage cost_in_usd_ticks num_sources_used num_server_side_tools_used server_side_tool_usage_details'.split(
    ' ',
  ),
)

const finalStatuses = ['completed', 'incomplete', 'failed', 'cancelled']

/** The response of a terminal event; its status, unless it is a final one, is what the event is named for. */
function finalResponse(wire: unknown, status: string | undefined): JsonObject {
  const response = isObject(wire) ? wire : {}
  const own = finalStatuses.find((final) => final === response.status)
  return { ...response, output: asList(response.output), status: own ?? status ?? response.status }
}

const fail: Handler = (event, { profile, context }) => {
  throw profile.toError({
    status: 200,
    body: event,
    model: context.model,
    ...(context.request_id !== undefined && { request_id: context.request_id }),
  })
}

const on: Readonly<Record<string, Handler>> = {
  'response.created': start,
  'response.queued': start,
  'response.in_progress': start,
  'response.output_item.added': added,
  'response.output_item.done': done,
  'response.output_text.delta': textDelta,
  'response.output_text.done': textDone,
  'response.output_text.annotation.added': annotationAdded,
  'response.refusal.delta': refusalDelta,
  'response.refusal.done': refusalDone,
  'response.reasoning_summary_text.delta': reasoningDelta('s'),
  'response.reasoning_summary_text.done': reasoningDone('s'),
  'response.reasoning_text.delta': reasoningDelta('c'),
  'response.reasoning_text.done': reasoningDone('c'),
  'response.function_call_arguments.delta': callDelta,
  'response.function_call_arguments.done': callDone('arguments'),
  'response.custom_tool_call_input.delta': callDelta,
  'response.custom_tool_call_input.done': callDone('input'),
  'response.audio.delta': audioDelta('data'),
  'response.audio.transcript.delta': audioDelta('transcript'),
}

/** After one of these nothing more is read. `response.done` is how some gateways, and xAI, end. */
const endings: Readonly<Record<string, Handler>> = {
  'response.completed': terminal('completed'),
  'response.done': terminal('completed'),
  'response.incomplete': terminal('incomplete'),
  'response.failed': terminal('failed'),
  'response.cancelled': terminal('cancelled'),
  // a whole body, as an event of its own
  response: terminal(),
  error: fail,
}
