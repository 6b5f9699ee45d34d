/** Reads a Responses stream: a table of events over a small state. */
import { type AnswerInput, asObject, isObject, toArgumentsText } from '../../chat/index.js'
import type { Call } from '../../core/index.js'
import type { WireEvent, WireResponse } from '../../transport/index.js'
import type { Push, WireContext } from '../adapter.js'
import { type AnswerReader, readAnswer } from '../answers.js'
import { warnOfTransformations } from '../notes.js'
import {
  checkBody,
  finalResponse,
  readCounts,
  readMembers,
  toFinish,
  warnIfPending,
} from './body.js'
import { hostedTool, isClientCall, isHosted } from './calls.js'
import { typed } from './items.js'
import {
  addAnnotation,
  addArguments,
  addLogprobs,
  addPiece,
  addRest,
  callOf,
  closeItem,
  fillHoles,
  nativeItems,
  pushAudio,
  startCall,
} from './stream-items.js'
import {
  type Handler,
  type ItemState,
  itemOf,
  type PartPrefix,
  partOf,
  State,
} from './stream-state.js'
import { usageOf } from './usage.js'
import { asList, asNumber, asString, asText, type Profile, type WireItem } from './wire.js'

/** Creates the reader of one stream. */
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
  ({ body: response }: WireResponse, context: WireContext): AnswerInput => {
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
  } else if (isClient || entry.item.type === 'function_call') startCall(entry, state)
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
  (prefix: PartPrefix): Handler =>
  (event, state) => {
    const part = partOf(event, prefix, state)
    addPiece(part, asString(event.delta), state)
    addLogprobs(part, event.logprobs, state)
  }

const whole =
  (prefix: PartPrefix): Handler =>
  (event, state) => {
    const part = partOf(event, prefix, state)
    addRest(part, asString(prefix === 'r' ? event.refusal : event.text), state)
    if (!part.hasLogprobs) addLogprobs(part, event.logprobs, state)
  }

const annotationAdded: Handler = (event, state) =>
  addAnnotation(partOf(event, 't', state), event.annotation, state)

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
  warnIfPending(checkBody(event.response, state), state)
  terminal()(event, state)
}

const fail: Handler = (event, { profile, writer }) => {
  throw writer.failed(event, profile.toError)
}

/** Read once the answer has started. */
const contents: Readonly<Record<string, Handler>> = {
  'response.created': start,
  'response.queued': start,
  'response.in_progress': start,
  'response.output_item.added': added,
  'response.output_item.done': done,
  'response.output_text.delta': delta('t'),
  'response.output_text.done': whole('t'),
  'response.output_text.annotation.added': annotationAdded,
  'response.refusal.delta': delta('r'),
  'response.refusal.done': whole('r'),
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
