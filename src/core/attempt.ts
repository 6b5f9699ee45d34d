/** One provider call at the end of the stack: its record, its race with an abort, its usage. */
import type {
  Attempt,
  ChatRequest,
  ChatResponse,
  StreamChunk,
  Usage,
  Warning,
} from '../chat/index.js'
import {
  createTokenCounter,
  defined,
  emptyUsage,
  estimatePromptTokens,
  isObject,
} from '../chat/index.js'
import { Accumulator } from './accumulate.js'
import { type Asked, ChunkCheck, isUsage, readAnswer, readUsage } from './adapter-chunks.js'
import { adapterError } from './adapter-error.js'
import type { Call, ProviderAdapter } from './context.js'
import { Ending } from './ending.js'
import {
  AbortError,
  isTetradError,
  MisuseError,
  StreamInterruptedError,
  TimeoutError,
} from './errors.js'
import { ignoreRejection } from './ignore-rejection.js'
import type { Run, Slots } from './layer.js'
import type { Ledger } from './ledger.js'
import { withSignal, withUsage } from './live.js'
import { askedTier, pricing } from './pricing.js'
import { publicHeaders } from './public-headers.js'
import { isContent, type Scope } from './scope.js'
import { createWatch, type Watch, type WatchPhase } from './timers.js'
import { completeAnswer, toChunks } from './to-chunks.js'

/** A model name, resolved. */
export interface Target {
  readonly adapter: ProviderAdapter
  /** Without the provider. */
  readonly model: string
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** Makes the end of the stack: it asks the provider that the model's name leads to. */
export const attemptWith =
  (resolve: (model: string) => Target): Run['attempt'] =>
  async (run, scope, slots, ledger) => {
    refuseControls(slots.request)
    const target = resolve(slots.request.model)
    await new RunningAttempt(run, scope, slots, target, ledger).settle()
  }

const controls = ['drop_params', 'additional_drop_params', 'allowed_openai_params'] as const

function refuseControls(request: ChatRequest): void {
  const control = controls.find((name) => request[name] !== undefined)
  if (control)
    throw new MisuseError(
      `'${control}' does nothing without the params() middleware: add it to the stack, import { params } from 'tetrad/middleware'`,
    )
}

class RunningAttempt {
  private readonly record: Mutable<Attempt>
  private readonly request: ChatRequest
  private readonly adapter: ProviderAdapter
  private readonly started = performance.now()
  private readonly warnings: Warning[] = []
  /** The last usage that the wire told on the way, as it came: with each chunk, on some, and few look at it. */
  private given: unknown
  /** The usage of the finish. */
  private final: Usage | undefined
  /** Our own count of what came, and what came since the last look at it: where the wire tells all, nobody looks. */
  private readonly counter = createTokenCounter()
  private uncounted = ''
  private promptTokens: number | undefined
  private readonly askedTier: string | undefined
  private isTierTold = false
  /** What a call that is not streamed has said so far: nothing of it leaves before it is whole. */
  private unseen: Accumulator | undefined
  private unseenChunks: StreamChunk[] = []
  private readonly asked: Asked
  private readonly check: ChunkCheck
  /** What the adapter listens to: the attempt's end from outside. */
  private readonly ending = new Ending()
  /** Of an adapter that has no timers of its own; a wait for a slow consumer counts for nothing. */
  private readonly watch: Watch | undefined
  /** Ends the race with its adapter. */
  private end: ((fault: Error) => void) | undefined
  private hasAnswer = false
  /** The attempt has ended while its adapter may go on: what comes then is nobody's. */
  private isLeft = false

  constructor(
    private readonly run: Run,
    private readonly scope: Scope,
    private readonly slots: Slots,
    { adapter, model }: Target,
    ledger: Ledger,
  ) {
    this.adapter = adapter
    this.request = { ...slots.request, model }
    this.askedTier = askedTier(slots.request)
    const { warnings } = this
    const record = { provider: adapter.name, model, status: 'running' as const, warnings }
    this.record = withUsage({ ...record, started: Date.now() }, this)
    ledger.add(this.record)
    this.asked = { provider: adapter.name, model }
    this.check = new ChunkCheck(this.asked)
    if (!adapter.hasTimers)
      this.watch = createWatch(slots.timeouts, (phase) => this.end?.(this.silent(phase)))
  }

  /** The best that is known. */
  get usage(): Usage {
    return this.price(this.final ?? this.bestKnown())
  }

  async settle(): Promise<void> {
    try {
      if (this.scope.fault) throw this.scope.fault
      await this.raceAbort()
      this.close('ok', this.final ?? this.bestKnown())
    } catch (thrown) {
      const { fault } = this.scope
      const error = fault && !(thrown instanceof AbortError) ? fault : thrown
      this.record.error = error
      const status = fault ? 'aborted' : 'failed'
      this.close(status, this.final ?? (this.isFree(error) ? emptyUsage : this.bestKnown()))
      this.run.unseen = { scope: this.scope, chunks: this.unseenChunks }
      throw error
    }
  }

  /** Raced once an attempt, never once a chunk. */
  private raceAbort(): Promise<void> {
    const isStream = this.run.streaming || !this.adapter.generate
    const { done, leave } = isStream ? this.stream() : { done: this.generate(), leave: undefined }
    return new Promise<void>((resolve, reject) => {
      const end = (fault: Error) => {
        this.isLeft = true
        this.ending.end(fault)
        if (leave) leave().then(() => reject(fault))
        else reject(fault)
      }
      const release = this.scope.onEnd(end)
      // a function that is written where it is assigned to a member is old from the start, and keeps what it reaches
      this.end = end
      done.then(resolve, reject).finally(() => {
        release()
        this.watch?.close()
      })
    })
  }

  private async generate(): Promise<void> {
    const given = await this.ask(async () => this.adapter.generate?.(this.request, this.call()))
    this.arrived()
    if (this.scope.fault || this.isLeft) return
    await this.whole(completeAnswer(readAnswer(given, this.asked), this.adapter.name))
  }

  /** One wait for the adapter. What it throws becomes an error that names it. */
  private async ask<T>(step: () => Promise<T>, isEvent?: (value: T) => boolean): Promise<T> {
    this.watch?.begin(this.hasAnswer ? 'body' : 'headers')
    let value: T | undefined
    try {
      value = await step()
      return value
    } catch (error) {
      throw adapterError(error, this.asked, this.check.isOpen)
    } finally {
      this.hasAnswer = true
      this.watch?.end()
      if (value !== undefined && isEvent?.(value) !== false) this.watch?.progress()
    }
  }

  /** The server has answered while the first read goes on. */
  private answered(): void {
    if (this.hasAnswer) return
    this.hasAnswer = true
    this.watch?.end()
    this.watch?.begin('body')
  }

  private stream() {
    let source: AsyncIterator<unknown> | undefined
    let isReading = false
    const read = () => {
      source ??= iteratorOf(this.adapter.generateStream(this.request, this.call()))
      return source.next()
    }
    const pump = async () => {
      for (;;) {
        isReading = true
        const { done, value } = await this.ask(read, isEvent)
        isReading = false
        if (done || this.scope.fault || this.isLeft) break
        const pending = this.take(value)
        if (pending) await pending
      }
      if (this.scope.fault || this.isLeft) return
      if (!this.check.isWhole) throw this.unfinished()
      const answer = this.unseen?.response()
      if (answer) await this.whole(answer)
    }
    const unwind = () => settledSoon(async () => source?.return?.(undefined))
    const done = ignoreRejection(
      pump().catch(async (error) => {
        // the fault was on our side of the yield: the source is closed before it goes on
        if (!isReading) await unwind()
        throw error
      }),
    )
    // a read that ignores the signal is left behind; a source that waits at its yield is unwound
    const leave = async () => {
      const unwound = unwind()
      if (!isReading) await unwound
    }
    return { done, leave }
  }

  private unfinished(): StreamInterruptedError {
    const { provider, model } = this.asked
    return new StreamInterruptedError(
      `The stream of the adapter '${provider}' for ${model} ended without its 'finish'`,
      {
        provider,
        model,
        code: 'truncated',
        phase: 'stream',
        maybeBilled: true,
        requestId: this.record.request_id,
      },
    )
  }

  private silent(phase: WatchPhase): TimeoutError {
    const { provider, model } = this.asked
    return new TimeoutError(
      `The adapter '${provider}' gave nothing of ${model} in time (${phase})`,
      {
        provider,
        model,
        phase,
        code: 'timeout',
        maybeBilled: true,
      },
    )
  }

  /** The chunks of one read; what stands before a bad one is kept. */
  private take(given: unknown): void | Promise<void> {
    const { chunks, error } = this.check.read(given)
    const pending = chunks.length > 0 ? this.pass(chunks) : undefined
    if (!error) return pending
    if (!pending) throw error
    return pending.then(() => Promise.reject(error))
  }

  private pass(chunks: readonly StreamChunk[]): void | Promise<void> {
    for (const chunk of chunks) this.count(chunk)
    const entering = this.account(chunks)
    if (this.run.streaming) return this.scope.enter(entering)
    this.unseen ??= new Accumulator()
    this.unseen.addAll(entering)
    this.unseenChunks.push(...entering)
  }

  /** A whole answer goes outward as its chunks. */
  private whole(answer: ChatResponse): void | Promise<void> {
    if (answer.service_tier !== undefined) this.record.service_tier = answer.service_tier
    const isCounted = this.unseen !== undefined || isTold(answer.usage)
    if (!isCounted) for (const chunk of toChunks(answer)) this.count(chunk)
    const usage = this.finished(answer.usage)
    const priced = usage === answer.usage ? answer : { ...answer, usage }
    this.unseenChunks = []
    return this.scope.enter(this.account(toChunks(priced)), undefined, priced)
  }

  private count(chunk: StreamChunk): void {
    this.uncounted += wordsOf(chunk)
  }

  /** Notes times, usage and ids; puts the cost on a finish, and our own count where the wire told no usage. */
  private account(chunks: readonly StreamChunk[]): readonly StreamChunk[] {
    let accounted = chunks
    for (let i = 0; i < chunks.length; i++) {
      const chunk = chunks[i]
      if (!chunk) continue
      if (this.record.first_chunk_ms === undefined && isContent(chunk)) this.arrived()
      if (chunk.type === 'start') this.record.answered = chunk.model
      if (chunk.type !== 'finish') continue
      if (chunk.service_tier !== undefined) this.record.service_tier = chunk.service_tier
      const usage = this.finished(chunk.usage)
      if (usage !== chunk.usage) accounted = accounted.with(i, { ...chunk, usage })
    }
    return accounted
  }

  /** The usage of a finish, with what is known of it here. */
  private finished(usage: Usage): Usage {
    if (usage === this.final) return usage
    if (!isTold(usage) && usage.total_tokens > 0) this.given = usage
    // a cost of the whole answer holds, whatever its counts are
    const { cost } = usage
    this.final = this.price(isTold(usage) ? usage : { ...this.bestKnown(), ...defined({ cost }) })
    this.tellTier(this.final)
    return this.final
  }

  /** The usage with its cost in USD: the provider's own figure, else by the prices of the call. */
  private price(usage: Usage): Usage {
    if (usage.cost !== undefined) {
      this.record.cost_source ??= 'provider'
      return usage
    }
    const cost = this.costOf(usage, this.record.service_tier ?? this.askedTier)
    if (cost === undefined) return usage
    this.record.cost_source = 'prices'
    return { ...usage, cost }
  }

  private costOf(usage: Usage, service_tier: string | undefined): number | undefined {
    const { provider, model, answered, started } = this.record
    return this.run.values.get(pricing)?.({
      provider,
      model,
      started,
      usage,
      ...defined({ answered, service_tier }),
    })
  }

  /** A model with a price, in a tier without one. */
  private tellTier(usage: Usage): void {
    const tier = this.record.service_tier ?? this.askedTier
    if (this.isTierTold || tier === undefined || usage.cost !== undefined) return
    this.isTierTold = true
    if (this.costOf(usage, undefined) === undefined) return
    const { provider, model } = this.record
    this.warn({
      code: 'other',
      provider,
      message: `The cost is unknown: no price is known for ${model} in the tier '${tier}'`,
    })
  }

  private arrived(): void {
    this.record.first_chunk_ms ??= performance.now() - this.started
  }

  private close(status: Attempt['status'], usage: Usage): void {
    this.record.status = status
    const priced = this.price(usage)
    this.tellTier(priced)
    // no longer the best known, but the end: who keeps the record does not keep the attempt
    withUsage(this.record, { usage: priced })
    this.record.total_ms = performance.now() - this.started
  }

  /** Answered with an error before any content, or never sent. */
  private isFree(error: unknown): boolean {
    if (this.record.first_chunk_ms !== undefined || this.given || !isTetradError(error))
      return false
    if (this.scope.fault) return false
    return (error.status ?? 0) >= 400 || !error.maybeBilled
  }

  /** What the wire told, and our count of the text for what it did not tell: at any moment. */
  private bestKnown(): Usage {
    const told = readUsage(this.given)
    this.counter.add(this.uncounted)
    this.uncounted = ''
    const completion_tokens = Math.max(this.counter.tokens, told?.completion_tokens ?? 0)
    if (told && isTold(told) && told.completion_tokens === completion_tokens) return told
    this.promptTokens ??= told?.prompt_tokens || estimatePromptTokens(this.request)
    const prompt_tokens = told?.prompt_tokens || this.promptTokens
    // a cost that was told is of fewer tokens
    const { cost: _, ...known } = told ?? {}
    return {
      ...known,
      prompt_tokens,
      completion_tokens,
      total_tokens: prompt_tokens + completion_tokens,
      estimated: true,
    }
  }

  private warn(given: unknown): void {
    const warning = toWarning(given)
    this.warnings.push(warning)
    if (this.scope.fault || this.scope.isSettled || this.isLeft) return
    const pending = this.scope.enter([{ type: 'warning', warning }])
    if (pending) ignoreRejection(pending)
  }

  private call(): Call {
    const { options } = this.run
    const { provider } = this.record
    const { ending } = this
    const keys = options.apiKeys ?? {}
    const members: Omit<Call, 'signal'> = {
      onAbort: (listener) => ending.onEnd(listener),
      ...(options.headers && { headers: options.headers }),
      ...(Object.hasOwn(keys, provider) && { apiKey: keys[provider] }),
      timeouts: this.slots.timeouts,
      warn: (given) => this.warn(given),
      onResponse: (given) => {
        this.answered()
        const { request_id, headers } = given ?? {}
        if (typeof request_id === 'string') this.record.request_id = request_id
        const shown = publicHeaders(headers)
        if (shown) this.record.headers = shown
      },
      onUsage: (given) => {
        if (isUsage(given)) this.given = given
      },
    }
    return withSignal(members, ending)
  }
}

/** Throws what is no stream; `adapterError` names who gave it. */
function iteratorOf(given: unknown): AsyncIterator<unknown> {
  // every member is looked at before it is called
  const stream = given as Partial<AsyncIterable<unknown> & Iterable<unknown>> | null | undefined
  const iterator = stream?.[Symbol.asyncIterator]?.() ?? stream?.[Symbol.iterator]?.()
  if (!iterator) throw new TypeError('generateStream() gave no async generator')
  // a plain iterator is awaited like one
  return iterator as AsyncIterator<unknown>
}

/** An empty batch stands for bytes without an event. */
const isEvent = ({ value }: { readonly value?: unknown }) =>
  !Array.isArray(value) || value.length > 0

/** A source whose own cleanup never ends holds nobody up. */
function settledSoon(unwind: () => Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, unwindMs)
    unwind()
      .catch(noop)
      .finally(() => {
        clearTimeout(timer)
        resolve()
      })
  })
}

const unwindMs = 1_000

const toWarning = (given: unknown): Warning =>
  isObject(given) && typeof given.message === 'string'
    ? // what else a warning has is its adapter's to say
      (given as unknown as Warning)
    : { code: 'other', message: String(given) }

/** An estimate that lacks one of the two halves is completed here. */
const isTold = ({ prompt_tokens, completion_tokens, estimated }: Usage) =>
  !estimated || (prompt_tokens > 0 && completion_tokens > 0)

/** What a chunk adds to the completion, as text. */
function wordsOf(chunk: StreamChunk): string {
  if (chunk.type === 'tool-call-start') return chunk.name
  if (chunk.type === 'tool-call-delta') return chunk.arguments
  const isText =
    chunk.type === 'text-delta' ||
    chunk.type === 'reasoning-delta' ||
    chunk.type === 'refusal-delta'
  return isText ? chunk.text : ''
}

const noop = () => {}
