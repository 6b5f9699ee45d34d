/** The types of the onion: the context of a layer, `next`, callers, and the adapter at the end. */
import type {
  AnswerInput,
  Attempt,
  Capabilities,
  ChatRequest,
  ChatResponse,
  FormatInput,
  Message,
  ModelName,
  PartialResponse,
  ResponseFormat,
  StandardSchema,
  StreamChunk,
  Timeouts,
  Usage,
  Warning,
} from '../chat/index.js'
import type { Key } from './key.js'

/**
 * Runs the layers inside. Resolves, in both modes, with the answer below when it is complete. May
 * be called again once it has settled.
 */
export type Next = () => Promise<ChatResponse>

/** One layer of the stack: a function for both `generate` and `stream`. `layer()` adds the data. */
export interface Middleware<State = {}> extends LayerData {
  (ctx: Context<State>, next: Next): Promise<unknown>
}

/** A layer, or the layers of one policy. */
export type Layers<State = {}> = Middleware<State> | readonly Middleware<State>[]

/** Next to a standard part or another layer: `inside tools`, `outside history`, `inside redact`. */
export type LayerPlace = `inside ${string}` | `outside ${string}`

/** Data that a layer declares about itself. */
export interface LayerData {
  /**
   * Where `standard({ with })` puts it: of a list, the first place whose neighbor is in the stack.
   */
  readonly place?: LayerPlace | readonly LayerPlace[] | undefined
  /**
   * Declares that it calls `next()` again: once a model turn (`step`), or once an `attempt`. Shown
   * by `trace()`.
   */
  readonly repeats?: 'step' | 'attempt' | undefined
  /**
   * Its edit of an outgoing request, without a call: `countTokens` applies it. Throws what the
   * layer would throw.
   */
  readonly outgoing?: Outgoing | undefined
  /** Model names that it resolves, as `alias` does: listed by the error for an unknown model. */
  readonly models?: readonly string[] | undefined
  /**
   * Models that it calls, as `fallback` does: one without a provider is a `MisuseError` when the
   * client is created, not when it is needed.
   */
  readonly targets?: readonly ModelName[] | undefined
}

export type Outgoing = (
  request: ChatRequest,
  options: BaseCallOptions,
) => ChatRequest | Promise<ChatRequest>

/** Passes a chunk on. Returns a promise only when the consumer is behind: await it then. */
export type Emit = (chunk: StreamChunk) => void | Promise<void>

/** Edits chunks on their way out. While its promise is pending, later chunks wait. */
export type Transform = (
  chunk: StreamChunk,
  emit: (chunk: StreamChunk) => void,
) => void | Promise<void>

/** The context of one layer: each has its own, and every member is relative to its place. */
export interface Context<State = {}> {
  /** Of the call, the same in every layer. */
  readonly id: string
  /** The call is a `stream`. */
  readonly streaming: boolean
  readonly options: CallOptions<State>
  /** Of the call, one object for all its layers; `{}` if the call passed none. */
  readonly state: Readonly<State>
  readonly get: <T>(key: Key<T>) => T | undefined
  readonly set: <T>(key: Key<T>, value: T) => void

  /**
   * The request given to this layer, or set by it: for its later `next()` calls, not visible to
   * outer layers.
   */
  get request(): ChatRequest
  set request(request: ChatRequest)
  /**
   * The whole answer at this place, once `next()` resolved. Set it to answer, before any content
   * has left (`!committed`); later this throws `MisuseError`.
   */
  get response(): ChatResponse | undefined
  set response(response: AnswerInput)
  /** The answer so far at this place: while `next()` runs, and after it failed. */
  readonly partial: PartialResponse | undefined
  /** Timeouts of the provider calls inside: a slot like `request`. */
  get timeouts(): Timeouts
  set timeouts(timeouts: Timeouts)
  /** Fires when the caller, the consumer or an outer layer aborts. */
  readonly signal: AbortSignal
  /** Content of the last `next()` has left this layer. */
  readonly committed: boolean
  /** Provider calls made inside this layer, failed, aborted and nested ones too. */
  readonly attempts: readonly Attempt[]
  /** The sum of their usage. */
  readonly usage: Usage
  /** Runs the layers inside this one, as a separate call that shares signal and ledger. */
  readonly client: Caller

  /** Edits the chunks from inside. Register it before the first `next()`; later: `MisuseError`. */
  readonly transform: (fn: Transform) => void
  /** Sends a chunk outward from here. While `next()` runs: `data` and `warning` only. */
  readonly emit: Emit
  /** Adds to `response.warnings`. */
  readonly warn: (warning: Warning) => void
  /** Aborts the layers inside: the running `next()` rejects with `reason`. */
  readonly abort: (reason?: unknown) => void
  /**
   * Passes work that may outlive the answer to the call's `waitUntil`. Its rejection is always
   * handled.
   */
  readonly defer: (work: Promise<unknown>) => void
}

export interface BaseCallOptions {
  readonly signal?: AbortSignal | undefined
  /** For accounting: tenant, user, feature. */
  readonly tags?: Readonly<Record<string, string>> | undefined
  /** Sent to the provider. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly timeouts?: Timeouts | undefined
  /** Chunks queued for the consumer, at most 1 MiB of them plus one network read. @default 256 */
  readonly highWaterMark?: number | undefined
  /** A consumer that has not pulled for this long counts as gone. Milliseconds. @default 300_000 */
  readonly stalledMs?: number | undefined
  /** Overrides the table of `alias()`. A call without that layer throws `MisuseError`. */
  readonly aliases?: Readonly<Record<string, string>> | undefined
  /**
   * Overrides the option of `params()`; `drop_params` of the request overrides it. A call without
   * that layer throws `MisuseError`.
   */
  readonly dropParams?: boolean | undefined
  /** Keys by provider name, for this call. */
  readonly apiKeys?: Readonly<Record<string, string>> | undefined
  /**
   * Receives the promises of `ctx.defer`: a platform keeps the process alive, a test awaits them.
   * Without it they are not awaited. Its exceptions are thrown by `ctx.defer`.
   */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined
}

export interface CallOptions<State = {}> extends BaseCallOptions {
  readonly state?: State | undefined
}

/** State is required exactly when it has required keys. */
export type CallArgs<State> = {} extends State
  ? [options?: CallOptions<State> | undefined]
  : [options: BaseCallOptions & { readonly state: State }]

/** The member that a schema in `response_format` adds to the answer. */
export type Parsed<Format> = [Format] extends [StandardSchema<unknown, infer Output>]
  ? { readonly parsed: Output }
  : {}

/** The type of a partial answer of this format. */
export type PartialOf<Format> = [Format] extends [StandardSchema<unknown, infer Output>]
  ? DeepPartial<Output>
  : unknown

export type DeepPartial<T> = T extends readonly (infer Item)[]
  ? readonly DeepPartial<Item>[]
  : T extends object
    ? { readonly [K in keyof T]?: DeepPartial<T[K]> }
    : T

/** A stream, for its one consumer. */
export interface ChatStream<Extra = {}, Part = unknown> extends AsyncIterable<StreamChunk> {
  /** Text only. */
  readonly textStream: AsyncIterable<string>
  /**
   * The partial structured answer, at most once a network read. Each value is new at its root and
   * along the path that grew, and shares the rest with the previous one: compare by identity.
   */
  readonly partial: AsyncIterable<Part>
  /** The whole answer. Starts the call and removes the bound of the queue. */
  readonly response: Promise<ChatResponse & Extra>
  /** All queued chunks, at once; undefined at the end. For encoders. */
  read(): Promise<readonly StreamChunk[] | undefined>
  abort(reason?: unknown): void
}

/** The calls that need no State: the type of `ctx.client`. */
export interface Caller {
  generate<Format extends FormatInput = ResponseFormat>(
    request: ChatRequest<Format>,
    options?: BaseCallOptions,
  ): Promise<ChatResponse & Parsed<Format>>
  stream<Format extends FormatInput = ResponseFormat>(
    request: ChatRequest<Format>,
    options?: BaseCallOptions,
  ): ChatStream<Parsed<Format>, PartialOf<Format>>
  /**
   * Prompt tokens of a request after the layers' `outgoing` edits: the provider's count if it has
   * an endpoint and that succeeds, else an estimate, with the error. Fetches no image. Throws
   * `BadRequestError` for an invalid request, and for an abort.
   */
  countTokens(request: ChatRequest, options?: BaseCallOptions): Promise<TokenCount>
  /**
   * The cost of a call in USD, at the prices of this place, by model, tier and prompt length.
   * Undefined is an unknown price, never 0. Throws `BadRequestError` for an unknown name.
   *
   * @example
   * const usd = ctx.client.costOf({ model: ctx.request.model, usage: { prompt_tokens: 900, completion_tokens: 200 } })
   */
  costOf(call: CostQuestion): number | undefined
  /**
   * The provider and capabilities of a model name. Throws `BadRequestError` for an unknown name.
   */
  capabilities(model: ModelName): ModelInfo
}

export interface CostQuestion {
  readonly model: string
  readonly usage: Omit<Usage, 'total_tokens'>
  /** @default the standard tier */
  readonly service_tier?: string | undefined
  /** Epoch milliseconds. @default now */
  readonly started?: number | undefined
}

export interface TokenCount {
  readonly tokens: number
  readonly estimated?: true
  /** Why the provider did not count. */
  readonly error?: unknown
}

export interface ModelInfo extends Capabilities {
  readonly provider: string
  /** The name without the provider. */
  readonly model: string
}

/** The end of the stack: one provider. */
export interface ProviderAdapter {
  readonly name: string
  /** Bare model names that it serves. */
  readonly models?: RegExp
  /**
   * The adapter enforces `call.timeouts` itself, as `httpTransport` does. Otherwise the core does:
   * until the first chunk or `onResponse` (`headersMs`), then between reads; an empty array means
   * bytes without an event.
   */
  readonly hasTimers?: boolean
  /** If absent, or undefined for an unknown model, all parameters are allowed. */
  capabilities?(model: string): Partial<Capabilities> | undefined
  /** Converts to the provider's own messages, for an app or a test: no call uses it. Pure. */
  convertMessages?(messages: readonly Message[], model: string): unknown
  /**
   * If absent, the stream is accumulated. `id`, `created`, `model` and `usage` may be omitted from
   * the answer: the core completes it.
   */
  generate?(request: ChatRequest, call: Call): Promise<AnswerInput>
  /**
   * Yield the chunks of one network read as an array: one promise a read, not a chunk.
   * `request.model` has no provider prefix.
   */
  generateStream(
    request: ChatRequest,
    call: Call,
  ): AsyncGenerator<StreamChunk | readonly StreamChunk[]>
  countTokens?(request: ChatRequest, call: Call): Promise<number>
}

/** The used part of response headers: `Headers` of any realm match. Names in any case. */
export interface ResponseHeaders {
  get(name: string): string | null
  forEach(each: (value: string, name: string) => void): void
}

/** What the core passes to an adapter for one attempt. */
export interface Call {
  readonly signal: AbortSignal
  /**
   * Like a listener on `signal`, without creating one: called once with the reason, at once if
   * already aborted. Returns a function that removes it. If absent, use `signal`.
   */
  readonly onAbort?: (listener: (reason: unknown) => void) => () => void
  readonly headers?: Readonly<Record<string, string>>
  readonly apiKey?: string
  readonly timeouts?: Timeouts
  warn(warning: Warning): void
  onResponse(info: {
    readonly status: number
    readonly headers: ResponseHeaders
    readonly request_id?: string
  }): void
  /** Call it for each usage on the wire; the last one wins. */
  onUsage(usage: Usage): void
}
