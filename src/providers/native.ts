/** Sends the blocks of an earlier answer back only while they project to its present message. */
import {
  type AssistantInput,
  type AssistantMessage,
  type Native,
  type PairedMessage,
  readToolCall,
  splitId,
  type ToolCall,
  type ToolDefinition,
  toCallInput,
  visibleText,
} from '../chat/index.js'
import { isObject, isSameJson, type JsonObject } from '../chat/json.js'
import type { StreamReader, WireContext } from './adapter.js'
import { readWhole } from './answers.js'
import type { Change, Notes } from './notes.js'

/** How a provider reads its own blocks, and the warnings where they cannot be sent back. */
export interface NativeDialect {
  reader(context: WireContext): StreamReader
  /** An answer of exactly these blocks. */
  toAnswer(blocks: readonly JsonObject[]): unknown
  /** The name without parts that name the same model, as its date. @default the whole name */
  bareName?(model: string): string
  /** Skips the comparison of `refusal`. */
  readonly ignoresRefusal?: boolean
  /** Ids are generated for calls without one, so they are not compared. */
  readonly makesIds?: boolean
  /** Compares further members, beside text, refusal, calls and reasoning. */
  isSame?(read: AssistantMessage, message: AssistantInput): boolean
  /** Warning for blocks of another provider. Absent: none. */
  readonly foreign?: Change
  readonly edited: Change
}

export interface Restored {
  readonly blocks: readonly JsonObject[]
  /** True if the model of the request made them. */
  readonly isOwn: boolean
  readonly native: Native
}

/** The blocks of this provider in a message; undefined without any, or if it was edited. */
export function restoreNative(
  turn: PairedMessage,
  dialect: NativeDialect,
  { provider, model, note }: Notes,
): Restored | undefined {
  const { native } = turn.message
  const { foreign, bareName = (name) => name } = dialect
  if (!native || !Array.isArray(native.content)) return undefined
  if (native.provider !== provider) {
    if (foreign) note[foreign](`Dropped parts of an answer that only ${native.provider} reads`)
    return undefined
  }
  const blocks = native.content.filter(isObject)
  if (blocks.length === 0) return undefined
  const read = readBlocks(blocks, turn, dialect, model)
  if (!read || !isUnchanged(read, turn, dialect)) {
    note[dialect.edited]('Sent an edited answer without its native blocks')
    return undefined
  }
  const { asked = native.model } = native
  const isOwn = [native.model, asked].some((name) => bareName(name) === bareName(model))
  return { blocks, isOwn, native }
}

/** The message that the answer reader makes of the blocks; undefined if they are no answer. */
function readBlocks(
  blocks: readonly JsonObject[],
  { calls }: PairedMessage,
  dialect: NativeDialect,
  model: string,
): AssistantMessage | undefined {
  // the tools of the request, derived from the calls
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

/** True if text, refusal and calls are equal, and reasoning where both have it. */
function isUnchanged(
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
  isSameJson(toCallInput(a), toCallInput(b))

/** Equal if either has none: removed reasoning may be sent back, changed reasoning may not. */
const isSameReasoning = (a: string | undefined, b: AssistantInput['reasoning_content']) =>
  !a || !b || squash(a) === squash(b)

const squash = (text: string) => text.replace(/\s+/g, '')
