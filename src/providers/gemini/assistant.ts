/** Maps an assistant message to parts: native ones if possible, else built from the message. */
import {
  type AssistantInput,
  type AssistantPart,
  isFilePart,
  type PairedCall,
  type PairedMessage,
  readToolCall,
  splitId,
  type ToolMessage,
  toCallInput,
} from '../../chat/index.js'
import { asObject, asObjects, asText } from '../../chat/json.js'
import { reportLosses } from '../turns.js'
import { toMedia } from './media.js'
import type { WriteContext } from './models.js'
import { nativeTurn } from './native.js'
import type { Part, Parts } from './wire.js'

/** A call of a turn, and its result. */
export interface Slot {
  /** In the history. */
  readonly name: string
  /** On the wire; absent if the model gave none, as an id of ours means nothing to it. */
  readonly wireId?: string
  readonly result: ToolMessage
}

/** The parts, and their calls; `isVerbatim`: made by this very model, byte for byte. */
export function fromAssistant(message: PairedMessage, context: WriteContext) {
  const native = nativeTurn(message, context)
  // the calls of native parts were compared before: they are paired by position
  const wire = native?.parts.flatMap((part) => (part.thought ? [] : (part.functionCall ?? [])))
  const slots = message.calls.map(({ given, call, result }, nth): Slot => {
    const wireId = wire ? wire[nth]?.id : given.id && call.id
    return { name: readToolCall(given).name, result, ...(wireId && { wireId }) }
  })
  const { parts, isVerbatim } = native ?? { parts: built(message, context), isVerbatim: false }
  return { parts, slots, isVerbatim }
}

function built({ message, calls }: PairedMessage, context: WriteContext): Parts {
  reportLosses(message, ['reasoning', 'hosted tools', 'files', 'audio'], context)
  const { content, refusal, images, audio } = message
  const texts =
    typeof content === 'string'
      ? textPart(content)
      : (content ?? []).flatMap((part) => fromPart(part, context))
  const files = asObjects(images).filter(isFilePart)
  const visible = [
    ...signed([...texts, ...textPart(refusal ?? '')], message.provider_specific_fields),
    ...files.map((image) => toMedia(image, context)),
  ]
  const parts = visible.length > 0 ? visible : textPart(audio?.transcript ?? '')
  return [...parts, ...calls.map(toCallPart)]
}

const textPart = (text: string): Parts => (text === '' ? [] : [{ text }])

function fromPart(part: AssistantPart, context: WriteContext): Parts {
  if (part.type === 'text') return textPart(part.text)
  if (part.type === 'refusal') return textPart(part.refusal)
  if (part.type === 'thinking') return []
  if (isFilePart({ ...part })) return [toMedia({ ...part }, context)]
  context.note.dropped('A part of an earlier answer has a type that cannot be sent')
  return []
}

/** litellm stores the signature of a text in the message. */
function signed(parts: Parts, fields: AssistantInput['provider_specific_fields']) {
  const signatures = fields?.thought_signatures
  const signature = asText(Array.isArray(signatures) ? signatures[0] : fields?.thought_signature)
  const [part] = parts
  return part?.text !== undefined && signature
    ? parts.with(0, { ...part, thoughtSignature: signature })
    : parts
}

function toCallPart({ given, call }: PairedCall): Part {
  const thoughtSignature =
    signatureOf(call) ?? signatureOf(asObject(call).function) ?? splitId(given.id).signature
  return {
    functionCall: {
      ...(given.id !== '' && { id: call.id }),
      name: readToolCall(call).name,
      args: toCallInput(call),
    },
    ...(thoughtSignature !== undefined && { thoughtSignature }),
  }
}

/** litellm: on the call; in older histories on its function. */
const signatureOf = (holder: unknown): string | undefined =>
  asText(asObject(asObject(holder).provider_specific_fields).thought_signature)
