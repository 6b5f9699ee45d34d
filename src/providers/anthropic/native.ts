/**
 * The provider's own blocks of an assistant turn (`message.native`): when they are worth keeping, and when they may be
 * sent back in place of what the message says.
 */
import { type AssistantInput, isObject, type JsonObject, type Native } from '../../chat/index.js'
import type { Note } from '../notes.js'
import { modelFamily } from './models.js'
import { callsOf, contentOf, type HistoryCall, toInput } from './tool-history.js'
import type { WireBlock } from './wire.js'

/** Marks the container of code execution among the blocks: the API wants it back with results of calls made in code. */
const containerType = 'container'

const isPlainText = ({ type, citations }: JsonObject) =>
  type === 'text' && (citations == null || (Array.isArray(citations) && citations.length === 0))

const plainCallKeys = new Set(['type', 'id', 'name', 'input'])

const isPlainCall = (block: JsonObject) =>
  block.type === 'tool_use' && Object.keys(block).every((key) => plainCallKeys.has(key))

/** Text, then calls: what can be rebuilt from the message needs no second copy. */
function isRebuildable(blocks: readonly JsonObject[]): boolean {
  const firstCall = blocks.findIndex(isPlainCall)
  const texts = firstCall < 0 ? blocks : blocks.slice(0, firstCall)
  const calls = firstCall < 0 ? [] : blocks.slice(firstCall)
  return texts.length <= 1 && texts.every(isPlainText) && calls.every(isPlainCall)
}

/** What an answer carries for the next turn; undefined where the message says it all. */
export function toNative(
  blocks: readonly JsonObject[],
  { model, container }: { readonly model: string; readonly container?: unknown },
): Native | undefined {
  const isCalledFromCode = blocks.some(isCodeCall)
  if (blocks.length === 0 || isRebuildable(blocks)) return undefined
  const place =
    isCalledFromCode && isObject(container) ? [{ ...container, type: containerType }] : []
  return { provider: 'anthropic', model, content: [...blocks, ...place] }
}

/** A call of a client tool that code in the provider's container made. */
const isCodeCall = ({ type, caller }: JsonObject) =>
  type === 'tool_use' && isObject(caller) && caller.type !== 'direct'

/** The container that the results of this turn must go to. */
export function containerOf(message: AssistantInput): string | undefined {
  const place = blocksOf(message).find(({ type }) => type === containerType)
  return typeof place?.id === 'string' ? place.id : undefined
}

const blocksOf = ({ native }: AssistantInput): readonly JsonObject[] =>
  native?.provider === 'anthropic' && Array.isArray(native.content)
    ? native.content.filter(isObject)
    : []

/**
 * The blocks to send back, or undefined where there are none or the message says something else now. What another model
 * thought is left out.
 */
export function fromNative(
  message: AssistantInput,
  calls: readonly HistoryCall[],
  { model, note }: { readonly model: string; readonly note: Note },
): readonly WireBlock[] | undefined {
  const blocks = blocksOf(message).filter(({ type }) => type !== containerType)
  if (blocks.length === 0) return undefined
  if (!saysTheSame(blocks, message)) {
    note(
      'repaired',
      'An assistant message was edited: it was sent as it reads now, without reasoning and hosted tools',
    )
    return undefined
  }
  const isSigned = (block: JsonObject) => block.type !== 'thinking' || !!block.signature
  const isOwn = modelFamily(message.native?.model ?? '') === modelFamily(model)
  if (!isOwn && blocks.some(isThinking))
    note('dropped', 'Reasoning signed by another model was left out')
  if (isOwn && !blocks.every(isSigned))
    note('dropped', 'Reasoning that the model did not sign was left out')
  const kept = blocks.filter((block) =>
    isThinking(block) ? isOwn && isSigned(block) : !isBlankText(block),
  )
  // what the provider sent it takes back, also where our types do not know it
  return withIds(kept, calls) as readonly unknown[] as readonly WireBlock[]
}

export const isThinking = ({ type }: { readonly type?: unknown }) =>
  type === 'thinking' || type === 'redacted_thinking'

/** The model may write it, but the API does not take it back. */
const isBlankText = ({ type, text }: JsonObject) =>
  type === 'text' && typeof text === 'string' && text.trim() === ''

/** Calls under their new ids; arguments that had been cut off are an object again. */
function withIds(blocks: readonly JsonObject[], calls: readonly HistoryCall[]) {
  const ids = calls.map(({ wireId }) => wireId)
  return blocks.map((block) => {
    if (block.type !== 'tool_use') return block
    const { input } = block
    const id = ids.shift() ?? block.id
    if (id === block.id && typeof input !== 'string') return block
    return { ...block, id, input: useInput(input) }
  })
}

/** Project and compare: text and calls of the blocks are those of the message. */
function saysTheSame(blocks: readonly JsonObject[], message: AssistantInput): boolean {
  const text = blocks.map((block) => (block.type === 'text' ? block.text : '')).join('')
  const uses = blocks.filter(({ type }) => type === 'tool_use')
  const calls = callsOf(message)
  return (
    text === textOf(message) &&
    uses.length === calls.length &&
    calls.every((call, position) => {
      const use = uses[position]
      const { name, input } = contentOf(call)
      return use?.id === call.id && use.name === name && isSame(useInput(use.input), input)
    })
  )
}

const useInput = (input: unknown) => (typeof input === 'string' ? toInput(input) : (input ?? {}))

/** What the message says in text, its parts joined. */
export function textOf({ content }: AssistantInput): string {
  if (typeof content === 'string') return content
  return (content ?? []).map((part) => (part.type === 'text' ? part.text : '')).join('')
}

/** The same JSON value, whatever the order of its members. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => isSame(item, b[i]))
  if (!isObject(a) || !isObject(b)) return false
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isSame(a[key], b[key]))
  )
}
