/** An assistant turn of the history as parts: as it came where it can be, else built from the message. */
import {
  type AssistantInput,
  isObject,
  type JsonObject,
  splitId,
  toArguments,
  wrapInput,
} from '../../chat/index.js'
import { type MediaContext, toMedia } from './media.js'
import { type NativeContext, nativeTurn } from './native.js'
import type { Part } from './wire.js'

export type TurnContext = MediaContext & NativeContext

/** A call of a turn, and what answers it. */
export interface Slot {
  /** In the history. */
  readonly id: string
  /** In the history. */
  readonly name: string
  /** On the wire; absent where the model gave none, since an id of ours would tell it nothing. */
  readonly wireId?: string
}

export interface AssistantTurn {
  readonly parts: readonly Part[]
  readonly slots: readonly Slot[]
  readonly isVerbatim: boolean
}

export function fromAssistant(message: AssistantInput, context: TurnContext): AssistantTurn {
  const native = nativeTurn(message, context)
  return native
    ? { ...native, slots: slotsOf(native.parts, message) }
    : { ...built(message, context), isVerbatim: false }
}

/** The n-th call of the answer is the n-th of the message: that was compared. */
const slotsOf = (parts: readonly Part[], message: AssistantInput): Slot[] =>
  parts
    .flatMap((part) => (part.thought ? [] : (part.functionCall ?? [])))
    .map(({ id }, i) => {
      const call = message.tool_calls?.[i]
      const name = (call?.type === 'custom' ? call.custom.name : call?.function.name) ?? ''
      return { id: splitId(call?.id).id, name, ...(id && { wireId: id }) }
    })

function built(message: AssistantInput, context: TurnContext) {
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
  const calls = callsOf(message)
  const slots = calls.map(({ id, name }): Slot => ({ id, name, ...(id !== '' && { wireId: id }) }))
  for (const call of calls) parts.push(toCallPart(call, context))
  return { parts, slots }
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

interface HistoryCall {
  readonly id: string
  readonly name: string
  readonly args: Readonly<Record<string, unknown>> | string
  readonly signature?: string | undefined
}

function callsOf({ tool_calls, function_call }: AssistantInput): HistoryCall[] {
  if (!tool_calls?.length)
    return function_call
      ? [{ id: '', name: function_call.name, args: function_call.arguments }]
      : []
  return tool_calls.map((call) => {
    const { id, signature } = splitId(call.id)
    if (call.type === 'custom')
      return { id, signature, name: call.custom.name, args: wrapInput(call.custom.input) }
    return {
      id,
      name: call.function.name,
      args: call.function.arguments ?? '',
      signature: signatureOf(call) ?? signatureOf(call.function) ?? signature,
    }
  })
}

/** litellm: on the call, in older histories on its function. */
function signatureOf(holder: object): string | undefined {
  const fields = 'provider_specific_fields' in holder ? holder.provider_specific_fields : undefined
  const signature = isObject(fields) ? fields.thought_signature : undefined
  return typeof signature === 'string' && signature !== '' ? signature : undefined
}

function toCallPart({ id, name, args, signature }: HistoryCall, context: TurnContext): Part {
  return {
    functionCall: {
      ...(id !== '' && { id }),
      name: context.names.toWire(name),
      args: typeof args === 'string' ? readArguments(args, name, context) : args,
    },
    ...(signature !== undefined && { thoughtSignature: signature }),
  }
}

/** Always an object: the wire takes nothing else. */
function readArguments(text: string, name: string, { note }: TurnContext): JsonObject {
  const { input, isRepaired } = toArguments(text)
  if (isRepaired)
    note('repaired', `the arguments of an earlier call of ${name} were no JSON object`)
  return input
}
