/** The messages of this tab: what the chat route takes, kept over a reload. */
export interface TextMessage {
  readonly role: 'user' | 'assistant'
  readonly content: string
}

export interface Conversation {
  readonly messages: readonly TextMessage[]
  add(message: TextMessage): TextMessage
  clear(): void
}

const key = 'tetrad.messages'

/** Reads the conversation of a storage, and writes each change back. */
export function conversation(storage: Storage): Conversation {
  // written by this page alone
  let messages: readonly TextMessage[] = JSON.parse(storage.getItem(key) ?? '[]')
  const keep = (next: readonly TextMessage[]) => {
    messages = next
    storage.setItem(key, JSON.stringify(next))
  }
  return {
    get messages() {
      return messages
    },
    add(message) {
      keep([...messages, message])
      return message
    },
    clear: () => keep([]),
  }
}
