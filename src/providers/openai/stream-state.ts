/** State of a stream reader: items by index, their text parts, their calls. */
import { GrowingText } from '../../chat/gather.js'
import { asObjects, type JsonObject } from '../../chat/index.js'
import type { Call } from '../../core/index.js'
import type { WireContext } from '../adapter.js'
import { nameOf } from '../tool-choice.js'
import { TurnWriter, type WrittenCall } from '../turn-writer.js'
import { asNumber, asText, type Profile, type WireItem } from './wire.js'

/** One output item, identified by its index: ids may change between events. */
export interface ItemState {
  readonly index: number
  item: WireItem
  isDone: boolean
  readonly parts: Map<string, PartState>
  call?: CallState
  /** The id that a hosted tool was first reported with. */
  hostedId?: string
}

/** Text and refusals of messages, summaries and content of reasoning. */
export type Prefix = 't' | 'r' | 's' | 'c'

export class PartState {
  readonly text = new GrowingText()
  annotations = 0
  hasLogprobs = false
  hasDiffered = false

  /**
   * @param phase of its message: commentary or answer
   * @param offset where it starts in the text of the answer
   */
  constructor(
    readonly kind: 'text' | 'refusal' | 'reasoning',
    readonly phase: string | undefined,
    readonly offset: number,
  ) {}
}

export interface CallState {
  /** Undefined until it is clear that the item is one call. */
  written?: WrittenCall
  /** Arguments from its deltas. */
  text: string
  /** Its arguments are sent when it ends: the first event may have held part or all of them. */
  isHeld: boolean
}

export type Handler = (event: JsonObject, state: State) => void

export class State {
  readonly writer: TurnWriter
  readonly declared: ReadonlySet<string>
  readonly items = new Map<number, ItemState>()
  /** Items whose index was reused. */
  readonly replaced: ItemState[] = []
  readonly numbers = new Numbering()
  last = -1
  isEnded = false
  /** Audio was streamed: that of its item is skipped. */
  hasAudio = false
  /** Type of the last event, and its handler. */
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

/** The last events by sequence number. */
class Numbering {
  private readonly recent = new Array<JsonObject | undefined>(windowSize).fill(undefined)
  private last = -1
  private isOff = false

  /** True for a repeated event, as after a proxy reconnect. Off once two events share a number. */
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

/** Members that are equal in an event and its repetition. */
const repeated = ['sequence_number', 'type', 'output_index', 'delta']

const maxIndex = 9999

/** The item of an event. Without an index it is that of its id, or the last opened item. */
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

function indexOf(event: JsonObject, state: State, isNew: boolean): number {
  const { output_index, type, item_id } = event
  if (output_index === undefined || output_index === null) {
    for (const { item, index } of state.items.values())
      if (item_id !== undefined && item.id === item_id) return index
    const isOpen = state.items.get(state.last)?.isDone === false
    return isNew && !(isOpen && type === 'response.output_item.done')
      ? state.last + 1
      : Math.max(state.last, 0)
  }
  const index = asNumber(output_index)
  if (index !== undefined && Number.isInteger(index) && index >= 0 && index <= maxIndex)
    return index
  throw state.writer.unexpected('bad_index', 'sent an event whose output_index is not an index')
}

export function partOf(event: JsonObject, prefix: Prefix, state: State): PartState {
  const position = asNumber(prefix === 's' ? event.summary_index : event.content_index) ?? 0
  // most parts are the first of their item: avoid a new string for each of their events
  const key = position === 0 ? firstKeys[prefix] : `${prefix}${position}`
  return partAt(itemOf(event, state), key, state)
}

const firstKeys = { t: 't0', r: 'r0', s: 's0', c: 'c0' } as const

/** The part of an item by key: a prefix and its position. */
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

const declaredNames = ({ request }: WireContext): ReadonlySet<string> =>
  new Set(asObjects(request.tools).flatMap((tool) => nameOf(tool) ?? []))
