/** What an answer has said so far is in the store before it leaves: a process that dies loses none of it. */
import { asMoved, type Message, type StreamChunk } from '../../src/chat/index.js'
import { Accumulator, type Transform } from '../../src/core/index.js'
import type { Store } from '../../src/store/store.js'

/** The conversation that an answer belongs to. */
export interface Where {
  readonly store: Store
  readonly key: string
  readonly ttlMs: number
}

/** What the call itself adds, as it is stored, and the length that the conversation has before it. */
interface Head {
  readonly at: number
  readonly added: readonly string[]
  /** What is said is signed behind media, for which a line may stand later. */
  readonly isBehindMedia: boolean
}

const pointerTo = (key: string) => `draft:${key}`
const logOf = (id: string) => `draft-log:${id}`

export class Draft {
  /** A holder whose turn is over writes to its own log, which nobody reads any more. */
  private readonly id = crypto.randomUUID()
  private waiting: string[] = []
  private isOpen = false
  private isLost = false

  constructor(
    private readonly where: Where,
    /** Called once something is said. */
    private readonly head: () => Head,
    private readonly isStreaming: boolean,
  ) {}

  /** Content waits until it is stored; of a plain answer, which leaves whole, only what a tool did. */
  readonly transform: Transform = (chunk, emit) => {
    if (this.isLost || isOfNoMessage(chunk)) return emit(chunk)
    this.waiting.push(JSON.stringify(chunk))
    if (isBracket(chunk) || !(this.isStreaming || chunk.type === 'tool-result')) return emit(chunk)
    return this.write().then(() => emit(chunk))
  }

  async drop(): Promise<void> {
    const { store, key } = this.where
    if (!this.isOpen) return
    await Promise.all([store.delete(pointerTo(key)), store.delete(logOf(this.id))])
  }

  /** The answer goes on without its draft where the store fails. */
  private async write(): Promise<void> {
    const { store, key, ttlMs } = this.where
    const entries = this.isOpen ? this.waiting : [JSON.stringify(this.head()), ...this.waiting]
    this.waiting = []
    try {
      await store.append(logOf(this.id), entries, { ttlMs })
      if (!this.isOpen) await store.set(pointerTo(key), this.id, { ttlMs })
      this.isOpen = true
    } catch {
      this.isLost = true
    }
  }
}

/** They are written with what follows: a `finish` is followed by the end, or by the next step. */
const isBracket = ({ type }: StreamChunk) => type === 'start' || type === 'finish'

const isOfNoMessage = ({ type }: StreamChunk) => type === 'data' || type === 'warning'

/** Takes up what a process that died had let out, unless the conversation has gone on since. */
export async function takeUpDraft({ store, key, ttlMs }: Where): Promise<void> {
  const id = await store.get(pointerTo(key))
  if (id === undefined) return
  const [head, ...chunks] = await store.read(logOf(id), 0)
  if (head !== undefined) {
    // what a draft of this layer wrote
    const { at, added, isBehindMedia } = JSON.parse(head) as Head
    const accumulator = new Accumulator()
    for (const chunk of chunks) accumulator.add(JSON.parse(chunk) as StreamChunk)
    const said: readonly Message[] = accumulator.partial()?.messages ?? []
    const kept = isBehindMedia ? said.map(asMoved) : said
    const entries = [...added, ...kept.map((message) => JSON.stringify(message))]
    await store.append(key, entries, { ttlMs, at })
  }
  await Promise.all([store.delete(pointerTo(key)), store.delete(logOf(id))])
}
