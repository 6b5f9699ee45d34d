/** A layer: its name and data (`layer`), and its context in a call (`LayerContext`). */
import type {
  AnswerInput,
  Attempt,
  ChatRequest,
  ChatResponse,
  PartialResponse,
  StreamChunk,
  Timeouts,
  Warning,
} from '../chat/index.js'
import type {
  BaseCallOptions,
  Caller,
  CallOptions,
  Context,
  LayerData,
  Middleware,
  Next,
  Transform,
} from './context.js'
import { MisuseError } from './errors.js'
import { inspectCustom } from './hidden.js'
import { ignoreRejection } from './ignore-rejection.js'
import type { Key, Values } from './key.js'
import { Ledger } from './ledger.js'
import { pricing } from './pricing.js'
import { type Owner, rejectOnEnd, Scope } from './scope.js'
import { completeAnswer, toChunks } from './to-chunks.js'

/** `Symbol.for`: two copies of the package recognize each other's layers. */
const brand = Symbol.for('tetrad.layer')

/**
 * Creates a layer whose name is data, so that bundlers and minifiers keep it: traces, errors and
 * `client.layers` read it. `fn` itself is not changed. Throws `MisuseError` for an empty name, or a
 * `fn` that is no function.
 *
 * @example
 * const audit = () => layer('audit', async (ctx, next) => { await next(); save(ctx.attempts) }, { place: 'outside usage' })
 */
export function layer<State = {}>(
  name: string,
  fn: (ctx: Context<State>, next: Next) => Promise<unknown>,
  data: LayerData = {},
): Middleware<State> {
  if (typeof name !== 'string' || name === '' || typeof fn !== 'function')
    throw new MisuseError(
      "A layer needs a name and a function: layer('audit', (ctx, next) => next())",
    )
  const named = (ctx: Context<State>, next: Next) => fn(ctx, next)
  Object.defineProperties(named, { name: { value: name }, [brand]: { value: true } })
  return Object.assign(named, data)
}

/** True for a layer made by `layer()`, whose name is reliable. */
export const isNamedLayer = (middleware: object): boolean => brand in middleware

/** What a layer that only edits the request can use. */
export interface RequestContext
  extends Pick<Context, 'request' | 'timeouts' | 'streaming' | 'client' | 'warn'> {
  readonly options: BaseCallOptions
}

type Edit = (ctx: RequestContext) => void | Promise<void>

/** `Symbol.for`: as `brand`. */
const editKey = Symbol.for('tetrad.edit')

/**
 * Creates a layer that only edits `ctx.request` or `ctx.timeouts`, and passes on. The stack runs the
 * edit without a scope, as what comes from inside does not concern it.
 */
export function requestLayer(name: string, edit: Edit, data: LayerData = {}): Middleware {
  const run = async (ctx: Context, next: Next) => {
    await edit(ctx)
    return await next()
  }
  return Object.assign(layer(name, run, data), { [editKey]: edit })
}

/** The edit of a layer made by `requestLayer()`. */
export const editOf = (middleware: object): Edit | undefined =>
  (middleware as { readonly [editKey]?: Edit })[editKey]

/** Shared by all layers of one call. */
export interface Run {
  readonly id: string
  readonly streaming: boolean
  readonly options: CallOptions<unknown>
  readonly layers: readonly Middleware<never>[]
  readonly values: Values
  /** The chunks of a failed `generate`, and where they entered: none of them has left. */
  unseen: { readonly scope: Scope; readonly chunks: readonly StreamChunk[] } | undefined
  /** The provider call at the end of the stack. */
  readonly attempt: (run: Run, scope: Scope, slots: Slots, ledger: Ledger) => Promise<void>
  /** Creates a caller for the layers from `index` on. */
  readonly nest: (run: Run, index: number, place: Place) => Caller
}

/** Slots that flow inward only. */
export interface Slots {
  readonly request: ChatRequest
  readonly timeouts: Timeouts
}

/** The place of a nested call. */
export interface Place {
  readonly within: Scope
  readonly ledger: Ledger
  readonly values: Values
  readonly timeouts: () => Timeouts
}

/** The `ctx` of one layer. */
export class LayerContext implements Context<unknown>, Owner {
  readonly transforms: Transform[] = []
  readonly ledger: Ledger
  private readonly name: string
  slots: Slots
  private answer: ChatResponse | undefined
  /** The answer was set here, and has not been sent yet. */
  private isAnswering = false
  /** Scope of the running or last `next()`. */
  scope: Scope | undefined
  isRunning = false
  private nested: Caller | undefined

  constructor(
    private readonly run: Run,
    private readonly index: number,
    readonly within: Scope,
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
    return this.run.options.state as Readonly<unknown>
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
    return this.scope?.partial
  }
  get signal() {
    return this.within.signal
  }
  get committed() {
    return this.scope?.committed ?? false
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
      values: this.run.values,
      timeouts: () => this.slots.timeouts,
    })
    return this.nested
  }

  get response(): ChatResponse | undefined {
    return this.answer
  }
  set response(answer: AnswerInput) {
    if (this.isRunning)
      throw this.misuse('set ctx.response while its next() was running: await next() first')
    if (this.committed)
      throw this.misuse(
        'set ctx.response after its content was sent: edit the chunks with ctx.transform, registered before next()',
      )
    this.answer = completeAnswer(withEdits(answer, this.answer), answer.provider ?? this.name)
    this.isAnswering = true
  }

  get<T>(key: Key<T>): T | undefined {
    return this.run.values.get(key)
  }

  set<T>(key: Key<T>, value: T): void {
    this.run.values.set(key, value)
  }

  transform(fn: Transform): void {
    if (this.scope)
      throw this.misuse('registered a transform after its first next(): register it before')
    this.transforms.push(fn)
  }

  emit(chunk: StreamChunk): void | Promise<void> {
    if (this.isRunning && chunk.type !== 'data' && chunk.type !== 'warning')
      throw this.misuse(
        `emitted a '${chunk.type}' while its next() was running: only data and warning chunks may be emitted then`,
      )
    const pending = this.within.enter([chunk])
    if (!pending) return
    const ended = rejectOnEnd(this.within)
    return ignoreRejection(Promise.race([pending, ended.promise]).finally(ended.release))
  }

  warn(warning: Warning): void {
    // while a layer is unwound there is no answer to add it to
    if (this.within.fault || this.within.isSettled) return
    const pending = this.within.enter([{ type: 'warning', warning }])
    if (pending) ignoreRejection(pending)
  }

  abort(reason?: unknown): void {
    if (this.isRunning) this.scope?.abort(reason)
  }

  defer(work: Promise<unknown>): void {
    ignoreRejection(work)
    this.run.options.waitUntil?.(work)
  }

  /**
   * For logs: only the model of the request, as a context references the whole call with its
   * content.
   */
  toJSON() {
    const { id, streaming, request, attempts, usage } = this
    return { id, streaming, model: request.model, attempts, usage }
  }

  [inspectCustom]() {
    return this.toJSON()
  }

  /** Begins a `next()`: an earlier answer is dropped. */
  begin(): Scope {
    this.scope = new Scope(this, this.within)
    this.answer = undefined
    this.isAnswering = false
    this.isRunning = true
    return this.scope
  }

  /** A `next()` has settled, with an answer or without. */
  settle(answer?: ChatResponse): void {
    this.answer = answer
    this.isRunning = false
    this.scope?.settle()
  }

  /** Sends the answer that was set here. */
  sendAnswer(): void | Promise<void> {
    if (!this.isAnswering || !this.answer) return
    // stored from another call: no provider was called in this one
    const isFree = this.ledger.attempts.length === 0 && this.run.values.get(pricing) !== undefined
    if (isFree) this.answer = { ...this.answer, usage: { ...this.answer.usage, cost: 0 } }
    return this.within.enter(toChunks(this.answer), undefined, this.answer)
  }

  misuse(what: string): MisuseError {
    return new MisuseError(`The middleware '${this.name}' ${what}`)
  }
}

/**
 * `({ emit, warn }, next) => …` works: a method is bound when it is read, as a layer reads few of
 * them.
 */
for (const name of ['get', 'set', 'transform', 'emit', 'warn', 'abort', 'defer'] as const) {
  const method: Function = LayerContext.prototype[name]
  Object.defineProperty(LayerContext.prototype, name, {
    get(this: LayerContext) {
      return method.bind(this)
    },
  })
}

/** If a layer edits only `text`, updates the message too. */
function withEdits(answer: AnswerInput, before: ChatResponse | undefined): AnswerInput {
  const isTextEdit =
    before &&
    answer.text !== undefined &&
    answer.text !== before.text &&
    answer.message === before.message
  return isTextEdit ? { ...answer, message: { ...answer.message, content: answer.text } } : answer
}
