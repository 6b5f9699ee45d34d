/** What a script says, as data: the parts of an answer, failures, and how the bytes are delivered. */
import type { FinishReason, JsonObject, TokenLogprob, Usage } from '../chat/index.js'

/** Who is played. `compatible` is any server that speaks Chat Completions. */
export type ProviderName = 'openai' | 'anthropic' | 'gemini' | 'xai' | 'compatible'

/** One Server-Sent Event. `data` is JSON, or text as it is (`[DONE]`). */
export interface SseEvent {
  readonly event?: string
  readonly data: unknown
}

export type Part = Text | Thought | Call | Refusal | Media | Hosted

export interface Text {
  readonly type: 'text'
  readonly text: string
  /** What one event brings, joined they are the text. */
  readonly chunks: readonly string[]
  readonly logprobs?: readonly TokenLogprob[]
  readonly citations: readonly Citation[]
  /** OpenAI: `commentary` or `final_answer`. */
  readonly phase?: string
}

export interface Thought {
  readonly type: 'thought'
  /** OpenAI and xAI tell summaries in parts; the other wires join them by a blank line. */
  readonly summaries: readonly (readonly string[])[]
  readonly signature?: string
  readonly redacted: boolean
  /** The thoughts themselves (`reasoning_text`), no summary. */
  readonly full: boolean
}

export interface Call {
  readonly type: 'call'
  readonly id?: string
  readonly name: string
  /** JSON text; free text for a custom tool. */
  readonly arguments: string
  /** Absent: as the provider usually cuts them. */
  readonly pieces?: readonly string[] | 'start' | 'end'
  readonly custom: boolean
  /** Gemini's thought signature. */
  readonly signature?: string
}

export interface Refusal {
  readonly type: 'refusal'
  readonly text: string
  readonly chunks: readonly string[]
  readonly ofPrompt: boolean
}

export interface Media {
  readonly type: 'media'
  readonly media_type: string
  /** Base64. */
  readonly data: string
  readonly transcript?: string
}

export interface Hosted {
  readonly type: 'hosted'
  readonly id?: string
  readonly name: string
  readonly input?: unknown
  readonly output?: unknown
  readonly failed: boolean
}

/** A source: of the web by `url`, else of a document of the request. Positions are UTF-16 indices into the text it belongs to. */
export interface Citation {
  readonly url?: string
  readonly title?: string
  readonly cited_text?: string
  readonly start_index?: number
  readonly end_index?: number
  readonly file_id?: string
  readonly filename?: string
  readonly document_index?: number
  readonly page?: number
  readonly end_page?: number
}

/** Tokens in the package's own terms; each wire tells them by its own rules. What is left out is estimated, a detail left out is not told. */
export interface ScriptedUsage extends Partial<Omit<Usage, 'total_tokens' | 'estimated'>> {
  /** Of the prompt tokens, those of hosted tools (Gemini tells them apart). */
  readonly tool_prompt_tokens?: number
}

/** Usage of one answer, complete. */
export interface AnswerUsage extends Usage {
  readonly tool_prompt_tokens?: number
}

/** One answer, ready to be put on a wire. */
export interface Answer {
  readonly parts: readonly Part[]
  readonly finish: FinishReason
  /** The provider's own word, in place of what `finish` would become. */
  readonly nativeFinish?: string
  readonly stopSequence?: string
  /** Absent: the wire tells none. */
  readonly usage?: AnswerUsage
  readonly serviceTier?: string
}

/** A failure by meaning: each wire has its own status, code and words for it. */
export type FailureKind =
  | 'bad_request'
  | 'context_window'
  | 'content_policy'
  | 'auth'
  | 'permission'
  | 'not_found'
  | 'conflict'
  | 'too_large'
  | 'unprocessable'
  | 'rate_limit'
  | 'quota'
  | 'server_error'
  | 'bad_gateway'
  | 'overloaded'
  | 'timeout'

export interface FailureOptions {
  readonly status?: number
  readonly message?: string
  /** The provider's own code: `error.code` (OpenAI, Chat Completions), `error.type` (Anthropic), `error.status` (Gemini), `code` (xAI). */
  readonly code?: string
  /** `error.type` where the wire has both. */
  readonly type?: string
  readonly param?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Seconds: the `retry-after` header, or Gemini's `RetryInfo`. */
  readonly retryAfter?: number
}

export interface Failure extends FailureOptions {
  readonly kind: FailureKind
}

/** A reply that is none of the provider's: a proxy's page, a truncated body, anything. */
export interface RawReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
}

export type CutHow =
  /** The socket is closed in the middle of the body. */
  | 'destroy'
  /** The socket is reset. */
  | 'reset'
  /** The body ends as if it were whole. */
  | 'end'

/** How the bytes go out. Places are counted in events; of a plain body only the first half is one. */
export interface Delivery {
  readonly cut?: { readonly after: number; readonly how: CutHow }
  /** Nothing comes after this place; `headers`: nothing at all. */
  readonly stall?: number | 'headers'
  readonly holds: readonly { readonly after: number; readonly until: PromiseLike<unknown> }[]
  readonly split?: Split
  /** Milliseconds of the server's clock: before the headers, and before each event. */
  readonly delay?: { readonly firstMs: number; readonly eachMs: number }
  readonly framing: Framing
}

/** How a body is cut into network writes. */
export type Split =
  | { readonly by: 'event' }
  | { readonly by: 'bytes'; readonly size: number }
  | { readonly by: 'seed'; readonly seed: number; readonly max: number }

/** Liberties the SSE format gives, which a reader must bear. */
export interface Framing {
  readonly lineEnd?: '\n' | '\r\n' | '\r'
  /** A byte order mark before the first event. */
  readonly bom?: boolean
  /** False: no `event:` lines. */
  readonly eventLines?: boolean
  /** `id:` and `retry:` lines, and comments between events. */
  readonly noise?: boolean
  /** True: a `[DONE]` at the end where the wire has none; false: none where it has one. */
  readonly done?: boolean
}

export type EditEvents = (events: readonly SseEvent[]) => readonly SseEvent[]
export type EditBody = (body: JsonObject) => unknown

/** One reply of a script. */
export interface ReplySpec {
  readonly parts: readonly Part[]
  readonly failure?: Failure
  readonly raw?: RawReply
  readonly failAfter?: { readonly after: number; readonly failure: Failure }
  /** Null: the wire tells none. */
  readonly usage?: ScriptedUsage | null
  readonly finish?: FinishReason
  readonly nativeFinish?: string
  readonly stopSequence?: string
  readonly serviceTier?: string
  readonly model?: string
  readonly headers: Readonly<Record<string, string>>
  readonly delivery: Delivery
  readonly asJson: boolean
  readonly editEvents: readonly EditEvents[]
  readonly editBody: readonly EditBody[]
}
