/** Maps messages to input items: native items are sent back unchanged, others are rebuilt. */
import {
  type AssistantInput,
  type AssistantTurn,
  isPlaceholder,
  type Message,
  type PairedCall,
  type PairedMessage,
  shortId,
  splitId,
  type Turn,
  visibleText,
} from '../../chat/index.js'
import { asObjects, type JsonObject, omit, pick } from '../../chat/json.js'
import type { Warn } from '../adapter.js'
import { notesOf } from '../notes.js'
import { reportEmpty, reportLosses, turnsOf } from '../turns.js'
import { type NativeContext, nativeItems, toCallItem, withoutId } from './native.js'
import { toOrphanOutput, toOutput } from './outputs.js'
import { toContent } from './parts.js'
import type { FieldContext, Phase, Profile, WireItem, WireItems } from './wire.js'

/** What a request says of the server's copy of its history. */
export interface InputOptions {
  /** The server stores its answers. */
  readonly isStored?: boolean
  /** The server has all up to the last assistant turn: `previous_response_id` or `conversation`. */
  readonly isChained?: boolean
}

export const contextOf = (profile: Profile, model: string, warn?: Warn): FieldContext => ({
  ...notesOf(profile.provider, model, warn),
  profile,
})

/** The API's maximum length of a `call_id`. */
const ids = shortId(64)

/** Members of an API call beside name and arguments. */
const callMembers = ['namespace', 'caller', 'async']

/** The input of a request. Throws `BadRequestError` for an unsendable message or part. */
export function toInput(
  messages: readonly Message[],
  context: FieldContext,
  { isStored = false, isChained = false }: InputOptions = {},
): WireItems {
  const writer = { ...context, isStored }
  const { turns, orphans } = turnsOf(messages, writer, {
    ids,
    keepsOrphans: isChained,
    members: context.profile.messageMembers,
    callMembers,
  })
  const items = isChained
    ? [...orphans.map((one) => toOrphanOutput(one, writer)), ...sinceLastTurn(turns, writer)]
    : turns.flatMap((turn) => toItems(turn, writer))
  return limitMarks(items, writer)
}

/** Items that the server does not have: results of its last calls, and later messages. */
function sinceLastTurn(turns: readonly Turn[], writer: NativeContext): WireItems {
  const at = turns.findLastIndex(({ role }) => role === 'assistant')
  const count = turns
    .slice(0, at + 1)
    .reduce((sum, turn) => sum + (turn.role === 'input' ? 1 : turn.messages.length), 0)
  if (count > 0)
    writer.note.ignored(
      `${count} messages were not sent again: the server keeps them`,
      'previous_response_id',
    )
  const last = turns[at]
  const outputs = last?.role === 'assistant' ? assistantItems(last, writer).outputs : []
  return [...outputs, ...turns.slice(at + 1).flatMap((one) => toItems(one, writer))]
}

function toItems(turn: Turn, writer: NativeContext): WireItems {
  if (turn.role === 'assistant') return Object.values(assistantItems(turn, writer)).flat()
  const { role, content, cache_control } = turn.message
  // native items are sent as they are
  const parts = asObjects(content)
  if (parts.length > 0 && parts.every(isItem)) return parts
  const own = role === 'user' ? role : (writer.profile.systemRole(writer.model) ?? role)
  return [{ role: own, content: toContent(content, cache_control, writer) }]
}

const itemTypes =
  /^(item_reference|configuration_update|compaction(_trigger)?|reasoning|program|mcp_.*|.*_(call|output))$/

const isItem = ({ type }: JsonObject) => typeof type === 'string' && itemTypes.test(type)

// -- assistant ---------------------------------------------------------------------------------------------------------

function assistantItems({ messages }: AssistantTurn, writer: NativeContext) {
  const items = messages.flatMap((message) => {
    const own = nativeItems(message, writer) ?? rebuilt(message, writer)
    if (own.length === 0) reportEmpty(writer)
    return own
  })
  const calls = messages.flatMap((message) => message.calls)
  const outputs = toOutputs(items, calls, writer)
  const isUnanswered = ({ type, call_id }: WireItem) =>
    type === 'computer_call' && !outputs.some((output) => output.call_id === call_id)
  if (!items.some(isUnanswered)) return { items, outputs }
  writer.note.dropped('Dropped computer calls without a screenshot: the API requires one')
  // their reasoning may not stand alone, nor items with an id that leads to it
  const kept = items.filter((item) => item.type !== 'reasoning' && !isUnanswered(item))
  return { items: kept.map(withoutId), outputs }
}

function toOutputs(items: WireItems, calls: readonly PairedCall[], writer: NativeContext) {
  const left = [...calls]
  return items.flatMap((item): WireItems => {
    const id = item.call_id || item.id
    const at = left.findIndex(
      ({ given, call }) => id !== undefined && (splitId(given.id).id === id || call.id === id),
    )
    const [found] = at < 0 ? [] : left.splice(at, 1)
    if (!found || found.made === 'pending') return []
    const result = isPlaceholder(found.result) && !found.result.approval ? undefined : found.result
    const output = toOutput(item, result, writer)
    return output ? [output] : []
  })
}

/** A turn rebuilt from the message: its text, then its calls. */
function rebuilt({ message, calls }: PairedMessage, writer: NativeContext): WireItems {
  // with native blocks lost reasoning was reported above
  const kinds = message.native?.content ? lostKinds : (['reasoning', ...lostKinds] as const)
  reportLosses(message, kinds, writer)
  const { text, refusal } = visibleText(message)
  const members = pick(message, writer.profile.messageMembers)
  const { commentary, answer } = phasesOf(message, text || message.audio?.transcript || '', members)
  const content = [
    ...(answer === '' ? [] : [textItem(answer)]),
    ...(refusal === '' ? [] : [{ type: 'refusal', refusal }]),
  ]
  const phase: Phase = 'commentary'
  return [
    ...(commentary === '' ? [] : [{ role: 'assistant', content: [textItem(commentary)], phase }]),
    ...(content.length > 0 ? [{ role: 'assistant', content, ...members }] : []),
    ...calls.map(({ call }) => ({ ...toCallItem(call), ...pick(call, callMembers) })),
  ]
}

const lostKinds = ['images', 'hosted tools'] as const

const textItem = (text: string) => ({ type: 'output_text', text })

/** Commentary and answer as separate items; one text for an API without phases. */
function phasesOf({ commentary }: AssistantInput, text: string, { phase }: JsonObject) {
  const isApart = commentary && phase !== undefined && text.startsWith(commentary)
  if (!isApart) return { commentary: '', answer: text }
  return { commentary, answer: text.slice(commentary.length).replace(/^\n\n/, '') }
}

// -- cache marks -------------------------------------------------------------------------------------------------------

const maxMarks = 4

/** Keeps the last marks, which cover the longest prefixes. */
function limitMarks(items: WireItems, writer: NativeContext): WireItems {
  let surplus = items.flatMap(markable).filter(isMarked).length - maxMarks
  if (surplus <= 0) return items
  writer.note.dropped(`Kept only the last ${maxMarks} cache marks`)
  return items.map((item) => {
    const parts = markable(item)
    if (surplus <= 0 || !parts.some(isMarked)) return item
    const kept = parts.map((part) =>
      isMarked(part) && surplus-- > 0 ? omit(part, ['prompt_cache_breakpoint']) : part,
    )
    return { ...item, ['content' in item ? 'content' : 'output']: kept }
  })
}

const markable = ({ content, output }: WireItem) => asObjects(content ?? output)

const isMarked = (part: JsonObject) => 'prompt_cache_breakpoint' in part
