/** Reads a Responses stream: a table of events over a small state. */
import {
  isObject,
  type JsonObject,
  parseJson,
  type ToolCall,
  unknownUsage,
} from '../../chat/index.js'
import { type Call, UnexpectedResponseError } from '../../core/index.js'
import type { Push, StreamReader, WireContext } from '../adapter.js'
import type { WireEvent } from '../transport.js'
import {
  checkBody,
  declaredNames,
  type Piece,
  readItem,
  toAnnotation,
  toFinish,
  toLogprobs,
} from './response.js'
import { clientCall, hostedTool, isClientCall, isHosted, isWrapper } from './tools.js'
import { asList, asNumber, asString, asText, type Profile, type WireItem } from './wire.js'

/** One output item, known by its index: ids may change from event to event. */
interface ItemState {
  readonly index: number
  item: WireItem
  isDone: boolean
  readonly parts: Map<string, PartState>
  call?: CallState
  /** The id under which a hosted tool was announced. */
  hostedId?: string
}

/** A piece of text that grows. */
interface PartState {
  text: string
  /** Length of the message's text before this part. */
  readonly offset: number
  annotations: number
  hasLogprobs: boolean
  hasDiffered: boolean
}

/** A call whose arguments grow. */
interface CallState {
  /** Among the calls of the answer; undefined until its start was said. */
  index?: number
  text: string
  /** Its text is said in whole at the end: what comes before may be a part or the whole. */
  isHeld: boolean
}

interface State {
  readonly profile: Profile
  readonly context: WireContext
  readonly call: Call
  readonly declared: ReadonlySet<string>
  readonly items: Map<number, ItemState>
  last: number
  calls: number
  textLength: number
  hasReasoning: boolean
  hasRefusal: boolean
  isStarted: boolean
  isEnded: boolean
  readonly numbers: Numbering
}

type Handler = (event: JsonObject, state: State, push: Push) => void

/** Makes a reader for one stream. */
export const streamReader =
  (profile: Profile) =>
  (context: WireContext, call: Call): StreamReader => {
    const state: State = {
      profile,
      context,
      call,
      declared: declaredNames(context),
      items: new Map(),
      last: -1,
      calls: 0,
      textLength: 0,
      hasReasoning: false,
      hasRefusal: false,
      isStarted: false,
      isEnded: false,
      numbers: { recent: new Array(windowSize).fill(undefined), last: -1, isOff: false },
    }
    return {
      read(event, push) {
        if (!state.isEnded) readEvent(event, state, push)
      },
      end: () => state.isEnded,
    }
  }

function readEvent({ event, data }: WireEvent, state: State, push: Push): void {
  if (!isObject(data)) return
  const type = asText(data.type) ?? event ?? (data.error ? 'error' : '')
  if (type === '' && data.choices) checkBody(data, state.context, state.profile)
  if (isRepeat(state.numbers, data)) return
  // a name such as "constructor" must not find what every object has
  if (Object.hasOwn(endings, type)) endings[type]?.(data, state, push)
  if (!Object.hasOwn(on, type)) return
  start(data, state, push)
  on[type]?.(data, state, push)
}

/** The last events by number. */
interface Numbering {
  readonly recent: (JsonObject | undefined)[]
  last: number
  isOff: boolean
}

const windowSize = 64

/** An event that came before, as after a reconnect of a proxy. Where one number stands for two events nobody counts. */
function isRepeat(numbers: Numbering, event: JsonObject): boolean {
  const number = event.sequence_number
  if (numbers.isOff || typeof number !== 'number') return false
  const place = number % windowSize
  if (number > numbers.last) {
    numbers.last = number
    numbers.recent[place] = event
    return false
  }
  const before = numbers.recent[place]
  const isSame =
    before !== undefined &&
    before.sequence_number === number &&
    before.type === event.type &&
    before.output_index === event.output_index &&
    before.delta === event.delta
  numbers.isOff = !isSame
  return isSame
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
    const whole = asText(event[field])
    if (whole === undefined) return
    if (!call.isHeld) pushArguments(call, restOfCall(call.text, whole, state), push)
    call.text = whole
  }

const terminal =
  (status: string): Handler =>
  (event, state, push) => {
    const { profile, context, call } = state
    const response = finalResponse(event.response, status)
    const usage = profile.toUsage(response.usage)
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

// -- items -------------------------------------------------------------------------------------------------------------

const maxIndex = 9999

/** The item an event speaks of. An event without an index speaks of the item that was opened last. */
function itemOf(event: JsonObject, state: State, isNew = false): ItemState {
  const index = indexOf(event, state, isNew)
  let entry = state.items.get(index)
  if (!entry) {
    entry = { index, item: {}, isDone: false, parts: new Map() }
    state.items.set(index, entry)
  }
  state.last = index
  return entry
}

function indexOf({ output_index, type }: JsonObject, state: State, isNew: boolean): number {
  if (output_index === undefined || output_index === null) {
    const isOpen = state.items.get(state.last)?.isDone === false
    return isNew && !(isOpen && type === 'response.output_item.done')
      ? state.last + 1
      : Math.max(state.last, 0)
  }
  const index = asNumber(output_index)
  if (index !== undefined && Number.isInteger(index) && index >= 0 && index <= maxIndex)
    return index
  throw unexpected('bad_index', 'sent an event whose output_index is no index', state)
}

const unexpected = (code: string, what: string, { profile, context }: State) =>
  new UnexpectedResponseError(`${profile.provider}/${context.model} ${what}`, {
    provider: profile.provider,
    model: context.model,
    code,
    phase: 'stream',
    requestId: context.request_id,
    maybeBilled: true,
  })

function partOf(event: JsonObject, prefix: 't' | 'r' | 's' | 'c', state: State): PartState {
  const position = asNumber(prefix === 's' ? event.summary_index : event.content_index) ?? 0
  return partAt(itemOf(event, state), `${prefix}${position}`, state)
}

function partAt({ parts }: ItemState, key: string, state: State): PartState {
  let found = parts.get(key)
  if (!found) {
    found = {
      text: '',
      offset: state.textLength,
      annotations: 0,
      hasLogprobs: false,
      hasDiffered: false,
    }
    parts.set(key, found)
  }
  return found
}

/** Says what the whole item says and its deltas did not. */
function closeItem(entry: ItemState, item: WireItem, state: State, push: Push): void {
  if (entry.isDone) return
  entry.isDone = true
  entry.item = withArguments(item, entry)
  for (const piece of readItem(entry.item, state)) closePiece(piece, entry, state, push)
}

function closePiece(piece: Piece, entry: ItemState, state: State, push: Push): void {
  switch (piece.type) {
    case 'text': {
      const part = partAt(entry, piece.key, state)
      addText(part, rest(part, piece.text, state), state, push)
      for (const wire of piece.annotations.slice(part.annotations)) addAnnotation(part, wire, push)
      if (!part.hasLogprobs && piece.logprobs.length > 0)
        push({ type: 'logprobs', content: piece.logprobs })
      return
    }
    case 'refusal': {
      const part = partAt(entry, piece.key, state)
      addRefusal(part, rest(part, piece.text, state), state, push)
      return
    }
    case 'reasoning': {
      const part = partAt(entry, piece.key, state)
      addReasoning(part, rest(part, piece.text, state), state, push)
      return
    }
    case 'call':
      closeCall(entry, piece.call, state, push)
      if (piece.isApproval)
        push({ type: 'tool-approval', id: piece.call.id, tool_call_id: piece.call.id })
      return
    case 'hosted':
      push({ type: 'hosted-tool', ...piece.tool, id: entry.hostedId ?? piece.tool.id })
      return
    case 'file':
      push(piece.file)
      return
    default:
      piece satisfies never
  }
}

/** What only the terminal event holds: gateways send items there that had no events, or cut events off. */
function fillHoles(output: readonly unknown[], state: State, push: Push): void {
  output.forEach((item, index) => {
    if (!isObject(item) || isKnown(item, state)) return
    const entry = itemOf({ output_index: index }, state)
    if (entry.item.type === undefined || entry.item.type === item.type)
      closeItem(entry, item, state, push)
  })
  for (const entry of state.items.values())
    if (!entry.isDone && entry.call) closeItem(entry, entry.item, state, push)
}

/** An item that was read, under this index or another. */
const isKnown = (item: WireItem, { items }: State) =>
  [...items.values()].some(
    (entry) => entry.isDone && entry.item.type === item.type && sameId(entry.item, item),
  )

const sameId = (a: WireItem, b: WireItem) =>
  (a.id !== undefined && a.id === b.id) || (a.call_id !== undefined && a.call_id === b.call_id)

const nativeItems = ({ items }: State): readonly WireItem[] =>
  [...items.values()]
    .filter((entry) => entry.isDone)
    .sort((a, b) => a.index - b.index)
    .map((entry) => entry.item)

// -- text --------------------------------------------------------------------------------------------------------------

function addText(part: PartState, text: string, state: State, push: Push): void {
  if (text === '') return
  part.text += text
  state.textLength += text.length
  push({ type: 'text-delta', text })
}

function addRefusal(part: PartState, text: string, state: State, push: Push): void {
  if (text === '') return
  part.text += text
  state.hasRefusal = true
  push({ type: 'refusal-delta', text })
}

function addReasoning(part: PartState, text: string, state: State, push: Push): void {
  if (text === '') return
  const gap = part.text === '' && state.hasReasoning ? '\n\n' : ''
  part.text += text
  state.hasReasoning = true
  push({ type: 'reasoning-delta', text: gap + text })
}

function addAnnotation(part: PartState, wire: unknown, push: Push): void {
  part.annotations += 1
  const annotation = toAnnotation(wire, part.offset)
  if (annotation) push({ type: 'annotation', annotation })
}

function addLogprobs(part: PartState, wire: unknown, push: Push): void {
  // every delta has a list, and most lists are empty
  if (!Array.isArray(wire) || wire.length === 0) return
  const content = toLogprobs(wire)
  if (content.length === 0) return
  part.hasLogprobs = true
  push({ type: 'logprobs', content })
}

/** What the whole says beyond the deltas. What was said cannot be taken back: where the two differ, the deltas stay. */
function rest(part: PartState, whole: string, { context, profile }: State): string {
  if (whole.startsWith(part.text)) return whole.slice(part.text.length)
  if (whole !== '' && !part.hasDiffered) {
    part.hasDiffered = true
    context.warn({
      code: 'other',
      provider: profile.provider,
      message: 'the pieces of a streamed text are not what the provider says it is in whole',
    })
  }
  return ''
}

// -- calls -------------------------------------------------------------------------------------------------------------

const callOf = (entry: ItemState): CallState => {
  entry.call ??= { text: '', isHeld: false }
  return entry.call
}

/** Says that a call begins, unless it may turn out to be several. Arguments that are there already may be a part or the whole. */
function startCall(entry: ItemState, state: State, push: Push): void {
  const { item } = entry
  if (!asText(item.name) || !asText(item.call_id) || isWrapper(item.name, state.declared)) return
  const call = callOf(entry)
  call.isHeld = asText(item.arguments ?? item.input) !== undefined
  pushStart(call, clientCall(item), state, push)
}

function pushStart(call: CallState, toolCall: ToolCall, state: State, push: Push): void {
  call.index = state.calls
  state.calls += 1
  const isCustom = toolCall.type === 'custom'
  push({
    type: 'tool-call-start',
    index: call.index,
    id: toolCall.id,
    name: isCustom ? toolCall.custom.name : toolCall.function.name,
    ...(isCustom && { kind: 'custom' }),
  })
}

function pushArguments({ index }: CallState, text: string, push: Push): void {
  if (index !== undefined && text !== '') push({ type: 'tool-call-delta', index, arguments: text })
}

/** Says the rest of a call, and its end. */
function closeCall(entry: ItemState, toolCall: ToolCall, state: State, push: Push): void {
  const call = entry.call ?? { text: '', isHeld: true }
  // one item may hold several calls: each has its own state
  delete entry.call
  const whole = toolCall.type === 'custom' ? toolCall.custom.input : toolCall.function.arguments
  const isNew = call.index === undefined
  if (isNew) pushStart(call, toolCall, state, push)
  pushArguments(call, isNew || call.isHeld ? whole : restOfCall(call.text, whole, state), push)
  push({ type: 'tool-call-end', index: call.index ?? 0 })
}

/** The finished item of a call whose arguments only its deltas, or its first event, told. */
function withArguments(item: WireItem, entry: ItemState): WireItem {
  const field = item.type === 'custom_tool_call' ? 'input' : 'arguments'
  const isCall = item.type === 'function_call' || item.type === 'custom_tool_call'
  if (!isCall || (item !== entry.item && asText(item[field]))) return item
  const first = asString(entry.item[field])
  const deltas = entry.call?.text ?? ''
  const repeats = first === '' || deltas.startsWith(first)
  return { ...item, [field]: repeats ? deltas : first + deltas }
}

/** What the whole arguments say beyond the deltas. Throws where they differ: nobody knows what is to be run. */
function restOfCall(streamed: string, whole: string, state: State): string {
  if (whole.startsWith(streamed)) return whole.slice(streamed.length)
  if (normal(streamed) === normal(whole)) return ''
  throw unexpected(
    'bad_arguments',
    'streamed tool arguments that are not those of its finished call',
    state,
  )
}

const tooLong = (state: State) =>
  unexpected(
    'too_large',
    `sent more than ${state.profile.maxArgumentsLength} characters of tool arguments (option maxArgumentsLength)`,
    state,
  )

/** JSON without its spaces; text that is none as it is. */
const normal = (text: string) => {
  const value = parseJson(text)
  return value === undefined ? text : JSON.stringify(value)
}
