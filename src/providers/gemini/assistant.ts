/** Maps an assistant message to parts: native ones if possible, else built from the message. */
import {
  type AssistantInput,
  type AssistantPart,
  asObject,
  asObjects,
  asText,
  isFilePart,
  isObject,
  type PairedCall,
  type PairedMessage,
  parseJson,
  readToolCall,
  splitId,
  type ToolMessage,
  wrapInput,
} from '../../chat/index.js'
import { reportLosses } from '../turns.js'
import { toMedia } from './media.js'
import type { WriteContext } from './models.js'
import { nativeTurn } from './native.js'
import type { Part } from './wire.js'

/** A call of a turn, and its result. */
export interface Slot {
  /** In the history. */
  readonly name: string
  /** On the wire; absent if the model gave none, as an id of ours means nothing to it. */
  readonly wireId?: string
  readonly result: ToolMessage
}

export interface AssistantParts {
  readonly parts: readonly Part[]
  readonly slots: readonly Slot[]
  readonly isVerbatim: boolean
}

export function fromAssistant(said: PairedMessage, context: WriteContext): AssistantParts {
  const native = nativeTurn(said, context)
  if (native) return { ...native, slots: slotsOf(native.parts, said.calls) }
  const parts = built(said, context)
  const slots = said.calls.map(({ given, call, result }): Slot => {
    const wireId = given.id === '' ? {} : { wireId: call.id }
    return { name: readToolCall(given).name, result, ...wireId }
  })
  return { parts, slots, isVerbatim: false }
}

/** Pairs the calls by position: they were compared before. */
const slotsOf = (parts: readonly Part[], calls: readonly PairedCall[]): Slot[] => {
  const wire = parts.flatMap((part) => (part.thought ? [] : (part.functionCall ?? [])))
  return calls.map(({ given, result }, nth) => {
    const id = wire[nth]?.id
    return { name: readToolCall(given).name, result, ...(id && { wireId: id }) }
  })
}

function built({ message, calls }: PairedMessage, context: WriteContext): readonly Part[] {
  reportLosses(message, ['reasoning', 'hosted tools', 'files', 'audio'], context)
  const { content, refusal, images = [], audio } = message
  const texts =
    typeof content === 'string'
      ? textPart(content)
      : (content ?? []).flatMap((part) => fromPart(part, context))
  const said = [
    ...signed([...texts, ...textPart(refusal ?? '')], message.provider_specific_fields),
    ...asObjects(images)
      .filter(isFilePart)
      .map((image) => toMedia(image, context)),
  ]
  return [...(said.length > 0 ? said : textPart(audio?.transcript ?? '')), ...calls.map(toCallPart)]
}

const textPart = (text: string): readonly Part[] => (text === '' ? [] : [{ text }])

function fromPart(part: AssistantPart, context: WriteContext): readonly Part[] {
  if (part.type === 'text') return textPart(part.text)
  if (part.type === 'refusal') return textPart(part.refusal)
  if (part.type === 'thinking') return []
  if (isFilePart({ ...part })) return [toMedia({ ...part }, context)]
  context.note('dropped', 'A part of an earlier answer is of no type that can be sent')
  return []
}

/** litellm stores the signature of a text in the message. */
function signed(
  parts: readonly Part[],
  fields: AssistantInput['provider_specific_fields'],
): readonly Part[] {
  const signatures = fields?.thought_signatures
  const signature = asText(Array.isArray(signatures) ? signatures[0] : fields?.thought_signature)
  const [part] = parts
  return part?.text !== undefined && signature
    ? parts.with(0, { ...part, thoughtSignature: signature })
    : parts
}

function toCallPart({ given, call }: PairedCall): Part {
  const hidden = splitId(given.id).signature
  const signature =
    signatureOf(call) ?? ('function' in call ? signatureOf(call.function) : undefined)
  const thoughtSignature = signature ?? hidden
  return {
    functionCall: {
      ...(given.id !== '' && { id: call.id }),
      name: readToolCall(call).name,
      args: argsOf(call),
    },
    ...(thoughtSignature !== undefined && { thoughtSignature }),
  }
}

/** Always an object, as the wire requires. */
const argsOf = (call: PairedCall['call']) => {
  if (call.type === 'custom') return wrapInput(call.custom.input)
  const args = parseJson(call.function.arguments)
  return isObject(args) ? args : {}
}

/** litellm: on the call; in older histories on its function. */
function signatureOf(holder: object): string | undefined {
  const { provider_specific_fields } = asObject(holder)
  return asText(asObject(provider_specific_fields).thought_signature)
}
