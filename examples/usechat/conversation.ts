/** What is said, and where it is kept: in the tab, so that a reload finds it again. */
import type { UIMessage } from 'ai'
import type { UiMetadata } from 'tetrad/http/web'

export type ChatMessage = UIMessage<UiMetadata>

export interface Conversation {
  readonly id: string
  readonly messages: readonly ChatMessage[]
}

export const newConversation = (): Conversation => ({ id: crypto.randomUUID(), messages: [] })

export function load(): Conversation {
  const saved = sessionStorage.getItem('conversation')
  return saved ? JSON.parse(saved) : newConversation()
}

export function save(conversation: Conversation): void {
  try {
    sessionStorage.setItem('conversation', JSON.stringify(conversation))
  } catch {
    // pictures may be more than the browser keeps: the page goes on without
  }
}
