/** The events of an answer in a store: written by one process, read by any, during it and after. */
import { StreamInterruptedError } from '../../core/index.js'
import type { Store } from '../../store/index.js'
import { appendAt } from '../../store/sent-twice.js'

/** Reads from a position on: waits for an event, returns undefined after the last. */
export type ReadLog = (from: number) => Promise<readonly string[] | undefined>

export interface StreamLogOptions {
  readonly store: Store
  readonly key: string
  /** Time to live after the last event. Milliseconds. */
  readonly keepMs: number
  /** Time between two attempts while the store fails. Milliseconds. */
  readonly retryMs: number
  /** Called when the store fails: the write is repeated, local readers continue. */
  readonly onError: (error: unknown) => void
  /** Called once when entries are lost: writing stops, local readers continue. */
  readonly onBreak: (error: unknown) => void
}

/** The entry that marks a log as complete; events are never empty. */
const end = ''

/** Events per read: bounds what a reader far behind gets at once. */
const batch = 256

/** Unwritten characters beyond which the answer waits for a slow store, and gives up one that fails. */
const maxUnwritten = 1_048_576

/** How long a store may fail until what waits for it gives up. Milliseconds. */
const outageMs = 60_000

/** Repeats while the store fails: until `pause` resolves to false, at most for `outageMs`. */
export async function outlast<T>(
  work: () => Promise<T>,
  pause: (error: unknown) => Promise<boolean>,
): Promise<T> {
  const until = Date.now() + outageMs
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (Date.now() >= until || !(await pause(error))) throw error
    }
  }
}

/**
 * The log in the process that writes it. Local readers get events at once. Appends to the store run
 * in the background: one at a time, each with all events queued meanwhile, and only where the store
 * has everything before it.
 */
export class StreamLog {
  private recent: string[] = []
  /** The position of `recent[0]`. */
  private start = 0
  private unwritten: string[] = []
  private unwrittenLength = 0
  /** Number of entries in the store. */
  private written = 0
  private writing: Promise<void> | undefined
  private isOver = false
  private isBroken = false
  /** Of the last write, until one succeeds. */
  private failure: unknown
  private waiting: (() => void)[] = []

  constructor(private readonly options: StreamLogOptions) {}

  /** Emits events to local readers. Waits for the store only above `maxUnwritten`, unless it fails. */
  async write(events: readonly string[]): Promise<void> {
    for (const event of events) this.recent.push(event)
    this.wake()
    this.queue(events)
    if (this.unwrittenLength <= maxUnwritten) return
    if (this.failure) this.break(this.failure)
    else await this.writing
  }

  /** Ends the log for local readers. */
  close(): void {
    this.isOver = true
    this.wake()
  }

  /** Marks the log as complete; resolves to false where it is not. */
  async seal(): Promise<boolean> {
    this.queue([end])
    await this.writing
    return !this.isBroken
  }

  /** Extends the time to live, and checks that the store still has every entry. Rejects if it fails. */
  async renew(): Promise<void> {
    const { store, key, keepMs } = this.options
    const expected = this.written
    if (expected === 0 || this.isBroken) return
    if ((await store.append(key, [], { ttlMs: keepMs })) < expected) this.break(partLost())
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
    const count = Math.min(batch, this.start - from)
    const entries = await outlast(
      () => store.read(key, from, count),
      () => this.sleep(),
    )
    if (entries.length === 0) throw partLost()
    return eventsOf(entries, from)
  }

  private queue(events: readonly string[]): void {
    // without events the loop would end before its promise is here, where it would stay
    if (this.isBroken || events.length === 0) return
    for (const event of events) {
      this.unwritten.push(event)
      this.unwrittenLength += event.length
    }
    this.writing ??= this.writeAll()
  }

  private async writeAll(): Promise<void> {
    while (this.unwritten.length > 0 && !this.isBroken) {
      const events = this.unwritten
      this.unwritten = []
      this.unwrittenLength = 0
      await this.append(events)
    }
    // in the same step as the last look at the queue: an event that comes later starts it again
    this.writing = undefined
  }

  private async append(events: readonly string[]): Promise<void> {
    const { store, key, keepMs } = this.options
    const at = this.written
    const entries = events.map((event, index) => entryOf(event, at + index))
    // repeated with the same entries: an attempt that failed may be applied later
    const append = () => appendAt(store, key, entries, { ttlMs: keepMs, at })
    try {
      if (!(await outlast(append, this.pause))) throw partLost()
      this.failure = undefined
      this.written = at + entries.length
      this.forget()
    } catch (error) {
      this.break(error)
    }
  }

  private readonly pause = async (error: unknown): Promise<boolean> => {
    this.options.onError(error)
    this.failure = error
    if (this.unwrittenLength > maxUnwritten) return false
    return this.sleep()
  }

  private async sleep(): Promise<boolean> {
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, this.options.retryMs)
      // lets a process exit whose store is closed
      if (typeof timer === 'object') timer.unref?.()
    })
    return !this.isBroken
  }

  /** Drops all but the latest events that the store has. */
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
  /** Resolves to false when the writing process is gone. Waits while the store fails. */
  readonly isAlive: () => Promise<boolean>
  /** Waits before the next check; resolves to false when the reader has disconnected. */
  readonly wait: () => Promise<boolean>
}

/** Reads the log of another process. Throws `StreamInterruptedError` if it is never completed. */
export function storedLog({ store, key, isAlive, wait }: StoredLogOptions): ReadLog {
  return async (from) => {
    let misses = 0
    let failures = 0
    const failed = (error: unknown) => {
      // again, though `isAlive` found the store at work: it is the log that cannot be read
      if (++failures > 1) throw error
    }
    for (;;) {
      const isGrowing = await isAlive()
      const entries = await store.read(key, from, batch).catch(failed)
      const events = eventsOf(entries ?? [], from)
      const whole = events.indexOf(end)
      if (whole === 0) return undefined
      if (events.length > 0) return whole > 0 ? events.slice(0, whole) : events
      // checked twice, and before the read: one heartbeat may be evicted, or late behind an outage
      misses = isGrowing || !entries ? 0 : misses + 1
      if (misses > 1) throw await lossOf(store, key, from)
      if (!(await wait())) return undefined
    }
  }
}

/** Prefixes an entry with its index, so that a restarted log is not read as the old one. */
const entryOf = (event: string, index: number) => `${index} ${event}`

/** Throws `StreamInterruptedError` for an entry with another index. */
const eventsOf = (entries: readonly string[], from: number): readonly string[] =>
  entries.map((entry, index) => {
    const place = `${from + index} `
    if (!entry.startsWith(place)) throw partLost()
    return entry.slice(place.length)
  })

/** The error of a log whose writer is gone: it ended early, or lost an entry the reader had. */
async function lossOf(store: Store, key: string, from: number) {
  const before = await store.read(key, Math.max(0, from - 1), 1)
  return before.length > 0 ? writerGone() : partLost()
}

const partLost = () =>
  new StreamInterruptedError('Part of the answer is no longer in the store', { code: 'log_lost' })

const writerGone = () =>
  new StreamInterruptedError('The process ended before its answer was complete', {
    code: 'writer_gone',
  })
