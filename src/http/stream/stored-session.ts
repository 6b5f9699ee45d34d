/** An answer that outlives its connections: it goes on by itself into a store, and any process reads it there. */
import type { Store } from '../../store/index.js'
import type { BaseHandlerOptions } from '../options.js'
import type { EventStream } from './events.js'
import { StreamLog } from './log.js'
import { createReader, type StreamSession } from './reader.js'

/** Longer than an answer takes. Milliseconds. */
const runMs = 3_600_000

/** How long a sign of life is good: a process that is busy may be late with the next. Milliseconds. */
export const lifeMs = (pollMs: number): number => Math.max(10_000, pollMs * 5)

/** Where the parts of an answer are kept. */
export const keysOf = (id: string) => ({
  log: `answer:${id}:log`,
  /** Whose it is. */
  meta: `answer:${id}:meta`,
  /** There while a process runs it. */
  beat: `answer:${id}:beat`,
  /** There while another process reads it. */
  reader: `answer:${id}:reader`,
  /** There when it is to be stopped. */
  stop: `answer:${id}:stop`,
})

export interface StoredSessionOptions {
  readonly id: string
  /** Whose it is, as `meta` records it. */
  readonly meta: string
  /** Where its conversation names the answer that runs in it. */
  readonly chat: string | undefined
  /** Events before those of the run. */
  readonly preamble: readonly string[]
  readonly store: Store
  /** Milliseconds from the last event on. */
  readonly keepMs: number
  readonly pollMs: number
  readonly onDisconnect: NonNullable<BaseHandlerOptions<never>['onDisconnect']>
  /** Gets the first failure of the store: the answer goes on, for those who read it in this process. */
  readonly onError: (error: unknown) => void
  /** Called when all is kept that will be. */
  readonly onEnd: () => void
  /** Gets all of it: no reader is needed for it. */
  readonly defer: (work: Promise<unknown>) => void
}

/** Starts to keep the events of a stream. Nothing of it waits for the store: what is written is written behind. */
export function storedSession(
  eventStream: EventStream,
  options: StoredSessionOptions,
): StreamSession {
  const { id, meta, chat, preamble, store, keepMs, pollMs, onDisconnect, onEnd } = options
  const keys = keysOf(id)
  let readers = 0
  let grace: ReturnType<typeof setTimeout> | undefined
  let poll: ReturnType<typeof setTimeout> | undefined
  let isOver = false
  let isDropped = false
  let isBroken = false
  let isReported = false

  const report = (error: unknown) => {
    if (isReported) return
    isReported = true
    options.onError(error)
  }
  const attempt = (work: () => Promise<unknown>) => work().catch(report)

  /** Whoever reads on elsewhere finds the log without a writer, and reports that it is not whole. */
  const onBreak = (error: unknown) => {
    isBroken = true
    report(error)
    void attempt(() => Promise.all([keys.beat, keys.log].map((key) => store.delete(key))))
  }
  const log = new StreamLog({ store, key: keys.log, keepMs, onBreak })

  const beat = () => store.set(keys.beat, '1', { ttlMs: lifeMs(pollMs) })

  const open = () =>
    Promise.all([
      beat(),
      store.set(keys.meta, meta, { ttlMs: keepMs + runMs }),
      chat !== undefined && store.set(chat, id, { ttlMs: keepMs + runMs }),
    ])

  /** Renews what must not expire, and looks whether the answer was stopped elsewhere. */
  const look = async () => {
    await attempt(async () => {
      await log.renew()
      if (!isBroken) await beat()
      if ((await store.get(keys.stop)) !== undefined) eventStream.stop()
    })
    if (!isOver) schedule()
  }
  let looking: Promise<unknown> = attempt(open)
  const schedule = () => {
    poll = setTimeout(() => {
      looking = look()
    }, pollMs)
  }

  const pump = async () => {
    if (preamble.length > 0) await log.write(preamble)
    for (let next = await eventStream.next(); next; next = await eventStream.next())
      await log.write(next)
    isOver = true
    clearTimeout(grace)
    clearTimeout(poll)
    log.close()
  }

  /** Behind the answer. What was begun to be written comes first, or it would be there again. */
  const finish = async () => {
    await looking
    const isWhole = await log.seal()
    const isGone = isDropped || (readers === 0 && onDisconnect === 'cancel')
    await attempt(() => (isGone ? forget() : settle(isWhole)))
    if (chat !== undefined) await attempt(() => leaveChat(chat))
    onEnd()
  }

  const forget = () => Promise.all(Object.values(keys).map((key) => store.delete(key)))

  /** Nobody can read on here: there is no process that could be asked. */
  const settle = async (isWhole: boolean) => {
    if (isWhole) await store.set(keys.meta, meta, { ttlMs: keepMs })
    await Promise.all([keys.beat, keys.reader, keys.stop].map((key) => store.delete(key)))
  }

  const leaveChat = async (chat: string) => {
    if (store.deleteIf) await store.deleteIf(chat, id)
    else if ((await store.get(chat)) === id) await store.delete(chat)
  }

  const leave = () => {
    readers--
    if (readers > 0 || isOver || onDisconnect === 'finish') return
    if (onDisconnect === 'cancel') eventStream.abort()
    else grace = setTimeout(abandon, onDisconnect.graceMs, onDisconnect.graceMs)
  }

  /** Unless somebody reads it in another process. */
  const abandon = async (graceMs: number) => {
    let isRead = false
    await attempt(async () => {
      isRead = (await store.get(keys.reader)) !== undefined
    })
    if (readers > 0 || isOver) return
    if (isRead) grace = setTimeout(abandon, graceMs, graceMs)
    else eventStream.abort()
  }

  schedule()
  const pumped = pump()
  options.defer(pumped.then(finish))
  return {
    stop: () => eventStream.stop(),
    drop() {
      isDropped = true
      return pumped
    },
    read(from, toFailure) {
      readers++
      clearTimeout(grace)
      return createReader({ from, isNumbered: true, read: log.read, toFailure, onLeave: leave })
    },
  }
}
