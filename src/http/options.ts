/** What a handler is told. */
import type { ChatRequest } from '../chat/index.js'
import type { Client } from '../client.js'
import type { Exposure, FormatName } from './formats/index.js'
import type { InputOptions } from './input.js'
import type { OriginOptions } from './origin.js'

export type HandlerClient<State> = Pick<Client<State>, 'generate' | 'stream'>

type Awaitable<T> = T | Promise<T>

/** Who may call: `authorize` gives the state of the call, or a refusal; an open route says so. */
export type Access<State> =
  | {
      /** The state of the call; a `Response`, or a thrown `AuthenticationError` or `PermissionDeniedError`, refuses. */
      readonly authorize: (request: Request) => Awaitable<State | Response>
      readonly public?: undefined
    }
  | ({} extends State ? { readonly public: true; readonly authorize?: undefined } : never)

export type HandlerOptions<State = {}> = Access<State> & BaseHandlerOptions<State>

export interface BaseHandlerOptions<State> extends OriginOptions {
  /** The models a client may name; the first is the default. A record sends public names to real ones. */
  readonly models: readonly string[] | Readonly<Record<string, string>>
  /** Where neither path nor query says one. @default 'chunks' */
  readonly format?: FormatName | undefined
  readonly input?: InputOptions | undefined
  /** Has the last word on the request: system prompt, tools, limits. */
  readonly before?:
    | ((request: ChatRequest, state: State, incoming: Request) => Awaitable<ChatRequest>)
    | undefined
  readonly expose?: Partial<Exposure> | undefined
  /** Milliseconds after which the status is sent, content or not. @default 10_000 */
  readonly commitAfterMs?: number | undefined
  /** Milliseconds of silence between two comments. @default 15_000 */
  readonly heartbeatMs?: number | undefined
  /** A client that reads nothing for so long has left. Milliseconds. @default 60_000 */
  readonly stalledMs?: number | undefined
  /** When the client leaves: end the call, let it finish, or end it so many milliseconds later. @default 'cancel' */
  readonly onDisconnect?: 'cancel' | 'finish' | { readonly graceMs: number } | undefined
  /** Told every failure whole, for the log of the server. */
  readonly onError?: ((error: unknown, info: { readonly request_id: string }) => void) | undefined
}
