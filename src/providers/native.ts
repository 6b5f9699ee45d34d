/** Project and compare: the blocks of an earlier answer go back only while they say what its message says now. */
import {
  type AssistantInput,
  type AssistantMessage,
  isObject,
  isSameJson,
  type JsonObject,
  type Native,
  type PairedMessage,
  readToolCall,
  splitId,
  type ToolCall,
  type ToolDefinition,
  toArguments,
  visibleText,
  type Warning,
  wrapInput,
} from '../chat/index.js'
import type { StreamReader, WireContext } from './adapter.js'
import { readWhole } from './answers.js'
import type { Notes } from './notes.js'

/** How a provider reads its own blocks, and what is reported where they cannot go back. */
export interface NativeDialect {
  /** The reader of answers. */
  reader(context: WireContext): StreamReader
  /** An answer that holds these blocks and nothing else. */
  toAnswer(blocks: readonly JsonObject[]): unknown
  /** A name without what does not make it another model, as its date. @default the whole name */
  bareName?(model: string): string
  /** What a message has in `refusal` is no matter of the blocks. */
  readonly ignoresRefusal?: boolean
  /** Ids are made for calls that the model gave none: they are not compared. */
  readonly makesIds?: boolean
  /** What beside text, refusal, calls and reasoning must be the same. */
  isSame?(read: AssistantMessage, message: AssistantInput): boolean
  /** Blocks of another provider; absent: nothing is reported of them. */
  readonly foreign?: Warning['code']
  readonly edited: Warning['code']
}

export interface Restored {
  readonly blocks: readonly JsonObject[]
  /** Made by the model that they go to. */
  readonly isOwn: boolean
  readonly native: Native
}

/** The blocks of this provider that a message came with; undefined where it has none, or reads otherwise now. */
export function restoreNative(
  said: PairedMessage,
  dialect: NativeDialect,
  { provider, model, note }: Notes,
): Restored | undefined {
  const { native } = said.message
  const { foreign, bareName = (name) => name } = dialect
  if (!native || !Array.isArray(native.content)) return undefined
  if (native.provider !== provider) {
    if (foreign) note(foreign, `What only ${native.provider} reads of an answer was left out`)
    return undefined
  }
  const blocks = native.content.filter(isObject)
  if (blocks.length === 0) return undefined
  const read = readBlocks(blocks, said, dialect, model)
  if (!read || !saysTheSame(read, said, dialect)) {
    note(dialect.edited, 'An edited answer was sent as it reads now, without its native blocks')
    return undefined
  }
  const { asked = native.model } = native
  const isOwn = [native.model, asked].some((name) => bareName(name) === bareName(model))
  return { blocks, isOwn, native }
}

/** The message that the reader of answers makes of the blocks; undefined where they are no answer. */
function readBlocks(
  blocks: readonly JsonObject[],
  { calls }: PairedMessage,
  dialect: NativeDialect,
  model: string,
): AssistantMessage | undefined {
  // the calls stand for the tools that were offered
  const request = { model, messages: [], tools: calls.map(({ given }) => toTool(given)) }
  try {
    const reader = dialect.reader({ model, warn: () => {}, request })
    return readWhole(reader, dialect.toAnswer(blocks))?.message
  } catch {
    return undefined
  }
}

const toTool = (call: ToolCall): ToolDefinition => {
  const { name } = readToolCall(call)
  return call.type === 'custom'
    ? { type: 'custom', custom: { name } }
    : { type: 'function', function: { name } }
}

/** Text, refusal and calls are the same, and reasoning where both have it. */
function saysTheSame(
  read: AssistantMessage,
  { message, calls }: PairedMessage,
  { ignoresRefusal = false, makesIds = false, isSame = () => true }: NativeDialect,
): boolean {
  const { text, refusal } = visibleText(message)
  const own = read.tool_calls ?? []
  return (
    (read.content ?? '') === text &&
    (ignoresRefusal || (read.refusal ?? '') === refusal) &&
    own.length === calls.length &&
    own.every((call, index) => isSameCall(call, calls[index]?.given, makesIds)) &&
    isSameReasoning(read.reasoning_content, message.reasoning_content) &&
    isSame(read, message)
  )
}

const isSameCall = (a: ToolCall, b: ToolCall | undefined, makesIds: boolean): boolean =>
  b !== undefined &&
  (makesIds || a.id === splitId(b.id).id) &&
  readToolCall(a).name === readToolCall(b).name &&
  isSameJson(inputOf(a), inputOf(b))

const inputOf = (call: ToolCall) => {
  const { text } = readToolCall(call)
  return call.type === 'custom' ? wrapInput(text) : toArguments(text).input
}

/** Reasoning that was taken out of the message may go back; reasoning that was changed may not. */
const isSameReasoning = (a: string | undefined, b: AssistantInput['reasoning_content']) =>
  !a || !b || squash(a) === squash(b)

const squash = (text: string) => text.replace(/\s+/g, '')
