/** An assistant message of a history → content blocks: the provider's own where they still fit, else built anew. */
import {
  type AssistantInput,
  type AssistantPart,
  asObjects,
  asText,
  type JsonObject,
  visibleText,
} from '../../chat/index.js'
import { type Note, type Notes, pick } from '../notes.js'
import { profileOf } from './models.js'
import { fromNative, noteLoose } from './native.js'
import { toContent, toText, withMark } from './parts.js'
import type { HistoryCall } from './tool-history.js'
import type { WireBlock, WireToolUse } from './wire.js'

export interface AssistantBlocks {
  readonly blocks: readonly WireBlock[]
  /** Images that the assistant made: the API takes them from the user only. */
  readonly images: readonly WireBlock[]
}

export function toAssistant(
  message: AssistantInput,
  calls: readonly HistoryCall[],
  notes: Notes,
): AssistantBlocks {
  const native = fromNative(message, calls, notes)
  const blocks = native ?? rebuilt(message, calls, notes)
  return {
    blocks: withMark(blocks, message.cache_control),
    images: imagesOf(message, notes),
  }
}

function rebuilt(
  message: AssistantInput,
  calls: readonly HistoryCall[],
  { model, note }: Notes,
): readonly WireBlock[] {
  const signed = signedThinking(message)
  const isLoose = message.is_moved === true && profileOf(model).bindsThoughts && signed.length > 0
  if (isLoose) noteLoose(note)
  const thinking = isLoose ? [] : signed
  tellLosses(message, signed.length > 0, note)
  return [...thinking, ...toTexts(message), ...calls.map(toToolUse)]
}

const toToolUse = ({ wireId, name, input, members }: HistoryCall): WireToolUse => ({
  type: 'tool_use',
  id: wireId,
  name,
  input,
  ...members,
})

function toTexts(message: AssistantInput): readonly WireBlock[] {
  const { content, refusal, audio } = message
  const parts = typeof content === 'string' ? toText(content) : (content ?? []).flatMap(toPart)
  if (parts.length > 0) return parts
  return toText(refusal ?? audio?.transcript ?? '')
}

const toPart = (part: AssistantPart): readonly WireBlock[] => {
  if (part.type === 'text')
    return toText(part.text, part.cache_control).map((text) => ({
      ...text,
      ...pick(part, ['citations']),
    }))
  return part.type === 'refusal' ? toText(part.refusal) : []
}

/** Thinking as litellm stores it, beside the text or among its parts; without a signature the API does not take it. */
function signedThinking(message: AssistantInput): readonly WireBlock[] {
  if (message.native && message.native.provider !== 'anthropic') return []
  const beside = message.thinking_blocks ?? []
  return [...beside, ...asObjects(message.content)].filter(isSigned).map(toThinking)
}

const isSigned = ({ type, thinking, signature, data }: JsonObject): boolean =>
  type === 'thinking'
    ? typeof thinking === 'string' && asText(signature) !== undefined
    : type === 'redacted_thinking' && typeof data === 'string'

const toThinking = ({ type, thinking, signature, data }: JsonObject): WireBlock =>
  type === 'thinking' ? { type, thinking, signature } : { type, data }

/** What a rebuilt message cannot carry. */
function tellLosses(message: AssistantInput, hasThinking: boolean, note: Note): void {
  const { reasoning_content, thinking_blocks, hosted_tools, audio, files } = message
  if (!hasThinking && (reasoning_content || thinking_blocks?.length))
    note('dropped', 'Reasoning that the model did not sign was left out')
  if (hosted_tools?.length)
    note(
      'dropped',
      'Results of hosted tools were left out: only the provider that ran them reads them',
    )
  if (files?.length || (audio && (visibleText(message).text !== '' || !audio.transcript)))
    note('dropped', 'Files and audio that an assistant made were left out')
}

function imagesOf(message: AssistantInput, notes: Notes): readonly WireBlock[] {
  const media = asObjects(message.content).filter(
    ({ type }) => type === 'image_url' || type === 'file',
  )
  return toContent([...media, ...(message.images ?? [])], undefined, notes)
}
