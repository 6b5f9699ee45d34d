/** Replies of a script: `say('Hello')`, `think('hm').callTool('get_weather', { city: 'Rome' })`, `fail(429)`. */
import { defined, type FinishReason, type TokenLogprob } from '../chat/index.js'
import { type Chunks, chunksOf } from './chunks.js'
import { failureOf } from './failure.js'
import type {
  Citation,
  CutHow,
  Delivery,
  EditBody,
  EditEvents,
  FailureKind,
  FailureOptions,
  Framing,
  Part,
  ReplySpec,
  ScriptedUsage,
  Text,
} from './script.js'

export interface SayOptions {
  /** How many events the text takes, or the chunks themselves. @default one per word */
  readonly chunks?: Chunks
  /** The tokens with their log probabilities; `true` generates some. Each is a separate event. */
  readonly logprobs?: true | readonly TokenLogprob[]
  /** OpenAI: `commentary` or `final_answer`. */
  readonly phase?: string
  readonly usage?: ScriptedUsage | null
}

export interface ThinkOptions {
  /** How many events each thought takes. @default one per word */
  readonly chunks?: number
  /**
   * The value to send back: Anthropic's signature, Gemini's thought signature, OpenAI's encrypted
   * content.
   * @default generated
   */
  readonly signature?: string
  /** The thought is hidden, with only its signature. */
  readonly redacted?: boolean
  /** The full reasoning instead of a summary (`reasoning_text` on the Responses wire). */
  readonly full?: boolean
}

export interface CallOptions {
  /** @default generated in the provider's format; none for Gemini */
  readonly id?: string
  /**
   * How many events the arguments take, or the chunks; `start`: whole with the name, `end`: whole
   * at the end only.
   * @default as the provider usually does
   */
  readonly pieces?: Chunks | 'start' | 'end'
  /** A custom tool: the input is free text. */
  readonly custom?: boolean
  /** Gemini's thought signature. */
  readonly signature?: string
}

export interface HostedToolOptions {
  readonly id?: string
  readonly input?: unknown
  readonly output?: unknown
  readonly failed?: boolean
}

const emptySpec: ReplySpec = {
  parts: [],
  headers: {},
  delivery: { holds: [], framing: {} },
  asJson: false,
  editEvents: [],
  editBody: [],
}

/**
 * One reply. Every method returns a new one, so replies can be shared and extended:
 *
 * @example
 * ```ts
 * const hello = say('Hello').usage({ prompt_tokens: 12, completion_tokens: 3 })
 * const script = [hello, hello.cut(2), hello.failAfter(1, 'overloaded'), hello.splitBytes(1)]
 * ```
 */
export class Reply {
  readonly spec: ReplySpec

  constructor(spec: Partial<ReplySpec> = {}) {
    this.spec = { ...emptySpec, ...spec }
  }

  /** Adds text. */
  say(text: string, options: SayOptions = {}): Reply {
    const logprobs = options.logprobs && tokensOf(text, options.logprobs, options.chunks)
    const chunks = logprobs?.map(({ token }) => token) ?? options.chunks
    const { phase } = options
    const pieces = chunksOf(text, chunks)
    const reply = this.#part({
      type: 'text',
      text,
      chunks: pieces,
      citations: [],
      ...defined({ logprobs, phase }),
    })
    return options.usage === undefined ? reply : reply.usage(options.usage)
  }

  /** Adds a thought; a list of texts is one thought in several summary parts. */
  think(text: string | readonly string[], options: ThinkOptions = {}): Reply {
    const texts = typeof text === 'string' ? (text === '' ? [] : [text]) : text
    return this.#part({
      type: 'thought',
      summaries: texts.map((summary) => chunksOf(summary, options.chunks)),
      redacted: options.redacted ?? false,
      full: options.full ?? false,
      ...defined({ signature: options.signature }),
    })
  }

  /**
   * Adds a tool call. A string of arguments is sent as it is, also if it is invalid JSON. Several
   * calls in one reply are parallel calls.
   */
  callTool(name: string, input: unknown = {}, options: CallOptions = {}): Reply {
    const text = typeof input === 'string' ? input : JSON.stringify(input)
    const { custom = false, id, signature, pieces: given } = options
    const isCut = typeof given === 'number' || typeof given === 'object'
    const pieces = isCut ? chunksOf(text, given) : given
    const own = defined({ id, signature, pieces })
    return this.#part({ type: 'call', name, arguments: text, custom, ...own })
  }

  /**
   * Adds a refusal: a `refusal` part (OpenAI, xAI, Chat Completions), `stop_reason: 'refusal'` with
   * the text as its explanation (Anthropic), a stop for safety (Gemini; with `ofPrompt` the prompt
   * was blocked and there is no candidate).
   */
  refuse(text: string, options: { chunks?: Chunks; ofPrompt?: boolean } = {}): Reply {
    return this.#part({
      type: 'refusal',
      text,
      chunks: chunksOf(text, options.chunks),
      ofPrompt: options.ofPrompt ?? false,
    })
  }

  /** Adds a generated image, base64. Not for Anthropic. */
  image(data: string, options: { media_type?: string } = {}): Reply {
    return this.#part({ type: 'media', media_type: options.media_type ?? 'image/png', data })
  }

  /** Adds generated speech, base64: Gemini and Chat Completions. */
  audio(data: string, options: { media_type?: string; transcript?: string } = {}): Reply {
    const { media_type = 'audio/wav', transcript } = options
    return this.#part({ type: 'media', media_type, data, ...defined({ transcript }) })
  }

  /** Adds sources to the last text. Throws `RangeError` if there is none. */
  cite(...citations: readonly Citation[]): Reply {
    const at = this.spec.parts.findLastIndex(({ type }) => type === 'text')
    const text = this.spec.parts[at]
    if (text?.type !== 'text') throw new RangeError('cite() needs a text: say(…).cite(…)')
    const cited: Text = { ...text, citations: [...text.citations, ...citations] }
    return this.#with({ parts: this.spec.parts.with(at, cited) })
  }

  /**
   * Adds a tool run by the provider: `web_search`, `file_search`, `code_interpreter` (also
   * `code_execution`), any other as an MCP call. Not for Chat Completions.
   */
  hostedTool(name: string, options: HostedToolOptions = {}): Reply {
    return this.#part({ type: 'hosted', ...options, name, failed: options.failed ?? false })
  }

  /**
   * Sets the tokens; null: no usage on the wire. Omitted counts are estimated, omitted details are
   * not sent.
   */
  usage(usage: ScriptedUsage | null): Reply {
    return this.#with({ usage })
  }

  /**
   * Sets the finish reason, by default derived from the parts. `native` is the provider's value:
   * `pause_turn`, `MALFORMED_FUNCTION_CALL`.
   */
  finish(reason: FinishReason, options: { native?: string; stop_sequence?: string } = {}): Reply {
    const { native, stop_sequence } = options
    const own = defined({ nativeFinish: native, stopSequence: stop_sequence })
    return this.#with({ finish: reason, ...own })
  }

  /** Sets the model that answered. @default the requested one */
  model(model: string): Reply {
    return this.#with({ model })
  }

  /** Sets the tier that served it. */
  serviceTier(serviceTier: string): Reply {
    return this.#with({ serviceTier })
  }

  /** Adds or overrides response headers. Names in lower case. */
  headers(headers: Readonly<Record<string, string>>): Reply {
    return this.#with({ headers: { ...this.spec.headers, ...headers } })
  }

  /**
   * Fails after this many events of a stream, in the provider's format; a plain request fails with
   * the status.
   */
  failAfter(after: number, what: number | FailureKind, options?: FailureOptions): Reply {
    return this.#with({ failAfter: { after, failure: failureOf(what, options) } })
  }

  /**
   * Ends the connection after this many events: 2.5 is in the middle of the third. Of a plain body
   * half is sent, with 0 nothing.
   */
  cut(after: number, how: CutHow = 'destroy'): Reply {
    return this.#deliver({ cut: { after, how } })
  }

  /**
   * Sends this many events and then nothing, until the client leaves. Without a number not even the
   * headers are sent.
   */
  stall(after: number | 'headers' = 'headers'): Reply {
    return this.#deliver({ stall: after })
  }

  /**
   * Waits after this many events until the promise settles: for tests that act between two events.
   */
  hold(after: number, until: PromiseLike<unknown>): Reply {
    return this.#deliver({ holds: [...this.spec.delivery.holds, { after, until }] })
  }

  /** Delays the headers and each event, in milliseconds of the server's clock. */
  delay(delay: { firstMs?: number; eachMs?: number }): Reply {
    return this.#deliver({ delay: { firstMs: delay.firstMs ?? 0, eachMs: delay.eachMs ?? 0 } })
  }

  /** One network write per event. By default a write has as many events as fit. */
  splitEvents(): Reply {
    return this.#deliver({ split: { by: 'event' } })
  }

  /**
   * Network writes of this many bytes, across events, lines and characters; or of 1 to `max` bytes
   * by a seed.
   */
  splitBytes(size: number | { readonly seed: number; readonly max?: number }): Reply {
    return this.#deliver({
      split:
        typeof size === 'number'
          ? { by: 'bytes', size }
          : { by: 'seed', seed: size.seed, max: size.max ?? 64 },
    })
  }

  /** Line ends, byte order mark, comments, `event:` lines, `[DONE]`: the variations of SSE. */
  framing(framing: Framing): Reply {
    return this.#deliver({ framing: { ...this.spec.delivery.framing, ...framing } })
  }

  /** Answers a stream with the plain JSON body. */
  asJson(): Reply {
    return this.#with({ asJson: true })
  }

  /** Edits the events before they are sent, for quirks without a method. */
  editEvents(edit: EditEvents): Reply {
    return this.#with({ editEvents: [...this.spec.editEvents, edit] })
  }

  /** Edits a plain body before it is sent. */
  editBody(edit: EditBody): Reply {
    return this.#with({ editBody: [...this.spec.editBody, edit] })
  }

  #part(part: Part): Reply {
    return this.#with({ parts: [...this.spec.parts, part] })
  }

  #with(change: Partial<ReplySpec>): Reply {
    return new Reply({ ...this.spec, ...change })
  }

  #deliver(change: Partial<Delivery>): Reply {
    return this.#with({ delivery: { ...this.spec.delivery, ...change } })
  }
}

function tokensOf(text: string, logprobs: true | readonly TokenLogprob[], chunks?: Chunks) {
  if (logprobs !== true) return logprobs
  return chunksOf(text, chunks).map((token, index) => ({
    token,
    logprob: -(index + 1) / 8,
    bytes: [...new TextEncoder().encode(token)],
    top_logprobs: [],
  }))
}

/** The text of a reply that is scripted only for its failure. */
const filler = () => new Reply().say('The quick brown fox jumps over the lazy dog.')

/**
 * A reply with a text.
 *
 * @example `say('Hello', { usage: { prompt_tokens: 12, completion_tokens: 3 } })`
 */
export const say = (text: string, options?: SayOptions): Reply => new Reply().say(text, options)

/** A reply that begins with a thought. @example `think('hm').say('so')` */
export const think = (text: string | readonly string[], options?: ThinkOptions): Reply =>
  new Reply().think(text, options)

/**
 * A reply that calls a tool.
 *
 * @example `callTool('get_weather', { city: 'Rome' }).callTool('get_time')`
 */
export const callTool = (name: string, input?: unknown, options?: CallOptions): Reply =>
  new Reply().callTool(name, input, options)

/** A reply with a refusal. */
export const refuse = (text: string, options?: Parameters<Reply['refuse']>[1]): Reply =>
  new Reply().refuse(text, options)

/** A reply with a generated image, base64. */
export const image = (data: string, options?: Parameters<Reply['image']>[1]): Reply =>
  new Reply().image(data, options)

/** A reply with generated speech, base64. */
export const audio = (data: string, options?: Parameters<Reply['audio']>[1]): Reply =>
  new Reply().audio(data, options)

/**
 * A reply that begins with a tool run by the provider.
 *
 * @example `hostedTool('web_search', { input: { query: 'Rome' } }).say('…')`
 */
export const hostedTool = (name: string, options?: HostedToolOptions): Reply =>
  new Reply().hostedTool(name, options)

/**
 * An error status with the provider's own body and headers.
 *
 * @example `fail(429, { retryAfter: 2 })`, `fail('quota')`
 */
export const fail = (what: number | FailureKind, options?: FailureOptions): Reply =>
  new Reply({ failure: failureOf(what, options) })

/**
 * A stream that fails after this many events, with status 200.
 *
 * @example `failAfter(3, 'overloaded')`
 */
export const failAfter = (after: number, what: number | FailureKind, options?: FailureOptions) =>
  filler().failAfter(after, what, options)

/** A stream whose connection ends after this many events. */
export const cut = (after: number, how?: CutHow): Reply => filler().cut(after, how)

/** A stream that sends this many events and then nothing; without a number not even headers. */
export const stall = (after?: number): Reply => filler().stall(after)

/** Any status, headers and body. The content type is `text/plain` unless set in the headers. */
export const raw = (
  body: string | Uint8Array,
  options: { status?: number; headers?: Readonly<Record<string, string>> } = {},
): Reply =>
  new Reply({
    raw: {
      status: options.status ?? 200,
      headers: { 'content-type': 'text/plain; charset=utf-8', ...options.headers },
      body,
    },
  })

/** A proxy's page instead of an answer. @example `html({ status: 502 })` */
export const html = (options: { status?: number; body?: string } = {}): Reply =>
  raw(
    options.body ??
      '<!DOCTYPE html>\n<html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>\n',
    {
      status: options.status ?? 200,
      headers: { 'content-type': 'text/html; charset=utf-8' },
    },
  )

/**
 * Status 200 and a JSON error instead of the requested stream: xAI's answer when it is overloaded.
 */
export const jsonInPlaceOfStream = (
  body: unknown = {
    code: 'The service is currently unavailable',
    error: 'The service is temporarily unavailable. Please try again later.',
  },
): Reply => raw(JSON.stringify(body), { headers: { 'content-type': 'application/json' } })

/** Status 200 and an empty body. */
export const nothing = (): Reply => raw('', { headers: { 'content-type': 'text/event-stream' } })
