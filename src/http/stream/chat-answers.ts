/** The running answers of one conversation, in a log of the store: several pages may ask in it at once. */
import type { Store } from '../../store/index.js'

/** A log that a process which died keeps from being emptied is cut at this length. Entries. */
const longest = 100

export interface ChatLog {
  readonly store: Store
  readonly key: string
  /** Milliseconds. */
  readonly ttlMs: number
}

export const enterChat = ({ store, key, ttlMs }: ChatLog, id: string): Promise<number> =>
  store.append(key, [`+${id}`], { ttlMs })

export async function leaveChat({ store, key, ttlMs }: ChatLog, id: string): Promise<void> {
  await store.append(key, [`-${id}`], { ttlMs })
  const entries = await store.read(key, 0)
  const isEmpty = openOf(entries).length === 0
  const past = isEmpty ? entries : entries.slice(0, -longest)
  if (past.length === 0) return
  // only what was read: an answer that began since stays
  if (store.shift) await store.shift(key, past)
  else if (isEmpty) await store.delete(key)
}

export interface ChatAnswer {
  readonly id: string
  /** No other answer began after it. */
  readonly isLatest: boolean
}

/** Those that have not left, the latest first. One of a process that died is among them. */
export async function answersIn({
  store,
  key,
}: Pick<ChatLog, 'store' | 'key'>): Promise<readonly ChatAnswer[]> {
  return openOf(await store.read(key, 0))
}

function openOf(entries: readonly string[]): readonly ChatAnswer[] {
  const left = new Set(entries.filter((entry) => entry.startsWith('-')).map(idOf))
  const began = entries.filter((entry) => entry.startsWith('+')).map(idOf)
  const latest = began.at(-1)
  // an entry whose reply was lost is written again
  return [...new Set(began)]
    .filter((id) => !left.has(id))
    .map((id) => ({ id, isLatest: id === latest }))
    .reverse()
}

const idOf = (entry: string) => entry.slice(1)
