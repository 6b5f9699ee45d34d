/** The options and types of an inbox. */
import { MisuseError } from '../core/errors.js'
import type { Store } from '../store/store.js'

/** Messages of one key that are answered together. */
export interface Turn<Message> {
  /** The same in every attempt and process: the store key for what must happen once (a send). */
  readonly id: string
  readonly key: string
  /** Sorted by `at`, then by arrival; without those that are too old. */
  readonly messages: readonly Message[]
  /** From 1. Above 1 an earlier attempt failed or its process died: check for the marks it left. */
  readonly attempt: number
  /**
   * Fires when this process must stop: another one may have taken over the key (`AbortError` with
   * code `lease_lost`), `close()` waits no longer (`closing`), or `timeoutMs` have passed
   * (`TimeoutError`). Pass it to every call and send.
   */
  readonly signal: AbortSignal
}

export interface InboxOptions<Message> {
  /** Stores the messages, as JSON. It must survive restarts and evict nothing, or they are lost. */
  readonly store: Store
  /** Separates inboxes that share a store; the same in all processes. @default 'inbox' */
  readonly name?: string | undefined
  /** The messenger's id of the message, the same in every delivery. */
  readonly id: (message: Message) => string
  /** The chat of a message. Turns of a key run in sequence, those of different keys in parallel. */
  readonly key: (message: Message) => string
  /** When it was sent. Epoch milliseconds. @default when it was added */
  readonly at?: ((message: Message) => number) | undefined
  /** A turn begins after this long without a new message. Milliseconds. @default 1_500 */
  readonly quietMs?: number | undefined
  /** A turn begins at most this long after its first message. Milliseconds. @default 10_000 */
  readonly maxQuietMs?: number | undefined
  /**
   * Messages older than this when a turn begins go to `onExpired`. Milliseconds.
   * @default 6 hours
   */
  readonly maxAgeMs?: number | undefined
  /** How long an id is known and a message may wait. Milliseconds. @default 8 days */
  readonly rememberMs?: number | undefined
  /** Turns that run in this process at once. @default 50 */
  readonly concurrency?: number | undefined
  /** Messages of one key that may wait; more go to `onFull` and are not stored. @default 20 */
  readonly maxWaiting?: number | undefined
  /** Attempts per turn, those whose process died included. @default 3 */
  readonly attempts?: number | undefined
  /** Delay of the second attempt, times four for each further one. Milliseconds. @default 1_000 */
  readonly backoffMs?: number | undefined
  /** Time limit of an attempt. Milliseconds. @default 300_000 */
  readonly timeoutMs?: number | undefined
  /**
   * A process that died blocks its turn for this long, and up to a third more. Milliseconds.
   * @default 30_000
   */
  readonly leaseMs?: number | undefined
  /** How often the store is polled for work of other processes. Milliseconds. @default 1_000 */
  readonly pollMs?: number | undefined
  /** Answers a turn. When it rejects the turn is retried, finally passed to `onError`. */
  readonly answer: (messages: readonly Message[], turn: Turn<Message>) => unknown
  /** Records messages too old to answer. Fails like `answer`; may get the same turn again. */
  readonly onExpired?: ((messages: readonly Message[], turn: Turn<Message>) => unknown) | undefined
  /**
   * Called with a message that was not stored, as too many of its key wait; `isFirst` is true once
   * until the key's next turn has begun: the time to send "one moment". `add` awaits it and rejects
   * with its error.
   */
  readonly onFull?:
    | ((message: Message, full: { readonly key: string; readonly isFirst: boolean }) => unknown)
    | undefined
  /**
   * Called with a turn that failed in every attempt, and its last error; the turn is then over.
   * Without a turn: an error of the store, once until it is back. What it throws is ignored.
   */
  readonly onError?: ((error: unknown, turn: Turn<Message> | undefined) => unknown) | undefined
  /** For tests. @default the clock of the process */
  readonly clock?: InboxClock | undefined
}

export interface InboxClock {
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly setTimeout: (run: () => void, ms: number) => unknown
  readonly clearTimeout: (timer: unknown) => void
}

/** `kept`: to be answered. `duplicate`: stored before. `full`: passed to `onFull`, not stored. */
export type Added = 'kept' | 'duplicate' | 'full'

export interface Inbox<Message> {
  /**
   * Stores a message: once it resolves the webhook may respond 200. Rejects when the store fails
   * (`ServiceUnavailableError`) or the message has no id or key or is not JSON (`MisuseError`).
   * Still works after `close()`, for other processes.
   */
  add(message: Message): Promise<Added>
  /** Resumes what ended processes left: call it at start. Rejects when the store cannot be read. */
  resume(): Promise<void>
  /**
   * Starts no further turn, and resolves when the running ones are over. After `graceMs` (20_000)
   * their signals fire and other processes take them over; such an attempt does not count.
   */
  close(options?: { readonly graceMs?: number | undefined }): Promise<void>
}

const systemClock: InboxClock = {
  now: () => Date.now(),
  setTimeout: (run, ms) => setTimeout(run, ms),
  // the value that our own setTimeout returned
  clearTimeout: (timer) => clearTimeout(timer as number),
}

const hourMs = 3_600_000

const defaults = {
  quietMs: 1_500,
  maxQuietMs: 10_000,
  maxAgeMs: 6 * hourMs,
  rememberMs: 8 * 24 * hourMs,
  concurrency: 50,
  maxWaiting: 20,
  attempts: 3,
  backoffMs: 1_000,
  timeoutMs: 300_000,
  leaseMs: 30_000,
  pollMs: 1_000,
}

/** May be 0, and Infinity for no limit. */
const spans: readonly string[] = ['quietMs', 'maxQuietMs', 'maxAgeMs', 'backoffMs']

/** The options with their defaults. */
export type InboxSettings<Message> = InboxOptions<Message> &
  Readonly<typeof defaults> & { readonly name: string; readonly clock: InboxClock }

/** Throws `MisuseError` for an invalid option. */
export function withDefaults<Message>(options: InboxOptions<Message>): InboxSettings<Message> {
  for (const name of ['id', 'key', 'answer'] as const)
    if (typeof options?.[name] !== 'function')
      throw new MisuseError(
        `createInbox() needs \`${name}\`, a function of ${name === 'answer' ? 'messages' : 'a message'}`,
      )
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value != null))
  const settings = { name: 'inbox', clock: systemClock, ...defaults, ...options, ...given }
  for (const name of Object.keys(defaults) as (keyof typeof defaults)[]) {
    const value: unknown = settings[name]
    const isRight = typeof value === 'number' && (spans.includes(name) ? value >= 0 : value >= 1)
    if (!isRight)
      throw new MisuseError(
        `\`${name}\` of createInbox() must be a number of at least ${spans.includes(name) ? 0 : 1}, not ${value}`,
      )
  }
  // each number was checked above
  return settings as InboxSettings<Message>
}
