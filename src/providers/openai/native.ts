/** Items of an earlier answer on their way back: used as they are only while they say what the message says. */
import { type AssistantInput, isObject, type Native, type ToolCall } from '../../chat/index.js'
import type { Warn } from '../adapter.js'
import { historyContext, isMadeBy, projected, type Spoken, saysTheSame } from '../native.js'
import { expandParallel } from './calls.js'
import { declaredNames } from './items.js'
import { streamReader } from './stream.js'
import type { CallItem, Profile, WireItem } from './wire.js'

export type { Spoken } from '../native.js'

/** Where the items are to go. */
export interface NativeContext {
  readonly profile: Profile
  readonly model: string
  /** The server keeps items: what it stored it knows by id. */
  readonly isStored: boolean
  readonly warn: Warn
}

/** The items of the answer that a message came from; undefined if it has none of this provider, or was changed since. */
export function nativeItems(
  message: AssistantInput,
  spoken: Spoken,
  context: NativeContext,
): readonly WireItem[] | undefined {
  const { native } = message
  if (!native || !Array.isArray(native.content)) return undefined
  const { provider } = context.profile
  if (native.provider !== provider) {
    lost(`Reasoning and native blocks of ${native.provider} were left out`, context)
    return undefined
  }
  const items = native.content.filter(isObject)
  if (items.length === 0) return undefined
  const reading = historyContext(context.model, spoken.calls)
  const answer = { type: 'response', response: { output: items } }
  const said = projected(streamReader(context.profile)(reading), answer)
  if (!saysTheSame(said, spoken, message)) {
    lost('A changed assistant message was sent without its native blocks', context)
    return undefined
  }
  return fitting(items, native, context).flatMap((item) => unwrapped(item, declaredNames(reading)))
}

const lost = (message: string, { profile, warn }: NativeContext) =>
  warn({ code: 'dropped', param: 'messages', provider: profile.provider, message })

/**
 * What this model may be sent. Reasoning belongs to the model that made it, and without `encrypted_content` to a server that
 * stored it. Where it is left out, ids are left out too: by their ids the server would ask for the reasoning.
 */
function fitting(
  items: readonly WireItem[],
  native: Native,
  context: NativeContext,
): readonly WireItem[] {
  const isSameModel = isMadeBy(native, context.model, bare)
  const kept = items.filter(
    (item) =>
      item.type !== 'reasoning' ||
      (isSameModel && (typeof item.encrypted_content === 'string' || context.isStored)),
  )
  if (kept.length === items.length) return withoutLoose(items.map(asInput), context)
  lost(
    isSameModel
      ? 'Reasoning that the server did not store was left out: it came without encrypted content'
      : `Reasoning of ${native.model} was left out: ${context.model} cannot read it`,
    context,
  )
  return withoutLoose(kept.map(asInput).map(withoutId), context)
}

/** Reasoning that led to nothing, as where the answer was cut: the API refuses it without the item that follows. */
function withoutLoose(items: readonly WireItem[], context: NativeContext): readonly WireItem[] {
  const end = items.findLastIndex((item) => item.type !== 'reasoning') + 1
  if (end < items.length) lost('Reasoning that led to no answer was left out', context)
  return items.slice(0, end)
}

/** What the API says of these items and does not take back: https://github.com/openai-php/client/pull/742 shows them. */
const outputOnly: Readonly<Record<string, readonly string[]>> = {
  image_generation_call: [
    'action',
    'background',
    'output_format',
    'quality',
    'revised_prompt',
    'size',
  ],
}

function asInput(item: WireItem): WireItem {
  const type = String(item.type)
  const keys = Object.hasOwn(outputOnly, type) ? outputOnly[type] : undefined
  return keys
    ? Object.fromEntries(Object.entries(item).filter(([key]) => !keys.includes(key)))
    : item
}

/** A dated name and its alias are one model. */
const bare = (model: string) => model.replace(/-(\d{4}-\d{2}-\d{2}|\d{4}|latest)$/, '')

const freeOfId = ['message', 'function_call', 'custom_tool_call']

function withoutId(item: WireItem): WireItem {
  if (!freeOfId.some((type) => type === item.type)) return item
  const { id: _, ...rest } = item
  return rest
}

/** A leaked wrapper of several calls goes back as the calls it stands for: each has its own result. */
const unwrapped = (item: WireItem, declared: ReadonlySet<string>): readonly WireItem[] =>
  item.type === 'function_call'
    ? (expandParallel(item, declared)?.map(toCallItem) ?? [item])
    : [item]

/** A call of the history as an item. */
export const toCallItem = (call: ToolCall): CallItem =>
  call.type === 'custom'
    ? { type: 'custom_tool_call', call_id: call.id, ...call.custom }
    : {
        type: 'function_call',
        call_id: call.id,
        name: call.function.name,
        arguments: call.function.arguments,
      }
