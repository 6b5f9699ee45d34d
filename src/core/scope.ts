/**
 * The inside of one layer during one `next()`: its chunks, its commit point, its abort.
 *
 * A batch of chunks goes through `enter` (start and warnings wait for the first content),
 * `accumulate` (for `ctx.response` and `ctx.partial`), `transform` (those of the owner, behind
 * earlier batches that wait for a promise), `sendNormalized` (as a valid stream again) and `leave`
 * (the first content commits) into `enter` of the scope around it; the root's is the sink of the
 * call. A promise is returned only if a transform or the consumer waits.
 *
 * `end` comes from outside and ends the scopes inside too; `abort` is the owner's, whose `next()`
 * rejects with the reason. Then `sendEmitted` sends what the transforms had emitted before it.
 */
import type { ChatResponse, PartialResponse, StreamChunk } from '../chat/index.js'
import { Accumulator } from './accumulate.js'
import type { Transform } from './context.js'
import { Ending } from './ending.js'
import { AbortError, MisuseError } from './errors.js'
import { ignoreRejection } from './ignore-rejection.js'
import {
  isReversible,
  newProgress,
  type Progress,
  runTransforms,
  type Staged,
  StreamNormalizer,
} from './transform.js'

/** The layer whose `next()` this scope belongs to. */
export interface Owner {
  readonly transforms: readonly Transform[]
  /** The scope that the layer runs in. */
  readonly within: Scope
}

/** Receives the chunks that have left the outermost layer. */
export type Sink = (chunks: readonly StreamChunk[]) => void | Promise<void>

type Done = void | Promise<void>

/** Content is every chunk but `start` and `warning`. */
export const isContent = (chunk: StreamChunk) => chunk.type !== 'start' && chunk.type !== 'warning'

/** Its signal fires when this scope, or one around it, is ended. */
export class Scope extends Ending<AbortError> {
  /** Content has left the owner, after its own transforms. */
  committed = false
  /** Its `next()` has settled. */
  isSettled = false

  /** Content has entered. */
  private isOpen = false
  /** `start` and warnings that wait for the first content before they enter. */
  private pending: StreamChunk[] = []
  /** The same, after transforms that hold the content back. */
  private held: StreamChunk[] = []
  private ownAccumulator: Accumulator | undefined
  /** The inner scope whose output equals this scope's input so far: both use one accumulator. */
  private sharedWith: Scope | undefined
  private normalizer: StreamNormalizer | undefined
  /** Pending transforms of earlier batches. */
  private queue: Promise<void> | undefined
  /** The batch that is in the owner's transforms. */
  private progress: Progress | undefined
  /** Chunks emitted before an abort, waiting for a pending transform further out. */
  private draining: Promise<void> | undefined
  private ended: { readonly reason: unknown } | undefined
  /** One scope, except for nested calls. */
  private readonly inside: Scope[] = []

  /** `parent` is the enclosing scope, of a nested call too; the root of a call has no owner. */
  constructor(
    readonly owner: Owner | undefined,
    private readonly parent: Scope | undefined,
    private readonly sink?: Sink,
  ) {
    super()
    this.fault = parent?.fault
    parent?.inside.push(this)
  }

  /** All chunks that came from inside. */
  get accumulator(): Accumulator | undefined {
    return this.ownAccumulator ?? this.sharedWith?.output
  }

  /** All chunks that have left, after the owner's transforms. */
  private get output(): Accumulator | undefined {
    return this.normalizer?.after ?? this.accumulator
  }

  get response(): ChatResponse | undefined {
    return this.accumulator?.response()
  }

  get partial(): PartialResponse | undefined {
    return this.accumulator?.partial()
  }

  /**
   * What `next()` rejects with: the reason of this scope's own end, the abort of an enclosing one,
   * else the error.
   */
  outcome(error: unknown): unknown {
    return this.ended ? this.ended.reason : (this.fault ?? error)
  }

  /**
   * Ends what runs inside. Layers inside see an abort, the owner's `next()` rejects with `reason`.
   */
  abort(reason?: unknown): void {
    if (this.isSettled || this.fault || this.ended) return
    this.ended = { reason: reason ?? new AbortError() }
    this.sendEmitted()
    this.end(reason instanceof AbortError ? reason : new AbortError(undefined, { cause: reason }))
  }

  /**
   * Resolves when chunks emitted before an abort have passed the pending transforms further out.
   */
  async drained(): Promise<void> {
    if (!this.draining) return
    const ended = this.owner ? rejectOnEnd(this.owner.within) : undefined
    await Promise.race([this.draining, ended?.promise]).catch(noop)
    ended?.release()
  }

  settle(): void {
    this.isSettled = true
    this.pending = []
    this.held = []
    this.forget()
    const siblings = this.parent?.inside ?? []
    const at = siblings.lastIndexOf(this)
    if (at >= 0) siblings.splice(at, 1)
  }

  /**
   * Passes chunks from inside outward as far as they go. `source` is the inner scope they left,
   * `answer` the whole answer they represent. Throws once the scope has been ended.
   */
  enter(chunks: readonly StreamChunk[], source?: Scope, answer?: ChatResponse): Done {
    if (this.fault) throw this.fault
    if (this.isSettled) throw new MisuseError('A chunk was sent after the layer had returned')
    if (this.isOpen) return this.passOn(chunks, source, answer)
    if (!chunks.some(isContent)) {
      this.pending.push(...chunks)
      return
    }
    this.isOpen = true
    const { pending } = this
    this.pending = []
    if (pending.length === 0) return this.passOn(chunks, source, answer)
    return this.passOn([...pending, ...chunks])
  }

  private passOn(chunks: readonly StreamChunk[], source?: Scope, answer?: ChatResponse): Done {
    this.accumulate(chunks, source, answer)
    const { owner } = this
    if (!owner) return this.sink?.(chunks)
    if (owner.transforms.length === 0) return this.leave(owner, chunks, this, answer)
    return this.inOrder(() => this.transform(owner, chunks))
  }

  private accumulate(
    chunks: readonly StreamChunk[],
    source: Scope | undefined,
    answer: ChatResponse | undefined,
  ): void {
    const canShare =
      source && !this.ownAccumulator && (!this.sharedWith || this.sharedWith === source)
    if (canShare) {
      this.sharedWith = source
      return
    }
    if (!this.ownAccumulator) {
      this.ownAccumulator = this.accumulator?.clone() ?? new Accumulator()
      this.sharedWith = undefined
    }
    if (answer) this.ownAccumulator.adopt(answer, chunks)
    else this.ownAccumulator.addAll(chunks)
  }

  private leave(
    owner: Owner,
    chunks: readonly StreamChunk[],
    source: Scope,
    answer?: ChatResponse,
  ): Done {
    if (this.committed) return owner.within.enter(chunks, source, answer)
    if (!chunks.some(isContent)) {
      this.held.push(...chunks)
      return
    }
    this.committed = true
    const { held } = this
    this.held = []
    if (held.length === 0) return owner.within.enter(chunks, source, answer)
    return owner.within.enter([...held, ...chunks], source)
  }

  private transform(owner: Owner, chunks: readonly StreamChunk[]): Done {
    if (this.fault) throw this.fault
    this.progress = newProgress()
    const staged = runTransforms(owner.transforms, chunks, this.progress)
    if (staged instanceof Promise)
      return staged.then((all) => this.sendTransformed(owner, all, chunks))
    return this.sendTransformed(owner, staged, chunks)
  }

  private sendTransformed(owner: Owner, staged: Staged, entered: readonly StreamChunk[]): Done {
    this.progress = undefined
    if (this.fault) throw this.fault
    const { done, error } = this.sendNormalized(owner, staged, entered)
    if (!error) return done
    const fail = () => {
      this.abort(error.reason)
      throw this.fault ?? error.reason
    }
    return done && this.isQueuedOutside(owner) ? done.catch(noop).then(fail) : fail()
  }

  private sendNormalized(owner: Owner, staged: Staged, entered: readonly StreamChunk[]) {
    this.normalizer ??= new StreamNormalizer(
      () => this.accumulator,
      owner.transforms.every(isReversible),
    )
    const { chunks, error = staged.error } = this.normalizer.normalize(staged.chunks, entered)
    const done = chunks.length > 0 ? this.leave(owner, chunks, this) : undefined
    return { done, error }
  }

  /** On an abort within a batch: chunks emitted before it leave, later ones do not. */
  private sendEmitted(): void {
    const { progress, owner } = this
    if (!progress || !owner) return
    this.progress = undefined
    progress.isCut = true
    const rest = runTransforms(owner.transforms.slice(0, progress.level), progress.out)
    const leave = (staged: Staged) => this.sendNormalized(owner, staged, []).done
    try {
      const done = rest instanceof Promise ? rest.then(leave) : leave(rest)
      if (!done) return
      ignoreRejection(done)
      if (rest instanceof Promise || this.isQueuedOutside(owner)) this.draining = done
    } catch {
      // a layer further out ended the call meanwhile: its reason counts
    }
  }

  /** True if a pending transform further out delays what leaves here. */
  private isQueuedOutside(owner: Owner): boolean {
    for (let scope: Scope | undefined = owner.within; scope; scope = scope.owner?.within)
      if (scope.queue) return true
    return false
  }

  /** Runs at once, or after the batches that wait for a pending transform. */
  private inOrder(work: () => Done): Done {
    const done = this.queue ? this.queue.then(work) : work()
    if (!done) return
    const queue = done.then(noop, noop).then(() => {
      if (this.queue === queue) this.queue = undefined
    })
    this.queue = queue
    return done
  }

  override end(fault: AbortError): void {
    if (this.fault) return
    super.end(fault)
    for (const scope of [...this.inside]) scope.end(fault)
  }
}

/** A promise that rejects when the scope is ended; `release` removes its listener. */
export function rejectOnEnd(scope: Scope) {
  let release = () => {}
  const promise = new Promise<never>((_, reject) => {
    release = scope.onEnd(reject)
  })
  return { promise, release }
}

/**
 * The part of chunks entered at `scope` that would leave the stack: for the partial answer of a
 * failure, without a commit. An unsettled transform counts as holding back.
 */
export function wouldLeave(scope: Scope, chunks: readonly StreamChunk[]): readonly StreamChunk[] {
  let left = chunks
  for (let at: Scope | undefined = scope; at?.owner; at = at.owner.within) {
    const { transforms } = at.owner
    if (transforms.length === 0) continue
    const progress = newProgress()
    const staged = runTransforms(transforms, left, progress)
    if (staged instanceof Promise) ignoreRejection(staged)
    const atOnce = progress.level === 0 ? [...progress.out] : []
    progress.isCut = true
    const emitted = staged instanceof Promise ? atOnce : staged.chunks
    left = new StreamNormalizer(() => undefined).normalize(emitted, left).chunks
  }
  return left
}

const noop = () => {}
