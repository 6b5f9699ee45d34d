/**
 * The state of an inbox in the store: for each key the waiting messages and the open turn, for each
 * id a mark, and one queue of the keys with work. Another process can repeat every step of one that
 * died.
 */
import { needs } from '../store/needs.js'
import { patientStore } from '../store/patient.js'
import type { Claimed, FullStore } from '../store/store.js'
import type { Added, InboxSettings } from './options.js'

export interface Entry {
  readonly id: string
  /** When it was sent, and when it was added. Epoch milliseconds. */
  readonly at: number
  readonly added: number
  readonly message: unknown
}

/** The open turn of a key. Only its current runner can write it: writes by an earlier one fail. */
export interface OpenTurn {
  readonly id: string
  readonly owner: string
  /** Number of attempts that have begun. */
  readonly attempts: number
  /** Epoch milliseconds. */
  readonly notBefore: number
  readonly entries: readonly Entry[]
}

export interface AddResult {
  readonly added: Added
  /** Time until its turn is due. Milliseconds. */
  readonly inMs?: number
}

const operations = ['replace', 'deleteIf', 'shift', 'schedule', 'claim', 'unschedule'] as const

/** The mark of a known id without a turn; with one, the mark is the turn's id. */
const known = 'known'

export class Mailbox<Message> {
  readonly store: FullStore
  private readonly ttl: { readonly ttlMs: number }

  constructor(readonly settings: InboxSettings<Message>) {
    const { store, clock, rememberMs, pollMs } = settings
    needs('createInbox()', store, operations)
    // checked above; the ledger is not used
    this.store = patientStore(store as FullStore, {
      patienceMs: 5_000,
      restMs: pollMs,
      now: clock.now,
    })
    this.ttl = { ttlMs: rememberMs }
  }

  /** A concurrent duplicate is found among the waiting messages, or its `append` fails. */
  async add(key: string, entry: Entry): Promise<AddResult> {
    const { store, ttl } = this
    if ((await store.get(this.name('id', entry.id))) !== undefined) return { added: 'duplicate' }
    const waiting = await this.waiting(key)
    const isKept = waiting.some(({ id }) => id === entry.id)
    if (!isKept && waiting.length >= this.settings.maxWaiting) return this.refuse(entry)
    if (!isKept) {
      const at = waiting.length
      const length = await store.append(this.name('waiting', key), [JSON.stringify(entry)], {
        ...ttl,
        at,
      })
      if (length < 0) return this.add(key, entry)
      waiting.push(entry)
    }
    const inMs = this.quietLeft(waiting)
    await this.schedule(key, inMs)
    // last: a marked message is stored and in the queue
    await store.setIfAbsent(this.name('id', entry.id), known, ttl)
    return { added: isKept ? 'duplicate' : 'kept', inMs }
  }

  private async refuse({ id }: Entry): Promise<AddResult> {
    const isNew = await this.store.setIfAbsent(this.name('id', id), known, this.ttl)
    return { added: isNew ? 'full' : 'duplicate' }
  }

  /** True once, until the front of the waiting messages has changed. */
  async isFirstRefused(key: string): Promise<boolean> {
    const [first] = await this.waiting(key)
    const name = this.name('full', `${first?.added}:${first?.id}`)
    return this.store.setIfAbsent(name, known, this.ttl)
  }

  /** Milliseconds until the turn of these messages begins. */
  quietLeft(waiting: readonly Entry[]): number {
    const { quietMs, maxQuietMs, maxWaiting, clock } = this.settings
    const [first, last] = [waiting[0], waiting.at(-1)]
    if (!first || !last || waiting.length >= maxWaiting) return 0
    const due = Math.min(last.added + quietMs, first.added + maxQuietMs)
    // the clock of another process may be ahead
    return Math.min(Math.max(0, due - clock.now()), quietMs)
  }

  async waiting(key: string): Promise<Entry[]> {
    const entries = await this.store.read(this.name('waiting', key), 0)
    return entries.map(parse<Entry>)
  }

  /** Claims keys with work. Locked keys are due again, as their holder may have died. */
  claim(limit: number): Promise<readonly Claimed[]> {
    const { name, leaseMs } = this.settings
    return this.store.claim(name, { leaseMs: leaseMs / 3, limit })
  }

  schedule(key: string, inMs: number): Promise<void> {
    return this.store.schedule(this.settings.name, key, { inMs })
  }

  /** Leaves the key in the queue if messages wait; returns in how many milliseconds it is due. */
  async leave({ member: key, at }: Claimed): Promise<number | undefined> {
    for (const isLast of [false, true]) {
      const waiting = await this.waiting(key)
      if (waiting.length > 0) {
        const inMs = this.quietLeft(waiting)
        await this.schedule(key, inMs)
        return inMs
      }
      // a message added meanwhile moves the key, which then stays; one in the same millisecond is
      // found by the next check
      if (isLast || !(await this.store.unschedule(this.settings.name, key, at))) return undefined
    }
    return undefined
  }

  /** The open turn of a key, or a new one of all waiting messages; undefined if none wait. */
  async open(key: string): Promise<OpenTurn | undefined> {
    const text = await this.store.get(this.name('turn', key))
    if (text !== undefined) return parse<OpenTurn>(text)
    const entries = await this.waiting(key)
    if (entries.length === 0) return undefined
    const turn = { id: crypto.randomUUID(), owner: '', attempts: 0, notBefore: 0, entries }
    const isOpen = await this.store.setIfAbsent(
      this.name('turn', key),
      JSON.stringify(turn),
      this.ttl,
    )
    return isOpen ? turn : this.open(key)
  }

  /** Begins an attempt; its messages no longer wait. Undefined if another process has the turn. */
  async begin(key: string, turn: OpenTurn): Promise<OpenTurn | undefined> {
    const isOwn = await Promise.all(turn.entries.map(({ id }) => this.take(id, turn.id)))
    await this.store.shift(
      this.name('waiting', key),
      turn.entries.map((entry) => JSON.stringify(entry)),
    )
    const entries = turn.entries.filter(
      ({ id }, index) =>
        isOwn[index] && turn.entries.findIndex((other) => other.id === id) === index,
    )
    const owner = crypto.randomUUID()
    return this.change(key, turn, { owner, entries, attempts: turn.attempts + 1 })
  }

  /** Assigns an id to one turn, for as long as the id is known. */
  private async take(id: string, turnId: string): Promise<boolean> {
    const mark = this.name('id', id)
    for (;;) {
      if (await this.store.replace(mark, known, turnId, this.ttl)) return true
      if (await this.store.setIfAbsent(mark, turnId, this.ttl)) return true
      const holder = await this.store.get(mark)
      if (holder !== undefined && holder !== known) return holder === turnId
    }
  }

  /** Undefined if another process has changed it. */
  async change(
    key: string,
    turn: OpenTurn,
    changes: Partial<OpenTurn>,
  ): Promise<OpenTurn | undefined> {
    const changed = { ...turn, ...changes }
    const [before, after] = [JSON.stringify(turn), JSON.stringify(changed)]
    const name = this.name('turn', key)
    // a repeated write, of this process or its client, finds itself
    const isOwn =
      (await this.store.replace(name, before, after, this.ttl)) ||
      (await this.store.get(name)) === after
    return isOwn ? changed : undefined
  }

  /** Deletes a turn that is over. */
  async finish(key: string, turn: OpenTurn): Promise<boolean> {
    const name = this.name('turn', key)
    const isDeleted = await this.store.deleteIf(name, JSON.stringify(turn))
    return isDeleted || (await this.store.get(name)) === undefined
  }

  lockName(key: string): string {
    return this.name('lock', key)
  }

  private name(kind: string, rest: string): string {
    return `${this.settings.name}:${kind}:${rest}`
  }
}

// written by this file
const parse = <T>(text: string) => JSON.parse(text) as T
