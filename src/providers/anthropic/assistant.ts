/** Maps an assistant message to content blocks: native ones if still valid, else rebuilt. */
import {
  type AssistantInput,
  type AssistantPart,
  asObjects,
  asText,
  type JsonObject,
  type PairedMessage,
} from '../../chat/index.js'
import { reportLosses } from '../turns.js'
import { nativeBlocks, noteLoose } from './native.js'
import { toContent, toText, toTextBlocks, withMark } from './parts.js'
import type { WriteContext } from './profile.js'
import type { HistoryCall } from './tool-history.js'
import type { WireBlock, WireToolUse } from './wire.js'

export interface AssistantBlocks {
  readonly blocks: readonly WireBlock[]
  /** Images made by the assistant: the API accepts them from the user only. */
  readonly images: readonly WireBlock[]
}

export function toAssistant(
  said: PairedMessage,
  calls: readonly HistoryCall[],
  context: WriteContext,
): AssistantBlocks {
  const { message } = said
  const blocks = nativeBlocks(said, calls, context) ?? rebuilt(message, calls, context)
  return {
    blocks: withMark(blocks, message.cache_control),
    images: imagesOf(message, context),
  }
}

function rebuilt(
  message: AssistantInput,
  calls: readonly HistoryCall[],
  context: WriteContext,
): readonly WireBlock[] {
  const signed = signedThinking(message)
  const isLoose = message.is_moved === true && context.profile.bindsThoughts && signed.length > 0
  if (isLoose) noteLoose(context)
  reportLosses(message, signed.length > 0 ? lostKinds : ['reasoning', ...lostKinds], context)
  return [...(isLoose ? [] : signed), ...toTexts(message), ...calls.map(toToolUse)]
}

const lostKinds = ['hosted tools', 'files', 'audio'] as const

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
  if (part.type === 'text') return toTextBlocks({ ...part })
  return part.type === 'refusal' ? toText(part.refusal) : []
}

/** Thinking as litellm stores it, beside the text or in its parts; the API requires a signature. */
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

function imagesOf(message: AssistantInput, context: WriteContext): readonly WireBlock[] {
  const media = asObjects(message.content).filter(
    ({ type }) => type === 'image_url' || type === 'file',
  )
  return toContent([...media, ...(message.images ?? [])], undefined, context)
}
