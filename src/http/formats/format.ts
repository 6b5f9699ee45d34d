/** What a wire format of the browser side is: reads a body, writes an answer. Pure. */
import type { ChatResponse, Message, StreamChunk } from '../../chat/index.js'
import type { PublicError } from '../public-error.js'

export type FormatName = 'chunks' | 'openai' | 'ui'

/** What a client asks for, told in our own terms. Not trusted: `input.ts` has checked its shape, nobody its words. */
export interface Incoming {
  /** The conversation, where the client names one. */
  readonly id?: string
  readonly model?: string
  readonly messages: readonly Message[]
  /** What the client did to send it: `submit-message`, `regenerate-message`, where it says so. */
  readonly trigger?: string
  /** The message that it edits or answers anew. */
  readonly messageId?: string
  /** The client's id of the last message. */
  readonly lastId?: string
  /** False: plain JSON is wanted. */
  readonly isStream: boolean
  /** Members of a ChatRequest beside model and messages; the handler takes those the app opened. */
  readonly rest: Readonly<Record<string, unknown>>
  /** A streamed answer tells its usage at the end (`openai`). */
  readonly includeUsage?: boolean
  /** It asked in the words before `tools` (`openai`). */
  readonly functionCall?: boolean
  /** Signatures, by the index of the message that each was made for. */
  readonly macs?: ReadonlyMap<number, string>
  /** The assistant message that goes on (`ui`). */
  readonly continues?: string
  /** Steps that this message has so far. */
  readonly continuesAt?: number
  /** What it says so far, as events: for those who read the answer from its start again. */
  readonly preamble?: readonly string[]
}

/** What an encoder needs to know of its answer. */
export interface AnswerContext {
  readonly id: string
  readonly incoming: Incoming
  /** What of an answer the client may see. */
  readonly expose: Exposure
  /** Signs a message of the answer, in the form in which it will come back; absent without a `secret`. */
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

/** Writes one streamed answer. Each string is the data of one event, in order. */
export interface Encoder {
  encode(chunks: readonly StreamChunk[]): Events
  /** The answer is whole. */
  end(): Events
  /** A failure after the status was sent travels in the stream. */
  error(error: PublicError): readonly string[]
  /** The call was stopped by its user. */
  aborted(): readonly string[]
}

export interface Format {
  readonly name: FormatName
  /** Its events have ids, and a client that reads on behind one. */
  readonly isResumable: boolean
  /** Response headers of its streams, beside those of every stream. */
  readonly headers: Readonly<Record<string, string>>
  /** Throws `BadRequestError` with a code. */
  read(body: unknown): Incoming
  encoder(context: AnswerContext): Encoder
  /** The data of the last events, where another process began the answer and is gone. */
  failure(error: PublicError): readonly string[]
  /** The body of a plain answer. */
  toJson(response: ChatResponse, context: AnswerContext): unknown | Promise<unknown>
  /** The body of an error status. */
  errorBody(error: PublicError): unknown
}
