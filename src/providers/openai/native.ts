/** Sends items of an earlier answer back unchanged, if the message still has the same content. */
import { type PairedMessage, readToolCall, type ToolCall } from '../../chat/index.js'
import { asObjects, asString, type JsonObject, omit, words } from '../../chat/json.js'
import { type NativeDialect, type Restored, restoreNative } from '../native.js'
import { unwrapCalls } from './calls.js'
import { streamReader } from './stream.js'
import type { CallItem, FieldContext, Profile, WireItem, WireItems } from './wire.js'

export interface NativeContext extends FieldContext {
  /** The server stores items and finds them by id. */
  readonly isStored: boolean
}

/** A dated name and its alias are one model. */
const bareName = (model: string) => model.replace(/-(\d{4}-\d{2}-\d{2}|\d{4}|latest)$/, '')

const dialectOf = (profile: Profile): NativeDialect => ({
  reader: streamReader(profile),
  toAnswer: (output) => ({ type: 'response', response: { output } }),
  bareName,
  foreign: 'dropped',
  edited: 'dropped',
})

/** The items of an answer in a message; undefined without any of this provider, or if edited. */
export function nativeItems(turn: PairedMessage, context: NativeContext): WireItems | undefined {
  const restored = restoreNative(turn, dialectOf(context.profile), context)
  if (!restored) return undefined
  const declared = new Set(turn.calls.map(({ given }) => readToolCall(given).name))
  return fitting(restored, context).flatMap((item) => unwrapped(item, declared))
}

/**
 * The items that this model accepts. Reasoning requires the model that made it and, without
 * `encrypted_content`, a server that stored it. Where it is dropped, ids are too: the server would
 * look up the reasoning by them.
 */
function fitting({ blocks, isOwn, native }: Restored, { model, isStored, note }: NativeContext) {
  const kept = blocks.filter(
    (item) =>
      item.type !== 'reasoning' ||
      (isOwn && (typeof item.encrypted_content === 'string' || isStored)),
  )
  const isWhole = kept.length === blocks.length
  if (!isWhole)
    note.dropped(
      isOwn
        ? 'Dropped reasoning that the server did not store: it has no encrypted content'
        : `Dropped reasoning of ${native.model}: ${model} cannot read it`,
    )
  const items = kept.map((item) => (isWhole ? asInput(item) : withoutId(asInput(item))))
  // of a truncated answer: the API refuses reasoning without a following item
  const end = items.findLastIndex((item) => item.type !== 'reasoning') + 1
  if (end < items.length) note.dropped('Dropped reasoning without an answer')
  return items.slice(0, end)
}

/**
 * Output members of images that the API refuses as input:
 * https://github.com/openai-php/client/pull/742 lists them.
 */
const outputOnly = words('action background output_format quality revised_prompt size')

function asInput(item: WireItem): WireItem {
  if (item.type === 'image_generation_call') return omit(item, outputOnly)
  const parts = asObjects(item.content)
  return item.type === 'message' && parts.some(isAudio)
    ? { ...item, content: parts.map((part) => (isAudio(part) ? transcriptOf(part) : part)) }
    : item
}

/** The API makes audio, but accepts only its transcript. */
const isAudio = ({ type }: JsonObject) => type === 'output_audio'

const transcriptOf = ({ transcript }: JsonObject) => ({
  type: 'output_text',
  text: asString(transcript),
})

const freeOfId: readonly unknown[] = ['message', 'function_call', 'custom_tool_call']

export const withoutId = (item: WireItem): WireItem =>
  freeOfId.includes(item.type) ? omit(item, ['id']) : item

/** Replaces a leaked wrapper by the calls it holds: each has its own result. */
const unwrapped = (item: WireItem, declared: ReadonlySet<string>): WireItems =>
  item.type === 'function_call' ? (unwrapCalls(item, declared)?.map(toCallItem) ?? [item]) : [item]

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
