/** Inboxes that share a store and a fake clock, and record what they do. */
import { createInbox, type Inbox, type InboxOptions, type Turn } from '../../src/inbox/index.js'
import { memoryStore, type Store } from '../../src/store/index.js'
import { type FakeClock, fakeClock } from '../middleware/fake-clock.js'

export interface Letter {
  readonly id: string
  readonly chat: string
  readonly sentAt?: number
  readonly picture?: string
}

/** Creates a letter from its id: `a1` belongs to chat `a`. */
export const letter = (id: string, sentAt?: number): Letter => ({
  id,
  chat: id.slice(0, 1),
  ...(sentAt !== undefined && { sentAt }),
})

export interface Recorded {
  readonly ids: string
  readonly turn: Turn<Letter>
}

export interface Bench {
  readonly clock: FakeClock
  readonly store: Store
  /** The turns passed to `answer`, in order. */
  readonly answered: Recorded[]
  readonly expired: Recorded[]
  readonly full: { readonly id: string; readonly isFirst: boolean }[]
  readonly errors: { readonly error: unknown; readonly ids: string | undefined }[]
  /** Another process over the same store. */
  open(options?: Partial<InboxOptions<Letter>>): Inbox<Letter>
  /** Advances the clock step by step, and runs what each step triggers. */
  pass(ms: number): Promise<void>
}

const record = (messages: readonly Letter[], turn: Turn<Letter>): Recorded => ({
  ids: messages.map(({ id }) => id).join(' '),
  turn,
})

/** Resolves when everything that needs no timer has run: the store is in memory. */
export const settle = async () => {
  for (let i = 0; i < 3; i++) await new Promise(setImmediate)
}

export function bench(defaults: Partial<InboxOptions<Letter>> = {}): Bench {
  const clock = fakeClock()
  // a realistic wall clock, far from 1970
  clock.advance(1_800_000_000_000)
  const store = memoryStore({ now: clock.now })
  const made: Bench = {
    clock,
    store,
    answered: [],
    expired: [],
    full: [],
    errors: [],
    open: (options = {}) =>
      createInbox<Letter>({
        store,
        clock,
        id: ({ id }) => id,
        key: ({ chat }) => chat,
        at: ({ sentAt }) => sentAt ?? clock.now(),
        onExpired: (messages, turn) => void made.expired.push(record(messages, turn)),
        onFull: ({ id }, { isFirst }) => void made.full.push({ id, isFirst }),
        onError: (error, turn) =>
          void made.errors.push({ error, ids: turn && record(turn.messages, turn).ids }),
        ...defaults,
        ...options,
        answer: (messages, turn) => {
          made.answered.push(record(messages, turn))
          return (options.answer ?? defaults.answer)?.(messages, turn)
        },
      }),
    async pass(ms) {
      const end = clock.now() + ms
      await settle()
      while (clock.now() < end) {
        clock.advance(Math.min(100, end - clock.now()))
        await settle()
      }
    },
  }
  return made
}

/** A promise that a test settles. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

/** A store that wraps each operation. */
export function wrap(
  store: Store,
  before: (name: string) => unknown,
  after: () => unknown = () => undefined,
): Store {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function' || typeof name !== 'string') return value
      return async (...args: unknown[]) => {
        await before(name)
        const result: unknown = await value.apply(target, args)
        await after()
        return result
      }
    },
  })
}

/**
 * The store of a process that dies: from then on no operation reaches it or returns. With
 * `lastHalf`, counted in halves of operations, it dies by itself: before or after that operation
 * has reached the store.
 */
export function mortal(store: Store, lastHalf = Infinity) {
  let isDead = false
  let halves = 0
  const never = new Promise<never>(() => {})
  const live = () => {
    isDead ||= ++halves > lastHalf
    return isDead ? never : undefined
  }
  return {
    store: wrap(store, live, live),
    isDead: () => isDead,
    kill: () => {
      isDead = true
      return never
    },
  }
}
