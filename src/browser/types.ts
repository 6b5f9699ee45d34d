/** What a page asks, and what it gets. */
import type { ChatRequest, ChatResponse, Message, StreamChunk } from '../chat/index.js'

/** A chat request as far as the route has opened it. */
export interface BrowserRequest extends Partial<Omit<ChatRequest, 'messages' | 'model'>> {
  /** One of the route's; its first, where none is named. */
  readonly model?: string | undefined
  /** The conversation, where the server keeps it. */
  readonly id?: string | undefined
  readonly messages: readonly Message[]
}

export interface BrowserCallOptions {
  readonly signal?: AbortSignal | undefined
}

/** What a stream is to its one consumer. */
export interface BrowserStream extends AsyncIterable<StreamChunk> {
  /** The server's name of the answer, once it was told: `client.resume(id)` reads it again, after a reload too. */
  readonly id: string | undefined
  /** Text only. */
  readonly textStream: AsyncIterable<string>
  /** The whole answer. Starts the call; chunks stay for an iterator that comes later. */
  readonly response: Promise<ChatResponse>
  /** Stops the answer, on the server too; iteration throws `AbortError`. */
  abort(reason?: unknown): void
}
