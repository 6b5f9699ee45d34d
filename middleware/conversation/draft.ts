/**
 * Stores each part of an answer before it is emitted, so that a process that dies loses none of it.
 */
import { asMoved, type Message, type StreamChunk } from '../../src/chat/index.js'
import { Accumulator, type Transform } from '../../src/core/index.js'
import { inTime } from '../../src/store/patient.js'
import { appendAt } from '../../src/store/sent-twice.js'
import type { Store } from '../../src/store/store.js'

/** The conversation that an answer belongs to. */
export interface Where {
  readonly store: Store
  readonly key: string
  readonly ttlMs: number
}

/** The call's own messages, as they are stored, and the length of the conversation before them. */
interface Head {
  readonly at: number
  readonly added: readonly string[]
  /** The answer is signed over media that a text line may replace later. */
  readonly isBehindMedia: boolean
}

/** How long a chunk waits for the store. Milliseconds. */
const patienceMs = 2_000

const pointerTo = (key: string) => `draft:${key}`
const logOf = (id: string) => `draft-log:${id}`

export class Draft {
  /** A holder whose turn is over writes to its own log, which is no longer read. */
  private readonly id = crypto.randomUUID()
  private waiting: string[] = []
  private isOpen = false
  private length = 0
  private isLost = false
  /** The last write: of a call that was aborted it may still run. */
  private writing: Promise<void> | undefined

  constructor(
    private readonly where: Where,
    /** Called with the first content. */
    private readonly head: () => Head,
    private readonly isStreaming: boolean,
  ) {}

  /**
   * Content waits until it is stored; in `generate`, which returns a whole answer, only tool
   * results do.
   */
  readonly transform: Transform = (chunk, emit) => {
    if (this.isLost || isOfNoMessage(chunk)) return emit(chunk)
    this.waiting.push(JSON.stringify(chunk))
    if (isBracket(chunk) || !(this.isStreaming || chunk.type === 'tool-result')) return emit(chunk)
    this.writing = inTime(() => this.write(), patienceMs).catch(() => {
      this.isLost = true
    })
    return this.writing.then(() => emit(chunk))
  }

  async drop(): Promise<void> {
    const { store, key } = this.where
    await this.writing
    if (!this.writing) return
    await Promise.all([store.delete(pointerTo(key)), store.delete(logOf(this.id))])
  }

  /** If the store fails, or takes too long, the answer continues without a draft. */
  private async write(): Promise<void> {
    const { store, key, ttlMs } = this.where
    const entries = this.isOpen ? this.waiting : [JSON.stringify(this.head()), ...this.waiting]
    this.waiting = []
    const isWritten = await appendAt(store, logOf(this.id), entries, { ttlMs, at: this.length })
    if (this.isLost) return
    if (!this.isOpen) await store.set(pointerTo(key), this.id, { ttlMs })
    this.isOpen = true
    this.length += entries.length
    this.isLost ||= !isWritten
  }
}

/** Written with the next chunk: a `finish` is followed by the end or by the next step. */
const isBracket = ({ type }: StreamChunk) => type === 'start' || type === 'finish'

const isOfNoMessage = ({ type }: StreamChunk) => type === 'data' || type === 'warning'

/** Appends what a process that died had emitted, unless the conversation has continued since. */
export async function takeUpDraft({ store, key, ttlMs }: Where): Promise<void> {
  const id = await store.get(pointerTo(key))
  if (id === undefined) return
  const [head, ...chunks] = await store.read(logOf(id), 0)
  if (head !== undefined) {
    // written by a draft of this layer
    const { at, added, isBehindMedia } = JSON.parse(head) as Head
    const accumulator = new Accumulator()
    for (const chunk of chunks) accumulator.add(JSON.parse(chunk) as StreamChunk)
    const partial: readonly Message[] = accumulator.partial()?.messages ?? []
    const kept = isBehindMedia ? partial.map(asMoved) : partial
    const entries = [...added, ...kept.map((message) => JSON.stringify(message))]
    await store.append(key, entries, { ttlMs, at })
  }
  await Promise.all([store.delete(pointerTo(key)), store.delete(logOf(id))])
}
