/** What a handler is told. */
import type { ChatRequest, ChatResponse, Message, PartialResponse } from '../chat/index.js'
import type { Client } from '../client.js'
import type { Store } from '../store/index.js'
import type { Exposure, FormatName } from './formats/index.js'
import type { OriginOptions } from './input/origin.js'
import type { InputOptions } from './input/parts.js'

export type HandlerClient<State> = Pick<Client<State>, 'generate' | 'stream'>

type Awaitable<T> = T | Promise<T>

/** Who may call: `authorize` gives the state of the call, or a refusal; an open route says so. */
export type Access<State> =
  | {
      /**
       * `native` is what the framework gave: `{ req, res }` on Node, what the second argument of the handler was elsewhere.
       * A body that it needs is read from `request.clone()`. The state of the call; a `Response`, or a thrown `AuthenticationError` or `PermissionDeniedError`,
       * refuses.
       */
      authorize(request: Request, native: unknown): Awaitable<State | Response>
      readonly public?: undefined
    }
  | ({} extends State ? { readonly public: true; readonly authorize?: undefined } : never)

export type HandlerOptions<State = {}> = Access<State> & BaseHandlerOptions<State>

export interface BaseHandlerOptions<State> extends OriginOptions {
  /** The models a client may name; the first is the default. A record sends public names to real ones. */
  readonly models: readonly string[] | Readonly<Record<string, string>>
  /** Where neither path nor query says one. @default by the body: 'ui' for messages with `parts`, else 'chunks' */
  readonly format?: FormatName | undefined
  readonly input?: InputOptions | undefined
  /** Has the last word on the request: system prompt, tools, limits. */
  before?(request: ChatRequest, info: BeforeInfo<State>): Awaitable<ChatRequest>
  /**
   * The server keeps the conversations: gives the messages of one so far. Of the body only the last user message is
   * taken, or the approvals behind the last turn. A question that is there replaces itself and all behind it.
   */
  history?(id: string, info: HistoryInfo<State>): Awaitable<readonly Message[]>
  /**
   * The clients keep the conversations, signed: tools, native blocks and approvals come back as they went out, or are
   * refused. At least 32 characters, from a secret place. Of several the first signs and all are good for reading. That an
   * approval is used once holds in this process, and in all where there is a `store`.
   */
  readonly secret?: string | readonly string[] | undefined
  /** Whose answer it is: nobody else may read on, stop it, or use what was signed for it. @default `state.userId` */
  readonly user?: ((state: State) => string | number) | undefined
  /** For accounting: the tags of the call. */
  readonly tags?:
    | Readonly<Record<string, string>>
    | ((state: State) => Readonly<Record<string, string>>)
    | undefined
  /** Told each answer before its stream ends, and what there is of one that was cut: `finish_reason` is null then. */
  readonly onFinish?:
    | ((response: ChatResponse | PartialResponse, info: FinishInfo<State>) => Awaitable<void>)
    | undefined
  /** Makes streams of `chunks` and `ui` outlive their connection: `GET …/:id/stream` reads on. */
  readonly store?: Store | undefined
  /** How long the store keeps an answer after its last event. Milliseconds. @default 300_000 */
  readonly keepMs?: number | undefined
  /** How often the store is asked what other processes say. Milliseconds. @default 1_000 */
  readonly pollMs?: number | undefined
  readonly expose?: Partial<Exposure> | undefined
  /** Milliseconds after which the status is sent, content or not. @default 10_000 */
  readonly commitAfterMs?: number | undefined
  /** Milliseconds of silence between two comments. @default 15_000 */
  readonly heartbeatMs?: number | undefined
  /** A client that reads nothing for so long has left. Milliseconds. @default 60_000 */
  readonly stalledMs?: number | undefined
  /**
   * When the client leaves: end the call, let it finish, or end it so many milliseconds later.
   * @default 'cancel', with a store 30 seconds
   */
  readonly onDisconnect?: 'cancel' | 'finish' | { readonly graceMs: number } | undefined
  /**
   * Keeps the platform for work that outlives the answer: what layers defer (`ctx.defer`), an answer whose client has
   * left, what is still to be stored. What fails in it, or in this function, goes to `onError`.
   * @default `waitUntil` of `native` or of its `executionCtx`, where there is one (Workers, Hono): `handle(request, ctx)`
   */
  readonly waitUntil?: ((work: Promise<unknown>, native: unknown) => void) | undefined
  /** Told every failure whole, for the log of the server; those of the store and of `onFinish` too. */
  readonly onError?: ((error: unknown, info: { readonly request_id: string }) => void) | undefined
}

/** What the app may know of a request, beside the chat request that became of it. */
export interface BeforeInfo<State> {
  readonly state: State
  /** Parsed: members of the client's own stand here, and reach no provider. */
  readonly body: unknown
  /** Its body was read. */
  readonly request: Request
  /** What the framework gave: `{ req, res }` on Node. */
  readonly native: unknown
}

export interface HistoryInfo<State> {
  readonly state: State
  /** What the client did, where it says so: `submit-message`, `regenerate-message`. */
  readonly trigger: string | undefined
  /** The message that is edited or answered anew. */
  readonly messageId: string | undefined
  /** Parsed: the ids of its messages stand here. */
  readonly body: unknown
}

export interface FinishInfo<State> {
  /** The conversation, where the client named one. */
  readonly id?: string
  /** What was asked, with the whole conversation. */
  readonly request: ChatRequest
  readonly state: State
  /** Parsed. */
  readonly body: unknown
  readonly request_id: string
}
