/** What an inbox is given, and what it gives. */
import { MisuseError } from '../core/errors.js'
import type { Store } from '../store/store.js'

/** Some messages of one key that are answered together. */
export interface Turn<Message> {
  /**
   * The same in every attempt and every process: whatever must happen once (a send, a line of history) is marked in the
   * store under it.
   */
  readonly id: string
  readonly key: string
  /** By `at`, then as they came; those that had become too old are left out. */
  readonly messages: readonly Message[]
  /** From 1. Above 1 an earlier one failed, or its process died: look for the marks it left. */
  readonly attempt: number
  /**
   * Fires when this process must stop: another one may have taken the key over (`AbortError` with code `lease_lost`),
   * `close()` waits no longer (`closing`), or `timeoutMs` are over (`TimeoutError`). Give it to every call and send.
   */
  readonly signal: AbortSignal
}

export interface InboxOptions<Message> {
  /** Keeps the messages: they have to be JSON. What it loses is lost, so let it survive a restart, and evict nothing. */
  readonly store: Store
  /** Apart from other inboxes of the store; the same in all processes. @default 'inbox' */
  readonly name?: string | undefined
  /** What the messenger calls this message, alike in every delivery of it. */
  readonly id: (message: Message) => string
  /** Whose turn it is: a chat. Turns of one key run one after the other, those of others beside it. */
  readonly key: (message: Message) => string
  /** When it was sent. Epoch milliseconds. @default when it was added */
  readonly at?: ((message: Message) => number) | undefined
  /** So long nothing more may come from a key before its turn begins. Milliseconds. @default 1_500 */
  readonly quietMs?: number | undefined
  /** A turn begins so long after its first message, however much comes. Milliseconds. @default 10_000 */
  readonly maxQuietMs?: number | undefined
  /** What is older when its turn begins goes to `onExpired`, not to `answer`. Milliseconds. @default 6 hours */
  readonly maxAgeMs?: number | undefined
  /** How long an id is known, and what waits is kept. Milliseconds. @default 8 days */
  readonly rememberMs?: number | undefined
  /** Turns that run in this process at once. @default 50 */
  readonly concurrency?: number | undefined
  /** Messages of one key that may wait for their turn; more go to `onFull` and are not kept. @default 20 */
  readonly maxWaiting?: number | undefined
  /** How often a turn is tried, attempts whose process died included. @default 3 */
  readonly attempts?: number | undefined
  /** Before the second attempt; four times as long before each further one. Milliseconds. @default 1_000 */
  readonly backoffMs?: number | undefined
  /** How long an attempt may take. Milliseconds. @default 300_000 */
  readonly timeoutMs?: number | undefined
  /** A process that died keeps its turn from the others for so long, and up to a third more. Milliseconds. @default 30_000 */
  readonly leaseMs?: number | undefined
  /** How often the store is asked for what other processes left. Milliseconds. @default 1_000 */
  readonly pollMs?: number | undefined
  /** Answers a turn. When it rejects the turn is tried again, then given to `onError`. */
  readonly answer: (messages: readonly Message[], turn: Turn<Message>) => unknown
  /** Records messages that are too old to be answered. Fails like `answer`; may get them again with the same turn. */
  readonly onExpired?: ((messages: readonly Message[], turn: Turn<Message>) => unknown) | undefined
  /**
   * A message that was not kept, because so many of its key wait; `isFirst` once until the key's next turn has begun:
   * the time to send "one moment". `add` waits for it and rejects with what it throws.
   */
  readonly onFull?:
    | ((message: Message, full: { readonly key: string; readonly isFirst: boolean }) => unknown)
    | undefined
  /**
   * A turn that failed in every attempt, with its last error; it is over then. Without a turn: what the store said when
   * it failed, once until it is back. What it throws is ignored.
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

/** `kept`: it will be answered. `duplicate`: it was kept before. `full`: `onFull` got it, and nothing else will come of it. */
export type Added = 'kept' | 'duplicate' | 'full'

export interface Inbox<Message> {
  /**
   * Keeps a message: when it resolves the webhook may say 200. Rejects when the store fails (`ServiceUnavailableError`)
   * or the message has no id or key or is no JSON (`MisuseError`). Goes on working after `close()`, for other processes.
   */
  add(message: Message): Promise<Added>
  /** Goes on with what was left when processes ended: call it at start. Rejects when the store cannot be read. */
  resume(): Promise<void>
  /**
   * Begins no further turn, and resolves when those that run are over. After `graceMs` (20_000) their signals fire and
   * other processes take them up; such an attempt does not count.
   */
  close(options?: { readonly graceMs?: number | undefined }): Promise<void>
}

const systemClock: InboxClock = {
  now: () => Date.now(),
  setTimeout: (run, ms) => setTimeout(run, ms),
  // what comes back is what our own setTimeout gave
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

/** They may be 0, and no limit at all. */
const spans: readonly string[] = ['quietMs', 'maxQuietMs', 'maxAgeMs', 'backoffMs']

/** What `withDefaults` gives. */
export type InboxSettings<Message> = InboxOptions<Message> &
  Readonly<typeof defaults> & { readonly name: string; readonly clock: InboxClock }

/** Throws `MisuseError` for a number that is none. */
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
    if (!isRight) throw new MisuseError(`createInbox() takes a number as \`${name}\`: ${value}`)
  }
  // each is a number: just looked
  return settings as InboxSettings<Message>
}
