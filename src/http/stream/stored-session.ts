/** An answer that outlives its connections: it is stored, and any process can read it. */
import type { Store } from '../../store/index.js'
import type { BaseHandlerOptions } from '../options.js'
import { enterChat, leaveChat } from './chat-answers.js'
import type { EventStream } from './events.js'
import { StreamLog } from './log.js'
import { createReader, type StreamSession, type ToFailure } from './reader.js'

/** Upper bound of an answer's duration. Milliseconds. */
const runMs = 3_600_000

/** Time to live of a heartbeat: a busy process may send the next one late. Milliseconds. */
export const lifeMs = (pollMs: number): number => Math.max(10_000, pollMs * 5)

/** The store keys of an answer. */
export const keysOf = (id: string) => ({
  log: `answer:${id}:log`,
  /** Its id, owner and format. */
  meta: `answer:${id}:meta`,
  /** Exists while a process runs it. */
  beat: `answer:${id}:beat`,
  /** Exists while another process reads it. */
  reader: `answer:${id}:reader`,
  /** Exists when it is to be stopped. */
  stop: `answer:${id}:stop`,
})

export interface StoredSessionOptions {
  readonly id: string
  /** The value of the `meta` key. */
  readonly meta: string
  /** The key under which its conversation holds the id of the running answer. */
  readonly chat: string | undefined
  /** Events to emit before those of the call. */
  readonly preamble: readonly string[]
  readonly store: Store
  /** Time to live after the last event. Milliseconds. */
  readonly keepMs: number
  readonly pollMs: number
  readonly onDisconnect: NonNullable<BaseHandlerOptions<never>['onDisconnect']>
  /** Called with the first store error; readers in this process still get the answer. */
  readonly onError: (error: unknown) => void
  /** Called when all writes have ended. */
  readonly onEnd: () => void
  /** Registers the whole work with the platform: it needs no reader. */
  readonly defer: (work: Promise<unknown>) => void
}

/** Starts storing the events of a stream; writes run in the background. */
export const storedSession = (events: EventStream, options: StoredSessionOptions): StreamSession =>
  new StoredSession(events, options)

class StoredSession implements StreamSession {
  readonly #events: EventStream
  readonly #options: StoredSessionOptions
  readonly #keys: ReturnType<typeof keysOf>
  readonly #log: StreamLog
  readonly #pumped: Promise<void>
  #looking: Promise<unknown>
  #readers = 0
  #grace: ReturnType<typeof setTimeout> | undefined
  #poll: ReturnType<typeof setTimeout> | undefined
  #isOver = false
  #isSealed = false
  #isDropped = false
  #isBroken = false
  /** Its heartbeat and names are in the store. */
  #isEntered = false
  #isReported = false

  constructor(events: EventStream, options: StoredSessionOptions) {
    const { id, store, keepMs, pollMs, defer } = options
    this.#events = events
    this.#options = options
    this.#keys = keysOf(id)
    this.#log = new StreamLog({
      store,
      key: this.#keys.log,
      keepMs,
      retryMs: pollMs,
      onError: this.#report,
      onBreak: (error) => this.#break(error),
    })
    this.#looking = this.#attempt(() => this.#enter())
    this.#schedule()
    this.#pumped = this.#pump()
    defer(this.#pumped.then(() => this.#finish()))
  }

  stop() {
    this.#events.stop()
  }

  drop() {
    this.#isDropped = true
    return this.#pumped
  }

  read(from: number, toFailure?: ToFailure) {
    this.#readers++
    this.#endGrace()
    return createReader({
      from,
      isNumbered: true,
      read: this.#log.read,
      toFailure,
      onLeave: () => this.#leave(),
    })
  }

  #report = (error: unknown) => {
    if (this.#isReported) return
    this.#isReported = true
    this.#options.onError(error)
  }

  #attempt(work: () => Promise<unknown>) {
    return work().catch(this.#report)
  }

  /** Deletes heartbeat and log: readers in other processes report the answer as incomplete. */
  #break(error: unknown) {
    this.#isBroken = true
    this.#report(error)
    void this.#attempt(() => this.#delete('beat', 'log'))
  }

  #delete(...names: (keyof ReturnType<typeof keysOf>)[]) {
    return Promise.all(names.map((name) => this.#options.store.delete(this.#keys[name])))
  }

  #beat() {
    const { store, pollMs } = this.#options
    return store.set(this.#keys.beat, '1', { ttlMs: lifeMs(pollMs) })
  }

  async #enter() {
    const { id, meta, chat, store, keepMs } = this.#options
    await Promise.all([
      this.#beat(),
      store.set(this.#keys.meta, meta, { ttlMs: keepMs + runMs }),
      chat !== undefined && enterChat({ store, key: chat, ttlMs: keepMs + runMs }, id),
    ])
    this.#isEntered = true
  }

  #schedule() {
    this.#poll = setTimeout(() => {
      // a slow store may still be at the one before
      this.#looking = this.#looking.then(() => this.#look())
    }, this.#options.pollMs)
    // a running answer has its call; one that only waits for its store lets the process exit
    if (typeof this.#poll === 'object') this.#poll.unref?.()
  }

  /** Checks whether another process stopped the answer, and renews the time to live of its keys. */
  async #look() {
    await this.#attempt(async () => {
      if ((await this.#options.store.get(this.#keys.stop)) !== undefined) this.#events.stop()
      await this.#log.renew()
      if (!this.#isBroken) await (this.#isEntered ? this.#beat() : this.#enter())
    })
    if (!this.#isSealed) this.#schedule()
  }

  async #pump() {
    const { preamble } = this.#options
    if (preamble.length > 0) await this.#log.write(preamble)
    for (let next = await this.#events.next(); next; next = await this.#events.next())
      await this.#log.write(next)
    this.#isOver = true
    this.#endGrace()
    this.#log.close()
  }

  /** Runs after the answer. Waits for pending writes first, as they would recreate deleted keys. */
  async #finish() {
    const { chat, onEnd } = this.#options
    const isWhole = await this.#log.seal()
    this.#isSealed = true
    clearTimeout(this.#poll)
    await this.#looking
    await this.#attempt(async () =>
      (await this.#isGone()) ? this.#forget() : this.#settle(isWhole),
    )
    if (chat !== undefined) await this.#attempt(() => this.#leaveChat(chat))
    onEnd()
  }

  /** A dropped answer may be read in another process, where its page was loaded again. */
  async #isGone() {
    const { store, onDisconnect } = this.#options
    if (this.#isDropped) return (await store.get(this.#keys.reader)) === undefined
    return this.#readers === 0 && onDisconnect === 'cancel'
  }

  #forget() {
    return this.#delete('log', 'meta', 'beat', 'reader', 'stop')
  }

  /** Keeps a complete answer for `keepMs`; deletes the keys of a running one. */
  async #settle(isWhole: boolean) {
    const { meta, store, keepMs } = this.#options
    if (isWhole) await store.set(this.#keys.meta, meta, { ttlMs: keepMs })
    await this.#delete('beat', 'reader', 'stop')
  }

  async #leaveChat(chat: string) {
    const { id, store, keepMs } = this.#options
    await leaveChat({ store, key: chat, ttlMs: keepMs + runMs }, id)
  }

  #leave() {
    const { onDisconnect } = this.#options
    this.#readers--
    if (this.#readers > 0 || this.#isOver || onDisconnect === 'finish') return
    if (onDisconnect === 'cancel') this.#events.abort()
    else this.#wait(onDisconnect.graceMs)
  }

  #wait(graceMs: number) {
    this.#grace = setTimeout(() => void this.#abandon(graceMs), graceMs)
  }

  #endGrace() {
    clearTimeout(this.#grace)
    this.#grace = undefined
  }

  /** Aborts the call after the grace period, unless another process reads the answer. */
  async #abandon(graceMs: number) {
    const grace = this.#grace
    let isRead = false
    await this.#attempt(async () => {
      isRead = (await this.#options.store.get(this.#keys.reader)) !== undefined
    })
    // a reader came meanwhile, and may have left: then another period runs
    if (this.#grace !== grace) return
    if (isRead) this.#wait(graceMs)
    else this.#events.abort()
  }
}
