/** What was said before is loaded, what this call adds is kept: one call at a time for one conversation. */
import type { ContentPart, Message } from '../src/chat/index.js'
import { type Context, layer, type Middleware, MisuseError, type Next } from '../src/core/index.js'
import { takeLease } from '../src/store/lease.js'
import type { Store } from '../src/store/store.js'
import { isApproval } from './approval-message.js'
import { type Clock, sleep, systemClock } from './clock.js'

export interface ConversationOptions<State = {}> {
  readonly store: Store
  /** Which conversation a call belongs to. */
  readonly id: string | ((ctx: Context<State>) => string)
  /** The newest messages that are loaded; cut before a message of the user. @default all */
  readonly maxMessages?: number | undefined
  /** Images, audio and files of earlier turns: all are sent again, those of the last turn that has any, or none is kept. @default 'all' */
  readonly media?: 'last' | 'never' | 'all' | undefined
  /** A conversation is kept for so long after its last message. Milliseconds. @default 30 days */
  readonly ttlMs?: number | undefined
  /** The turn of a process that died is free after so long. Milliseconds. @default 30_000 */
  readonly leaseMs?: number | undefined
  /** For tests. @default the clock of the process */
  readonly clock?: Clock | undefined
}

/**
 * Puts what was said before the messages of the call, and appends what the call added: its own messages (but `system`,
 * `developer` and approvals) and those of the answer, in one write, before the call ends. Of a call that was cut or
 * failed it keeps what had been said; one that failed before anything was said keeps nothing, its question neither.
 * Calls with one id wait for each other, over processes too, in their order within one; one that is aborted leaves.
 *
 * Place: outside `guard` and `history`, so that what was refused is not kept.
 *
 * Throws `MisuseError` for a call without an id, and for a store without `replace` and `deleteIf`.
 *
 * @example
 * const ai = createClient({ use: standard({ with: [conversation({ store, id: (ctx) => ctx.state.chatId })] }) })
 * await ai.generate({ model, messages: [{ role: 'user', content: 'And in French?' }] }, { state: { chatId } })
 */
export function conversation<State = {}>(options: ConversationOptions<State>): Middleware<State> {
  const { store, id, media = 'all', leaseMs = 30_000, clock = systemClock } = options
  const ttlMs = options.ttlMs ?? 30 * 86_400_000
  /** The last of those that wait in this process, by conversation. */
  const turns = new Map<string, Promise<unknown>>()

  const run = async (ctx: Context<State>, next: Next) => {
    const key = keyOf(ctx, id)
    await inTurn(turns, key, ctx.signal, async () => {
      const lease = await waitForLease(ctx, key)
      const renewing = setInterval(() => void lease.renew().catch(() => false), leaseMs / 3)
      try {
        await converse(ctx, next, key)
      } finally {
        clearInterval(renewing)
        // one that cannot be given back ends by itself
        await lease.release().catch(() => false)
      }
    })
  }

  const waitForLease = async (ctx: Context<State>, key: string) => {
    for (;;) {
      const lease = await takeLease(store, `turn:${key}`, { ttlMs: leaseMs })
      if (lease) return lease
      await sleep(pollMs, ctx.signal, clock)
    }
  }

  const converse = async (ctx: Context<State>, next: Next, key: string) => {
    const { messages } = ctx.request
    const isStanding = ({ role }: Message) => role === 'system' || role === 'developer'
    const added = messages.filter((message) => !isStanding(message))
    const before = await load(store, key, options)
    const sent = media === 'last' ? withLastMedia(before) : before
    ctx.request = { ...ctx.request, messages: [...messages.filter(isStanding), ...sent, ...added] }
    try {
      await next()
    } finally {
      const said = (ctx.response ?? ctx.partial)?.messages ?? []
      const kept = [...added.filter((message) => !isApproval(message)), ...said]
      const entries = (media === 'never' ? kept.map(withoutMedia) : kept).map((message) =>
        JSON.stringify(message),
      )
      if (said.length > 0) await store.append(key, entries, { ttlMs })
    }
  }

  return layer<State>('conversation', run, { place: ['outside guard', 'outside history'] })
}

const pollMs = 50

function keyOf<State>(ctx: Context<State>, id: ConversationOptions<State>['id']): string {
  const found: unknown = typeof id === 'function' ? id(ctx) : id
  if (typeof found === 'string' && found !== '') return `conversation:${found}`
  throw new MisuseError('`id` of conversation() gave no text: it names the conversation of a call')
}

/** Runs behind those of this process that came before; one whose signal fires leaves the row. */
async function inTurn(
  turns: Map<string, Promise<unknown>>,
  key: string,
  ...[signal, run]: [AbortSignal, () => Promise<void>]
): Promise<void> {
  const before = turns.get(key) ?? Promise.resolve()
  let leave = () => {}
  const gone = new Promise<void>((resolve) => {
    leave = resolve
  })
  const own = before.then(() => gone)
  turns.set(key, own)
  try {
    await orAborted(before, signal)
    await run()
  } finally {
    leave()
    if (turns.get(key) === own) turns.delete(key)
  }
}

async function orAborted(waiting: Promise<unknown>, signal: AbortSignal): Promise<void> {
  let release = () => {}
  const aborted = new Promise<never>((_, reject) => {
    const leave = () => reject(signal.reason)
    if (signal.aborted) leave()
    signal.addEventListener('abort', leave, { once: true })
    release = () => signal.removeEventListener('abort', leave)
  })
  await Promise.race([waiting, aborted]).finally(release)
}

/** The newest messages, from one of the user on. */
async function load(
  store: Store,
  key: string,
  { maxMessages = Infinity, ttlMs = 30 * 86_400_000 }: ConversationOptions<never>,
): Promise<readonly Message[]> {
  // nothing added: gives its length
  const length = await store.append(key, [], { ttlMs })
  let from = Math.max(0, length - maxMessages)
  for (;;) {
    const messages = (await store.read(key, from)).map(parse)
    const first = from === 0 ? 0 : messages.findIndex(({ role }) => role === 'user')
    if (first >= 0) return messages.slice(first)
    // one turn is longer: it is taken whole
    from = Math.max(0, from - Math.max(1, maxMessages))
  }
}

// what this layer wrote
const parse = (entry: string) => JSON.parse(entry) as Message

function withLastMedia(messages: readonly Message[]): readonly Message[] {
  const last = messages.findLastIndex((message) => withoutMedia(message) !== message)
  return messages.map((message, index) => (index === last ? message : withoutMedia(message)))
}

/** Of its images, audio and files a note remains. The same message where it has none. */
function withoutMedia(message: Message): Message {
  const { content } = message
  if (message.role !== 'user' || !Array.isArray(content) || !content.some(isMedia)) return message
  const noted = content.map((part: ContentPart) =>
    isMedia(part) ? { type: 'text' as const, text: `[${part.type}]` } : part,
  )
  // notes are parts that a user may send
  return { ...message, content: noted } as Message
}

const isMedia = ({ type }: ContentPart) =>
  type === 'image_url' || type === 'input_audio' || type === 'file'
