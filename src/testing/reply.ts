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
  /** How many events the text takes, or the pieces themselves. @default a word each */
  readonly chunks?: Chunks
  /** The tokens with their log probabilities; `true` makes some up. Each is an event of its own. */
  readonly logprobs?: true | readonly TokenLogprob[]
  /** OpenAI: `commentary` or `final_answer`. */
  readonly phase?: string
  readonly usage?: ScriptedUsage | null
}

export interface ThinkOptions {
  /** How many events each thought takes. @default a word each */
  readonly chunks?: number
  /** What the provider wants back: Anthropic's signature, Gemini's thought signature, OpenAI's encrypted content. @default made up */
  readonly signature?: string
  /** The thought is not shown, only its signature is there. */
  readonly redacted?: boolean
  /** The thoughts themselves in place of a summary (`reasoning_text` on the Responses wire). */
  readonly full?: boolean
}

export interface CallOptions {
  /** @default made in the provider's shape; Gemini tells none */
  readonly id?: string
  /** How many events the arguments take, or the pieces; `start`: whole with the name, `end`: whole at the end only. @default as the provider usually does */
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
 * One reply. Every method returns a new one, so replies can be shared and grown:
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

  /** Text. */
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

  /** A thought; a list of texts is one thought told in several summary parts. */
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

  /** A tool call. Arguments given as text are sent as they are, broken JSON too. Several calls in one reply are parallel calls. */
  callTool(name: string, input: unknown = {}, options: CallOptions = {}): Reply {
    const text = typeof input === 'string' ? input : JSON.stringify(input)
    const { custom = false, id, signature, pieces: given } = options
    const isCut = typeof given === 'number' || typeof given === 'object'
    const pieces = isCut ? chunksOf(text, given) : given
    const own = defined({ id, signature, pieces })
    return this.#part({ type: 'call', name, arguments: text, custom, ...own })
  }

  /**
   * A refusal: a `refusal` part (OpenAI, xAI, Chat Completions), `stop_reason: 'refusal'` with the text as its
   * explanation (Anthropic), a stop for safety (Gemini; with `ofPrompt` the prompt was blocked and there is no candidate).
   */
  refuse(text: string, options: { chunks?: Chunks; ofPrompt?: boolean } = {}): Reply {
    return this.#part({
      type: 'refusal',
      text,
      chunks: chunksOf(text, options.chunks),
      ofPrompt: options.ofPrompt ?? false,
    })
  }

  /** A generated image, base64. Anthropic has none. */
  image(data: string, options: { media_type?: string } = {}): Reply {
    return this.#part({ type: 'media', media_type: options.media_type ?? 'image/png', data })
  }

  /** Generated speech, base64: Gemini and Chat Completions. */
  audio(data: string, options: { media_type?: string; transcript?: string } = {}): Reply {
    const { media_type = 'audio/wav', transcript } = options
    return this.#part({ type: 'media', media_type, data, ...defined({ transcript }) })
  }

  /** Adds sources to the text said last. Throws `RangeError` where none was said. */
  cite(...citations: readonly Citation[]): Reply {
    const at = this.spec.parts.findLastIndex(({ type }) => type === 'text')
    const text = this.spec.parts[at]
    if (text?.type !== 'text') throw new RangeError('cite() needs a text: say(…).cite(…)')
    const cited: Text = { ...text, citations: [...text.citations, ...citations] }
    return this.#with({ parts: this.spec.parts.with(at, cited) })
  }

  /**
   * A tool that the provider ran itself: `web_search`, `file_search`, `code_interpreter` (also `code_execution`), anything
   * else as an MCP call. Chat Completions has none.
   */
  hostedTool(name: string, options: HostedToolOptions = {}): Reply {
    return this.#part({ type: 'hosted', ...options, name, failed: options.failed ?? false })
  }

  /** Tokens; null: the wire tells none. Counts left out are estimated, details left out are not told. */
  usage(usage: ScriptedUsage | null): Reply {
    return this.#with({ usage })
  }

  /** Why it ended, where the parts do not tell. `native` is the provider's own word: `pause_turn`, `MALFORMED_FUNCTION_CALL`. */
  finish(reason: FinishReason, options: { native?: string; stop_sequence?: string } = {}): Reply {
    const { native, stop_sequence } = options
    const own = defined({ nativeFinish: native, stopSequence: stop_sequence })
    return this.#with({ finish: reason, ...own })
  }

  /** The model that answered. @default the one that was asked */
  model(model: string): Reply {
    return this.#with({ model })
  }

  /** The tier that served it. */
  serviceTier(serviceTier: string): Reply {
    return this.#with({ serviceTier })
  }

  /** Response headers, beside and over those of the provider. Names in lower case. */
  headers(headers: Readonly<Record<string, string>>): Reply {
    return this.#with({ headers: { ...this.spec.headers, ...headers } })
  }

  /** Fails after so many events of a stream, in the provider's way; a plain request fails with the status. */
  failAfter(after: number, what: number | FailureKind, options?: FailureOptions): Reply {
    return this.#with({ failAfter: { after, failure: failureOf(what, options) } })
  }

  /** Ends the connection after so many events: 2.5 is in the middle of the third. Of a plain body the half is sent, with 0 nothing. */
  cut(after: number, how: CutHow = 'destroy'): Reply {
    return this.#deliver({ cut: { after, how } })
  }

  /** Sends so many events and then nothing, until the client leaves. Without a number not even the headers come. */
  stall(after: number | 'headers' = 'headers'): Reply {
    return this.#deliver({ stall: after })
  }

  /** Waits after so many events until the promise settles: for tests that need to be between two events. */
  hold(after: number, until: PromiseLike<unknown>): Reply {
    return this.#deliver({ holds: [...this.spec.delivery.holds, { after, until }] })
  }

  /** Milliseconds of the server's clock before the headers and before each event. */
  delay(delay: { firstMs?: number; eachMs?: number }): Reply {
    return this.#deliver({ delay: { firstMs: delay.firstMs ?? 0, eachMs: delay.eachMs ?? 0 } })
  }

  /** One network write an event. By default as many events as fit go in one. */
  splitEvents(): Reply {
    return this.#deliver({ split: { by: 'event' } })
  }

  /** Network writes of so many bytes, through the middle of events, lines and characters; or of 1 to `max` bytes by a seed. */
  splitBytes(size: number | { readonly seed: number; readonly max?: number }): Reply {
    return this.#deliver({
      split:
        typeof size === 'number'
          ? { by: 'bytes', size }
          : { by: 'seed', seed: size.seed, max: size.max ?? 64 },
    })
  }

  /** Line ends, byte order mark, comments, `event:` lines, `[DONE]`: what the SSE format leaves open. */
  framing(framing: Framing): Reply {
    return this.#deliver({ framing: { ...this.spec.delivery.framing, ...framing } })
  }

  /** Answers a stream with the plain JSON body. */
  asJson(): Reply {
    return this.#with({ asJson: true })
  }

  /** Changes the events before they are sent: quirks that no method has. */
  editEvents(edit: EditEvents): Reply {
    return this.#with({ editEvents: [...this.spec.editEvents, edit] })
  }

  /** Changes a plain body before it is sent. */
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

/** What a reply says that was only scripted for how it goes wrong. */
const filler = () => new Reply().say('The quick brown fox jumps over the lazy dog.')

/** A reply that says a text. @example `say('Hello', { usage: { prompt_tokens: 12, completion_tokens: 3 } })` */
export const say = (text: string, options?: SayOptions): Reply => new Reply().say(text, options)

/** A reply that begins with a thought. @example `think('hm').say('so')` */
export const think = (text: string | readonly string[], options?: ThinkOptions): Reply =>
  new Reply().think(text, options)

/** A reply that calls a tool. @example `callTool('get_weather', { city: 'Rome' }).callTool('get_time')` */
export const callTool = (name: string, input?: unknown, options?: CallOptions): Reply =>
  new Reply().callTool(name, input, options)

/** A reply that refuses. */
export const refuse = (text: string, options?: Parameters<Reply['refuse']>[1]): Reply =>
  new Reply().refuse(text, options)

/** A reply with a generated image, base64. */
export const image = (data: string, options?: Parameters<Reply['image']>[1]): Reply =>
  new Reply().image(data, options)

/** A reply with generated speech, base64. */
export const audio = (data: string, options?: Parameters<Reply['audio']>[1]): Reply =>
  new Reply().audio(data, options)

/** A reply that begins with a tool the provider ran itself. @example `hostedTool('web_search', { input: { query: 'Rome' } }).say('…')` */
export const hostedTool = (name: string, options?: HostedToolOptions): Reply =>
  new Reply().hostedTool(name, options)

/** An error status with the provider's own body and headers. @example `fail(429, { retryAfter: 2 })`, `fail('quota')` */
export const fail = (what: number | FailureKind, options?: FailureOptions): Reply =>
  new Reply({ failure: failureOf(what, options) })

/** A stream that fails after so many events, with status 200. @example `failAfter(3, 'overloaded')` */
export const failAfter = (after: number, what: number | FailureKind, options?: FailureOptions) =>
  filler().failAfter(after, what, options)

/** A stream whose connection ends after so many events. */
export const cut = (after: number, how?: CutHow): Reply => filler().cut(after, how)

/** A stream that brings so many events and then nothing; without a number not even headers. */
export const stall = (after?: number): Reply => filler().stall(after)

/** Any status, headers and body. The content type is `text/plain` unless the headers say other. */
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

/** A page of a proxy in place of an answer. @example `html({ status: 502 })` */
export const html = (options: { status?: number; body?: string } = {}): Reply =>
  raw(
    options.body ??
      '<!DOCTYPE html>\n<html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>\n',
    {
      status: options.status ?? 200,
      headers: { 'content-type': 'text/html; charset=utf-8' },
    },
  )

/** Status 200 and a JSON error where a stream was asked for: what xAI answers when it is overloaded. */
export const jsonInPlaceOfStream = (
  body: unknown = {
    code: 'The service is currently unavailable',
    error: 'The service is temporarily unavailable. Please try again later.',
  },
): Reply => raw(JSON.stringify(body), { headers: { 'content-type': 'application/json' } })

/** Status 200 and not one byte of a body. */
export const nothing = (): Reply => raw('', { headers: { 'content-type': 'text/event-stream' } })
