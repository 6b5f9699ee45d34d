/** Calls of a stream: arguments come whole or in pieces, at the start, in between or only at the end. */
import { callMembers, readToolCall, type ToolCall, toArgumentsText } from '../../chat/index.js'
import { clientCall, isWrapper } from './calls.js'
import type { CallState, ItemState, State } from './stream-state.js'
import { asText, type WireItem } from './wire.js'

export const callOf = (entry: ItemState): CallState => {
  entry.call ??= { text: '', isHeld: false }
  return entry.call
}

/** Writes that a call begins, unless it may turn out to be several. Arguments that are there already may be a part or the whole. */
export function startCall(entry: ItemState, state: State): void {
  const { item } = entry
  if (!asText(item.name) || !asText(item.call_id) || isWrapper(item.name, state.declared)) return
  const call = callOf(entry)
  call.isHeld = toArgumentsText(item.arguments ?? item.input) !== undefined
  call.written ??= write(clientCall(item), state)
}

function write(call: ToolCall, { writer }: State) {
  const { id, type } = call
  const isCustom = type === 'custom'
  const { name } = readToolCall(call)
  const written = writer.openCall({ id, name, isCustom, members: callMembers(call) })
  writer.startCall(written)
  return written
}

export function addArguments(call: CallState, text: string, { writer }: State): void {
  call.text += text
  writer.checkLength(call.text.length)
  if (call.written && !call.isHeld) writer.addArguments(call.written, text)
}

/** Writes the rest of a call, and its end. */
export function closeCall(entry: ItemState, toolCall: ToolCall, state: State): void {
  const { writer } = state
  const { written = write(toolCall, state) } = entry.call ?? {}
  // one item may hold several calls: each has its own state
  delete entry.call
  writer.completeArguments(written, readToolCall(toolCall).text)
  writer.endCall(written)
}

/** The finished item of a call whose arguments only its deltas, or its first event, told. */
export function withArguments(item: WireItem, entry: ItemState): WireItem {
  const field = item.type === 'custom_tool_call' ? 'input' : 'arguments'
  const isCall = item.type === 'function_call' || item.type === 'custom_tool_call'
  if (!isCall || (item !== entry.item && toArgumentsText(item[field]))) return item
  const first = toArgumentsText(entry.item[field]) ?? ''
  const deltas = entry.call?.text ?? ''
  const repeats = first === '' || deltas.startsWith(first)
  return { ...item, [field]: repeats ? deltas : first + deltas }
}
