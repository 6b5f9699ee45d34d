/** Project and compare: an earlier answer goes back as it came only while it still says what its message says. */
import { type AssistantInput, isObject, parseJson, wrapInput } from '../../chat/index.js'
import type { Note } from '../notes.js'
import { bareName, type ModelFacts } from './models.js'
import type { ToolNames } from './names.js'
import type { Part } from './wire.js'

export interface NativeContext {
  readonly model: string
  readonly facts: ModelFacts
  readonly names: ToolNames
  readonly note: Note
}

export interface NativeTurn {
  readonly parts: readonly Part[]
  /** Byte for byte: of this very model. */
  readonly isVerbatim: boolean
}

/** Undefined where the turn has to be built from the message. */
export function nativeTurn(
  message: AssistantInput,
  context: NativeContext,
): NativeTurn | undefined {
  const { native } = message
  if (!native || !Array.isArray(native.content)) return undefined
  const { model, note } = context
  if (native.provider !== 'gemini') {
    note('changed', `what only ${native.provider} understands of an earlier answer was left out`)
    return undefined
  }
  // written by our reader; what a store made of it is checked member by member below
  const parts = native.content.filter(isObject) as readonly Part[]
  if (!saysTheSame(parts, message, context.names)) {
    note('changed', 'an earlier answer was edited: it is sent as it stands now, without signatures')
    return undefined
  }
  if (bareName(native.model) === bareName(model)) return { parts, isVerbatim: true }
  const kept = parts.flatMap((part) => withoutSecrets(part, context.facts))
  if (kept.length < parts.length || kept.some((part, i) => part !== parts[i]))
    note('changed', `what only ${native.model} understands of an earlier answer was left out`)
  return { parts: kept, isVerbatim: false }
}

/** What another model cannot check (thoughts, signatures), and what it could not have called. */
function withoutSecrets(part: Part, facts: ModelFacts): Part[] {
  const { thoughtSignature, ...rest } = part
  if (part.thought || (rest.text === '' && Object.keys(rest).length === 1)) return []
  if (!facts.isModern && (part.toolCall || part.toolResponse)) return []
  return [thoughtSignature === undefined ? part : rest]
}

function saysTheSame(parts: readonly Part[], message: AssistantInput, names: ToolNames): boolean {
  const spoken = parts.filter((part) => !part.thought)
  const text = spoken.map((part) => part.text ?? '').join('')
  const calls = spoken.flatMap((part) => part.functionCall ?? [])
  const images = spoken.flatMap((part) => imageUrl(part) ?? [])
  const said = message.tool_calls ?? []
  return (
    text === textOf(message) &&
    !message.refusal &&
    !message.function_call &&
    calls.length === said.length &&
    calls.every((call, i) => {
      const [name, args] = readCall(said[i])
      return call.name === names.toWire(name) && isEqual(call.args ?? {}, args)
    }) &&
    isEqual(
      images,
      (message.images ?? []).map((image) => image.image_url.url),
    )
  )
}

const imageUrl = ({ inlineData, fileData }: Part) => {
  if (inlineData?.mimeType?.startsWith('image/'))
    return `data:${inlineData.mimeType};base64,${inlineData.data}`
  return fileData?.mimeType?.startsWith('image/') ? fileData.fileUri : undefined
}

const textOf = ({ content }: AssistantInput) => {
  if (typeof content === 'string' || !content) return content ?? ''
  return content
    .map((part) => (part.type === 'text' ? part.text : part.type === 'refusal' ? part.refusal : ''))
    .join('')
}

type Call = NonNullable<AssistantInput['tool_calls']>[number]

const readCall = (call: Call | undefined): readonly [name: string, args: unknown] => {
  if (call?.type === 'custom') return [call.custom.name, wrapInput(call.custom.input)]
  const text = call?.function?.arguments ?? ''
  return [call?.function?.name ?? '', text === '' ? {} : parseJson(text)]
}

/** As JSON values: a store may have put the keys in another order. */
function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (Array.isArray(a) || Array.isArray(b))
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((item, i) => isEqual(item, b[i]))
    )
  if (!isObject(a) || !isObject(b)) return false
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isEqual(a[key], b[key]))
  )
}
