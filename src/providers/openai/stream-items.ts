/** Grows and ends items: text, call arguments, content that only whole items have. Sent once. */
import {
  type Annotation,
  asId,
  asObject,
  asObjects,
  asParts,
  type ChunkOf,
  callMembers,
  defined,
  isObject,
  type JsonObject,
  readToolCall,
  type TokenLogprob,
  type ToolCall,
  toArgumentsText,
} from '../../chat/index.js'
import { fileCitation, urlCitation } from '../answers.js'
import { audioType } from '../extras.js'
import type { WrittenCall } from '../turn-writer.js'
import { clientCall, hostedTool, isClientCall, isHosted, isWrapper, unwrapCalls } from './calls.js'
import { type ItemState, itemOf, type PartState, partAt, type State } from './stream-state.js'
import { asList, asNumber, asString, asText, typed, type WireItem, type WireItems } from './wire.js'

// -- text --------------------------------------------------------------------------------------------------------------

export function addPiece(part: PartState, text: string, { writer }: State): void {
  part.text.add(text)
  if (part.kind === 'text') writer.text(text, part.phase)
  else if (part.kind === 'refusal') writer.refusal(text)
  else writer.reasoning(text, part)
}

/** Sends the rest of the whole text. If it contradicts what was sent, only warns, once. */
export function addRest(part: PartState, whole: string, state: State): void {
  const { length } = part.text
  // `===` compares machine words, `startsWith` single characters
  if (whole.slice(0, length) === part.text.toString()) addPiece(part, whole.slice(length), state)
  else if (whole !== '' && !part.hasDiffered) {
    part.hasDiffered = true
    const message =
      'the pieces of a streamed text do not add up to the whole text from the provider'
    state.writer.warn('other', message)
  }
}

export function addAnnotation(part: PartState, wire: unknown, { writer }: State): void {
  part.annotations += 1
  writer.cite(toAnnotation(wire, part.offset), wire)
}

export function addLogprobs(part: PartState, wire: unknown, { writer }: State): void {
  // every delta has a list, most of them empty
  if (!Array.isArray(wire) || wire.length === 0) return
  const content = toLogprobs(wire)
  if (content.length === 0) return
  part.hasLogprobs = true
  writer.push({ type: 'logprobs', content })
}

export function pushAudio(audio: Partial<ChunkOf<'file'>>, { writer, context }: State): void {
  writer.push({ type: 'file', media_type: audioType(context.request), ...audio })
}

// -- calls -------------------------------------------------------------------------------------------------------------

export const callOf = (entry: ItemState) => {
  entry.call ??= { text: '', isHeld: false }
  return entry.call
}

/** Writes the start of a call, unless it may be a wrapper. Its arguments so far may be partial. */
export function startCall(entry: ItemState, state: State): void {
  const { item } = entry
  if (!asText(item.name) || !asId(item.call_id) || isWrapper(item.name, state.declared)) return
  const call = callOf(entry)
  call.isHeld = toArgumentsText(item.arguments ?? item.input) !== undefined
  call.written ??= writeStart(clientCall(item), state)
}

function writeStart(call: ToolCall, { writer }: State) {
  const { id, type } = call
  const { name } = readToolCall(call)
  const isCustom = type === 'custom'
  const written = writer.openCall({ id, name, isCustom, members: callMembers(call) })
  writer.startCall(written)
  return written
}

export function addArguments(entry: ItemState, text: string, { writer }: State): void {
  const call = callOf(entry)
  call.text += text
  writer.checkLength(call.text.length)
  if (call.written && !call.isHeld) writer.addArguments(call.written, text)
}

/** Writes the rest of a call, and its end. */
function closeCall(entry: ItemState, toolCall: ToolCall, state: State): WrittenCall {
  const { writer } = state
  const { written = writeStart(toolCall, state) } = entry.call ?? {}
  // one item may hold several calls: each has its own state
  delete entry.call
  writer.completeArguments(written, readToolCall(toolCall).text)
  writer.endCall(written)
  return written
}

/** Closes the call of an item; id and arguments get the form in which the API takes them back. */
function closeOwnCall(entry: ItemState, state: State): void {
  const call = clientCall(entry.item)
  const { id } = closeCall(entry, call, state)
  const field = argumentFields.get(entry.item.type)
  // a copy of another call has no id of its own
  if (field && id) entry.item = { ...entry.item, call_id: id, [field]: readToolCall(call).text }
}

const argumentFields: ReadonlyMap<unknown, string> = new Map([
  ['function_call', 'arguments'],
  ['custom_tool_call', 'input'],
])

/** Adds the arguments of deltas or the first event to a finished item that has none. */
function withArguments(item: WireItem, entry: ItemState): WireItem {
  const field = argumentFields.get(item.type)
  if (!field || (item !== entry.item && toArgumentsText(item[field]))) return item
  const first = toArgumentsText(entry.item[field]) ?? ''
  const deltas = entry.call?.text ?? ''
  const repeats = first === '' || deltas.startsWith(first)
  return { ...item, [field]: repeats ? deltas : first + deltas }
}

// -- items -------------------------------------------------------------------------------------------------------------

/** Sends the content of a whole item that its deltas did not have. */
export function closeItem(entry: ItemState, item: WireItem, state: State): void {
  if (entry.isDone) return
  entry.isDone = true
  // a call that has begun must end, whatever the type in its last event
  const isBegun = entry.call?.written !== undefined
  entry.item = withArguments(isBegun ? { ...item, type: entry.item.type } : item, entry)
  closeContent(entry, state)
}

/** Of an item of an unknown type nothing is read. */
function closeContent(entry: ItemState, state: State): void {
  const { item } = entry
  const { writer, declared, profile } = state
  if (item.type === 'message')
    for (const [index, part] of asParts(item.content).entries())
      closePart(part, index, entry, state)
  else if (item.type === 'reasoning') {
    closeReasoning(item.summary, 's', entry, state)
    closeReasoning(item.content, 'c', entry, state)
  } else if (isClientCall(item, profile)) {
    const wrapped = unwrapCalls(item, declared)
    if (!wrapped) closeOwnCall(entry, state)
    for (const call of wrapped ?? []) closeCall(entry, call, state)
  } else if (item.type === 'mcp_approval_request') {
    const call = clientCall(item)
    closeCall(entry, call, state)
    writer.push({ type: 'tool-approval', id: call.id, tool_call_id: call.id })
  } else if (isHosted(item)) {
    const tool = hostedTool(item)
    writer.hosted({ ...tool, id: entry.hostedId ?? tool.id })
    for (const file of filesOf(item)) writer.push(file)
  } else writer.skip('Items', item.type)
}

/** undefined: some servers omit it. */
const textTypes: readonly unknown[] = ['output_text', 'text', undefined]

export function closePart(wire: JsonObject, index: number, entry: ItemState, state: State): void {
  const { type, text, annotations, logprobs, data, transcript, id } = wire
  if (type === 'refusal') addRest(partAt(entry, `r${index}`, state), asString(wire.refusal), state)
  else if (type === 'output_audio') {
    const audio = { data: asText(data), transcript: asText(transcript), file_id: asText(id) }
    if (!state.hasAudio) pushAudio(defined(audio), state)
  } else if (textTypes.includes(type) || typeof text === 'string') {
    const part = partAt(entry, `t${index}`, state)
    addRest(part, asString(text), state)
    for (const one of asList(annotations).slice(part.annotations)) addAnnotation(part, one, state)
    if (!part.hasLogprobs) addLogprobs(part, logprobs, state)
  } else state.writer.skip('Parts', type)
}

function closeReasoning(wire: unknown, prefix: 's' | 'c', entry: ItemState, state: State): void {
  for (const [index, { text }] of asParts(wire).entries())
    addRest(partAt(entry, `${prefix}${index}`, state), asString(text), state)
}

/** Reads items that only the terminal event has: gateways may omit their events or cut them off. */
export function fillHoles(output: readonly unknown[], state: State): void {
  const read = [...state.items.values()].filter(({ isDone }) => isDone)
  output.forEach((given, index) => {
    const item = isObject(given) ? typed(given) : undefined
    if (!item || isKnown(item, read)) return
    const entry = itemOf({ output_index: index }, state)
    if (entry.item.type === undefined || entry.item.type === item.type)
      closeItem(entry, item, state)
  })
  for (const entry of state.items.values())
    if (!entry.isDone && entry.call) closeItem(entry, entry.item, state)
}

/** True for an item that was read, under this index or another. */
const isKnown = (item: WireItem, read: readonly ItemState[]) =>
  read.some((entry) => entry.item.type === item.type && sameId(entry.item, item))

const sameId = (a: WireItem, b: WireItem) =>
  (a.id !== undefined && a.id === b.id) || (a.call_id !== undefined && a.call_id === b.call_id)

export const nativeItems = ({ items, replaced }: State): WireItems =>
  [...replaced, ...items.values()]
    .filter((entry) => entry.isDone)
    .sort((a, b) => a.index - b.index)
    .map((entry) => entry.item)

// -- what the parts of an item hold -----------------------------------------------------------------------------------

function filesOf(item: WireItem): readonly ChunkOf<'file'>[] {
  if (item.type === 'image_generation_call') {
    const data = asText(item.result)
    const format = asText(item.output_format) ?? 'png'
    return data ? [{ type: 'file', media_type: `image/${format}`, data }] : []
  }
  if (item.type !== 'code_interpreter_call') return []
  return asObjects(item.outputs).flatMap(({ type, url: given }) => {
    const url = asText(given)
    return type === 'image' && url ? [{ type: 'file', media_type: 'image/png', url } as const] : []
  })
}

/** Logprobs of the wire; invalid entries are skipped. */
const toLogprobs = (wire: unknown): readonly TokenLogprob[] =>
  asObjects(wire).flatMap((entry) => {
    const top_logprobs = asObjects(entry.top_logprobs).flatMap(toLogprob)
    return toLogprob(entry).map((one) => ({ ...one, ...(top_logprobs[0] && { top_logprobs }) }))
  })

function toLogprob({ token, logprob, bytes }: JsonObject): TokenLogprob[] {
  const value = asNumber(logprob)
  if (value === undefined) return []
  const numbers = Array.isArray(bytes) && { bytes: bytes.filter((n) => typeof n === 'number') }
  return [{ token: asString(token), logprob: value, ...numbers }]
}

/** A citation, its positions moved by `offset` into the message text. Undefined for other types. */
function toAnnotation(wire: unknown, offset: number): Annotation | undefined {
  const { type, url, title, file_id, filename, container_id, ...places } = asObject(wire)
  const move = (position: unknown) => {
    const at = asNumber(position)
    return at === undefined ? undefined : at + offset
  }
  const start_index = move(places.start_index)
  const end_index = move(places.end_index)
  if (type === 'url_citation')
    return urlCitation(asString(url), { title: asText(title), start_index, end_index })
  if (!fileTypes.includes(type)) return undefined
  // a file citation has one position, in the text
  const at = move(places.index)
  return fileCitation({
    file_id: asText(file_id),
    filename: asText(filename),
    container_id: asText(container_id),
    start_index: start_index ?? at,
    end_index: end_index ?? at,
  })
}

const fileTypes: readonly unknown[] = ['file_citation', 'container_file_citation', 'file_path']
