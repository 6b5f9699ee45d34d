/** What a stream reader remembers: items by index, the parts of their text, their calls. */
import type { JsonObject } from '../../chat/index.js'
import type { Call } from '../../core/index.js'
import type { WireContext } from '../adapter.js'
import { TurnWriter, type WrittenCall } from '../turn-writer.js'
import { declaredNames } from './items.js'
import { asNumber, asText, type Profile, type WireItem } from './wire.js'

/** One output item, known by its index: ids may change from event to event. */
export interface ItemState {
  readonly index: number
  item: WireItem
  isDone: boolean
  readonly parts: Map<string, PartState>
  call?: CallState
  /** The id under which a hosted tool was announced. */
  hostedId?: string
}

/** A piece of text that grows. */
export interface PartState {
  text: string
  /** Of its message: commentary on the way, or the answer. */
  readonly phase: string | undefined
  /** Where it begins in the text of the answer. */
  readonly offset: number
  annotations: number
  hasLogprobs: boolean
  hasDiffered: boolean
}

/** A call whose arguments grow. */
export interface CallState {
  /** Undefined until it is known that it is one call. */
  written?: WrittenCall
  /** What its deltas say. */
  text: string
  /** Its text is read in whole at the end: what comes before may be a part or the whole. */
  isHeld: boolean
}

/** All that one stream is read with. */
export interface State {
  readonly profile: Profile
  readonly context: WireContext
  readonly call: Pick<Call, 'onUsage'>
  readonly declared: ReadonlySet<string>
  readonly items: Map<number, ItemState>
  /** Items whose index was given to another. */
  readonly replaced: ItemState[]
  last: number
  readonly writer: TurnWriter
  isEnded: boolean
  /** Sound came in pieces: what its item holds was said. */
  hasAudio: boolean
  readonly numbers: Numbering
  /** Of the last event, and what reads it. */
  type: string | undefined
  handler: Handler | undefined
}

export type Handler = (event: JsonObject, state: State) => void

/** The state before the first event. */
export const newState = (
  profile: Profile,
  context: WireContext,
  call: Pick<Call, 'onUsage'>,
): State => ({
  profile,
  context,
  call,
  declared: declaredNames(context),
  items: new Map(),
  replaced: [],
  last: -1,
  writer: new TurnWriter({
    provider: profile.provider,
    context,
    maxArgumentsLength: profile.maxArgumentsLength,
  }),
  isEnded: false,
  hasAudio: false,
  numbers: { recent: new Array(windowSize).fill(undefined), last: -1, isOff: false },
  type: undefined,
  handler: undefined,
})

/** The last events by number. */
export interface Numbering {
  readonly recent: (JsonObject | undefined)[]
  last: number
  isOff: boolean
}

const windowSize = 64

/** An event that came before, as after a reconnect of a proxy. Where one number stands for two events nobody counts. */
export function isRepeat(numbers: Numbering, event: JsonObject): boolean {
  const number = event.sequence_number
  if (numbers.isOff || typeof number !== 'number') return false
  const place = number % windowSize
  if (number > numbers.last) {
    numbers.last = number
    numbers.recent[place] = event
    return false
  }
  const before = numbers.recent[place]
  const isSame =
    before !== undefined &&
    before.sequence_number === number &&
    before.type === event.type &&
    before.output_index === event.output_index &&
    before.delta === event.delta
  numbers.isOff = !isSame
  return isSame
}

const maxIndex = 9999

/** The item an event speaks of. An event without an index speaks of the item that was opened last. */
export function itemOf(event: JsonObject, state: State, isNew = false): ItemState {
  const index = indexOf(event, state, isNew)
  let entry = state.items.get(index)
  if (!entry) {
    entry = { index, item: {}, isDone: false, parts: new Map() }
    state.items.set(index, entry)
  }
  state.last = index
  return entry
}

function indexOf({ output_index, type }: JsonObject, state: State, isNew: boolean): number {
  if (output_index === undefined || output_index === null) {
    const isOpen = state.items.get(state.last)?.isDone === false
    return isNew && !(isOpen && type === 'response.output_item.done')
      ? state.last + 1
      : Math.max(state.last, 0)
  }
  const index = asNumber(output_index)
  if (index !== undefined && Number.isInteger(index) && index >= 0 && index <= maxIndex)
    return index
  throw state.writer.unexpected('bad_index', 'sent an event whose output_index is no index')
}

export function partOf(event: JsonObject, prefix: 't' | 'r' | 's' | 'c', state: State): PartState {
  const position = asNumber(prefix === 's' ? event.summary_index : event.content_index) ?? 0
  // most parts are the first of their item: no new string for each event of theirs
  const key = position === 0 ? firstKeys[prefix] : `${prefix}${position}`
  return partAt(itemOf(event, state), key, state)
}

const firstKeys = { t: 't0', r: 'r0', s: 's0', c: 'c0' } as const

export function partAt({ parts, item }: ItemState, key: string, state: State): PartState {
  const phase = asText(item.phase)
  let found = parts.get(key)
  if (!found) {
    found = {
      text: '',
      phase,
      offset: state.writer.textStart(phase),
      annotations: 0,
      hasLogprobs: false,
      hasDiffered: false,
    }
    parts.set(key, found)
  }
  return found
}
