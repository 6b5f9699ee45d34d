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
import { toToolUse } from './tool-history.js'
import type { WireBlock } from './wire.js'

/** The blocks; images made by the assistant are apart: the API accepts them from the user only. */
export function toAssistant(message: PairedMessage, context: WriteContext) {
  const { content, images = [], cache_control } = message.message
  const blocks = nativeBlocks(message, context) ?? rebuilt(message, context)
  const media = asObjects(content).filter(({ type }) => type === 'image_url' || type === 'file')
  return {
    blocks: withMark(blocks, cache_control),
    images: toContent([...media, ...images], undefined, context),
  }
}

function rebuilt({ message, calls }: PairedMessage, context: WriteContext): readonly WireBlock[] {
  const signed = signedThinking(message)
  const isLoose = message.is_moved === true && context.profile.bindsThoughts && signed.length > 0
  if (isLoose) noteLoose(context)
  reportLosses(message, signed.length > 0 ? lostKinds : ['reasoning', ...lostKinds], context)
  return [...(isLoose ? [] : signed), ...toTexts(message), ...calls.map(toToolUse)]
}

const lostKinds = ['hosted tools', 'files', 'audio'] as const

function toTexts({ content, refusal, audio }: AssistantInput): readonly WireBlock[] {
  const parts = typeof content === 'string' ? toText(content) : (content ?? []).flatMap(toPart)
  return parts.length > 0 ? parts : toText(refusal ?? audio?.transcript ?? '')
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
