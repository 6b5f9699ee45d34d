/** A store in the memory of one process: for tests, and for apps with a single process. */
import { TetradError } from '../core/errors.js'
import { DueQueue } from './due-queue.js'
import { type CapRow, type HoldRow, hold, type LedgerRows, settle } from './ledger.js'
import type { FullStore } from './store.js'

export interface MemoryStoreOptions {
  /** The clock, in milliseconds. @default Date.now */
  readonly now?: (() => number) | undefined
}

interface Entry {
  value: string | number | string[]
  expires: number
}

/** Creates an empty store. Each write looks for expired entries; there is no timer. */
export function memoryStore({ now = Date.now }: MemoryStoreOptions = {}): FullStore & {
  /** Number of entries that have not expired. */
  readonly size: number
} {
  const entries = expiringEntries(now)
  const ledgers = new Map<string, LedgerRows>()
  const rowsOf = (ledger: string) => atKey(ledgers, ledger, () => memoryRows(now))
  return {
    get size() {
      return entries.size()
    },
    async get(key) {
      return entries.text(key)
    },
    async set(key, value, { ttlMs }) {
      entries.put(key, value, ttlMs)
    },
    async setIfAbsent(key, value, { ttlMs }) {
      if (entries.find(key)) return false
      entries.put(key, value, ttlMs)
      return true
    },
    async increment(key, by, { ttlMs }) {
      const entry = entries.find(key)
      const sum = Number(entry?.value ?? 0) + by
      if (!Number.isSafeInteger(sum)) throw wrongKind(key)
      if (entry) entry.value = sum
      else entries.put(key, sum, ttlMs)
      return sum
    },
    async delete(key) {
      entries.delete(key)
    },
    async replace(key, expected, value, { ttlMs }) {
      if (entries.text(key) !== expected) return false
      entries.put(key, value, ttlMs)
      return true
    },
    async deleteIf(key, expected) {
      return entries.text(key) === expected && entries.delete(key)
    },
    async append(key, added, { ttlMs, at }) {
      const log = entries.log(key)
      if (at !== undefined && log.length !== at) return -1
      for (const one of added) log.push(one)
      // like Redis, which keeps no empty list
      if (log.length > 0) entries.put(key, log, ttlMs)
      return log.length
    },
    async read(key, from, limit = Infinity) {
      return entries.log(key).slice(from, from + limit)
    },
    async shift(key, front) {
      const log = entries.log(key)
      if (front.some((entry, index) => log[index] !== entry)) return false
      log.splice(0, front.length)
      if (log.length === 0) entries.delete(key)
      return true
    },
    ...memoryQueues(now),
    async hold(ledger, request) {
      return hold(rowsOf(ledger), request, now())
    },
    async settle(ledger, request) {
      return settle(rowsOf(ledger), request, now())
    },
  }
}

function memoryQueues(now: () => number): Pick<FullStore, 'schedule' | 'claim' | 'unschedule'> {
  const queues = new Map<string, DueQueue>()
  const queueOf = (queue: string) => atKey(queues, queue, () => new DueQueue())
  return {
    async schedule(queue, member, { inMs }) {
      queueOf(queue).set(member, now() + Math.ceil(inMs))
    },
    async claim(queue, { leaseMs, limit = 100 }) {
      const members = queueOf(queue)
      const at = now() + Math.ceil(leaseMs)
      const due = members.take(now(), limit)
      for (const member of due) members.set(member, at)
      return due.map((member) => ({ member, at }))
    },
    async unschedule(queue, member, at) {
      const members = queueOf(queue)
      if (members.timeOf(member) !== at) return false
      members.delete(member)
      return true
    },
  }
}

/** Entries by key, without expired ones. */
function expiringEntries(now: () => number) {
  const entries = new Map<string, Entry>()
  const sweep = sweeper(entries, now)
  const find = (key: string): Entry | undefined => {
    const entry = entries.get(key)
    if (!entry || entry.expires > now()) return entry
    entries.delete(key)
    return undefined
  }
  return {
    find,
    size() {
      for (const key of entries.keys()) find(key)
      return entries.size
    },
    put(key: string, value: Entry['value'], ttlMs: number) {
      sweep()
      entries.set(key, { value, expires: now() + ttlMs })
    },
    delete: (key: string) => entries.delete(key),
    text(key: string): string | undefined {
      const value = find(key)?.value
      if (Array.isArray(value)) throw wrongKind(key)
      return value === undefined ? undefined : String(value)
    },
    log(key: string): string[] {
      const log = find(key)?.value ?? []
      if (!Array.isArray(log)) throw wrongKind(key)
      return log
    },
  }
}

/** Entries that a write looks at: more than it adds, and few however many there are. */
const sweptPerWrite = 4

/** Deletes the expired ones among the next few entries; starts again behind the last. */
function sweeper(entries: Map<string, { readonly expires: number }>, now: () => number) {
  let rest = entries.entries()
  return () => {
    for (let looked = 0; looked < sweptPerWrite; looked++) {
      const { value } = rest.next()
      if (!value) {
        rest = entries.entries()
        return
      }
      const [key, { expires }] = value
      if (expires <= now()) entries.delete(key)
    }
  }
}

function atKey<T>(map: Map<string, T>, key: string, make: () => T): T {
  const known = map.get(key) ?? make()
  map.set(key, known)
  return known
}

function memoryRows(now: () => number): LedgerRows {
  const caps = new Map<string, CapRow>()
  const holds = new Map<string, HoldRow>()
  const dues = new DueQueue()
  const sweep = sweeper(caps, now)
  return {
    cap: (key) => caps.get(key),
    putCap(key, row) {
      sweep()
      caps.set(key, row)
    },
    hold: (id) => holds.get(id),
    putHold(id, row) {
      holds.set(id, row)
      dues.set(id, row.due)
    },
    deleteHold(id) {
      holds.delete(id)
      dues.delete(id)
    },
    due: (now) => dues.take(now, 1_000),
  }
}

const wrongKind = (key: string) =>
  new TetradError(`The store has a value of another kind under ${key}`)
