/** What the model wrote, stored with a restored turn, because native blocks match only that. */
import type { AssistantInput, ToolCall } from '../../src/chat/index.js'
import { isObject } from '../../src/chat/index.js'
import type { Restorer } from './restore.js'

/** The form stored in `native.said`. */
export interface OriginalData {
  readonly content: string
  readonly reasoning: string
  readonly refusal: string
  readonly arguments: readonly string[]
}

export interface Original {
  /** The members of the message as the model wrote them. */
  of(message: AssistantInput): Partial<AssistantInput>
}

const argumentsOf = (call: ToolCall) =>
  call.type === 'custom' ? call.custom.input : call.function.arguments

/** Undefined if a part is not plain text. */
function originalData(message: AssistantInput): OriginalData | undefined {
  const { content, reasoning_content, refusal, tool_calls } = message
  if (typeof content === 'object' && content !== null) return undefined
  return {
    content: content ?? '',
    reasoning: reasoning_content ?? '',
    refusal: refusal ?? '',
    arguments: tool_calls?.map(argumentsOf) ?? [],
  }
}

/** Key to compare turns. */
export const originalBy = ({ content, reasoning_content, refusal, tool_calls }: AssistantInput) =>
  JSON.stringify([content, reasoning_content, refusal, tool_calls?.map(argumentsOf)])

function isOriginalData(value: unknown): value is OriginalData {
  if (!isObject(value) || !Array.isArray(value.arguments)) return false
  const texts = [value.content, value.reasoning, value.refusal, ...value.arguments]
  return texts.every((text) => typeof text === 'string')
}

/**
 * The stored texts if, restored, they equal the message; otherwise the app edited it, and its edit
 * wins.
 */
export function readOriginal(
  message: AssistantInput,
  restorer: Restorer,
  reasoning: boolean,
): Original | undefined {
  const stored = message.native?.said
  const now = originalData(message)
  if (!now || !isOriginalData(stored) || stored.arguments.length !== now.arguments.length)
    return undefined
  const isSame =
    [restorer.text(stored.content), restorer.escape(stored.content)].includes(now.content) &&
    (reasoning ? restorer.text(stored.reasoning) : stored.reasoning) === now.reasoning &&
    restorer.text(stored.refusal) === now.refusal &&
    stored.arguments.every(
      (text, i) => restored(text, message.tool_calls?.[i], restorer) === now.arguments[i],
    )
  return isSame ? { of: (message) => wordsOf(stored, message) } : undefined
}

const restored = (text: string, call: ToolCall | undefined, restorer: Restorer) =>
  call?.type === 'custom' ? restorer.text(text) : restorer.json(text)

const wordsOf = (original: OriginalData, message: AssistantInput): Partial<AssistantInput> => ({
  ...(message.content && { content: original.content }),
  ...(message.reasoning_content && { reasoning_content: original.reasoning }),
  ...(message.refusal && { refusal: original.refusal }),
  ...(message.tool_calls && {
    tool_calls: message.tool_calls.map((call, i) =>
      withArguments(call, original.arguments[i] ?? ''),
    ),
  }),
})

const withArguments = (call: ToolCall, text: string): ToolCall =>
  call.type === 'custom'
    ? { ...call, custom: { ...call.custom, input: text } }
    : { ...call, function: { ...call.function, arguments: text } }
