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
}

/** No event is empty: it says that the log is whole. */
const end = ''

/** Events at a time: a reader who is far behind gets no more than it can take. */
const batch = 256

/** A log in the process that writes it. Its latest events are at hand, whatever becomes of the store. */
export class StreamLog {
  private recent: string[] = []
  /** The position of the first of them. */
  private start = 0
  private isOver = false
  private waiting: (() => void)[] = []

  constructor(private readonly options: StreamLogOptions) {}

  /** Shows events to those who read in this process. */
  say(events: readonly string[]): void {
    for (const event of events) this.recent.push(event)
    this.wake()
  }

  /** Keeps events that were said, for all others; after that only the latest stay at hand. */
  async keep(events: readonly string[]): Promise<void> {
    const { store, key, keepMs } = this.options
    await store.append(key, events, { ttlMs: keepMs })
    const surplus = this.recent.length - batch
    if (surplus < batch) return
    this.recent.splice(0, surplus)
    this.start += surplus
  }

  /** Nothing more will be said. */
  close(): void {
    this.isOver = true
    this.wake()
  }

  /** Tells all others that nothing comes any more. */
  async seal(): Promise<void> {
    const { store, key, keepMs } = this.options
    await store.append(key, [end], { ttlMs: keepMs })
  }

  readonly read: ReadLog = async (from) => {
    for (;;) {
      if (from < this.start) return this.readStored(from)
      const at = from - this.start
      const events = this.recent.slice(at, at + batch)
      if (events.length > 0) return events
      if (this.isOver) return undefined
      await new Promise<void>((resolve) => this.waiting.push(resolve))
    }
  }

  private async readStored(from: number) {
    const { store, key } = this.options
    const events = await store.read(key, from, Math.min(batch, this.start - from))
    if (events.length === 0) throw lost()
    return events
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
      const events = await store.read(key, from, batch)
      const whole = events.indexOf(end)
      if (whole === 0) return undefined
      if (events.length > 0) return whole > 0 ? events.slice(0, whole) : events
      // looked after the last sign of life: nothing comes any more
      if (!isGrowing) throw lost()
      if (!(await wait())) return undefined
    }
  }
}

const lost = () =>
  new StreamInterruptedError('The rest of the answer is not in the store', { code: 'log_lost' })
