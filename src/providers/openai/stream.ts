/** Reads a Responses stream: a table of events over a small state. */
import { isObject, type JsonObject, toArgumentsText, unknownUsage } from '../../chat/index.js'
import type { Call } from '../../core/index.js'
import type { WireEvent } from '../../transport/index.js'
import type { Push, StreamReader, WireContext } from '../adapter.js'
import { hostedTool, isClientCall, isHosted } from './calls.js'
import { checkBody, toFinish } from './response.js'
import { callOf, pushArguments, restOfCall, startCall, tooLong } from './stream-calls.js'
import { closeItem, fillHoles, nativeItems } from './stream-items.js'
import { type Handler, isRepeat, itemOf, newState, partOf, type State } from './stream-state.js'
import {
  addAnnotation,
  addLogprobs,
  addReasoning,
  addRefusal,
  addText,
  rest,
} from './stream-text.js'
import { usageOf } from './usage.js'
import { asList, asNumber, asString, asText, type Profile } from './wire.js'

/** Makes a reader for one stream. */
export const streamReader =
  (profile: Profile) =>
  (context: WireContext, call: Call): StreamReader => {
    const state = newState(profile, context, call)
    return {
      read(event, push) {
        if (!state.isEnded) readEvent(event, state, push)
      },
      isWhole: () => state.isEnded,
      end: () => state.isEnded,
    }
  }

function readEvent({ event, data }: WireEvent, state: State, push: Push): void {
  if (!isObject(data)) return
  const type = asText(data.type) ?? event ?? (data.error ? 'error' : '')
  if (type === '' && data.choices) checkBody(data, state.context, state.profile)
  if (isRepeat(state.numbers, data)) return
  // events of one name come in rows: the tables are asked where it changes
  if (type !== state.type) {
    state.type = type
    state.handler = handlerOf(type)
  }
  state.handler?.(data, state, push)
}

function handlerOf(type: string): Handler | undefined {
  // a name such as "constructor" must not find what every object has
  if (Object.hasOwn(endings, type)) return endings[type]
  const read = Object.hasOwn(on, type) ? on[type] : undefined
  if (!read) return undefined
  return (event, state, push) => {
    start(event, state, push)
    read(event, state, push)
  }
}

const start: Handler = (event, state, push) => {
  if (state.isStarted) return
  state.isStarted = true
  const response = isObject(event.response) ? event.response : {}
  const { request_id, model } = state.context
  push({
    type: 'start',
    id: asText(response.id) ?? crypto.randomUUID(),
    model: asText(response.model) ?? model,
    provider: state.profile.provider,
    created: Math.floor(asNumber(response.created_at) ?? Date.now() / 1000),
    ...(request_id !== undefined && { request_id }),
  })
}

const added: Handler = (event, state, push) => {
  const entry = itemOf(event, state, true)
  if (!isObject(event.item) || entry.isDone) return
  entry.item = event.item
  const isClient = isClientCall(entry.item, state.profile)
  if (isHosted(entry.item) && !isClient) {
    const tool = hostedTool(entry.item, true)
    entry.hostedId = tool.id
    push({ type: 'hosted-tool', ...tool })
  } else if (isClient || entry.item.type === 'function_call') startCall(entry, state, push)
}

const done: Handler = (event, state, push) => {
  const entry = itemOf(event, state, event.item !== undefined)
  if (isObject(event.item)) closeItem(entry, event.item, state, push)
}

const textDelta: Handler = (event, state, push) => {
  const part = partOf(event, 't', state)
  addText(part, asString(event.delta), state, push)
  addLogprobs(part, event.logprobs, push)
}

const textDone: Handler = (event, state, push) => {
  const part = partOf(event, 't', state)
  addText(part, rest(part, asString(event.text), state), state, push)
  if (!part.hasLogprobs) addLogprobs(part, event.logprobs, push)
}

const annotationAdded: Handler = (event, state, push) =>
  addAnnotation(partOf(event, 't', state), event.annotation, push)

const refusalDelta: Handler = (event, state, push) =>
  addRefusal(partOf(event, 'r', state), asString(event.delta), state, push)

const refusalDone: Handler = (event, state, push) => {
  const part = partOf(event, 'r', state)
  addRefusal(part, rest(part, asString(event.refusal), state), state, push)
}

const reasoningDelta =
  (prefix: 's' | 'c'): Handler =>
  (event, state, push) =>
    addReasoning(partOf(event, prefix, state), asString(event.delta), state, push)

const reasoningDone =
  (prefix: 's' | 'c'): Handler =>
  (event, state, push) => {
    const part = partOf(event, prefix, state)
    addReasoning(part, rest(part, asString(event.text), state), state, push)
  }

const callDelta: Handler = (event, state, push) => {
  const call = callOf(itemOf(event, state))
  const delta = asString(event.delta)
  call.text += delta
  if (call.text.length > state.profile.maxArgumentsLength) throw tooLong(state)
  if (!call.isHeld) pushArguments(call, delta, push)
}

const callDone =
  (field: 'arguments' | 'input'): Handler =>
  (event, state, push) => {
    const call = callOf(itemOf(event, state))
    const whole = toArgumentsText(event[field])
    if (whole === undefined) return
    if (!call.isHeld) pushArguments(call, restOfCall(call.text, whole, state), push)
    call.text = whole
  }

const terminal =
  (status: string): Handler =>
  (event, state, push) => {
    const { profile, context, call } = state
    const response = finalResponse(event.response, status)
    const usage = usageOf(response, profile.toUsage)
    if (usage) call.onUsage(usage)
    checkBody(response, context, profile)
    start(event, state, push)
    fillHoles(asList(response.output), state, push)
    state.isEnded = true
    const service_tier = asText(response.service_tier)
    const content = nativeItems(state)
    push({
      type: 'finish',
      ...toFinish(response, {
        hasCalls: state.calls > 0,
        hasText: state.textLength > 0,
        hasRefusal: state.hasRefusal,
      }),
      ...(service_tier !== undefined && { service_tier }),
      usage: usage ?? unknownUsage,
      ...(content.length > 0 && {
        native: { provider: profile.provider, model: context.model, content },
      }),
    })
  }

const finalStatuses = ['completed', 'incomplete', 'failed', 'cancelled']

/** The response of a terminal event; its status, unless it is a final one, is what the event is named for. */
function finalResponse(wire: unknown, status: string): JsonObject {
  const response = isObject(wire) ? wire : {}
  const own = finalStatuses.find((final) => final === response.status)
  return { ...response, output: asList(response.output), status: own ?? status }
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
}

/** After one of these nothing more is read. `response.done` is how some gateways, and xAI, end. */
const endings: Readonly<Record<string, Handler>> = {
  'response.completed': terminal('completed'),
  'response.done': terminal('completed'),
  'response.incomplete': terminal('incomplete'),
  'response.failed': terminal('failed'),
  'response.cancelled': terminal('cancelled'),
  error: fail,
}
