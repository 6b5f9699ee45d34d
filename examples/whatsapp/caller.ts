/** What each call of the client is told: whose it is, and how its answer goes out. */
import type { AnswerInput, ChatResponse } from 'tetrad'
import type { Changes } from './changes.js'

export interface Caller {
  /** History goes by it. */
  readonly chat: string
  /** The cap goes by it. */
  readonly person: string
  readonly changes: Changes
  /** Sends what `ask` answers; gives the answer as the person saw it. */
  readonly deliver: (ask: () => Promise<ChatResponse>) => Promise<AnswerInput>
}
