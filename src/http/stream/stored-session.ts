/** An answer that outlives its connections: it goes on by itself into a store, and any process reads it there. */
import { TimeoutError } from '../../core/index.js'
import type { Store } from '../../store/index.js'
import type { BaseHandlerOptions } from '../options.js'
import type { EventStream } from './events.js'
import { StreamLog } from './log.js'
import { createReader, type StreamSession } from './reader.js'
import { within } from './respond.js'

/** A store that takes longer is done without. Milliseconds. */
const patienceMs = 2_000

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
  /** Whose it is, as `meta` says it. */
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
  /** Told of the first failure of the store: the answer goes on, for those who read it in this process. */
  readonly onError: (error: unknown) => void
  readonly onEnd: () => void
}

/** Starts to keep what a run says. Resolves when other processes can find it. */
export async function storedSession(
  eventStream: EventStream,
  options: StoredSessionOptions,
): Promise<StreamSession> {
  const { id, meta, chat, preamble, store, keepMs, pollMs, onDisconnect, onError, onEnd } = options
  const keys = keysOf(id)
  const log = new StreamLog({ store, key: keys.log, keepMs })
  let readers = 0
  let grace: ReturnType<typeof setTimeout> | undefined
  let poll: ReturnType<typeof setTimeout> | undefined
  let isOver = false
  let isBroken = false

  /** Does without the store from its first failure on. */
  const attempt = async (work: () => Promise<unknown>) => {
    if (isBroken) return
    try {
      if (await within(work(), patienceMs)) return
      throw new TimeoutError(`The store took longer than ${patienceMs} ms`)
    } catch (error) {
      if (isBroken) return
      isBroken = true
      onError(error)
    }
  }

  const beat = () => store.set(keys.beat, '1', { ttlMs: lifeMs(pollMs) })

  /** Says that it lives, and looks whether it was stopped elsewhere. */
  const look = async () => {
    await attempt(async () => {
      await beat()
      if ((await store.get(keys.stop)) !== undefined) eventStream.stop()
    })
    if (!isOver) poll = setTimeout(look, pollMs)
  }

  const add = async (events: readonly string[]) => {
    log.say(events)
    await attempt(() => log.keep(events))
  }

  const pump = async () => {
    if (preamble.length > 0) await add(preamble)
    for (let events = await eventStream.next(); events; events = await eventStream.next())
      await add(events)
    isOver = true
    clearTimeout(grace)
    clearTimeout(poll)
    log.close()
    const isGone = readers === 0 && onDisconnect === 'cancel'
    await attempt(() => (isGone ? forget() : settle()))
    if (chat !== undefined)
      await attempt(async () => {
        if ((await store.get(chat)) === id) await store.delete(chat)
      })
    onEnd()
  }

  const forget = () => Promise.all(Object.values(keys).map((key) => store.delete(key)))

  /** Nobody can read on: there is no process that could be asked. */
  const settle = async () => {
    await log.seal()
    await store.set(keys.meta, meta, { ttlMs: keepMs })
    await Promise.all([keys.beat, keys.reader, keys.stop].map((key) => store.delete(key)))
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

  await attempt(() =>
    Promise.all([
      beat(),
      store.set(keys.meta, meta, { ttlMs: keepMs + runMs }),
      chat !== undefined && store.set(chat, id, { ttlMs: keepMs + runMs }),
    ]),
  )
  poll = setTimeout(look, pollMs)
  const pumped = pump()
  return {
    stop: () => eventStream.stop(),
    drop: () => pumped,
    read(from) {
      readers++
      clearTimeout(grace)
      return createReader({ from, isNumbered: true, read: log.read, onLeave: leave })
    },
  }
}
