/** What goes on inside one layer during one `next()`: its chunks, its commit point, its abort. */
import type { ChatResponse, PartialResponse, StreamChunk } from '../chat/index.js'
import { Accumulator } from './accumulate.js'
import type { Transform } from './context.js'
import { AbortError, MisuseError } from './errors.js'
import { runTransforms, type Staged, StreamNormalizer } from './transform.js'

/** The layer whose `next()` a scope is. */
export interface Owner {
  readonly transforms: readonly Transform[]
  /** The scope the layer runs in. */
  readonly within: Scope
}

/** Where the chunks go that have left the outermost layer. */
export type Sink = (chunks: readonly StreamChunk[]) => void | Promise<void>

type Done = void | Promise<void>

/** Content is every chunk but `start` and `warning`. */
export const isContent = (chunk: StreamChunk) => chunk.type !== 'start' && chunk.type !== 'warning'

export class Scope {
  /** Content has left the owner, after its own transforms. */
  committed = false
  /** Why it was ended from outside, as those inside see it. */
  fault: AbortError | undefined
  /** Its `next()` has settled. */
  isSettled = false

  /** Content has come in. */
  private isOpen = false
  /** `start` and warnings that wait where they came from for the first content. */
  private pending: StreamChunk[] = []
  /** The same, behind transforms that hold the content back. */
  private held: StreamChunk[] = []
  private ownAccumulator: Accumulator | undefined
  /** The inner scope that let out exactly this so far: one accumulator serves both. */
  private shares: Scope | undefined
  private normalizer: StreamNormalizer | undefined
  /** Behind a pending transform. */
  private queue: Promise<void> | undefined
  private ended: { readonly reason: unknown } | undefined
  private controller: AbortController | undefined
  private readonly inside = new Set<Scope>()
  private readonly listeners = new Set<(fault: AbortError) => void>()

  /** `parent` is the scope around it; a nested call has an owner of its own kind: none. */
  constructor(
    readonly owner: Owner | undefined,
    private readonly parent: Scope | undefined,
    private readonly sink?: Sink,
  ) {
    this.fault = parent?.fault
    parent?.inside.add(this)
  }

  /** All that came from inside. */
  get accumulator(): Accumulator | undefined {
    return this.ownAccumulator ?? this.shares?.left
  }

  /** All that has left, after the owner's transforms. */
  private get left(): Accumulator | undefined {
    return this.normalizer?.after ?? this.accumulator
  }

  get response(): ChatResponse | undefined {
    return this.accumulator?.response()
  }

  get partial(): PartialResponse | undefined {
    return this.accumulator?.partial()
  }

  /** Fires when this scope, or one around it, is ended. */
  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController()
      if (this.fault) this.controller.abort(this.fault)
    }
    return this.controller.signal
  }

  /** What `next()` rejects with: the reason of this scope's own end, the abort of one around it, else the error itself. */
  outcome(error: unknown): unknown {
    return this.ended ? this.ended.reason : (this.fault ?? error)
  }

  /** Ends what runs inside. Those inside see an abort, the owner's `next()` rejects with `reason`. */
  abort(reason?: unknown): void {
    if (this.isSettled || this.fault) return
    this.ended = { reason: reason ?? new AbortError() }
    this.end(reason instanceof AbortError ? reason : new AbortError(undefined, { cause: reason }))
  }

  /** Calls back when this scope is ended; returns what takes the listener off. */
  onEnd(listener: (fault: AbortError) => void): () => void {
    if (this.fault) listener(this.fault)
    else this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  settle(): void {
    this.isSettled = true
    this.pending = []
    this.held = []
    this.listeners.clear()
    this.parent?.inside.delete(this)
  }

  /**
   * Takes chunks that come from inside and carries them outward as far as they go. `source` is the inner scope they
   * left, `answer` the whole answer they say. Throws once the scope has been ended.
   */
  enter(chunks: readonly StreamChunk[], source?: Scope, answer?: ChatResponse): Done {
    if (this.fault) throw this.fault
    if (this.isSettled) throw new MisuseError('A chunk was sent after the layer had returned')
    if (this.isOpen) return this.carry(chunks, source, answer)
    if (!chunks.some(isContent)) {
      this.pending.push(...chunks)
      return
    }
    this.isOpen = true
    const { pending } = this
    this.pending = []
    if (pending.length === 0) return this.carry(chunks, source, answer)
    return this.carry([...pending, ...chunks])
  }

  private carry(chunks: readonly StreamChunk[], source?: Scope, answer?: ChatResponse): Done {
    this.gather(chunks, source, answer)
    const { owner } = this
    if (!owner) return this.sink?.(chunks)
    if (owner.transforms.length === 0) return this.leave(owner, chunks, this, answer)
    return this.inOrder(() => this.transform(owner, chunks))
  }

  private gather(
    chunks: readonly StreamChunk[],
    source: Scope | undefined,
    answer: ChatResponse | undefined,
  ): void {
    const canShare = source && !this.ownAccumulator && (!this.shares || this.shares === source)
    if (canShare) {
      this.shares = source
      return
    }
    if (!this.ownAccumulator) {
      this.ownAccumulator = this.accumulator?.clone() ?? new Accumulator()
      this.shares = undefined
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
    const staged = runTransforms(owner.transforms, chunks)
    if (staged instanceof Promise) return staged.then((all) => this.transformed(owner, all, chunks))
    return this.transformed(owner, staged, chunks)
  }

  private transformed(owner: Owner, staged: Staged, entered: readonly StreamChunk[]): Done {
    if (this.fault) throw this.fault
    this.normalizer ??= new StreamNormalizer(() => this.accumulator)
    const normalized = this.normalizer.normalize(staged.chunks, entered)
    const done =
      normalized.chunks.length > 0 ? this.leave(owner, normalized.chunks, this) : undefined
    const failure = normalized.error ?? staged.error
    if (!failure) return done
    this.abort(failure.reason)
    throw this.fault ?? failure.reason
  }

  /** Runs at once, or after what is already waiting behind a pending transform. */
  private inOrder(work: () => Done): Done {
    const done = this.queue ? this.queue.then(work) : work()
    if (!done) return
    const queue = done.then(noop, noop).then(() => {
      if (this.queue === queue) this.queue = undefined
    })
    this.queue = queue
    return done
  }

  private end(fault: AbortError): void {
    if (this.fault) return
    this.fault = fault
    this.controller?.abort(fault)
    for (const listener of [...this.listeners]) listener(fault)
    for (const scope of [...this.inside]) scope.end(fault)
  }
}

const noop = () => {}
