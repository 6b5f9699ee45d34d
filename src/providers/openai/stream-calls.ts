/** Calls of a stream: arguments come whole or in pieces, at the start, in between or only at the end. */
import { parseJson, type ToolCall, toArgumentsText } from '../../chat/index.js'
import type { Push } from '../adapter.js'
import { clientCall, isWrapper } from './calls.js'
import { type CallState, type ItemState, type State, unexpected } from './stream-state.js'
import { asText, type WireItem } from './wire.js'

export const callOf = (entry: ItemState): CallState => {
  entry.call ??= { text: '', isHeld: false }
  return entry.call
}

/** Says that a call begins, unless it may turn out to be several. Arguments that are there already may be a part or the whole. */
export function startCall(entry: ItemState, state: State, push: Push): void {
  const { item } = entry
  if (!asText(item.name) || !asText(item.call_id) || isWrapper(item.name, state.declared)) return
  const call = callOf(entry)
  call.isHeld = toArgumentsText(item.arguments ?? item.input) !== undefined
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

export function pushArguments({ index }: CallState, text: string, push: Push): void {
  if (index !== undefined && text !== '') push({ type: 'tool-call-delta', index, arguments: text })
}

/** Says the rest of a call, and its end. */
export function closeCall(entry: ItemState, toolCall: ToolCall, state: State, push: Push): void {
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
export function withArguments(item: WireItem, entry: ItemState): WireItem {
  const field = item.type === 'custom_tool_call' ? 'input' : 'arguments'
  const isCall = item.type === 'function_call' || item.type === 'custom_tool_call'
  if (!isCall || (item !== entry.item && toArgumentsText(item[field]))) return item
  const first = toArgumentsText(entry.item[field]) ?? ''
  const deltas = entry.call?.text ?? ''
  const repeats = first === '' || deltas.startsWith(first)
  return { ...item, [field]: repeats ? deltas : first + deltas }
}

/** What the whole arguments say beyond the deltas. Throws where they differ: nobody knows what is to be run. */
export function restOfCall(streamed: string, whole: string, state: State): string {
  if (whole.startsWith(streamed)) return whole.slice(streamed.length)
  if (normal(streamed) === normal(whole)) return ''
  throw unexpected(
    'bad_arguments',
    'streamed tool arguments that are not those of its finished call',
    state,
  )
}

export const tooLong = (state: State) =>
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
