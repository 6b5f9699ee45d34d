/** What was said, kept on the server: in memory here, in a database in a real app. */
import type { ChatRequest, ChatResponse, Message, PartialResponse } from 'tetrad'

/** The state of a call: who asks. */
export interface User {
  readonly userId: string
}

interface Finished {
  readonly id?: string
  readonly request: ChatRequest
  readonly state: User
}

export function conversations() {
  const kept = new Map<string, readonly Message[]>()
  // a page names its conversations: the same name of two users means two
  const keyOf = (id: string, { userId }: User) => `${userId} ${id}`
  return {
    /** The messages of a conversation so far. */
    history: (id: string, user: User): readonly Message[] => kept.get(keyOf(id, user)) ?? [],
    /** Keeps the question and the answer; of one that was stopped, what there is. */
    save(response: ChatResponse | PartialResponse, { id, request, state }: Finished): void {
      if (id === undefined) return
      const asked = request.messages.filter(({ role }) => role !== 'system')
      kept.set(keyOf(id, state), [...asked, ...response.messages])
    },
  }
}
