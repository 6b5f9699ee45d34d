/** The answers of one handler that run or are kept: who may read on, and who may stop one, in any process. */
import { isObject, parseJson } from '../../chat/index.js'
import type { Store } from '../../store/index.js'
import type { Format } from '../formats/index.js'
import type { BaseHandlerOptions } from '../options.js'
import { directSession } from './direct-session.js'
import type { EventStream } from './events.js'
import { storedLog } from './log.js'
import { createReader, type SessionReader, type StreamSession, type ToFailure } from './reader.js'
import { keysOf, lifeMs, storedSession } from './stored-session.js'

/** Whose an answer is, and in which words it is told. */
export interface Identity {
  readonly owner: string
  readonly format: Format
}

export interface Opening extends Identity {
  readonly id: string
  readonly eventStream: EventStream
  /** The conversation, where the client named one. */
  readonly conversation: string | undefined
  /** Events before those of the run. */
  readonly preamble: readonly string[]
  /** Gets what goes on when its readers have left. */
  readonly defer: (work: Promise<unknown>) => void
}

export interface Reading {
  /** Events that the reader has. */
  readonly from: number
  /** The data of the last event, where the process that ran it is gone. */
  readonly toFailure: ToFailure
}

export interface SessionsOptions {
  /** Without one nothing outlives its connection. */
  readonly store: Store | undefined
  readonly keepMs: number
  readonly pollMs: number
  readonly onDisconnect: NonNullable<BaseHandlerOptions<never>['onDisconnect']>
  /** Told what went wrong with the store: the answer itself goes on. */
  readonly onError: (error: unknown) => void
}

/** An answer that runs or is kept. */
export interface Known {
  readonly id: string
  readonly owner: string
  /** The name of one, as the store has it. */
  readonly format: string
}

export class Sessions {
  private readonly running = new Map<string, Known & { readonly session: StreamSession }>()

  constructor(private readonly options: SessionsOptions) {}

  /** Takes a stream in. Other processes find it as soon as the store has its name. */
  open({ id, eventStream, owner, format, conversation, preamble, defer }: Opening): StreamSession {
    const { store, onDisconnect } = this.options
    const known: Known = { id, owner, format: format.name }
    const onEnd = () => this.running.delete(id)
    if (!store || !format.isResumable) {
      const session = directSession(eventStream, {
        onDisconnect,
        isNumbered: format.isResumable,
        onEnd,
        defer,
      })
      this.running.set(id, { ...known, session })
      return session
    }
    const chat = conversation === undefined ? undefined : chatKey(owner, conversation)
    const session = storedSession(eventStream, {
      ...this.options,
      store,
      id,
      meta: JSON.stringify(known),
      chat,
      preamble,
      onEnd,
      defer,
    })
    this.running.set(id, { ...known, session })
    return session
  }

  /** An answer from a position on; undefined where nothing of it is kept. */
  resume({ id }: Known, reading: Reading): SessionReader | undefined {
    const here = this.running.get(id)
    if (here) return here.session.read(reading.from, reading.toFailure)
    const { store, pollMs } = this.options
    return store && readElsewhere(id, { ...reading, store, pollMs })
  }

  /** Ends an answer where it runs; false where there is none, or none of this owner. */
  async stop(name: string, owner: string): Promise<boolean> {
    const known = await this.find(name, owner)
    if (!known) return false
    const here = this.running.get(known.id)
    if (here) here.session.stop()
    else await this.options.store?.set(keysOf(known.id).stop, '1', { ttlMs: 60_000 })
    return true
  }

  /** By the id of an answer, or of the conversation that it belongs to; undefined where there is none of this owner. */
  async find(name: string, owner: string): Promise<Known | undefined> {
    const known =
      this.running.get(name) ?? (await this.read(name)) ?? (await this.latest(name, owner))
    return known?.owner === owner ? known : undefined
  }

  private async read(id: string): Promise<Known | undefined> {
    const meta = await this.options.store?.get(keysOf(id).meta)
    return meta === undefined ? undefined : toKnown(meta)
  }

  /** The answer that runs in a conversation. Its name is the client's own: without an owner it could be anybody's. */
  private async latest(conversation: string, owner: string): Promise<Known | undefined> {
    if (owner === '') return undefined
    const id = await this.options.store?.get(chatKey(owner, conversation))
    return id === undefined ? undefined : this.read(id)
  }
}

/** What `open` wrote; undefined for anything else that may stand there. */
function toKnown(meta: string): Known | undefined {
  const known = parseJson(meta)
  if (!isObject(known)) return undefined
  const { id, owner, format } = known
  if (typeof id !== 'string' || typeof owner !== 'string') return undefined
  return typeof format === 'string' ? { id, owner, format } : undefined
}

const chatKey = (owner: string, conversation: string) =>
  `chat:${JSON.stringify([owner, conversation])}`

function readElsewhere(
  id: string,
  { store, pollMs, from, toFailure }: Reading & { readonly store: Store; readonly pollMs: number },
): SessionReader {
  const keys = keysOf(id)
  const left = new AbortController()
  const read = storedLog({
    store,
    key: keys.log,
    isAlive: async () => (await store.get(keys.beat)) !== undefined,
    async wait() {
      // whoever runs it sees that it is read
      await store.set(keys.reader, '1', { ttlMs: lifeMs(pollMs) })
      return pause(pollMs, left.signal)
    },
  })
  return createReader({ from, isNumbered: true, read, toFailure, onLeave: () => left.abort() })
}

/** False when the signal fired. */
function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve(!signal.aborted)
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
  })
}
