/** A script as data: the parts of an answer, failures, and how the bytes are delivered. */
import type { FinishReason, JsonObject, TokenLogprob, Usage } from '../chat/index.js'

/** The simulated provider. `compatible` is any server with Chat Completions. */
export type ProviderName = 'openai' | 'anthropic' | 'gemini' | 'xai' | 'compatible'

/** One Server-Sent Event. `data` is JSON, or verbatim text (`[DONE]`). */
export interface SseEvent {
  readonly event?: string
  readonly data: unknown
}

export type Part = Text | Thought | Call | Refusal | Media | Hosted

export interface Text {
  readonly type: 'text'
  readonly text: string
  /** The text of each event; joined they are `text`. */
  readonly chunks: readonly string[]
  readonly logprobs?: readonly TokenLogprob[]
  readonly citations: readonly Citation[]
  /** OpenAI: `commentary` or `final_answer`. */
  readonly phase?: string
}

export interface Thought {
  readonly type: 'thought'
  /** OpenAI and xAI send summaries in parts; the other wires join them by a blank line. */
  readonly summaries: readonly (readonly string[])[]
  readonly signature?: string
  readonly redacted: boolean
  /** The full reasoning (`reasoning_text`), not a summary. */
  readonly full: boolean
}

export interface Call {
  readonly type: 'call'
  readonly id?: string
  readonly name: string
  /** JSON text; free text for a custom tool. */
  readonly arguments: string
  /** Absent: split as the provider usually does. */
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

/**
 * A source: a web page by `url`, else a document of the request. Positions are UTF-16 indices into
 * its text.
 */
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

/**
 * Tokens in the package's terms; each wire converts them. Omitted counts are estimated, omitted
 * details are not sent.
 */
export interface ScriptedUsage extends Partial<Omit<Usage, 'total_tokens' | 'estimated'>> {
  /** Prompt tokens of hosted tools, included in the prompt (Gemini reports them separately). */
  readonly tool_prompt_tokens?: number
}

/** The complete usage of one answer. */
export interface AnswerUsage extends Usage {
  readonly tool_prompt_tokens?: number
}

/** One answer, ready to be rendered for a wire. */
export interface Answer {
  readonly parts: readonly Part[]
  readonly finish: FinishReason
  /** The provider's finish reason, instead of that derived from `finish`. */
  readonly nativeFinish?: string
  readonly stopSequence?: string
  /** Absent: no usage on the wire. */
  readonly usage?: AnswerUsage
  readonly serviceTier?: string
}

/** A failure by kind: each wire has its own status, code and message. */
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
  /** `error.type` on a wire with both. */
  readonly type?: string
  readonly param?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Seconds: the `retry-after` header, or Gemini's `RetryInfo`. */
  readonly retryAfter?: number
}

export interface Failure extends FailureOptions {
  readonly kind: FailureKind
}

/** A reply not in the provider's format: a proxy's page, a truncated body, anything. */
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
  /** The body ends without an error. */
  | 'end'

/**
 * How the bytes are sent. Positions are counted in events; for a plain body only its first half is
 * one.
 */
export interface Delivery {
  readonly cut?: { readonly after: number; readonly how: CutHow }
  /** Nothing is sent after this position; `headers`: nothing at all. */
  readonly stall?: number | 'headers'
  readonly holds: readonly { readonly after: number; readonly until: PromiseLike<unknown> }[]
  readonly split?: Split
  /** Milliseconds of the server's clock: before the headers, and before each event. */
  readonly delay?: { readonly firstMs: number; readonly eachMs: number }
  readonly framing: Framing
}

/** How a body is split into network writes. */
export type Split =
  | { readonly by: 'event' }
  | { readonly by: 'bytes'; readonly size: number }
  | { readonly by: 'seed'; readonly seed: number; readonly max: number }

/** Variations of SSE that a reader must accept. */
export interface Framing {
  readonly lineEnd?: '\n' | '\r\n' | '\r'
  /** A byte order mark before the first event. */
  readonly bom?: boolean
  /** False: no `event:` lines. */
  readonly eventLines?: boolean
  /** `id:` and `retry:` lines, and comments between events. */
  readonly noise?: boolean
  /** True: adds `[DONE]` at the end; false: removes it. */
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
  /** Null: no usage on the wire. */
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
