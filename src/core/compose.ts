/** The onion: runs the layers, each with a context of its own, and the provider call at their end. */
import type {
  AnswerInput,
  Attempt,
  ChatRequest,
  ChatResponse,
  PartialResponse,
  StreamChunk,
  Timeouts,
  Usage,
  Warning,
} from '../chat/index.js'
import { addUsage, emptyUsage } from '../chat/index.js'
import type { Caller, CallOptions, Context, Middleware, Transform } from './context.js'
import { MisuseError } from './errors.js'
import { complete, unfold } from './fold.js'
import type { Key } from './key.js'
import { type Owner, Passage } from './passage.js'

/** What all layers of one call share. */
export interface Run {
  readonly id: string
  readonly streaming: boolean
  readonly options: CallOptions<unknown>
  readonly layers: readonly Middleware<never>[]
  readonly values: Map<Key<unknown>, unknown>
  /** What a call that is not streamed had said when it ended: nothing of it has left. */
  unseen: PartialResponse | undefined
  /** The provider call at the end of the stack. */
  readonly attempt: (run: Run, passage: Passage, slots: Slots, ledger: Ledger) => Promise<void>
  /** A caller for the layers from `index` on. */
  readonly nest: (run: Run, index: number, place: Place) => Caller
}

/** What flows inward only. */
export interface Slots {
  readonly request: ChatRequest
  readonly timeouts: Timeouts
}

/** Where a nested call stands. */
export interface Place {
  readonly within: Passage
  readonly ledger: Ledger
  readonly timeouts: () => Timeouts
}

/** Attempts made at one place, and at all places inside it. */
export class Ledger {
  readonly attempts: Attempt[] = []

  constructor(private readonly outer?: Ledger) {}

  add(attempt: Attempt): void {
    this.attempts.push(attempt)
    this.outer?.add(attempt)
  }

  get usage(): Usage {
    return (
      this.attempts.reduce<Usage | undefined>(
        (sum, { usage }) => addUsage(sum, usage),
        undefined,
      ) ?? emptyUsage
    )
  }
}

/** Runs the layers from `index` on inside `passage`. Resolves when the passage holds a whole answer. */
export async function runLayers(
  run: Run,
  index: number,
  passage: Passage,
  slots: Slots,
  ledger: Ledger,
): Promise<void> {
  const middleware = run.layers[index]
  if (!middleware) return run.attempt(run, passage, slots, ledger)
  const layer = new Layer(run, index, passage, slots, ledger)
  try {
    // through unknown: that State fits was checked where the layer was given to the client
    await middleware(layer as unknown as Context<never>, layer.next)
  } catch (error) {
    await layer.unwind(error)
    throw error
  }
  await layer.finish()
}

class Layer implements Context<unknown>, Owner {
  readonly transforms: Transform[] = []
  private readonly ledger: Ledger
  private readonly name: string
  private slots: Slots
  private answer: ChatResponse | undefined
  /** The answer was set here, and has not been sent yet. */
  private isAnswering = false
  private passage: Passage | undefined
  private running: Promise<ChatResponse> | undefined
  private isRunning = false
  private nested: Caller | undefined
  private isDone = false

  constructor(
    private readonly run: Run,
    private readonly index: number,
    readonly within: Passage,
    slots: Slots,
    outer: Ledger,
  ) {
    this.slots = slots
    this.ledger = new Ledger(outer)
    this.name = run.layers[index]?.name || `layer ${index + 1}`
  }

  get id() {
    return this.run.id
  }
  get streaming() {
    return this.run.streaming
  }
  get options() {
    return this.run.options
  }
  get state() {
    return (this.run.options.state ?? {}) as Readonly<unknown>
  }
  get request() {
    return this.slots.request
  }
  set request(request: ChatRequest) {
    this.slots = { ...this.slots, request }
  }
  get timeouts() {
    return this.slots.timeouts
  }
  set timeouts(timeouts: Timeouts) {
    this.slots = { ...this.slots, timeouts }
  }
  get partial(): PartialResponse | undefined {
    return this.passage?.partial
  }
  get signal() {
    return this.within.signal
  }
  get committed() {
    return this.passage?.committed ?? false
  }
  get attempts(): readonly Attempt[] {
    return this.ledger.attempts
  }
  get usage() {
    return this.ledger.usage
  }
  get client(): Caller {
    this.nested ??= this.run.nest(this.run, this.index + 1, {
      within: this.within,
      ledger: this.ledger,
      timeouts: () => this.slots.timeouts,
    })
    return this.nested
  }

  get response(): ChatResponse | undefined {
    return this.answer
  }
  set response(answer: AnswerInput) {
    if (this.isRunning) throw this.misuse('set ctx.response while its next() ran')
    if (this.committed)
      throw this.misuse(
        'set ctx.response after content had left it: edit the chunks on their way out with ctx.transform, registered before next()',
      )
    this.answer = complete(withEdits(answer, this.answer), answer.provider ?? this.name)
    this.isAnswering = true
  }

  readonly get = <T>(key: Key<T>): T | undefined =>
    // only set() writes, and it pairs key and value
    this.run.values.get(key as Key<unknown>) as T | undefined

  readonly set = <T>(key: Key<T>, value: T): void => {
    this.run.values.set(key as Key<unknown>, value)
  }

  readonly transform = (fn: Transform): void => {
    if (this.passage) throw this.misuse('registered a transform after its first next()')
    this.transforms.push(fn)
  }

  readonly emit = (chunk: StreamChunk): void | Promise<void> => {
    if (this.isRunning && chunk.type !== 'data' && chunk.type !== 'warning')
      throw this.misuse(
        `emitted a '${chunk.type}' while its next() ran: only data and warning may be sent then`,
      )
    const pending = this.within.enter([chunk])
    if (!pending) return
    const ended = rejectOnEnd(this.within)
    return quiet(Promise.race([pending, ended.promise]).finally(ended.release))
  }

  readonly warn = (warning: Warning): void => {
    // a warning of a layer that is being unwound has no answer to stand on
    if (this.within.fault || this.within.isSettled) return
    const pending = this.within.enter([{ type: 'warning', warning }])
    if (pending) quiet(pending)
  }

  readonly abort = (reason?: unknown): void => {
    if (this.isRunning) this.passage?.abort(reason)
  }

  readonly next = (): Promise<ChatResponse> => {
    if (this.isRunning)
      return quiet(Promise.reject(this.misuse('called next() again while it ran')))
    if (this.isDone)
      return quiet(Promise.reject(this.misuse('called next() after it had returned')))
    const passage = new Passage(this, this.within)
    this.passage = passage
    this.answer = undefined
    this.isAnswering = false
    // before the inside runs: it may call back at once
    this.isRunning = true
    this.running = quiet(this.inside(passage))
    return this.running
  }

  /** For logs: a context is a web of the whole call, which no JSON can say. */
  toJSON() {
    const { id, streaming, request, attempts, usage } = this
    return { id, streaming, request, attempts, usage }
  }

  /** A layer that threw: what runs inside is aborted and unwound first. */
  async unwind(error: unknown): Promise<void> {
    this.isDone = true
    if (!this.isRunning) return
    this.passage?.abort(error)
    await this.running?.catch(() => {})
  }

  /** A layer that returned: its answer is sent, and there must be one. */
  async finish(): Promise<void> {
    this.isDone = true
    if (this.isRunning) {
      const error = this.misuse('returned before its next() had settled: await it')
      await this.unwind(error)
      throw error
    }
    if (this.isAnswering && this.answer) {
      const { answer } = this
      await this.within.enter(unfold(answer), undefined, answer)
    }
    if (!this.within.fold?.isComplete)
      throw this.misuse('ended the stack with no answer: call next(), or set ctx.response')
  }

  private async inside(passage: Passage): Promise<ChatResponse> {
    try {
      if (passage.fault) throw passage.fault
      await runLayers(this.run, this.index + 1, passage, this.slots, this.ledger)
      if (passage.fault) throw passage.fault
      // runLayers resolves with a whole answer only
      this.answer = passage.response as ChatResponse
      return this.answer
    } catch (error) {
      throw passage.outcome(error)
    } finally {
      this.isRunning = false
      passage.settle()
    }
  }

  private misuse(what: string): MisuseError {
    return new MisuseError(`The middleware '${this.name}' ${what}`)
  }
}

/** A layer may edit `text` alone: the message follows it. */
function withEdits(answer: AnswerInput, before: ChatResponse | undefined): AnswerInput {
  const isTextEdit =
    before &&
    answer.text !== undefined &&
    answer.text !== before.text &&
    answer.message === before.message
  return isTextEdit ? { ...answer, message: { ...answer.message, content: answer.text } } : answer
}

function rejectOnEnd(passage: Passage) {
  let release = () => {}
  const promise = new Promise<never>((_, reject) => {
    release = passage.onEnd(reject)
  })
  return { promise, release }
}

/** A promise that nobody may await must not end as an unhandled rejection. */
export function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}
