/** What was said with each number, in memory. Many processes want a database here. */
import type { Message } from 'tetrad'

export interface ConversationsOptions {
  /** Messages kept of one number. @default 20 */
  readonly maxMessages?: number
  /** Silence after which a conversation is forgotten. Milliseconds. @default 24 h, WhatsApp's window for free answers */
  readonly idleMs?: number
  /** Epoch milliseconds. @default Date.now */
  readonly now?: () => number
}

export interface Conversations {
  get(phone: string): readonly Message[]
  add(phone: string, messages: readonly Message[]): void
}

export function createConversations(options: ConversationsOptions = {}): Conversations {
  const { maxMessages = 20, idleMs = 24 * 60 * 60 * 1000, now = Date.now } = options
  const kept = new Map<string, { readonly messages: readonly Message[]; readonly until: number }>()
  const forget = () => {
    // set anew at each turn, so the first has been silent longest
    for (const [phone, { until }] of kept) {
      if (until > now()) return
      kept.delete(phone)
    }
  }
  const get = (phone: string) => {
    forget()
    return kept.get(phone)?.messages ?? []
  }
  return {
    get,
    add(phone, messages) {
      const all = newest([...get(phone), ...messages], maxMessages)
      kept.delete(phone)
      kept.set(phone, { messages: all, until: now() + idleMs })
    },
  }
}

/** The last messages, from a question on: an answer without its question is no history. */
function newest(messages: readonly Message[], count: number): readonly Message[] {
  const tail = messages.slice(-count)
  return tail.slice(
    Math.max(
      0,
      tail.findIndex(({ role }) => role === 'user'),
    ),
  )
}
