/** Project and compare: the blocks of an earlier answer go back only while they say what its message says now. */
import {
  type AssistantInput,
  type AssistantMessage,
  isSameJson,
  type Native,
  readToolCall,
  type ToolCall,
  type ToolDefinition,
  toArguments,
  wrapInput,
} from '../chat/index.js'
import type { StreamReader, WireContext } from './adapter.js'
import { readWhole } from './turn-writer.js'

/** What a message says now, whatever form it has. */
export interface Spoken {
  readonly text: string
  readonly refusal: string
  readonly calls: readonly ToolCall[]
}

/** `bare`: a name without what does not make it another model, as its date. */
export const isMadeBy = (
  { model, asked = model }: Native,
  target: string,
  bare: (name: string) => string,
): boolean => [model, asked].some((name) => bare(name) === bare(target))

/** For reading the blocks of a history: its calls stand for the tools that were offered. */
export const historyContext = (model: string, calls: readonly ToolCall[]): WireContext => ({
  model,
  warn: () => {},
  request: {
    model,
    messages: [],
    tools: calls.map(toTool),
  },
})

const toTool = (call: ToolCall): ToolDefinition => {
  const { name } = readToolCall(call)
  return call.type === 'custom'
    ? { type: 'custom', custom: { name } }
    : { type: 'function', function: { name } }
}

/** True where the reader of answers reads in the blocks what the message says: text, refusal, calls, and reasoning where both have it. */
export function saysTheSame(
  said: AssistantMessage | undefined,
  { text, refusal, calls }: Spoken,
  { reasoning_content }: AssistantInput,
  { byId = true } = {},
): boolean {
  const read = said?.tool_calls ?? []
  return (
    said !== undefined &&
    (said.content ?? '') === text &&
    (said.refusal ?? '') === refusal &&
    read.length === calls.length &&
    read.every((call, index) => isSameCall(call, calls[index], byId)) &&
    isSameReasoning(said.reasoning_content, reasoning_content)
  )
}

/** The message that a reader of answers makes of blocks that stand in an answer of their own; undefined where they are none. */
export function projected(reader: StreamReader, answer: unknown): AssistantMessage | undefined {
  try {
    return readWhole(reader, answer)?.message
  } catch {
    // what cannot be read does not say what the message says
    return undefined
  }
}

const isSameCall = (a: ToolCall, b: ToolCall | undefined, byId: boolean): boolean =>
  b !== undefined &&
  (!byId || a.id === b.id) &&
  readToolCall(a).name === readToolCall(b).name &&
  isSameJson(inputOf(a), inputOf(b))

const inputOf = (call: ToolCall) => {
  const { text } = readToolCall(call)
  return call.type === 'custom' ? wrapInput(text) : toArguments(text).input
}

/** Reasoning that was taken out of the message may go back; reasoning that was changed may not. */
const isSameReasoning = (a: string | undefined, b: string | null | undefined) =>
  !a || !b || squash(a) === squash(b)

const squash = (text: string) => text.replace(/\s+/g, '')
