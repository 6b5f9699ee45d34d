/** One provider call at the end of the stack: its record, its race with an abort, its usage. */
import type {
  AnswerInput,
  Attempt,
  ChatRequest,
  ChatResponse,
  StreamChunk,
  Usage,
  Warning,
} from '../chat/index.js'
import {
  emptyUsage,
  estimateCompletionTokens,
  estimatePromptTokens,
  estimateTokens,
} from '../chat/index.js'
import { Accumulator } from './accumulate.js'
import type { Call, ProviderAdapter } from './context.js'
import { isTetradError, MisuseError } from './errors.js'
import { ignoreRejection } from './ignore-rejection.js'
import type { Run, Slots } from './layer.js'
import type { Ledger } from './ledger.js'
import { isContent, type Scope } from './scope.js'
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
  /** The last usage that the wire told on the way. */
  private told: Usage | undefined
  /** The usage of the finish. */
  private final: Usage | undefined
  /** What a call that is not streamed has said so far: nothing of it leaves before it is whole. */
  private unseen: Accumulator | undefined

  constructor(
    private readonly run: Run,
    private readonly scope: Scope,
    private readonly slots: Slots,
    { adapter, model }: Target,
    ledger: Ledger,
  ) {
    this.adapter = adapter
    this.request = { ...slots.request, model }
    this.record = {
      provider: adapter.name,
      model,
      status: 'running',
      usage: emptyUsage,
      warnings: this.warnings,
      started: Date.now(),
    }
    ledger.add(this.record)
  }

  async settle(): Promise<void> {
    try {
      if (this.scope.fault) throw this.scope.fault
      await this.raceAbort()
      this.close('ok', this.final ?? this.bestKnown())
    } catch (error) {
      this.record.error = error
      const status = this.scope.fault ? 'aborted' : 'failed'
      this.close(status, this.final ?? (this.isFree(error) ? emptyUsage : this.bestKnown()))
      this.run.unseen = this.unseen?.partial()
      throw error
    }
  }

  /** Raced once an attempt, never once a chunk. */
  private raceAbort(): Promise<void> {
    const isStream = this.run.streaming || !this.adapter.generate
    const { done, leave } = isStream ? this.stream() : { done: this.generate(), leave: undefined }
    return new Promise<void>((resolve, reject) => {
      const release = this.scope.onEnd((fault) => {
        if (leave) leave().then(() => reject(fault))
        else reject(fault)
      })
      done.then(resolve, reject).finally(release)
    })
  }

  private async generate(): Promise<void> {
    // stream() is taken where the adapter has no generate
    const answer = (await this.adapter.generate?.(this.request, this.call())) as AnswerInput
    this.arrived()
    if (this.scope.fault) return
    await this.whole(completeAnswer(answer, this.adapter.name))
  }

  private stream() {
    const generator = this.adapter.generateStream(this.request, this.call())
    let isReading = false
    const pump = async () => {
      for (;;) {
        isReading = true
        const { done, value } = await generator.next()
        isReading = false
        if (done || this.scope.fault) break
        // a batch is an array, a single chunk is not: the type of `value` does not tell them apart for readonly arrays
        const pending = this.take(Array.isArray(value) ? value : [value as StreamChunk])
        if (pending) await pending
      }
      const answer = this.unseen?.response()
      if (answer && !this.scope.fault) await this.whole(answer)
    }
    const done = ignoreRejection(
      pump().catch(async (error) => {
        // the fault was on our side of the yield: the source is closed before it goes on
        if (!isReading) await generator.return(undefined)
        throw error
      }),
    )
    // a read that ignores the signal is left behind; a source that waits at its yield is unwound
    const leave = async () => {
      const returned = generator.return(undefined).then(noop, noop)
      if (!isReading) await returned
    }
    return { done, leave }
  }

  /** The chunks of one read. */
  private take(chunks: readonly StreamChunk[]): void | Promise<void> {
    const entering = this.account(chunks)
    if (this.run.streaming) return this.scope.enter(entering)
    this.unseen ??= new Accumulator()
    this.unseen.addAll(entering)
  }

  /** A whole answer goes outward as its chunks. */
  private whole(answer: ChatResponse): void | Promise<void> {
    const chunks = toChunks(answer)
    const entering = this.account(chunks)
    return this.scope.enter(entering, undefined, entering === chunks ? answer : undefined)
  }

  /** Notes times, usage and ids; puts our own count on a finish whose wire told no usage. */
  private account(chunks: readonly StreamChunk[]): readonly StreamChunk[] {
    let accounted = chunks
    for (let i = 0; i < chunks.length; i++) {
      // the loop runs inside the array
      const chunk = chunks[i] as StreamChunk
      if (this.record.first_chunk_ms === undefined && isContent(chunk)) this.arrived()
      if (chunk.type === 'start') this.record.answered = chunk.model
      if (chunk.type !== 'finish') continue
      if (chunk.service_tier !== undefined) this.record.service_tier = chunk.service_tier
      if (isTold(chunk.usage)) {
        this.final = chunk.usage
        continue
      }
      this.final = this.bestKnown(chunks.slice(0, i))
      accounted = accounted.with(i, { ...chunk, usage: this.final })
    }
    return accounted
  }

  private arrived(): void {
    this.record.first_chunk_ms ??= performance.now() - this.started
  }

  private close(status: Attempt['status'], usage: Usage): void {
    this.record.status = status
    this.record.usage = usage
    this.record.total_ms = performance.now() - this.started
  }

  /** Answered with an error before any content, or never sent. */
  private isFree(error: unknown): boolean {
    if (this.record.first_chunk_ms !== undefined || this.told || !isTetradError(error)) return false
    if (this.scope.fault) return false
    return (error.status ?? 0) >= 400 || !error.maybeBilled
  }

  /** What the wire told, and our count of the text for what it did not tell. `unread` has not reached the accumulator yet. */
  private bestKnown(unread: readonly StreamChunk[] = []): Usage {
    const accumulator = this.unseen ?? this.scope.accumulator
    const partial = accumulator?.partial()
    const counted =
      (partial ? estimateCompletionTokens(partial.message) : 0) +
      estimateTokens(
        partial?.unfinished_tool_calls ? JSON.stringify(partial.unfinished_tool_calls) : '',
      ) +
      estimateTokens(unread.map(wordsOf).join(''))
    const { told } = this
    if (told && told.completion_tokens >= counted) return told
    const prompt_tokens = told?.prompt_tokens || estimatePromptTokens(this.request)
    return {
      ...told,
      prompt_tokens,
      completion_tokens: counted,
      total_tokens: prompt_tokens + counted,
      estimated: true,
    }
  }

  private call(): Call {
    const { options } = this.run
    const { provider } = this.record
    const keys = options.apiKeys ?? {}
    return {
      signal: this.scope.signal,
      ...(options.headers && { headers: options.headers }),
      ...(Object.hasOwn(keys, provider) && { apiKey: keys[provider] }),
      timeouts: this.slots.timeouts,
      warn: (warning) => {
        this.warnings.push(warning)
        if (this.scope.fault || this.scope.isSettled) return
        const pending = this.scope.enter([{ type: 'warning', warning }])
        if (pending) ignoreRejection(pending)
      },
      onResponse: ({ request_id }) => {
        if (request_id !== undefined) this.record.request_id = request_id
      },
      onUsage: (usage) => {
        this.told = usage
        this.record.usage = usage
      },
    }
  }
}

const isTold = (usage: Usage) => usage.total_tokens > 0 || !usage.estimated

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
