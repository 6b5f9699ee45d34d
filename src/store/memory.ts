/** A store in the memory of one process: for tests, and for apps that run once. */
import { TetradError } from '../core/index.js'
import type { Store } from './store.js'

export interface MemoryStoreOptions {
  /** Milliseconds. @default Date.now */
  readonly now?: (() => number) | undefined
}

interface Entry {
  value: string | number | string[]
  expires: number
}

/** Makes an empty store. Entries that have expired are swept as others are written; no timer is kept. */
export function memoryStore({ now = Date.now }: MemoryStoreOptions = {}): Store & {
  /** Entries that have not expired. */
  readonly size: number
} {
  const entries = new Map<string, Entry>()
  let nextSweep = 0
  const sweep = () => {
    for (const [key, { expires }] of entries) if (expires <= now()) entries.delete(key)
  }
  const find = (key: string): Entry | undefined => {
    const entry = entries.get(key)
    if (!entry || entry.expires > now()) return entry
    entries.delete(key)
    return undefined
  }
  const put = (key: string, value: Entry['value'], ttlMs: number) => {
    if (now() >= nextSweep) {
      sweep()
      nextSweep = now() + 10_000
    }
    entries.set(key, { value, expires: now() + ttlMs })
  }
  return {
    get size() {
      sweep()
      return entries.size
    },
    async get(key) {
      const value = find(key)?.value
      if (Array.isArray(value)) throw wrongKind(key)
      return value === undefined ? undefined : String(value)
    },
    async set(key, value, { ttlMs }) {
      put(key, value, ttlMs)
    },
    async setIfAbsent(key, value, { ttlMs }) {
      if (find(key)) return false
      put(key, value, ttlMs)
      return true
    },
    async increment(key, by, { ttlMs }) {
      const entry = find(key)
      const sum = Number(entry?.value ?? 0) + by
      if (!Number.isSafeInteger(sum)) throw wrongKind(key)
      if (entry) entry.value = sum
      else put(key, sum, ttlMs)
      return sum
    },
    async delete(key) {
      entries.delete(key)
    },
    async append(key, added, { ttlMs, at = undefined }) {
      const log = find(key)?.value ?? []
      if (!Array.isArray(log)) throw wrongKind(key)
      if (at !== undefined && log.length !== at) return -1
      for (const one of added) log.push(one)
      // Redis keeps no empty list
      if (log.length > 0) put(key, log, ttlMs)
      return log.length
    },
    async read(key, from, limit = Infinity) {
      const log = find(key)?.value ?? []
      if (!Array.isArray(log)) throw wrongKind(key)
      return log.slice(from, from + limit)
    },
  }
}

const wrongKind = (key: string) => new TetradError(`The store holds something else under ${key}`)
