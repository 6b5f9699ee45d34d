/** One call from its start to its single outcome, and the callers that start calls. */
import type {
  ChatRequest,
  ChatResponse,
  FormatInput,
  PartialResponse,
  StreamChunk,
} from '../chat/index.js'
import { defined, estimatePromptTokens, isObject } from '../chat/index.js'
import { Accumulator } from './accumulate.js'
import { badAnswer, type CallTarget } from './adapter-chunks.js'
import { adapterError } from './adapter-error.js'
import { attemptWith, type Target, withoutReader } from './attempt.js'
import { Channel } from './channel.js'
import { runLayers } from './compose.js'
import type {
  Call,
  Caller,
  CallOptions,
  CostQuestion,
  Middleware,
  ModelInfo,
  ProviderAdapter,
  TokenCount,
} from './context.js'
import { AbortError, BadRequestError, MisuseError } from './errors.js'
import { hidden, masked } from './hidden.js'
import { Values } from './key.js'
import type { Place, Run } from './layer.js'
import { Ledger } from './ledger.js'
import { type Pricing, pricing } from './pricing.js'
import { Scope, wouldLeave } from './scope.js'
import { listen } from './signals.js'
import { type PartialReader, TetradStream } from './stream.js'

/** What the layers above the core provide to it. */
export interface Engine {
  /** Throws `BadRequestError` for an unknown name. */
  readonly resolve: (model: string) => Target
  /** Checks a request and makes it plain JSON. Throws `BadRequestError`. */
  readonly validateRequest: (request: ChatRequest<FormatInput>) => ValidRequest
  readonly partialReader: PartialReader
  /** Prices of provider calls. */
  readonly pricing?: Pricing | undefined
}

export interface ValidRequest {
  readonly request: ChatRequest
  /**
   * Parses a structured answer; undefined if none was requested. Throws `UnexpectedResponseError`.
   */
  readonly parse?: (response: ChatResponse) => unknown
}

const defaults = { highWaterMark: 256, stalledMs: 300_000 }

/** Creates a caller of the layers that `stack` returns at the time of the call. */
export function createCaller(
  engine: Engine,
  stack: () => readonly Middleware<never>[],
  place?: Place & { readonly options: CallOptions<unknown> },
): Caller {
  const start = (
    request: ChatRequest<FormatInput>,
    options: CallOptions<unknown> = {},
    streaming: boolean,
  ) => {
    const merged = place ? inherit(place.options, options) : frozen(options)
    return new RunningCall(engine, stack(), withMask(request), merged, streaming, place)
  }
  return {
    // the request's format decides the type of the answer, as declared by Caller
    generate: async (request: ChatRequest<never>, options) =>
      start(request, options, false).start() as never,
    stream: (request: ChatRequest<never>, options) =>
      new TetradStream(start(request, options, true), engine.partialReader) as never,
    countTokens: (request, options = {}) =>
      countTokens(
        engine,
        stack(),
        request,
        place ? inherit(place.options, options) : options,
        place,
      ),
    costOf: (question) => costOf(engine, question),
    capabilities: (model) => modelInfo(engine, model),
  }
}

/** A nested call inherits the options of its outer call, overridden by its own. */
function inherit(outer: CallOptions<unknown>, own: CallOptions<unknown>): CallOptions<unknown> {
  const { signal: _, ...kept } = outer
  return frozen({ ...kept, ...defined(own) })
}

const frozen = (options: CallOptions<unknown>): CallOptions<unknown> =>
  Object.freeze({
    ...options,
    // one for all layers of the call, nested calls included
    state: options.state ?? {},
    ...(options.apiKeys && { apiKeys: hidden(options.apiKeys) }),
    ...(options.headers && { headers: masked(options.headers) }),
  })

/** Headers may contain keys too. */
const withMask = (request: ChatRequest<FormatInput>): ChatRequest<FormatInput> =>
  isObject(request) && isObject(request.extra_headers)
    ? { ...request, extra_headers: masked(request.extra_headers) }
    : request

class RunningCall {
  readonly channel: Channel
  private readonly root: Scope
  private readonly ledger: Ledger
  private readonly run: Run

  constructor(
    private readonly engine: Engine,
    layers: readonly Middleware<never>[],
    private readonly request: ChatRequest<FormatInput>,
    options: CallOptions<unknown>,
    streaming: boolean,
    private readonly place: Place | undefined,
  ) {
    this.channel = new Channel({
      highWaterMark: options.highWaterMark ?? defaults.highWaterMark,
      stalledMs: options.stalledMs ?? defaults.stalledMs,
      onStalled: () => this.abort(new AbortError('The consumer has stopped reading the stream')),
    })
    const sink = (chunks: readonly StreamChunk[]) => this.channel.push(chunks)
    this.root = new Scope(undefined, place?.within, streaming ? sink : undefined)
    this.ledger = new Ledger(place?.ledger)
    this.run = {
      id: crypto.randomUUID(),
      streaming,
      options,
      layers,
      values: new Values(place?.values),
      unseen: undefined,
      attempt: attemptWith(engine.resolve),
      nest: (run, index, at) =>
        createCaller(
          { ...engine, pricing: run.values.get(pricing) },
          () => run.layers.slice(index),
          { ...at, options: run.options },
        ),
    }
    if (engine.pricing) this.run.values.set(pricing, engine.pricing)
  }

  async start(): Promise<ChatResponse> {
    const { signal } = this.run.options
    const release = signal && listen(signal, () => this.abort(signal.reason))
    if (signal?.aborted) this.abort(signal.reason)
    try {
      if (this.root.fault) throw this.root.fault
      checkOptions(this.run.options)
      // a nested call inherits options of layers further out
      if (!this.place) checkReaders(this.run)
      const { request, parse } = this.engine.validateRequest(this.request)
      const timeouts = { ...this.place?.timeouts(), ...defined(this.run.options.timeouts ?? {}) }
      await runLayers(this.run, 0, this.root, { request, timeouts }, this.ledger)
      if (this.root.fault) throw this.root.fault
      return await this.succeed(parse)
    } catch (thrown) {
      const error = this.root.outcome(thrown)
      this.describe(error)
      this.channel.fail(error)
      throw error
    } finally {
      release?.()
      this.root.settle()
    }
  }

  abort(reason?: unknown): void {
    const isOurs = reason instanceof AbortError
    this.root.abort(isOurs ? reason : new AbortError(undefined, { cause: reason }))
  }

  private async succeed(parse: ValidRequest['parse']): Promise<ChatResponse> {
    // runLayers resolves only with a whole answer
    const whole = this.root.response as ChatResponse
    const response = { ...whole, attempts: [...this.ledger.attempts] }
    const parsed = parse && !whole.message.tool_calls ? await parse(whole) : undefined
    if (parsed === undefined) {
      this.channel.succeed((finish) => finish)
      return response
    }
    this.channel.succeed((finish) => ({ ...finish, parsed }) as StreamChunk)
    return { ...response, parsed }
  }

  /** Adds the partial answer, usage and attempts to an error. */
  private describe(error: unknown): void {
    if (!(error instanceof Error) || !Object.isExtensible(error)) return
    const found = {
      partial: this.root.partial ?? this.unseen(),
      usage: this.ledger.usage,
      attempts: [...this.ledger.attempts],
    }
    for (const [name, value] of Object.entries(found))
      Object.defineProperty(error, name, { value, configurable: true, writable: true })
  }

  /** The partial answer of a failed `generate`, as it would have left the stack. */
  private unseen(): PartialResponse | undefined {
    const { unseen } = this.run
    if (!unseen || unseen.chunks.length === 0) return undefined
    try {
      const accumulator = new Accumulator()
      accumulator.addAll(wouldLeave(unseen.scope, unseen.chunks))
      return accumulator.partial()
    } catch {
      // chunks in an impossible order are the failure itself
      return undefined
    }
  }
}

/** Throws `MisuseError`: without room for a chunk a stream would wait forever. */
function checkOptions({ highWaterMark = defaults.highWaterMark }: CallOptions<unknown>): void {
  if (!(highWaterMark >= 1))
    throw new MisuseError(
      `highWaterMark must be a number of chunks, at least 1, not ${highWaterMark}`,
    )
}

/** The layer that reads an option; one of the app's own that does has the same name. */
const readers = [
  ['aliases', 'alias'],
  ['dropParams', 'params'],
] as const

/** Throws `MisuseError` for an option that no layer reads: it would do nothing. */
function checkReaders({ options, layers }: Run): void {
  for (const [option, reader] of readers)
    if (options[option] !== undefined && !layers.some(({ name }) => name === reader))
      throw withoutReader(option, reader)
}

async function countTokens(
  engine: Engine,
  layers: readonly Middleware<never>[],
  requested: ChatRequest,
  options: CallOptions<unknown>,
  place: Place | undefined,
): Promise<TokenCount> {
  // litellm also counts `text`; with messages too, the result would be ambiguous
  if (isObject(requested) && typeof requested.text === 'string')
    throw new BadRequestError('countTokens() takes messages: put the text into a message', {
      status: 400,
      code: 'bad_request',
      phase: 'request',
    })
  const request = await sentBy(layers, engine.validateRequest(requested).request, options)
  const { adapter, model } = engine.resolve(request.model)
  if (!adapter.countTokens) return { tokens: estimatePromptTokens(request), estimated: true }
  const ignore = () => {}
  const keys = options.apiKeys ?? {}
  const call: Call = {
    signal: options.signal ?? place?.within.signal ?? new AbortController().signal,
    ...(options.headers && { headers: options.headers }),
    ...(Object.hasOwn(keys, adapter.name) && defined({ apiKey: keys[adapter.name] })),
    timeouts: { ...countTimeouts, ...place?.timeouts(), ...options.timeouts },
    warn: ignore,
    onResponse: ignore,
    onUsage: ignore,
  }
  try {
    const tokens = await adapter.countTokens({ ...request, model }, call)
    if (Number.isSafeInteger(tokens) && tokens >= 0) return { tokens }
    throw badAnswer(
      { provider: adapter.name, model },
      'the token count is not a whole number from 0',
      'bad_answer',
    )
  } catch (thrown) {
    if (call.signal.aborted) throw thrown
    const error = adapterError(thrown, { provider: adapter.name, model }, false)
    return { tokens: estimatePromptTokens(request), estimated: true, error }
  }
}

/** `timeout` may be missing, or further inside; after these the count is an estimate. */
const countTimeouts: Call['timeouts'] = { headersMs: 10_000, idleBytesMs: 10_000 }

/** The request as these layers pass it on, with the model they choose and the text they mask. */
async function sentBy(
  layers: readonly Middleware<never>[],
  requested: ChatRequest,
  options: CallOptions<unknown>,
): Promise<ChatRequest> {
  let request = requested
  for (const { outgoing } of layers) if (outgoing) request = await outgoing(request, options)
  return request
}

function costOf(engine: Engine, { model: name, usage, ...question }: CostQuestion) {
  const { adapter, model } = engine.resolve(name)
  const total_tokens = usage.prompt_tokens + usage.completion_tokens
  return engine.pricing?.({
    started: Date.now(),
    ...defined(question),
    provider: adapter.name,
    model,
    usage: { ...usage, total_tokens },
  })
}

/**
 * Without capabilities all parameters are allowed. Throws `UnexpectedResponseError` if the adapter
 * throws.
 */
function modelInfo(engine: Engine, name: string): ModelInfo {
  const { adapter, model } = engine.resolve(name)
  const target = { provider: adapter.name, model }
  const found: unknown = capabilitiesOf(adapter, target)
  const { rules, ...known } = isObject(found) ? found : {}
  return { known: false, ...known, rules: Array.isArray(rules) ? rules : [], ...target }
}

function capabilitiesOf(adapter: ProviderAdapter, target: CallTarget): unknown {
  try {
    return adapter.capabilities?.(target.model)
  } catch (error) {
    throw adapterError(error, target, false)
  }
}
