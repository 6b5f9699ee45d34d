/** The options of a handler. */
import type { ChatRequest, ChatResponse, Message, PartialResponse } from '../chat/index.js'
import type { Client } from '../client.js'
import type { Store } from '../store/index.js'
import type { Exposure, FormatName } from './formats/index.js'
import type { OriginOptions } from './input/origin.js'
import type { InputOptions } from './input/parts.js'

export type HandlerClient<State> = Pick<Client<State>, 'generate' | 'stream'>

type Awaitable<T> = T | Promise<T>

/** `authorize` returns the state of the call or refuses; an open route sets `public: true`. */
export type Access<State> =
  | {
      /**
       * Returns the state of the call. A `Response`, or a thrown `AuthenticationError` or
       * `PermissionDeniedError`, refuses the request. `native` is what the framework passed:
       * `{ req, res }` on Node, elsewhere the handler's second argument. Read the body from
       * `request.clone()`.
       */
      authorize(request: Request, native: unknown): Awaitable<State | Response>
      readonly public?: undefined
    }
  | ({} extends State ? { readonly public: true; readonly authorize?: undefined } : never)

export type HandlerOptions<State = {}> = Access<State> & BaseHandlerOptions<State>

export interface BaseHandlerOptions<State> extends OriginOptions {
  /** Models a client may request, the first by default. A record maps public names to real ones. */
  readonly models: readonly string[] | Readonly<Record<string, string>>
  /**
   * Used where neither path nor query specify one.
   * @default by the body: 'ui' for messages with `parts`, else 'chunks'
   */
  readonly format?: FormatName | undefined
  readonly input?: InputOptions | undefined
  /** Edits the request before the call: system prompt, tools, limits. */
  before?(request: ChatRequest, info: BeforeInfo<State>): Awaitable<ChatRequest>
  /**
   * The server stores the conversations: returns the messages of one so far. From the body only the
   * last user message is read, or the approvals after the last turn. A message with a stored id
   * replaces that one and all after it.
   */
  history?(id: string, info: HistoryInfo<State>): Awaitable<readonly Message[]>
  /**
   * Clients store the conversations, signed: tools, native blocks and approvals are rejected unless
   * sent back unchanged. At least 32 characters, to be kept secret. Of several the first signs and
   * all verify. Approvals are single-use within this process, with a `store` across all.
   */
  readonly secret?: string | readonly string[] | undefined
  /**
   * The owner of an answer: only this user may resume it, stop it or use what was signed for it.
   * @default `state.userId`
   */
  readonly user?: ((state: State) => string | number) | undefined
  /** Tags of the call, for accounting. */
  readonly tags?:
    | Readonly<Record<string, string>>
    | ((state: State) => Readonly<Record<string, string>>)
    | undefined
  /**
   * Called with each answer before its stream ends; `finish_reason` is null if it was cut, `usage` and
   * `attempts` are then all that was spent on it.
   */
  readonly onFinish?:
    | ((response: ChatResponse | PartialResponse, info: FinishInfo<State>) => Awaitable<void>)
    | undefined
  /** Lets streams of `chunks` and `ui` outlive a connection: `GET …/:id/stream` resumes them. */
  readonly store?: Store | undefined
  /** How long the store keeps an answer after its last event. Milliseconds. @default 300_000 */
  readonly keepMs?: number | undefined
  /** How often the store is polled for what other processes wrote. Milliseconds. @default 1_000 */
  readonly pollMs?: number | undefined
  readonly expose?: Partial<Exposure> | undefined
  /** Milliseconds after which the status is sent, with or without content. @default 10_000 */
  readonly commitAfterMs?: number | undefined
  /** Idle milliseconds between two heartbeat comments. @default 15_000 */
  readonly heartbeatMs?: number | undefined
  /** A client that reads nothing for this long is disconnected. Milliseconds. @default 60_000 */
  readonly stalledMs?: number | undefined
  /**
   * When the client disconnects: abort the call, let it finish, or abort it after `graceMs`
   * milliseconds.
   * @default 'cancel'; with a store `{ graceMs: 30_000 }`
   */
  readonly onDisconnect?: 'cancel' | 'finish' | { readonly graceMs: number } | undefined
  /**
   * Keeps the platform alive for work that outlives the response: deferred work (`ctx.defer`), an
   * answer whose client disconnected, pending store writes. Errors of the work or of this function
   * go to `onError`.
   * @default `waitUntil` of `native` or of its `executionCtx`, where there is one (Workers, Hono):
   * `handle(request, ctx)`
   */
  readonly waitUntil?: ((work: Promise<unknown>, native: unknown) => void) | undefined
  /** Called with every error, unredacted, for server logs; store and `onFinish` errors too. */
  readonly onError?: ((error: unknown, info: { readonly request_id: string }) => void) | undefined
}

/** The request behind a chat request. */
export interface BeforeInfo<State> {
  readonly state: State
  /** The parsed body: the app's own members are here and reach no provider. */
  readonly body: unknown
  /** Its body has been read. */
  readonly request: Request
  /** What the framework passed: `{ req, res }` on Node. */
  readonly native: unknown
}

export interface HistoryInfo<State> {
  readonly state: State
  /** The client's action, where specified: `submit-message`, `regenerate-message`. */
  readonly trigger: string | undefined
  /** The id of the message that is edited or regenerated. */
  readonly messageId: string | undefined
  /** The parsed body, with the ids of its messages. */
  readonly body: unknown
}

export interface FinishInfo<State> {
  /** The conversation id, where the client sent one. */
  readonly id?: string
  /** The request of the call, with the whole conversation. */
  readonly request: ChatRequest
  readonly state: State
  /** The parsed body. */
  readonly body: unknown
  readonly request_id: string
}
