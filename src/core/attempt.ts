/** One provider call at the end of the stack: its record, its race with an abort. */
import type { Attempt, ChatRequest, ChatResponse, StreamChunk, Warning } from '../chat/index.js'
import { isObject } from '../chat/index.js'
import { Accumulator } from './accumulate.js'
import { type CallTarget, ChunkCheck, readAnswer } from './adapter-chunks.js'
import { adapterError } from './adapter-error.js'
import { AttemptUsage, isComplete, type RunningRecord } from './attempt-usage.js'
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
import { publicHeaders } from './public-headers.js'
import { isContent, type Scope } from './scope.js'
import { createWatch, type Watch, type WatchPhase } from './timers.js'
import { completeAnswer, toChunks } from './to-chunks.js'

/** A resolved model name. */
export interface Target {
  readonly adapter: ProviderAdapter
  /** Without the provider. */
  readonly model: string
}

/** Creates the end of the stack: it calls the provider that the model's name resolves to. */
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
  if (control) throw withoutReader(control, 'params')
}

/** The error for a parameter or an option that does nothing without this layer. */
export const withoutReader = (name: string, reader: string) =>
  new MisuseError(
    `'${name}' does nothing without the ${reader}() middleware: add it to the stack, import { ${reader} } from 'tetrad/middleware'`,
  )

class RunningAttempt {
  private readonly record: RunningRecord & Pick<Attempt, 'usage'>
  private readonly usage: AttemptUsage
  private readonly request: ChatRequest
  private readonly adapter: ProviderAdapter
  private readonly started = performance.now()
  private readonly warnings: Warning[] = []
  /** A streamed answer to `generate` so far: nothing of it leaves before it is complete. */
  private unseen: Accumulator | undefined
  private unseenChunks: StreamChunk[] = []
  private readonly target: CallTarget
  private readonly check: ChunkCheck
  /** Fires for the adapter when the attempt is ended from outside. */
  private readonly ending = new Ending()
  /** For an adapter without timers; waiting for a slow consumer does not count. */
  private readonly watch: Watch | undefined
  /** Ends the race with the adapter. */
  private end: ((fault: Error) => void) | undefined
  private hasHeaders = false
  /** The attempt has ended while its adapter may continue: further output is ignored. */
  private isAbandoned = false

  constructor(
    private readonly run: Run,
    private readonly scope: Scope,
    private readonly slots: Slots,
    { adapter, model }: Target,
    ledger: Ledger,
  ) {
    this.adapter = adapter
    this.request = { ...slots.request, model }
    this.target = { provider: adapter.name, model }
    const record: RunningRecord = {
      ...this.target,
      status: 'running',
      warnings: this.warnings,
      started: Date.now(),
    }
    const warn = (warning: Warning) => this.warn(warning)
    this.usage = new AttemptUsage(this.request, record, run.values, warn)
    this.record = withUsage(record, this.usage)
    ledger.add(this.record)
    this.check = new ChunkCheck(this.target)
    if (!adapter.hasTimers)
      this.watch = createWatch(slots.timeouts, (phase) => this.end?.(this.silent(phase)))
  }

  async settle(): Promise<void> {
    try {
      if (this.scope.fault) throw this.scope.fault
      await this.raceAbort()
      this.close('ok')
    } catch (thrown) {
      const { fault } = this.scope
      const error = fault && !(thrown instanceof AbortError) ? fault : thrown
      this.record.error = error
      this.close(fault ? 'aborted' : 'failed', this.isFree(error))
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
        this.isAbandoned = true
        this.ending.end(fault)
        if (leave) leave().then(() => reject(fault))
        else reject(fault)
      }
      const release = this.scope.onEnd(end)
      // V8 puts a function literal assigned to a member in the old generation, with all it retains
      this.end = end
      // once ended from outside the attempt fails, however its adapter ends
      done
        .then(() => this.isAbandoned || resolve(), reject)
        .finally(() => {
          release()
          this.watch?.close()
        })
    })
  }

  private async generate(): Promise<void> {
    const given = await this.watched(async () => this.adapter.generate?.(this.request, this.call()))
    this.contentArrived()
    if (this.scope.fault || this.isAbandoned) return
    await this.whole(completeAnswer(readAnswer(given, this.target), this.adapter.name))
  }

  /** Waits for one step of the adapter. Its exception becomes an error that names the adapter. */
  private async watched<T>(step: () => Promise<T>, isEvent?: (value: T) => boolean): Promise<T> {
    this.watch?.begin(this.hasHeaders ? 'body' : 'headers')
    let value: T | undefined
    try {
      value = await step()
      return value
    } catch (error) {
      throw adapterError(error, this.target, this.check.isOpen)
    } finally {
      this.hasHeaders = true
      this.watch?.end()
      if (value !== undefined && isEvent?.(value) !== false) this.watch?.progress()
    }
  }

  /** The server has answered while the first read is pending. */
  private headersArrived(): void {
    if (this.hasHeaders) return
    this.hasHeaders = true
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
        const { done, value } = await this.watched(read, isEvent)
        isReading = false
        if (done || this.scope.fault || this.isAbandoned) break
        const pending = this.take(value)
        if (pending) await pending
      }
      if (this.scope.fault || this.isAbandoned) return
      if (!this.check.isWhole) throw this.unfinished()
      const answer = this.unseen?.response()
      if (answer) await this.whole(answer)
    }
    const unwind = () => settledSoon(async () => source?.return?.(undefined))
    const done = ignoreRejection(
      pump().catch(async (error) => {
        // the error is on our side of the yield: close the source before rethrowing
        if (!isReading) await unwind()
        throw error
      }),
    )
    // a read that ignores the signal is not awaited; a source suspended at its yield is unwound
    const leave = async () => {
      const unwound = unwind()
      if (!isReading) await unwound
    }
    return { done, leave }
  }

  private unfinished(): StreamInterruptedError {
    const { provider, model } = this.target
    return new StreamInterruptedError(
      `The stream of the adapter '${provider}' for ${model} ended without a 'finish' chunk`,
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
    const { provider, model } = this.target
    return new TimeoutError(
      `The adapter '${provider}' sent nothing for ${model} in time (${phase})`,
      {
        provider,
        model,
        phase,
        code: 'timeout',
        maybeBilled: true,
      },
    )
  }

  /** Passes on the chunks of one read, those before an invalid one too. */
  private take(given: unknown): void | Promise<void> {
    const { chunks, error } = this.check.read(given)
    const pending = chunks.length > 0 ? this.pass(chunks) : undefined
    if (!error) return pending
    if (!pending) throw error
    return pending.then(() => Promise.reject(error))
  }

  private pass(chunks: readonly StreamChunk[]): void | Promise<void> {
    for (const chunk of chunks) this.usage.count(chunk)
    const entering = this.account(chunks)
    if (this.run.streaming) return this.scope.enter(entering)
    this.unseen ??= new Accumulator()
    this.unseen.addAll(entering)
    this.unseenChunks.push(...entering)
  }

  /** Sends a whole answer outward as its chunks. */
  private whole(answer: ChatResponse): void | Promise<void> {
    if (answer.service_tier !== undefined) this.record.service_tier = answer.service_tier
    const isCounted = this.unseen !== undefined || isComplete(answer.usage)
    if (!isCounted) for (const chunk of toChunks(answer)) this.usage.count(chunk)
    const usage = this.usage.finish(answer.usage)
    const priced = usage === answer.usage ? answer : { ...answer, usage }
    this.unseenChunks = []
    return this.scope.enter(this.account(toChunks(priced)), undefined, priced)
  }

  /**
   * Records times, usage and ids; sets the cost on a finish, and our own count if the wire reported
   * no usage.
   */
  private account(chunks: readonly StreamChunk[]): readonly StreamChunk[] {
    let accounted = chunks
    for (let i = 0; i < chunks.length; i++) {
      const chunk = chunks[i]
      if (!chunk) continue
      if (this.record.first_chunk_ms === undefined && isContent(chunk)) this.contentArrived()
      if (chunk.type === 'start') this.record.answered = chunk.model
      if (chunk.type !== 'finish') continue
      if (chunk.service_tier !== undefined) this.record.service_tier = chunk.service_tier
      const usage = this.usage.finish(chunk.usage)
      if (usage !== chunk.usage) accounted = accounted.with(i, { ...chunk, usage })
    }
    return accounted
  }

  private contentArrived(): void {
    this.record.first_chunk_ms ??= performance.now() - this.started
  }

  private close(status: Attempt['status'], isFree = false): void {
    this.record.status = status
    // replaces the live usage by the final one, so that the record does not retain the request
    withUsage(this.record, { usage: this.usage.close(isFree) })
    this.record.total_ms = performance.now() - this.started
  }

  /** True for an error response before any content, or a request that was never sent. */
  private isFree(error: unknown): boolean {
    if (this.record.first_chunk_ms !== undefined || this.usage.isReported || !isTetradError(error))
      return false
    if (this.scope.fault) return false
    return (error.status ?? 0) >= 400 || !error.maybeBilled
  }

  private warn(given: unknown): void {
    const warning = toWarning(given)
    this.warnings.push(warning)
    if (this.scope.fault || this.scope.isSettled || this.isAbandoned) return
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
        this.headersArrived()
        const { request_id, headers } = given ?? {}
        if (typeof request_id === 'string') this.record.request_id = request_id
        const shown = publicHeaders(headers)
        if (shown) this.record.headers = shown
      },
      onUsage: (given) => this.usage.report(given),
    }
    return withSignal(members, ending)
  }
}

/** Throws for anything but a stream; `adapterError` adds the adapter's name. */
function iteratorOf(given: unknown): AsyncIterator<unknown> {
  // every member is checked before it is called
  const stream = given as Partial<AsyncIterable<unknown> & Iterable<unknown>> | null | undefined
  const iterator = stream?.[Symbol.asyncIterator]?.() ?? stream?.[Symbol.iterator]?.()
  if (!iterator) throw new TypeError('generateStream() did not return an async generator')
  // a sync iterator is awaited like an async one
  return iterator as AsyncIterator<unknown>
}

/** False for an empty batch: bytes without an event. */
const isEvent = ({ value }: { readonly value?: unknown }) =>
  !Array.isArray(value) || value.length > 0

/** Waits at most `unwindMs` for the cleanup of a source. */
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
    ? // other members of a warning are the adapter's own
      (given as unknown as Warning)
    : { code: 'other', message: String(given) }

const noop = () => {}
