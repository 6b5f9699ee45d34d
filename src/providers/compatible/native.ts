/** What a server wants back of its answers, on its way back: signed reasoning, thought signatures, reasoning text. */
import {
  type AssistantInput,
  asObjects,
  isObject,
  type JsonObject,
  nonEmpty,
} from '../../chat/index.js'
import { historyContext, isMadeBy, projected, type Spoken, saysTheSame } from '../native.js'
import { pick } from '../notes.js'
import { toError } from './errors.js'
import type { PartContext } from './parts.js'
import { streamReader } from './stream.js'

export interface NativeContext extends PartContext {
  readonly model: string
}

export type { Spoken as Said } from '../native.js'

interface TakenBack {
  /** `reasoning_content`, `reasoning`, `reasoning_details`, `extra_content`. */
  readonly fields: JsonObject
  /** By call id: what belongs beside the official members. */
  readonly extras: ReadonlyMap<string, JsonObject>
}

const nothing: TakenBack = { fields: {}, extras: new Map() }

/**
 * What the server wants back. Its own block is used only where it says what the message says now; signatures go only to the model
 * that made them.
 */
export function takenBack(
  message: AssistantInput,
  said: Spoken,
  context: NativeContext,
): TakenBack {
  const { native } = message
  const { provider, model, traits } = context
  if (native?.content && native.provider !== provider) {
    lost(`Reasoning and native blocks of ${native.provider} were left out`, context)
    return withPlaceholder(nothing, said, context)
  }
  const [block] = native?.content ?? []
  if (!isObject(block)) return withPlaceholder(fromReasoning(message, context), said, context)
  const reading = historyContext(model, said.calls)
  const options = { provider, traits, toError: toError(provider) }
  const answer = { choices: [{ message: block, finish_reason: 'stop' }] }
  if (!saysTheSame(projected(streamReader(reading, options), answer), said, message)) {
    lost('A changed assistant message was sent without its native block', context)
    return withPlaceholder(fromReasoning(message, context), said, context)
  }
  const reasoning = traits.returnReasoning ? pick(block, reasoningFields) : {}
  if (native && isMadeBy(native, model, (name) => name))
    return {
      fields: { ...reasoning, ...pick(block, ['reasoning_details', 'extra_content']) },
      extras: extrasOf(block),
    }
  lost('Signed reasoning of another model was left out', context)
  return withPlaceholder({ ...nothing, fields: reasoning }, said, context)
}

const reasoningFields = ['reasoning_content', 'reasoning'] as const

const lost = (message: string, { provider, warn }: NativeContext) =>
  warn({ code: 'dropped', param: 'messages', provider, message })

/** A message without a block of its own, and no sign of another provider. */
function fromReasoning(message: AssistantInput, context: NativeContext): TakenBack {
  const { reasoning_content, thinking_blocks, provider_specific_fields } = message
  const isForeign = Boolean(thinking_blocks?.length) || Boolean(provider_specific_fields)
  if (isForeign) lost('Signed reasoning of another library was left out', context)
  if (!context.traits.returnReasoning || !reasoning_content || isForeign) return nothing
  return { ...nothing, fields: { reasoning_content } }
}

/** Servers that want reasoning back refuse a turn with calls that has none: a blank stands for what is not theirs. */
function withPlaceholder(back: TakenBack, { calls }: Spoken, { traits }: NativeContext): TakenBack {
  const isEmpty = Object.keys(back.fields).length === 0
  if (!traits.returnReasoning || calls.length === 0 || !isEmpty) return back
  return { ...back, fields: { reasoning_content: ' ' } }
}

function extrasOf(block: JsonObject): ReadonlyMap<string, JsonObject> {
  const extras = new Map<string, JsonObject>()
  for (const { id, type: _, function: __, custom: ___, ...extra } of asObjects(block.tool_calls))
    if (typeof id === 'string' && nonEmpty(extra)) extras.set(id, extra)
  return extras
}
