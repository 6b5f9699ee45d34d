/** The end of an item, and what only the end of a stream holds: each thing is said once. */
import { type ChunkOf, isObject } from '../../chat/index.js'
import { audioType } from '../unknown-members.js'
import { type Piece, readItem, typed } from './items.js'
import { closeCall, withArguments } from './stream-calls.js'
import { type ItemState, itemOf, partAt, type State } from './stream-state.js'
import { addAnnotation, addReasoning, addRefusal, addText, rest } from './stream-text.js'
import type { WireItem } from './wire.js'

/** Says what the whole item says and its deltas did not. */
export function closeItem(entry: ItemState, item: WireItem, state: State): void {
  if (entry.isDone) return
  entry.isDone = true
  // a call that has begun must end, whatever its last event calls itself
  const isBegun = entry.call?.written !== undefined
  entry.item = withArguments(isBegun ? { ...item, type: entry.item.type } : item, entry)
  for (const piece of readItem(entry.item, state)) closePiece(piece, entry, state)
}

function closePiece(piece: Piece, entry: ItemState, state: State): void {
  const { push } = state.writer
  switch (piece.type) {
    case 'text': {
      const part = partAt(entry, piece.key, state)
      addText(part, rest(part, piece.text, state), state)
      for (const wire of piece.annotations.slice(part.annotations)) addAnnotation(part, wire, state)
      if (!part.hasLogprobs && piece.logprobs.length > 0)
        push({ type: 'logprobs', content: piece.logprobs })
      return
    }
    case 'refusal': {
      const part = partAt(entry, piece.key, state)
      addRefusal(part, rest(part, piece.text, state), state)
      return
    }
    case 'reasoning': {
      const part = partAt(entry, piece.key, state)
      addReasoning(part, rest(part, piece.text, state), state)
      return
    }
    case 'call':
      closeCall(entry, piece.call, state)
      if (piece.isApproval)
        push({ type: 'tool-approval', id: piece.call.id, tool_call_id: piece.call.id })
      return
    case 'hosted':
      push({ type: 'hosted-tool', ...piece.tool, id: entry.hostedId ?? piece.tool.id })
      return
    case 'file':
      push(piece.file)
      return
    case 'audio':
      if (!state.hasAudio) pushAudio(piece.audio, state)
      return
    case 'unknown':
      state.writer.skip(piece.what, piece.kind)
      return
    default:
      piece satisfies never
  }
}

export function pushAudio(
  audio: Omit<ChunkOf<'file'>, 'type' | 'media_type'>,
  { writer, context }: State,
): void {
  writer.push({ type: 'file', media_type: audioType(context.request), ...audio })
}

/** What only the terminal event holds: gateways send items there that had no events, or cut events off. */
export function fillHoles(output: readonly unknown[], state: State): void {
  const read = [...state.items.values()].filter(({ isDone }) => isDone)
  output.forEach((given, index) => {
    const item = isObject(given) ? typed(given) : undefined
    if (!item || isKnown(item, read)) return
    const entry = itemOf({ output_index: index }, state)
    if (entry.item.type === undefined || entry.item.type === item.type)
      closeItem(entry, item, state)
  })
  for (const entry of state.items.values())
    if (!entry.isDone && entry.call) closeItem(entry, entry.item, state)
}

/** An item that was read, under this index or another. */
const isKnown = (item: WireItem, read: readonly ItemState[]) =>
  read.some((entry) => entry.item.type === item.type && sameId(entry.item, item))

const sameId = (a: WireItem, b: WireItem) =>
  (a.id !== undefined && a.id === b.id) || (a.call_id !== undefined && a.call_id === b.call_id)

export const nativeItems = ({ items, replaced }: State): readonly WireItem[] =>
  [...replaced, ...items.values()]
    .filter((entry) => entry.isDone)
    .sort((a, b) => a.index - b.index)
    .map((entry) => entry.item)
