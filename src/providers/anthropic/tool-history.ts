/** Calls of a history as the API takes them. */
import {
  type AssistantInput,
  type JsonObject,
  type PairedCall,
  type ToolCall,
  type ToolMessage,
  toArguments,
  wrapInput,
} from '../../chat/index.js'
import { type Note, pick } from '../notes.js'

/** A call as it goes out. */
export interface HistoryCall {
  /** As the history has it. */
  readonly id: string
  readonly wireId: string
  readonly name: string
  readonly input: JsonObject
  readonly result: ToolMessage
  readonly members: JsonObject
}

export const toHistoryCall = ({ given, call, result }: PairedCall): HistoryCall => ({
  id: given.id,
  wireId: call.id,
  ...contentOf(call),
  result,
  members: pick(given, callMembers),
})

/** What a call of the API has beside name and input. */
export const callMembers = ['caller', 'toolset_name']

/** The input object that goes out for the arguments of a call; text that is no JSON object is mended, or wrapped. */
export function toInput(given: unknown, note?: Note): JsonObject {
  const { input, isRepaired } = toArguments(given)
  if (isRepaired)
    note?.('repaired', 'The arguments of a tool call in the history were no JSON object')
  return input
}

/** Calls of the message in today's form; `function_call` is the form before it. */
export function callsOf(message: AssistantInput): readonly ToolCall[] {
  if (message.tool_calls?.length) return message.tool_calls
  const old = message.function_call
  return old ? [{ id: '', type: 'function', function: old }] : []
}

/** What a call says, whatever its kind: the free text of a custom call becomes the one property of our mapping. */
export function contentOf(call: ToolCall, note?: Note): { name: string; input: JsonObject } {
  if (call.type === 'custom') return { name: call.custom.name, input: wrapInput(call.custom.input) }
  return { name: call.function.name, input: toInput(call.function.arguments, note) }
}
