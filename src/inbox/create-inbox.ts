/** An inbox for webhooks: each message is stored and in one turn; a key has one turn at a time. */
import { MisuseError } from '../core/errors.js'
import type { Claimed } from '../store/store.js'
import { Mailbox } from './mailbox.js'
import {
  type Added,
  type Inbox,
  type InboxOptions,
  type InboxSettings,
  withDefaults,
} from './options.js'
import { ignoreErrors, runTurn } from './run-turn.js'
import { startTimer } from './timer.js'

/**
 * Creates an inbox of this process; all with the same store and name share the waiting messages. A
 * message stored by `add` is in one turn, however often and wherever it is delivered; a turn runs
 * at least once, in one process at a time, with the same id each time.
 *
 * Throws `MisuseError` for a store without a queue and locks, and for an invalid number.
 *
 * @example
 * const inbox = createInbox<Inbound>({
 *   store,
 *   id: (message) => message.id,
 *   key: (message) => message.chat,
 *   at: (message) => message.sentAt,
 *   async answer(messages, { id, key, signal }) {
 *     const content = messages.map(({ text }) => text).join('\n')
 *     const reply = await ai.generate({ model, messages: [{ role: 'user', content }] }, { signal })
 *     if (await store.setIfAbsent(`sent:${id}`, 'yes', { ttlMs: 8 * 86_400_000 })) await send(key, reply.text)
 *   },
 * })
 * await inbox.resume()
 * process.once('SIGTERM', () => inbox.close())
 * // in the webhook, before it responds 200:
 * await inbox.add(message)
 */
export function createInbox<Message>(options: InboxOptions<Message>): Inbox<Message> {
  const worker = new Worker(withDefaults(options))
  return {
    add: (message) => worker.add(message),
    resume: () => worker.resume(),
    close: ({ graceMs = 20_000 } = {}) => worker.close(graceMs),
  }
}

class Worker<Message> {
  private readonly mailbox: Mailbox<Message>
  private readonly running = new Map<string, Promise<void>>()
  /** Keys that were claimed again while their turn ran here. */
  private readonly reclaimed = new Set<string>()
  /** Abort the running turns. */
  private readonly stops = new Set<() => void>()
  private isClosed = false
  /** Timers of keys that become due; `stopPolling` cancels the timer of the next poll. */
  private readonly timers = new Map<string, () => void>()
  private stopPolling = () => {}
  private isPolling = false
  private taking: Promise<void> | undefined
  /** More keys were due than this process could claim. */
  private isMoreDue = false
  private isStoreDown = false

  constructor(private readonly settings: InboxSettings<Message>) {
    this.mailbox = new Mailbox(settings)
  }

  async add(message: Message): Promise<Added> {
    const { settings, mailbox } = this
    const now = settings.clock.now()
    const key = textOf('key', settings.key(message))
    const id = textOf('id', settings.id(message))
    const at = timeOf(settings.at?.(message), now)
    checkJson(message)
    const { added, inMs } = await mailbox.add(key, { id, at, added: now, message })
    if (inMs !== undefined) this.wake(key, inMs)
    if (!this.isPolling) this.poll()
    if (added === 'full' && settings.onFull)
      await settings.onFull(message, { key, isFirst: await mailbox.isFirstRefused(key) })
    return added
  }

  async resume(): Promise<void> {
    await this.take()
    this.poll()
  }

  async close(graceMs: number): Promise<void> {
    this.isClosed = true
    this.stopPolling()
    for (const cancel of this.timers.values()) cancel()
    this.timers.clear()
    const cancel = startTimer(this.settings.clock, graceMs, () => {
      for (const stop of this.stops) stop()
    })
    while (this.running.size > 0 || this.taking) {
      await ignoreErrors(() => this.taking)
      await Promise.all(this.running.values())
    }
    cancel()
  }

  /** Polls the store when the key is due. */
  private wake(key: string, inMs: number): void {
    if (this.isClosed) return
    this.timers.get(key)?.()
    const wake = () => {
      this.timers.delete(key)
      this.poll()
    }
    this.timers.set(key, startTimer(this.settings.clock, inMs + 1, wake))
  }

  /** Claims due keys, and polls again after `pollMs`. */
  private poll(): void {
    this.stopPolling()
    if (this.isClosed) return
    this.isPolling = true
    this.stopPolling = startTimer(this.settings.clock, this.settings.pollMs, () => this.poll())
    this.take().catch((error: unknown) => this.report(error))
  }

  /** One claim at a time, so that no more is claimed than there is room for. */
  private take(): Promise<void> {
    if (this.taking) this.isMoreDue = true
    this.taking ??= this.claim().finally(() => {
      this.taking = undefined
      if (this.isMoreDue && this.room() > 0) this.poll()
    })
    return this.taking
  }

  private room(): number {
    return this.settings.concurrency - this.running.size
  }

  private async claim(): Promise<void> {
    const room = this.room()
    this.isMoreDue = room <= 0
    if (room <= 0 || this.isClosed) return
    const claimed = await this.mailbox.claim(room)
    this.isStoreDown = false
    if (claimed.length === room) this.isMoreDue = true
    for (const one of claimed)
      if (this.running.has(one.member)) this.reclaimed.add(one.member)
      else this.start(one)
  }

  private start(claimed: Claimed): void {
    const work = this.run(claimed)
      .catch((error: unknown) => this.report(error))
      .finally(() => {
        // behind `leave()` the next turn may run
        if (this.running.get(claimed.member) === work) this.end(claimed.member)
        if (this.isMoreDue) this.poll()
      })
    this.running.set(claimed.member, work)
  }

  private async run(claimed: Claimed): Promise<void> {
    const { mailbox } = this
    const key = claimed.member
    // claimed while closing: leave it to other processes
    if (this.isClosed) return mailbox.schedule(key, 0)
    const outcome = await runTurn(mailbox, key, this.stops)
    // the other process keeps it in the queue, and a claim expires
    if (outcome === 'lost') return
    if (outcome !== 'over') await mailbox.schedule(key, outcome.inMs)
    const inMs = outcome === 'over' ? await this.leave(claimed) : outcome.inMs
    if (inMs !== undefined) this.wake(key, inMs)
  }

  /** A message that came with the end of the turn would wait until its second claim expires. */
  private async leave(claimed: Claimed): Promise<number | undefined> {
    const key = claimed.member
    for (;;) {
      this.reclaimed.delete(key)
      const inMs = await this.mailbox.leave(claimed)
      if (this.reclaimed.has(key)) continue
      // in the same step as the last look: a later claim starts the next turn
      this.end(key)
      return inMs
    }
  }

  private end(key: string): void {
    this.running.delete(key)
    this.reclaimed.delete(key)
  }

  /** Reports a store that is down once. */
  private report(error: unknown): void {
    if (this.isStoreDown) return
    this.isStoreDown = true
    void ignoreErrors(() => this.settings.onError?.(error, undefined))
  }
}

/** Maximum length of an id or key. UTF-16 units. */
const longestName = 1_000

function textOf(name: 'id' | 'key', value: unknown): string {
  if (typeof value === 'string' && value !== '' && value.length <= longestName) return value
  throw new MisuseError(
    `\`${name}\` of createInbox() must return a string of 1 to ${longestName} characters: the ${name} of a message`,
  )
}

/** The store keeps text: a message that JSON cannot serialize would be lost after the 200. */
function checkJson(message: unknown): void {
  try {
    JSON.stringify(message)
  } catch (cause) {
    throw new MisuseError('A message of createInbox() must be JSON: the store keeps it as text', {
      cause,
    })
  }
}

/** True for the years 1973 to 5138, if it were in seconds. */
const isInSeconds = (at: number) => at > 1e8 && at < 1e11

function timeOf(at: number | undefined, now: number): number {
  if (at === undefined || !Number.isFinite(at)) return now
  if (isInSeconds(at) && now > 1e11)
    throw new MisuseError(
      `\`at\` of createInbox() returned ${at}, which is in seconds: return milliseconds`,
    )
  return at
}
