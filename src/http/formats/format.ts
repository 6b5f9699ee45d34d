/** The interface of a wire format to browsers: reads a body, writes an answer. Pure. */
import type { ChatResponse, Message, StreamChunk } from '../../chat/index.js'
import type { PublicError } from '../public-error.js'

export type FormatName = 'chunks' | 'openai' | 'ui'

/** A client's request in our own types. Not trusted: `input/history.ts` validates the messages. */
export interface Incoming {
  /** The conversation id, where the client sent one. */
  readonly id?: string
  readonly model?: string
  readonly messages: readonly Message[]
  /** The client's action, where specified: `submit-message`, `regenerate-message`. */
  readonly trigger?: string
  /** The id of the message that is edited or regenerated. */
  readonly messageId?: string
  /** The client's id of the last message. */
  readonly lastId?: string
  /** The client's ids of earlier user messages, where `messages` do not have them. */
  readonly earlierIds?: readonly string[]
  /** False where plain JSON is requested. */
  readonly isStream: boolean
  /** Members of a ChatRequest beside model and messages; the handler uses those the app opened. */
  readonly rest: Readonly<Record<string, unknown>>
  /** Sends usage at the end of a stream (`openai`). */
  readonly includeUsage?: boolean
  /** The request uses `functions`, the predecessor of `tools` (`openai`). */
  readonly functionCall?: boolean
  /** Signatures, by message index. */
  readonly macs?: ReadonlyMap<number, string>
  /** The id of the assistant message to continue (`ui`). */
  readonly continues?: string
  /** Number of steps in that message so far. */
  readonly continuesAt?: number
  /** Its content so far as events, for clients that read the answer again from its start. */
  readonly preamble?: readonly string[]
}

/** What an encoder needs beside the chunks. */
export interface AnswerContext {
  readonly id: string
  readonly incoming: Incoming
  /** What of an answer the client may see. */
  readonly expose: Exposure
  /** Signs a message of the answer as it will be sent back; absent without a `secret`. */
  readonly sign?: ((message: Message) => Promise<string>) | undefined
}

export interface Exposure {
  readonly reasoning: boolean
  readonly warnings: boolean
  readonly attempts: boolean
  readonly cost: boolean
  readonly requestIds: boolean
}

type Events = readonly string[] | Promise<readonly string[]>

/** Encodes one streamed answer. Each string is the data of one event, in order. */
export interface Encoder {
  encode(chunks: readonly StreamChunk[]): Events
  /** Called when the answer is complete. */
  end(): Events
  /** Encodes a failure after the status was sent. */
  error(error: PublicError): readonly string[]
  /** Called when the user stopped the answer. */
  aborted(): readonly string[]
}

export interface Format {
  readonly name: FormatName
  /** Its events have ids, and a client can resume after one. */
  readonly isResumable: boolean
  /** Response headers of its streams, beside those of every stream. */
  readonly headers: Readonly<Record<string, string>>
  /** Throws `BadRequestError` with a code. */
  read(body: unknown): Incoming
  encoder(context: AnswerContext): Encoder
  /** The data of the last events, where the process that began the answer is gone. */
  failure(error: PublicError): readonly string[]
  /** The body of a plain answer. */
  toJson(response: ChatResponse, context: AnswerContext): unknown | Promise<unknown>
  /** The body of an error response. `partial` is what `toJson` gives for the part of the answer that is done. */
  errorBody(error: PublicError, partial?: unknown): unknown
}
