/** The parts put together: inbox, bot, webhook. */
import { createInbox, type InboxOptions } from 'tetrad/inbox'
import type { Store } from 'tetrad/store'
import { type AiOptions, createAi } from './ai.js'
import { Bot } from './bot.js'
import { addChange } from './changes.js'
import { createGraph, type GraphOptions } from './graph.js'
import { type Inbound, movePerson, toInbound } from './people.js'
import { createQuotes } from './quotes.js'
import { createWebhook, type Webhook } from './server.js'
import { type Event, eventsOf } from './webhook.js'

export interface AppOptions extends Omit<AiOptions, 'store'> {
  readonly appSecret: string
  readonly verifyToken: string
  readonly graph: GraphOptions
  readonly model: string
  readonly store: Store
  /** Answers in groups, to all that is written there. @default false */
  readonly groups?: boolean | undefined
  /** The longest answer. @default 2000 */
  readonly maxTokens?: number | undefined
  readonly inbox?:
    | Partial<
        Pick<
          InboxOptions<Inbound>,
          | 'quietMs'
          | 'maxAgeMs'
          | 'concurrency'
          | 'maxWaiting'
          | 'leaseMs'
          | 'pollMs'
          | 'backoffMs'
          | 'clock'
        >
      >
    | undefined
  /** Gets each message that was kept. */
  readonly onKept?: ((message: Inbound) => void) | undefined
  /** Gets messages that are over: answered, recorded or given up. */
  readonly onOver?: ((messages: readonly Inbound[]) => void) | undefined
  /** Gets what went wrong: lost answers, messages that failed, alarms of the account. @default console.error */
  readonly onError?: ((error: unknown) => void) | undefined
}

const attempts = 3

export interface App extends Webhook {
  /** Goes on with what was left when the process ended. */
  resume(): Promise<void>
  /** Takes no further turn, and resolves when those that run are over. */
  finish(): Promise<void>
}

export function createApp(options: AppOptions): App {
  const { store, groups = false, onError = console.error, maxTokens = 2000 } = options
  const { onKept, onOver } = options
  const graph = createGraph(options.graph)
  const ai = createAi(options)
  const bot = new Bot({ ...options, ai, graph, attempts, maxTokens, onError })
  const quotes = createQuotes(store)

  const inbox = createInbox<Inbound>({
    ...options.inbox,
    store,
    attempts,
    id: ({ phoneNumberId, id }) => `${phoneNumberId}:${id}`,
    key: ({ chat }) => chat,
    at: ({ sentAt }) => sentAt,
    answer: (messages, turn) => bot.answer(messages, turn).then(() => onOver?.(messages)),
    onExpired: (messages, turn) => bot.record(messages, turn).then(() => onOver?.(messages)),
    onFull: (message, full) => bot.refuse(message, full),
    onError(error, turn) {
      onError(error)
      if (turn) onOver?.(turn.messages)
    },
  })

  const take = async (event: Event): Promise<void> => {
    if (event.type === 'problem') return onError(event.error)
    if (event.type === 'move') return movePerson(store, event)
    const received = event.type === 'message' ? event.message : event.of
    if (received.groupId !== undefined && !groups) return
    const inbound = await toInbound(store, received)
    if (event.type === 'change')
      return addChange(store, inbound.chat, {
        id: inbound.id,
        text: event.text,
        at: inbound.sentAt,
      })
    const { content } = inbound
    const added = await inbox.add(inbound)
    if (added === 'kept') onKept?.(inbound)
    if (content.type === 'text') await quotes.add(inbound.id, content.text)
  }

  const webhook = createWebhook({
    ...options,
    // people and changes first: what follows goes by them
    receive: async (body) => {
      const events = eventsOf(body)
      for (const event of events) if (event.type !== 'message') await take(event)
      await Promise.all(events.filter(({ type }) => type === 'message').map(take))
    },
    onError,
  })
  return {
    ...webhook,
    resume: () => inbox.resume(),
    async finish() {
      webhook.drain()
      await inbox.close()
    },
  }
}
