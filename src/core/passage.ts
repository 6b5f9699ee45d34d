/** What goes on inside one layer during one `next()`: its chunks, its commit point, its abort. */
import type { ChatResponse, PartialResponse, StreamChunk } from '../chat/index.js'
import type { Transform } from './context.js'
import { AbortError, MisuseError } from './errors.js'
import { Fold } from './fold.js'
import { Mender, runTransforms, type Staged } from './transform.js'

/** The layer whose `next()` a passage is. */
export interface Owner {
  readonly transforms: readonly Transform[]
  /** The passage the layer runs in. */
  readonly within: Passage
}

/** Where the chunks go that have left the outermost layer. */
export type Sink = (chunks: readonly StreamChunk[]) => void | Promise<void>

type Done = void | Promise<void>

/** Content is every chunk but `start` and `warning`. */
export const isContent = (chunk: StreamChunk) => chunk.type !== 'start' && chunk.type !== 'warning'

export class Passage {
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
  private ownFold: Fold | undefined
  /** The inner passage that let out exactly this so far: one fold serves both. */
  private shares: Passage | undefined
  private mender: Mender | undefined
  /** Behind a pending transform. */
  private queue: Promise<void> | undefined
  private ended: { readonly reason: unknown } | undefined
  private controller: AbortController | undefined
  private readonly inside = new Set<Passage>()
  private readonly listeners = new Set<(fault: AbortError) => void>()

  /** `parent` is the passage around it; a nested call has an owner of its own kind: none. */
  constructor(
    readonly owner: Owner | undefined,
    private readonly parent: Passage | undefined,
    private readonly sink?: Sink,
  ) {
    this.fault = parent?.fault
    parent?.inside.add(this)
  }

  /** All that came from inside. */
  get fold(): Fold | undefined {
    return this.ownFold ?? this.shares?.left
  }

  /** All that has left, after the owner's transforms. */
  private get left(): Fold | undefined {
    return this.mender?.after ?? this.fold
  }

  get response(): ChatResponse | undefined {
    return this.fold?.response()
  }

  get partial(): PartialResponse | undefined {
    return this.fold?.partial()
  }

  /** Fires when this passage, or one around it, is ended. */
  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController()
      if (this.fault) this.controller.abort(this.fault)
    }
    return this.controller.signal
  }

  /** What `next()` rejects with: the reason of this passage's own end, the abort of one around it, else the error itself. */
  outcome(error: unknown): unknown {
    return this.ended ? this.ended.reason : (this.fault ?? error)
  }

  /** Ends what runs inside. Those inside see an abort, the owner's `next()` rejects with `reason`. */
  abort(reason?: unknown): void {
    if (this.isSettled || this.fault) return
    this.ended = { reason: reason ?? new AbortError() }
    this.end(reason instanceof AbortError ? reason : new AbortError(undefined, { cause: reason }))
  }

  /** Calls back when this passage is ended; returns what takes the listener off. */
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
   * Takes chunks that come from inside and carries them outward as far as they go. `source` is the inner passage they
   * left, `answer` the whole answer they say. Throws once the passage has been ended.
   */
  enter(chunks: readonly StreamChunk[], source?: Passage, answer?: ChatResponse): Done {
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

  private carry(chunks: readonly StreamChunk[], source?: Passage, answer?: ChatResponse): Done {
    this.gather(chunks, source, answer)
    const { owner } = this
    if (!owner) return this.sink?.(chunks)
    if (owner.transforms.length === 0) return this.leave(owner, chunks, this, answer)
    return this.inOrder(() => this.transform(owner, chunks))
  }

  private gather(
    chunks: readonly StreamChunk[],
    source: Passage | undefined,
    answer: ChatResponse | undefined,
  ): void {
    const canShare = source && !this.ownFold && (!this.shares || this.shares === source)
    if (canShare) {
      this.shares = source
      return
    }
    if (!this.ownFold) {
      this.ownFold = this.fold?.clone() ?? new Fold()
      this.shares = undefined
    }
    if (answer) this.ownFold.adopt(answer, chunks)
    else this.ownFold.addAll(chunks)
  }

  private leave(
    owner: Owner,
    chunks: readonly StreamChunk[],
    source: Passage,
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
    this.mender ??= new Mender(() => this.fold)
    const mended = this.mender.mend(staged.chunks, entered)
    const done = mended.chunks.length > 0 ? this.leave(owner, mended.chunks, this) : undefined
    const failure = mended.error ?? staged.error
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
    for (const passage of [...this.inside]) passage.end(fault)
  }
}

const noop = () => {}
