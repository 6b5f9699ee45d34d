/** Requests and streams of the client for pages. */
import type { ChatRequest, ChatResponse, Message, StreamChunk } from '../chat/index.js'

/** A chat request, as far as the route has opened it. */
export interface BrowserRequest extends Partial<Omit<ChatRequest, 'messages' | 'model'>> {
  /** One of the route's models; by default its first. */
  readonly model?: string | undefined
  /** The conversation id, where the server stores the conversation. */
  readonly id?: string | undefined
  readonly messages: readonly Message[]
}

export interface BrowserCallOptions {
  readonly signal?: AbortSignal | undefined
}

/** A stream, as its one consumer uses it. */
export interface BrowserStream extends AsyncIterable<StreamChunk> {
  /** The server's id of the answer, once received: `client.resume(id)` reads it after a reload. */
  readonly id: string | undefined
  /** Text only. */
  readonly textStream: AsyncIterable<string>
  /** The whole answer. Starts the call; chunks stay for a later iterator. */
  readonly response: Promise<ChatResponse>
  /** Aborts the answer, on the server too; iteration throws `AbortError`. */
  abort(reason?: unknown): void
}
