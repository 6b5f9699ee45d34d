/** An assistant message of the history as parts: as it came where it can be, else built from the message. */
import {
  type AssistantInput,
  asObject,
  asText,
  isObject,
  type PairedCall,
  type PairedMessage,
  parseJson,
  readToolCall,
  splitId,
  type ToolMessage,
  wrapInput,
} from '../../chat/index.js'
import { type MediaContext, toMedia } from './media.js'
import { type NativeContext, nativeTurn } from './native.js'
import type { Part } from './wire.js'

export type TurnContext = MediaContext & NativeContext

/** A call of a turn, and what answers it. */
export interface Slot {
  /** In the history. */
  readonly name: string
  /** On the wire; absent where the model gave none, since an id of ours would tell it nothing. */
  readonly wireId?: string
  readonly result: ToolMessage
}

export interface AssistantParts {
  readonly parts: readonly Part[]
  readonly slots: readonly Slot[]
  readonly isVerbatim: boolean
}

export function fromAssistant(said: PairedMessage, context: TurnContext): AssistantParts {
  const native = nativeTurn(said.message, context)
  if (native) return { ...native, slots: slotsOf(native.parts, said.calls) }
  const parts = built(said, context)
  const slots = said.calls.map(({ given, call, result }): Slot => {
    const wireId = given.id === '' ? {} : { wireId: call.id }
    return { name: readToolCall(given).name, result, ...wireId }
  })
  return { parts, slots, isVerbatim: false }
}

/** The n-th call of the answer is the n-th of the message: that was compared. */
const slotsOf = (parts: readonly Part[], calls: readonly PairedCall[]): Slot[] => {
  const wire = parts.flatMap((part) => (part.thought ? [] : (part.functionCall ?? [])))
  return calls.map(({ given, result }, nth) => {
    const id = wire[nth]?.id
    return { name: readToolCall(given).name, result, ...(id && { wireId: id }) }
  })
}

function built({ message, calls }: PairedMessage, context: TurnContext): readonly Part[] {
  tellLosses(message, context)
  const { content } = message
  const parts: Part[] = []
  if (typeof content === 'string') parts.push(...textPart(content))
  else for (const part of content ?? []) parts.push(...fromPart(part, context))
  if (message.refusal) parts.push({ text: message.refusal })
  sign(parts, message.provider_specific_fields)
  for (const image of message.images ?? []) {
    const media = toMedia({ ...image }, context)
    if (media) parts.push(media)
  }
  if (parts.length === 0) parts.push(...textPart(message.audio?.transcript ?? ''))
  for (const call of calls) parts.push(toCallPart(call))
  return parts
}

const textPart = (text: string): Part[] => (text === '' ? [] : [{ text }])

function fromPart(
  part: Exclude<AssistantInput['content'], string | null | undefined>[number],
  context: TurnContext,
): Part[] {
  switch (part.type) {
    case 'text':
      return textPart(part.text)
    case 'refusal':
      return textPart(part.refusal)
    case 'thinking':
      return []
    default: {
      const media = toMedia({ ...part }, context)
      if (media) return [media]
      context.note('dropped', 'a part of an earlier answer is of no type that can be sent')
      return []
    }
  }
}

/** litellm keeps the signature of a text beside the message. */
function sign(parts: Part[], fields: AssistantInput['provider_specific_fields']): void {
  const signatures = fields?.thought_signatures
  const signature = Array.isArray(signatures) ? signatures[0] : fields?.thought_signature
  const [first] = parts
  if (first?.text !== undefined && typeof signature === 'string' && signature !== '')
    parts[0] = { ...first, thoughtSignature: signature }
}

/** What has no place in a turn that is built anew. */
function tellLosses(message: AssistantInput, { note }: TurnContext): void {
  const { content } = message
  const hasThinking =
    message.reasoning_content ||
    message.thinking_blocks?.length ||
    (Array.isArray(content) && content.some((part) => part.type === 'thinking'))
  if (hasThinking) note('dropped', 'reasoning that Gemini did not sign is not sent back to it')
  if (message.hosted_tools?.length)
    note('dropped', 'what a hosted tool gave an earlier answer is not sent again')
  if (message.files?.length || message.audio?.data)
    note('dropped', 'sound and files of an earlier answer are not sent again')
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

/** Always an object: the wire takes nothing else. */
const argsOf = (call: PairedCall['call']) => {
  if (call.type === 'custom') return wrapInput(call.custom.input)
  const args = parseJson(call.function.arguments)
  return isObject(args) ? args : {}
}

/** litellm: on the call, in older histories on its function. */
function signatureOf(holder: object): string | undefined {
  const { provider_specific_fields } = asObject(holder)
  return asText(asObject(provider_specific_fields).thought_signature)
}
