/** Project and compare: an earlier answer goes back as it came only while it still says what its message says. */
import { type AssistantInput, asObjects, isSameJson } from '../../chat/index.js'
import { historyContext, isMadeBy, projected, saysTheSame } from '../native.js'
import type { Note } from '../notes.js'
import { bareName, type ModelFacts } from './models.js'
import { streamReader } from './stream.js'
import type { Part } from './wire.js'

export interface NativeContext {
  readonly model: string
  readonly facts: ModelFacts
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
  const parts: readonly Part[] = asObjects(native.content)
  if (!isUnchanged(parts, message, context)) {
    note('changed', 'an earlier answer was edited: it is sent as it stands now, without signatures')
    return undefined
  }
  if (isMadeBy(native, model, bareName)) return { parts, isVerbatim: true }
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

function isUnchanged(parts: readonly Part[], message: AssistantInput, context: NativeContext) {
  const calls = message.tool_calls ?? []
  const reader = streamReader(historyContext(context.model, calls))
  const said = projected(reader, { candidates: [{ content: { parts }, finishReason: 'STOP' }] })
  const spoken = { text: textOf(message), refusal: message.refusal ?? '', calls }
  return (
    !message.function_call &&
    // ids are made where the model gave none
    saysTheSame(said, spoken, message, { byId: false }) &&
    isSameJson(said?.images ?? [], message.images ?? [])
  )
}

const textOf = ({ content }: AssistantInput) => {
  if (typeof content === 'string' || !content) return content ?? ''
  return content
    .map((part) => (part.type === 'text' ? part.text : part.type === 'refusal' ? part.refusal : ''))
    .join('')
}
