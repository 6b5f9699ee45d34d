/** The running and stored answers of a handler: owners resume and stop them, in any process. */
import { isObject, parseJson } from '../../chat/index.js'
import { memoryStore, type Store } from '../../store/index.js'
import type { Format } from '../formats/index.js'
import type { BaseHandlerOptions } from '../options.js'
import { namedId } from './answer-name.js'
import { answersIn } from './chat-answers.js'
import { directSession } from './direct-session.js'
import type { EventStream } from './events.js'
import { outlast, storedLog } from './log.js'
import { createReader, type SessionReader, type StreamSession, type ToFailure } from './reader.js'
import { keysOf, lifeMs, storedSession } from './stored-session.js'

/** The owner of a stored answer and the wire format it is encoded in. */
export interface Identity {
  readonly owner: string
  readonly format: Format
}

export interface Opening extends Identity {
  readonly id: string
  readonly eventStream: EventStream
  /** Its client gave it a name, by which it may have been stopped already. */
  readonly isNamed: boolean
  /** The conversation id, where the client sent one. */
  readonly conversation: string | undefined
  /** Events to emit before those of the call. */
  readonly preamble: readonly string[]
  /** Registers work that continues after its readers have disconnected. */
  readonly defer: (work: Promise<unknown>) => void
}

export interface Reading {
  /** Number of events the client already has. */
  readonly from: number
  /** The data of the last event, where the writing process is gone. */
  readonly toFailure: ToFailure
}

export interface SessionsOptions {
  /** Without a store no answer outlives its connection. */
  readonly store: Store | undefined
  readonly keepMs: number
  readonly pollMs: number
  readonly onDisconnect: NonNullable<BaseHandlerOptions<never>['onDisconnect']>
  /** Called with store errors; the answer itself continues. */
  readonly onError: (error: unknown) => void
}

/** A running or stored answer. */
export interface Known {
  readonly id: string
  readonly owner: string
  /** The format's name, as stored. */
  readonly format: string
}

interface Running extends Known {
  readonly stop: () => void
  /** Undefined for an answer that is not stored: its one reader takes what comes. */
  readonly stored: StreamSession | undefined
  /** Its key in the store where the answer is stored, and its client sent a conversation id. */
  readonly chat: string | undefined
}

export class Sessions {
  private readonly running = new Map<string, Running>()
  /** Stops of answers, also of those whose request has not been read yet. */
  private readonly stops: Store

  constructor(private readonly options: SessionsOptions) {
    this.stops = options.store ?? memoryStore()
  }

  /** The id of a new answer: that of the name which its client gave it, else a random one. */
  newId(named: string | undefined): string {
    return named === undefined || this.running.has(named) ? crypto.randomUUID() : named
  }

  /** Starts a session. Other processes find it once the store has its `meta` entry. */
  open(opening: Opening): StreamSession {
    const session = this.start(opening)
    if (opening.isNamed) this.stopIfStopped(opening.id, session)
    return session
  }

  /** Stops an answer whose stop came before it. */
  private stopIfStopped(id: string, session: StreamSession): void {
    this.stops.get(keysOf(id).stop).then((stop) => {
      if (stop !== undefined) session.stop()
    }, this.options.onError)
  }

  /** Lets its client stop an answer that is not streamed, by its name, until the result is called. */
  openPlain(named: string, { owner, format }: Identity, stop: () => void): () => void {
    const id = this.newId(named)
    const known = { id, owner, format: format.name }
    this.running.set(id, { ...known, stop, stored: undefined, chat: undefined })
    let timer: ReturnType<typeof setTimeout> | undefined
    let report = (error: unknown) => {
      report = () => {}
      this.options.onError(error)
    }
    // for a stop that came before, or comes from another process
    const look = async () => {
      const found = await this.stops.get(keysOf(id).stop).catch((error) => report(error))
      if (found !== undefined) stop()
      else if (this.running.has(id)) timer = setTimeout(look, this.options.pollMs)
    }
    void look()
    return () => {
      this.running.delete(id)
      clearTimeout(timer)
    }
  }

  private start(opening: Opening): StreamSession {
    const { id, eventStream, owner, format, conversation, preamble, defer } = opening
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
      const stop = () => session.stop()
      this.running.set(id, { ...known, stop, stored: undefined, chat: undefined })
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
    this.running.set(id, { ...known, stop: () => session.stop(), stored: session, chat })
    return session
  }

  /** Reads an answer from a position on; undefined without a log of it: its one reader has taken what came. */
  resume({ id }: Known, reading: Reading): SessionReader | undefined {
    const here = this.running.get(id)
    if (here) return here.stored?.read(reading.from, reading.toFailure)
    const { store, pollMs } = this.options
    return store && readElsewhere(id, { ...reading, store, pollMs })
  }

  /**
   * Stops an answer, or all of a conversation, wherever they run; false where this owner has none of
   * that name. A stop by the name that its client gave an answer may come before that answer.
   */
  async stop(name: string, owner: string): Promise<boolean> {
    const named = await namedId(name, owner)
    const ids = named ? [named] : (await this.findAll(name, owner)).map(({ id }) => id)
    await Promise.all(ids.map((id) => this.stopOne(id)))
    return ids.length > 0
  }

  private async stopOne(id: string): Promise<void> {
    if (!this.running.has(id)) await this.stops.set(keysOf(id).stop, '1', { ttlMs: 60_000 })
    // it may have begun, and looked for its stop, while that was written
    this.running.get(id)?.stop()
  }

  /** Finds an answer by its id, or the latest of a conversation; undefined where this owner has none. */
  async find(name: string, owner: string): Promise<Known | undefined> {
    const [known] = await this.findAll(name, owner)
    return known
  }

  private async findAll(name: string, owner: string): Promise<readonly Known[]> {
    const known = this.running.get(name) ?? (await this.read(name))
    const found = known ? [known] : await this.inConversation(name, owner)
    return found.filter((one) => one.owner === owner)
  }

  private async read(id: string): Promise<Known | undefined> {
    const meta = await this.options.store?.get(keysOf(id).meta)
    return meta === undefined ? undefined : toKnown(meta)
  }

  /**
   * The running answers of a conversation, the latest first. Its id is the client's: without an owner
   * it proves nothing.
   */
  private async inConversation(conversation: string, owner: string): Promise<readonly Known[]> {
    const { store } = this.options
    if (owner === '' || !store) return []
    const key = chatKey(owner, conversation)
    const stored = await answersIn({ store, key })
    const isStored = new Set(stored.map(({ id }) => id))
    // the store may not have their names yet
    const here = [...this.running.values()].filter(
      (one) => one.chat === key && !isStored.has(one.id),
    )
    const found = await Promise.all(
      stored.map(async ({ id, isLatest }) =>
        isLatest || (await this.isAlive(id)) ? (this.running.get(id) ?? this.read(id)) : undefined,
      ),
    )
    return [...here.reverse(), ...found.filter((known) => known !== undefined)]
  }

  /** False for an older answer of a process that died. */
  private async isAlive(id: string): Promise<boolean> {
    return (await this.options.store?.get(keysOf(id).beat)) !== undefined
  }
}

/** Parses what `open` wrote; undefined for anything else. */
function toKnown(meta: string): Known | undefined {
  const known = parseJson(meta)
  if (!isObject(known)) return undefined
  const { id, owner, format } = known
  if (typeof id !== 'string' || typeof owner !== 'string') return undefined
  return typeof format === 'string' ? { id, owner, format } : undefined
}

const chatKey = (owner: string, conversation: string) =>
  `chat-answers:${JSON.stringify([owner, conversation])}`

function readElsewhere(
  id: string,
  { store, pollMs, from, toFailure }: Reading & { readonly store: Store; readonly pollMs: number },
): SessionReader {
  const keys = keysOf(id)
  const left = new AbortController()
  const wait = () => pause(pollMs, left.signal)
  const read = storedLog({
    store,
    key: keys.log,
    isAlive: async () => (await outlast(() => store.get(keys.beat), wait)) !== undefined,
    async wait() {
      // signals the writing process that the answer has a reader
      await outlast(() => store.set(keys.reader, '1', { ttlMs: lifeMs(pollMs) }), wait)
      return wait()
    },
  })
  return createReader({ from, isNumbered: true, read, toFailure, onLeave: () => left.abort() })
}

/** Resolves to false when the signal fired. */
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
