/** What writes an output item of the Responses wire: its place, where OpenAI and xAI differ, and the events around it. */
import type { JsonObject } from '../../chat/index.js'
import type { AnswerUsage, Thought } from '../script.js'
import type { RenderContext, Wire } from './wire.js'

/** Where OpenAI and xAI differ. */
export interface ResponsesFlavour extends Omit<Wire, 'body' | 'events'> {
  readonly responseId: (context: RenderContext) => string
  readonly itemId: (prefix: string, place: Place) => string
  readonly callId: (place: Place) => string
  /** What `reasoning` items carry for the way back, if anything. */
  readonly encrypted: (thought: Thought, context: RenderContext) => string | undefined
  /** What a `reasoning` item has beside its summary when it is added, and when it is done. */
  readonly thought: (encrypted: JsonObject) => {
    readonly open: JsonObject
    readonly done: JsonObject
  }
  /** How arguments are cut where the script does not say. */
  readonly pieces: (text: string) => readonly string[]
  readonly usage: (usage: AnswerUsage) => JsonObject
  /** The members of a response that do not change from event to event. */
  readonly envelope: (context: RenderContext) => JsonObject
}

/** Where an item stands, and how it tells its events. */
export interface Place {
  readonly context: RenderContext
  readonly flavour: ResponsesFlavour
  readonly responseId: string
  /** How many items of its kind stand before it. */
  readonly nth: number
  /** The answer stops here for want of room. */
  readonly isCutShort: boolean
  readonly emit: (type: string, fields: JsonObject) => void
}

export type Emit = Place['emit']

/** `output_item.added`, what fills it, `output_item.done`. */
export function inItem(place: Place, open: JsonObject, fill: () => JsonObject): JsonObject {
  place.emit('response.output_item.added', { item: open })
  const done = fill()
  place.emit('response.output_item.done', { item: done })
  return done
}
