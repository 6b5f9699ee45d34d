/** The events of one answer in a store: written by one process, read by any, while it grows and after. */
import { StreamInterruptedError } from '../../core/index.js'
import type { Store } from '../../store/index.js'

/** Reads from a position on: waits for an event, gives undefined behind the last. */
export type ReadLog = (from: number) => Promise<readonly string[] | undefined>

export interface StreamLogOptions {
  readonly store: Store
  readonly key: string
  /** Milliseconds from the last event on. */
  readonly keepMs: number
  /** Called once, when the store fails or has lost a part: nothing more is written, and readers here go on. */
  readonly onBreak: (error: unknown) => void
}

/** No event is empty: this entry marks a log that is whole. */
const end = ''

/** Events at a time: a reader who is far behind gets no more than it can take. */
const batch = 256

/** How far the store may be behind before the answer waits for it. Characters. */
const maxUnwritten = 1_048_576

/**
 * A log in the process that writes it. Events are read here at once, and appended to the store behind the answer: one
 * write at a time, each with all that came meanwhile, and each only where the store has everything before it.
 */
export class StreamLog {
  private recent: string[] = []
  /** The position of the first of them. */
  private start = 0
  private unwritten: string[] = []
  private unwrittenLength = 0
  /** Entries that the store has. */
  private written = 0
  private writing: Promise<void> | undefined
  private isOver = false
  private isBroken = false
  private waiting: (() => void)[] = []

  constructor(private readonly options: StreamLogOptions) {}

  /** Emits events to those who read here. Waits for the store only when that is far behind. */
  async write(events: readonly string[]): Promise<void> {
    for (const event of events) this.recent.push(event)
    this.wake()
    this.queue(events)
    if (this.unwrittenLength > maxUnwritten) await this.flush()
  }

  /** Nothing more will be written. */
  close(): void {
    this.isOver = true
    this.wake()
  }

  /** Marks the log as whole; resolves to false where it is not. */
  async seal(): Promise<boolean> {
    this.queue([end])
    await this.flush()
    return !this.isBroken
  }

  /** Renews the life of what is kept, and looks whether it is all there. */
  async renew(): Promise<void> {
    const { store, key, keepMs } = this.options
    const expected = this.written
    if (expected === 0 || this.isBroken) return
    try {
      if ((await store.append(key, [], { ttlMs: keepMs })) < expected) throw partLost()
    } catch (error) {
      this.break(error)
    }
  }

  readonly read: ReadLog = async (from) => {
    for (;;) {
      if (from < this.start) return this.readStored(from)
      const at = from - this.start
      if (at > this.recent.length) throw partLost()
      const events = this.recent.slice(at, at + batch)
      if (events.length > 0) return events
      if (this.isOver) return undefined
      await new Promise<void>((resolve) => this.waiting.push(resolve))
    }
  }

  private async readStored(from: number) {
    const { store, key } = this.options
    const entries = await store.read(key, from, Math.min(batch, this.start - from))
    if (entries.length === 0) throw partLost()
    return eventsOf(entries, from)
  }

  private queue(events: readonly string[]): void {
    if (this.isBroken) return
    for (const event of events) {
      this.unwritten.push(event)
      this.unwrittenLength += event.length
    }
    void this.flush()
  }

  private flush(): Promise<void> {
    this.writing ??= this.writeAll().finally(() => {
      this.writing = undefined
    })
    return this.writing
  }

  private async writeAll(): Promise<void> {
    while (this.unwritten.length > 0 && !this.isBroken) {
      const events = this.unwritten
      this.unwritten = []
      this.unwrittenLength = 0
      await this.append(events)
    }
  }

  private async append(events: readonly string[]): Promise<void> {
    const { store, key, keepMs } = this.options
    const at = this.written
    const entries = events.map((event, index) => entryOf(event, at + index))
    try {
      const length = await store.append(key, entries, { ttlMs: keepMs, at })
      if (length !== at + entries.length) throw partLost()
      this.written = length
      this.forget()
    } catch (error) {
      this.break(error)
    }
  }

  /** What the store has need not be here too, but for the latest. */
  private forget(): void {
    const surplus = Math.min(this.recent.length - batch, this.written - this.start)
    if (surplus < batch) return
    this.recent.splice(0, surplus)
    this.start += surplus
  }

  private break(error: unknown): void {
    if (this.isBroken) return
    this.isBroken = true
    this.unwritten = []
    this.unwrittenLength = 0
    this.options.onBreak(error)
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve()
  }
}

export interface StoredLogOptions extends Pick<StreamLogOptions, 'store' | 'key'> {
  /** False when the process that wrote it is gone. */
  readonly isAlive: () => Promise<boolean>
  /** Waits before the next look; false when there will be none, as the reader is gone. */
  readonly wait: () => Promise<boolean>
}

/** A log that another process writes, or wrote. Throws `StreamInterruptedError` where it will never be whole. */
export function storedLog({ store, key, isAlive, wait }: StoredLogOptions): ReadLog {
  return async (from) => {
    for (;;) {
      const isGrowing = await isAlive()
      const events = eventsOf(await store.read(key, from, batch), from)
      const whole = events.indexOf(end)
      if (whole === 0) return undefined
      if (events.length > 0) return whole > 0 ? events.slice(0, whole) : events
      // looked after the last sign of life: nothing comes any more
      if (!isGrowing) throw await lossOf(store, key, from)
      if (!(await wait())) return undefined
    }
  }
}

/** Each entry carries its place, so that a log that began anew is not read as the old one. */
const entryOf = (event: string, index: number) => `${index} ${event}`

/** Throws `StreamInterruptedError` for an entry that does not belong there. */
const eventsOf = (entries: readonly string[], from: number): readonly string[] =>
  entries.map((entry, index) => {
    const place = `${from + index} `
    if (!entry.startsWith(place)) throw partLost()
    return entry.slice(place.length)
  })

/** The process that wrote it is gone: before the end, or is a part missing that the reader has had? */
async function lossOf(store: Store, key: string, from: number) {
  const before = await store.read(key, Math.max(0, from - 1), 1)
  return before.length > 0 ? writerGone() : partLost()
}

const partLost = () =>
  new StreamInterruptedError('A part of the answer is no longer in the store', { code: 'log_lost' })

const writerGone = () =>
  new StreamInterruptedError('The process that made the answer ended before it', {
    code: 'writer_gone',
  })
