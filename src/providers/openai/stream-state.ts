/** What a stream reader remembers: items by index, the parts of their text, their calls. */
import type { JsonObject } from '../../chat/index.js'
import type { Call } from '../../core/index.js'
import type { WireContext } from '../adapter.js'
import { GrowingText } from '../gather.js'
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

/** Text and refusals of a message, summaries and content of reasoning. */
export type PartPrefix = 't' | 'r' | 's' | 'c'

/** A piece of text that grows. */
export class PartState {
  readonly text = new GrowingText()
  annotations = 0
  hasLogprobs = false
  hasDiffered = false

  /**
   * @param phase of its message: commentary on the way, or the answer
   * @param offset where it begins in the text of the answer
   */
  constructor(
    readonly kind: 'text' | 'refusal' | 'reasoning',
    readonly phase: string | undefined,
    readonly offset: number,
  ) {}
}

/** A call whose arguments grow. */
export interface CallState {
  /** Undefined until it is known that it is one call. */
  written?: WrittenCall
  /** What its deltas hold. */
  text: string
  /** Its text is read in whole at the end: what comes before may be a part or the whole. */
  isHeld: boolean
}

export type Handler = (event: JsonObject, state: State) => void

/** All that one stream is read with. */
export class State {
  readonly writer: TurnWriter
  readonly declared: ReadonlySet<string>
  readonly items = new Map<number, ItemState>()
  /** Items whose index was given to another. */
  readonly replaced: ItemState[] = []
  readonly numbers = new Numbering()
  last = -1
  isEnded = false
  /** Audio came in pieces: what its item holds was sent. */
  hasAudio = false
  /** Of the last event, and what reads it. */
  type: string | undefined
  handler: Handler | undefined

  constructor(
    readonly profile: Profile,
    readonly context: WireContext,
    call?: Pick<Call, 'onUsage'>,
  ) {
    const { provider, maxArgumentsLength } = profile
    this.writer = new TurnWriter({ provider, context, call, maxArgumentsLength })
    this.declared = declaredNames(context)
  }
}

const windowSize = 64

/** The last events by number. */
class Numbering {
  private readonly recent = new Array<JsonObject | undefined>(windowSize).fill(undefined)
  private last = -1
  private isOff = false

  /** An event that came before, as after a reconnect of a proxy. Where one number stands for two events nobody counts. */
  isRepeat(event: JsonObject): boolean {
    const number = event.sequence_number
    if (this.isOff || typeof number !== 'number') return false
    const place = number % windowSize
    if (number > this.last) {
      this.last = number
      this.recent[place] = event
      return false
    }
    const before = this.recent[place]
    const isSame = before !== undefined && repeated.every((name) => before[name] === event[name])
    this.isOff = !isSame
    return isSame
  }
}

/** What an event and its repetition have in common. */
const repeated = ['sequence_number', 'type', 'output_index', 'delta']

const maxIndex = 9999

/** The item of an event. One without an index belongs to the item that was opened last. */
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

/** The part of an event. */
export function partOf(event: JsonObject, prefix: PartPrefix, state: State): PartState {
  const position = asNumber(prefix === 's' ? event.summary_index : event.content_index) ?? 0
  // most parts are the first of their item: no new string for each event of theirs
  const key = position === 0 ? firstKeys[prefix] : `${prefix}${position}`
  return partAt(itemOf(event, state), key, state)
}

const firstKeys = { t: 't0', r: 'r0', s: 's0', c: 'c0' } as const

/** The part under this key of its item: a prefix, and its position. */
export function partAt({ parts, item }: ItemState, key: string, { writer }: State): PartState {
  let part = parts.get(key)
  if (!part) {
    const phase = asText(item.phase)
    const kind = key.startsWith('t') ? 'text' : key.startsWith('r') ? 'refusal' : 'reasoning'
    part = new PartState(kind, phase, writer.textStart(phase))
    parts.set(key, part)
  }
  return part
}
