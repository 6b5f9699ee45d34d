/**
 * Writes an output item of the Responses wire: its place, the differences of OpenAI and xAI, its
 * events.
 */
import type { JsonObject } from '../../chat/index.js'
import type { AnswerUsage, Thought } from '../script.js'
import type { RenderContext, Wire } from './wire.js'

/** The differences of OpenAI and xAI. */
export interface ResponsesFlavour extends Omit<Wire, 'body' | 'events'> {
  readonly responseId: (context: RenderContext) => string
  readonly itemId: (prefix: string, place: Place) => string
  readonly callId: (place: Place) => string
  /** The encrypted content of `reasoning` items, if any. */
  readonly encrypted: (thought: Thought, context: RenderContext) => string | undefined
  /** Further members of a `reasoning` item when it is added, and when it is done. */
  readonly thought: (encrypted: JsonObject) => {
    readonly open: JsonObject
    readonly done: JsonObject
  }
  /** Default split of arguments. */
  readonly pieces: (text: string) => readonly string[]
  readonly usage: (usage: AnswerUsage) => JsonObject
  /** The members of a response that are the same in every event. */
  readonly envelope: (context: RenderContext) => JsonObject
}

/** The place of an item, and its `emit`. */
export interface Place {
  readonly context: RenderContext
  readonly flavour: ResponsesFlavour
  readonly responseId: string
  /** Number of earlier items of its kind. */
  readonly nth: number
  /** The answer is cut off here by the token limit. */
  readonly isCutShort: boolean
  readonly emit: (type: string, fields: JsonObject) => void
}

export type Emit = Place['emit']

/** Emits `output_item.added`, the events of `fill`, and `output_item.done`. */
export function inItem(place: Place, open: JsonObject, fill: () => JsonObject): JsonObject {
  place.emit('response.output_item.added', { item: open })
  const done = fill()
  place.emit('response.output_item.done', { item: done })
  return done
}
