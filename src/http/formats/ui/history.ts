/** UI messages → ours. One UI message holds all turns of an answer, split by `step-start` parts. */
import {
  type AssistantMessage,
  defined,
  isObject,
  type JsonObject,
  type Message,
  type Native,
  type ToolMessage,
} from '../../../chat/index.js'
import { annotationsOf, mediaOf, userContent } from './files.js'
import { isHosted, isTool, toCall, toHostedTool, toToolMessage } from './tools.js'
import type { UiMessage, UiPart } from './wire.js'

/** Messages, and their signatures by index. */
export interface History {
  readonly messages: readonly Message[]
  readonly macs: ReadonlyMap<number, string>
}

/** Converts UI messages to ours. An assistant turn without content is dropped. Pure. */
export function toHistory(uiMessages: readonly UiMessage[]): History {
  const messages: Message[] = []
  const macs = new Map<number, string>()
  const push: Push = (message, mac) => {
    if (typeof mac === 'string') macs.set(messages.length, mac)
    messages.push(message)
  }
  for (const message of uiMessages) readers[message.role](message, push)
  return { messages, macs }
}

type Push = (message: Message, mac?: unknown) => void

const readers: Readonly<Record<UiMessage['role'], (message: UiMessage, push: Push) => void>> = {
  system({ parts }, push) {
    push({ role: 'system', content: textOf(parts, 'text') })
  },
  user({ parts }, push) {
    const content = userContent(parts)
    // the page's own parts alone are not sent to the model; an empty message is rejected later
    const isOwn = content.length === 0 && parts.some(({ type }) => type.startsWith('data-'))
    if (!isOwn) push({ role: 'user', content })
  },
  assistant({ parts, metadata }, push) {
    const turns = record(metadata?.turns)
    splitSteps(parts).forEach((step, number) => {
      const note = record(own(turns, String(number)))
      const turn = toTurn(step, note)
      if (!turn) return
      push(turn, note.mac)
      const macs = record(note.results)
      for (const result of toResults(step, record(note.reasons)))
        push(result, own(macs, result.tool_call_id))
    })
  },
}

/** The parts of each step; the first list holds those before any step. */
export function splitSteps(parts: readonly UiPart[]): readonly (readonly UiPart[])[] {
  const steps: UiPart[][] = [[]]
  for (const part of parts)
    if (part.type === 'step-start') steps.push([])
    else steps.at(-1)?.push(part)
  return steps
}

/** The assistant turn of a step; undefined for an empty one. */
export function toTurn(parts: readonly UiPart[], note: JsonObject): AssistantMessage | undefined {
  const text = textOf(parts, 'text')
  const reasoning = textOf(parts, 'reasoning')
  const notes = record(note.calls)
  const calls = parts
    .filter((part) => isTool(part) && !isHosted(part) && part.state !== 'input-streaming')
    .map((part) => toCall(part, own(notes, String(part.toolCallId))))
  // hosted tools and files are read from signed turns only: handlers reject unsigned ones
  const isSigned = typeof note.mac === 'string'
  const hosted = isSigned ? parts.filter(isHosted).map(toHostedTool) : []
  const native = toNative(note.native)
  const annotations = annotationsOf(parts)
  const media = isSigned ? mediaOf(parts) : {}
  const hasMedia = Object.keys(media).length > 0
  const isEmpty = text === '' && calls.length + hosted.length === 0 && !native && !hasMedia
  if (isEmpty) return undefined
  return {
    role: 'assistant',
    content: text === '' ? null : text,
    ...(calls.length > 0 && { tool_calls: calls }),
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(annotations.length > 0 && { annotations }),
    ...media,
    ...(hosted.length > 0 && { hosted_tools: hosted }),
    ...defined({ native }),
  }
}

/** Results and approvals of a step's calls, in call order. `reasons`: why calls were denied. */
export const toResults = (
  parts: readonly UiPart[],
  reasons: JsonObject = {},
): readonly ToolMessage[] =>
  parts
    .filter((part) => isTool(part) && !isHosted(part))
    .flatMap((part) => toToolMessage(part, own(reasons, String(part.toolCallId))))

/** Joins pieces without a separator: separators are part of the streamed text. */
const textOf = (parts: readonly UiPart[], type: 'text' | 'reasoning') =>
  parts.map((part) => (part.type === type ? stringOrEmpty(part.text) : '')).join('')

const stringOrEmpty = (value: unknown) => (typeof value === 'string' ? value : '')

const record = (value: unknown): JsonObject => (isObject(value) ? value : {})

const own = (object: JsonObject, key: string): unknown =>
  Object.hasOwn(object, key) ? object[key] : undefined

function toNative(value: unknown): Native | undefined {
  if (!isObject(value)) return undefined
  const { provider, model, content } = value
  const isOurs = typeof provider === 'string' && typeof model === 'string' && Array.isArray(content)
  // unchanged, as the signature covers it
  return isOurs ? (value as unknown as Native) : undefined
}
