/** The types of the onion: what a layer sees, what it calls, what stands at its end. */
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

/** Runs what is inside. Resolves, in both modes, when the answer below is complete, with that answer. May be called again once it has settled. */
export type Next = () => Promise<ChatResponse>

/** One layer of the stack: a function that serves `generate` and `stream` alike. `layer()` puts the data on it. */
export interface Middleware<State = {}> extends LayerData {
  (ctx: Context<State>, next: Next): Promise<unknown>
}

/** A layer, or the layers of one policy. */
export type Layers<State = {}> = Middleware<State> | readonly Middleware<State>[]

/** Beside a part of the standard stack, or beside another layer: `inside tools`, `outside history`, `inside redact`. */
export type LayerPlace = `inside ${string}` | `outside ${string}`

/** What a layer states about itself. */
export interface LayerData {
  /** Where `standard({ with })` puts it. Of a list the first counts whose neighbour is in the stack. */
  readonly place?: LayerPlace | readonly LayerPlace[] | undefined
  /** It calls `next()` again: once a turn of the model (`step`), or once a try (`attempt`). `trace()` draws it. */
  readonly repeats?: 'step' | 'attempt' | undefined
  /**
   * What it does to a request on its way in, without a call: `countTokens` runs it for the layers it stands in front
   * of. Throws what the layer would throw.
   */
  readonly outgoing?: Outgoing | undefined
  /** Model names that it takes, as `alias` does: the error for a model that nobody knows lists them. */
  readonly models?: readonly string[] | undefined
}

export type Outgoing = (
  request: ChatRequest,
  options: BaseCallOptions,
) => ChatRequest | Promise<ChatRequest>

/** Hands a chunk on. The promise is there only when the consumer is behind: await it then. */
export type Emit = (chunk: StreamChunk) => void | Promise<void>

/** Edits chunks on their way out. Chunks behind a pending promise wait. */
export type Transform = (
  chunk: StreamChunk,
  emit: (chunk: StreamChunk) => void,
) => void | Promise<void>

/** What one layer sees. Each layer has its own, and every member speaks of its place. */
export interface Context<State = {}> {
  /** Of the call, the same in every layer. */
  readonly id: string
  /** The call is a `stream`. */
  readonly streaming: boolean
  readonly options: CallOptions<State>
  readonly state: Readonly<State>
  readonly get: <T>(key: Key<T>) => T | undefined
  readonly set: <T>(key: Key<T>, value: T) => void

  /** What this layer was given, or what it put there; its later `next()` calls get it, no outer layer sees it. */
  get request(): ChatRequest
  set request(request: ChatRequest)
  /** The whole answer at this place, once `next()` resolved. Set it to answer, while no content has left (`!committed`); after that it throws `MisuseError`. */
  get response(): ChatResponse | undefined
  set response(response: AnswerInput)
  /** The answer so far at this place: while `next()` runs, and after it failed. */
  readonly partial: PartialResponse | undefined
  /** Timers for the provider calls inside: a slot like `request`. */
  get timeouts(): Timeouts
  set timeouts(timeouts: Timeouts)
  /** Fires when the caller, the consumer or an outer layer aborts. */
  readonly signal: AbortSignal
  /** Content of the last `next()` has left this layer. */
  readonly committed: boolean
  /** Provider calls made inside this layer, failed, aborted and nested ones too. */
  readonly attempts: readonly Attempt[]
  /** Their sum. */
  readonly usage: Usage
  /** Runs the layers inside this one, as a call of its own that shares signal and ledger. */
  readonly client: Caller

  /** Edits the chunks that come from inside. Before the first `next()` (later: `MisuseError`). */
  readonly transform: (fn: Transform) => void
  /** Sends a chunk outward from here. While `next()` runs: `data` and `warning` only. */
  readonly emit: Emit
  /** Adds to `response.warnings`. */
  readonly warn: (warning: Warning) => void
  /** Ends what stands inside: its running `next()` rejects with `reason`. */
  readonly abort: (reason?: unknown) => void
  /** Hands work that may outlive the answer to `waitUntil` of the call. Its rejection is never an unhandled one. */
  readonly defer: (work: Promise<unknown>) => void
}

export interface BaseCallOptions {
  readonly signal?: AbortSignal | undefined
  /** For accounting: tenant, user, feature. */
  readonly tags?: Readonly<Record<string, string>> | undefined
  /** Sent to the provider. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly timeouts?: Timeouts | undefined
  /** Chunks that may wait for the consumer, and never more than 1 MiB of them and one network read. @default 256 */
  readonly highWaterMark?: number | undefined
  /** A consumer that has not pulled for so long has left. Milliseconds. @default 300_000 */
  readonly stalledMs?: number | undefined
  readonly aliases?: Readonly<Record<string, string>> | undefined
  /** Beats the option of `params()`, and is beaten by `drop_params` of the request. */
  readonly dropParams?: boolean | undefined
  /** Keys by provider name, for this call. */
  readonly apiKeys?: Readonly<Record<string, string>> | undefined
  /**
   * Gets what layers defer (`ctx.defer`): a platform keeps the process for it, a test awaits it. Without one nobody
   * waits. What it throws, `ctx.defer` throws.
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

/** What a schema in `response_format` adds to the answer. */
export type Parsed<Format> = [Format] extends [StandardSchema<unknown, infer Output>]
  ? { readonly parsed: Output }
  : {}

/** What an answer of this format looks like while it grows. */
export type PartialOf<Format> = [Format] extends [StandardSchema<unknown, infer Output>]
  ? DeepPartial<Output>
  : unknown

export type DeepPartial<T> = T extends readonly (infer Item)[]
  ? readonly DeepPartial<Item>[]
  : T extends object
    ? { readonly [K in keyof T]?: DeepPartial<T[K]> }
    : T

/** What a stream is to its one consumer. */
export interface ChatStream<Extra = {}, Part = unknown> extends AsyncIterable<StreamChunk> {
  /** Text only. */
  readonly textStream: AsyncIterable<string>
  /**
   * A structured answer while it grows, at most once a network read. Each value is new at its root and along the path
   * that grew, and shares all else with the one before: a page may hold it and compare by identity.
   */
  readonly partial: AsyncIterable<Part>
  /** The whole answer. Starts the call and takes the bound off. */
  readonly response: Promise<ChatResponse & Extra>
  /** All chunks that wait, at once; undefined at the end. For encoders. */
  read(): Promise<readonly StreamChunk[] | undefined>
  abort(reason?: unknown): void
}

/** The calls that need no State: what a layer sees as `ctx.client`. */
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
   * Prompt tokens of a request as the layers in front of the provider pass it on (`outgoing`): the provider's count where it has an endpoint and that answers, else an estimate, with
   * the error. Fetches no image. Throws `BadRequestError` for a request that cannot be read, and for an abort.
   */
  countTokens(request: ChatRequest, options?: BaseCallOptions): Promise<TokenCount>
  /**
   * What a call would cost, USD: at the prices of this place, by model, tier and length of prompt. Undefined is an unknown
   * price, never 0. Throws `BadRequestError` for a name nobody knows.
   *
   * @example
   * const usd = ctx.client.costOf({ model: ctx.request.model, usage: { prompt_tokens: 900, completion_tokens: 200 } })
   */
  costOf(call: CostQuestion): number | undefined
  /** Which provider a model name leads to, and what it takes. Throws `BadRequestError` for a name nobody knows. */
  capabilities(model: ModelName): ModelInfo
}

export interface CostQuestion {
  readonly model: string
  readonly usage: Omit<Usage, 'total_tokens'>
  /** @default the standard one */
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
  /** Bare names it answers to. */
  readonly models?: RegExp
  /**
   * It ends a wait by `call.timeouts` itself, as `httpTransport` does. Without it the core watches: until the first chunk
   * or `onResponse` (`headersMs`), then between reads; an empty array stands for bytes that brought no event.
   */
  readonly hasTimers?: boolean
  /** Absent, nothing, or for a model that it does not know: everything is let through. */
  capabilities?(model: string): Partial<Capabilities> | undefined
  /** The provider's own messages. Pure. */
  convertMessages(messages: readonly Message[], model: string): unknown
  /** Absent: the stream is accumulated. `id`, `created`, `model` and `usage` may be left out of the answer: the core completes it. */
  generate?(request: ChatRequest, call: Call): Promise<AnswerInput>
  /** An array is what one network read brought: one promise a read, not a chunk. `request.model` comes without the provider. */
  generateStream(
    request: ChatRequest,
    call: Call,
  ): AsyncGenerator<StreamChunk | readonly StreamChunk[]>
  countTokens?(request: ChatRequest, call: Call): Promise<number>
}

/** What is read of the headers of a response: `Headers` of any realm fit. Names in any case. */
export interface ResponseHeaders {
  get(name: string): string | null
  forEach(each: (value: string, name: string) => void): void
}

/** What the core gives an adapter for one attempt. */
export interface Call {
  readonly signal: AbortSignal
  /**
   * The same as a listener on `signal`, without one: called once with the reason, at once where it has fired. Returns what
   * takes the listener off. Absent: there is the signal.
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
  /** Each time the wire tells a usage; the last one wins. */
  onUsage(usage: Usage): void
}
