/** Loads the earlier messages of a conversation and stores what a call adds, one call at a time. */
import { asMoved, isApproval, type Message } from '../src/chat/index.js'
import {
  type Context,
  key,
  layer,
  type Middleware,
  MisuseError,
  type Next,
} from '../src/core/index.js'
import { needs } from '../src/store/needs.js'
import { patientStore } from '../src/store/patient.js'
import { appendAt } from '../src/store/sent-twice.js'
import type { Store } from '../src/store/store.js'
import { type Clock, systemClock } from './clock.js'
import { Draft, takeUpDraft, type Where } from './conversation/draft.js'
import { type Media, MediaStore } from './conversation/media.js'
import { type HoldTurn, overtaken, Turns } from './conversation/turn.js'
import { heard } from './heard.js'

export interface ConversationOptions<State = {}> {
  readonly store: Store
  /** The conversation that a call belongs to. */
  readonly id: string | ((ctx: Context<State>) => string)
  /** How many of the newest messages are loaded; cut before a user message. @default all */
  readonly maxMessages?: number | undefined
  /**
   * Images, audio and files are sent with their own turn. In later turns all of them are sent
   * again, those of the last turn that had any, or none: a text line replaces the others, in the
   * store too.
   * @default 'all'
   */
  readonly media?: Media | undefined
  /** How long a conversation is stored after its last message. Milliseconds. @default 30 days */
  readonly ttlMs?: number | undefined
  /** When the turn of a process that died is released. Milliseconds. @default 30_000 */
  readonly leaseMs?: number | undefined
  /** For tests. @default the clock of the process */
  readonly clock?: Clock | undefined
}

const medias: ReadonlySet<unknown> = new Set<Media>(['all', 'last', 'never'])

/**
 * Inserts the stored messages before those of the call, and appends what the call added: its own
 * messages (except `system`, `developer` and approvals) and those of the answer, in one write,
 * before the call ends. Of an aborted or failed call it stores the partial answer; of one that
 * failed before any output nothing, not even its question. Streamed content is stored before it is
 * emitted, so that the next call recovers it if the process dies. Calls with one id run in
 * sequence, across processes too, in order within one; an aborted one stops waiting.
 *
 * Audio transcribed by `hear()` is stored as that text.
 *
 * Place: outside `guard` and `history`, so that refused content is not stored.
 *
 * Throws `MisuseError` at construction for a store without `replace` and `deleteIf` and for an
 * unknown `media`, and for a call without an id; `ServiceUnavailableError` (`store_unavailable`) if
 * the store fails; `ConflictError` (`conversation_overtaken`) if another call took over because the
 * process was away for longer than `leaseMs`: then nothing of this call is stored.
 *
 * @example
 * const ai = createClient({ use: standard({ with: [conversation({ store, id: (ctx) => ctx.state.chatId })] }) })
 * await ai.generate({ model, messages: [{ role: 'user', content: 'And in French?' }] }, { state: { chatId } })
 */
export function conversation<State = {}>(options: ConversationOptions<State>): Middleware<State> {
  needs('conversation()', options?.store, ['replace', 'deleteIf'])
  const { id, maxMessages = Infinity, media = 'all', leaseMs = 30_000 } = options
  const { clock = systemClock } = options
  if (!medias.has(media))
    throw new MisuseError(
      `\`media\` of conversation() must be 'all', 'last' or 'never', not ${media}`,
    )
  if (!(maxMessages >= 1))
    throw new MisuseError(
      `\`maxMessages\` of conversation() must be at least 1, not ${maxMessages}`,
    )
  const store = patientStore(options.store, { patienceMs: 10_000 })
  const ttlMs = options.ttlMs ?? 30 * 86_400_000
  const turns = new Turns({ store, leaseMs, clock })
  const turn = key<readonly string[]>('turn', { isInherited: true })

  const run = async (ctx: Context<State>, next: Next) => {
    const where = { store, key: keyOf(ctx, id), ttlMs }
    const held = ctx.get(turn) ?? []
    if (held.includes(where.key)) throw inItsOwnTurn()
    await turns.run(where.key, ctx, async (hold) => {
      ctx.set(turn, [...held, where.key])
      try {
        await converse(ctx, next, { ...where, hold })
      } finally {
        ctx.set(turn, held)
      }
    })
  }

  const converse = async (ctx: Context<State>, next: Next, where: Held) => {
    const { messages } = ctx.request
    const added = messages.filter((message) => !isStanding(message))
    const { before, from, length } = await load(where, maxMessages)
    const kept = new MediaStore(where, media)
    const restored = await kept.restore(before, from, added)
    const sent = from > 0 ? restored.map(asMoved) : restored
    ctx.request = { ...ctx.request, messages: [...messages.filter(isStanding), ...sent, ...added] }
    const texts = new Map<string, string>()
    ctx.set(heard, texts)
    const own = added.filter((message) => !isApproval(message))
    const head = () => {
      const entries = kept.toKeep(own, texts)
      return {
        at: length,
        added: entries.map(({ entry }) => entry),
        isBehindMedia: kept.isBehind(entries),
      }
    }
    const draft = new Draft(where, head, ctx.streaming)
    ctx.transform(draft.transform)
    const keep = async () => {
      const added = (ctx.response ?? ctx.partial)?.messages ?? []
      if (added.length === 0) return
      await where.hold()
      const all = kept.toKeep([...own, ...added], texts)
      const entries = all.map(({ entry }) => entry)
      if (!(await appendAt(store, where.key, entries, { ttlMs, at: length }))) throw overtaken()
      await Promise.all([kept.remember(all, length), draft.drop()]).catch(() => {})
    }
    try {
      await next()
    } catch (error) {
      // the caller gets the failure of the call; the draft is still in the store
      await keep().catch(() => {})
      throw error
    }
    await keep()
  }

  return layer<State>('conversation', run, { place: ['outside guard', 'outside history'] })
}

const inItsOwnTurn = () =>
  new MisuseError(
    'conversation(): a call of ctx.client within a turn of the same conversation would wait for that turn: make it from a layer or tool inside conversation(), or give it an `id` of its own',
  )

const isStanding = ({ role }: Message) => role === 'system' || role === 'developer'

interface Held extends Where {
  readonly hold: HoldTurn
}

function keyOf<State>(ctx: Context<State>, id: ConversationOptions<State>['id']): string {
  const found: unknown = typeof id === 'function' ? id(ctx) : id
  if (typeof found === 'string' && found !== '') return `conversation:${found}`
  throw new MisuseError(
    '`id` of conversation() must return a string that is not empty: the id of the conversation',
  )
}

/**
 * The newest messages, beginning with a user message, the position of the first, and the total
 * length.
 */
async function load(where: Where, maxMessages: number) {
  await takeUpDraft(where)
  const { store, key, ttlMs } = where
  // an empty append returns the length
  const length = await store.append(key, [], { ttlMs })
  let from = Math.max(0, length - maxMessages)
  for (;;) {
    const messages = (await store.read(key, from, length - from)).map(parse)
    const first = from === 0 ? 0 : messages.findIndex(({ role }) => role === 'user')
    if (first >= 0) return { before: messages.slice(first), from: from + first, length }
    // a turn longer than `maxMessages` is loaded whole
    from = Math.max(0, from - maxMessages)
  }
}

// written by this layer
const parse = (entry: string) => JSON.parse(entry) as Message
