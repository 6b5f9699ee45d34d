/** What this tab has on its screen, kept over a reload. The conversation itself is the server's. */
import type { Answer } from './answer.js'

/** `id` names the question to the server: asked again, it replaces itself. */
export interface Question {
  readonly id: string
  readonly question: string
}

export type Entry = Question | { readonly answer: Answer }

export interface Transcript {
  /** The name of the conversation. */
  readonly id: string
  readonly entries: Entry[]
}

const keys = { transcript: 'tetrad.transcript', running: 'tetrad.running' }

/** What was kept, or a new one. */
export function load(): Transcript {
  const kept = sessionStorage.getItem(keys.transcript)
  // written by this page alone
  return kept ? JSON.parse(kept) : { id: crypto.randomUUID(), entries: [] }
}

/** Keeps the screen as it is before an answer goes on, and when it has ended. */
export function save(transcript: Transcript): void {
  sessionStorage.setItem(keys.transcript, JSON.stringify(transcript))
  sessionStorage.removeItem(keys.running)
}

/** Keeps the server's name of the answer that is being written: by it, it can be read again. */
export const saveRunning = (streamId: string): void =>
  sessionStorage.setItem(keys.running, streamId)

export const runningId = (): string | undefined => sessionStorage.getItem(keys.running) ?? undefined

/** For a new conversation. */
export function forget(): void {
  for (const key of Object.values(keys)) sessionStorage.removeItem(key)
}
