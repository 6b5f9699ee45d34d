/** Runs a layer's transforms on the chunks on their way out. */
import { type AssistantMessage, originOf, type StreamChunk } from '../chat/index.js'
import { Accumulator } from './accumulate.js'
import type { Transform } from './context.js'
import { MisuseError } from './errors.js'

/** The output, and the error that ended it. */
export interface Staged {
  readonly chunks: readonly StreamChunk[]
  readonly error?: { readonly reason: unknown }
}

/** The progress of a batch through the transforms of one layer. */
export interface Progress {
  /** What the transform at `level` has emitted. */
  out: readonly StreamChunk[]
  level: number
  /** The layer was aborted: nothing more is emitted, and no further chunk is read. */
  isCut: boolean
}

export const newProgress = (): Progress => ({ out: [], level: 0, isCut: false })

const reversibles = new WeakSet<Transform>()

/**
 * Marks a transform whose edits its layer undoes on the way in: the provider's native blocks
 * (`native`) stay on the turn. The original text may be stored with them, as `native.said` of the
 * emitted `finish`.
 *
 * @example ctx.transform(reversible(restoreNames))
 */
export function reversible(fn: Transform): Transform {
  // a new function: the same transform may be used unmarked elsewhere
  const marked: Transform = (chunk, emit) => fn(chunk, emit)
  reversibles.add(marked)
  return marked
}

export const isReversible = (fn: Transform): boolean => reversibles.has(fn)

/**
 * Runs a batch through the transforms of one layer, the last registered first. Returns a promise
 * only if a transform did.
 */
export function runTransforms(
  transforms: readonly Transform[],
  chunks: readonly StreamChunk[],
  progress: Progress = newProgress(),
): Staged | Promise<Staged> {
  let staged: Staged | Promise<Staged> = { chunks }
  for (let i = transforms.length - 1; i >= 0; i--) {
    const fn = transforms[i]
    if (!fn) continue
    const go = (before: Staged) => stage(fn, before, progress, i)
    staged = staged instanceof Promise ? staged.then(go) : go(staged)
  }
  return staged
}

function stage(
  fn: Transform,
  before: Staged,
  progress: Progress,
  level: number,
): Staged | Promise<Staged> {
  const out: StreamChunk[] = []
  if (!progress.isCut) Object.assign(progress, { out, level })
  let isOpen = true
  const emit = (chunk: StreamChunk) => {
    if (!isOpen)
      throw new MisuseError('A transform emitted after it returned: return a promise instead')
    if (!progress.isCut) out.push(chunk)
  }
  const close = (error?: { readonly reason: unknown }): Staged => {
    isOpen = false
    const first = error ?? before.error
    return first ? { chunks: out, error: first } : { chunks: out }
  }
  const go = (from: number): Staged | Promise<Staged> => {
    try {
      for (let i = from; i < before.chunks.length && !progress.isCut; i++) {
        const chunk = before.chunks[i]
        const pending = chunk && fn(chunk, emit)
        if (pending)
          return pending.then(
            () => go(i + 1),
            (reason) => close({ reason }),
          )
      }
      return close()
    } catch (reason) {
      return close({ reason })
    }
  }
  return go(0)
}

/**
 * Makes the output of transforms a valid stream again: dense call indices, and no `native.content`
 * that differs from the turn.
 */
export class StreamNormalizer {
  /** Accumulates the output. */
  readonly after = new Accumulator()
  private indices = new Map<number, number>()
  private turn = 0
  /** A chunk other than a finish was changed. */
  private isTouched = false

  /** `before` is the accumulator of the input. */
  constructor(
    private readonly before: () => Accumulator | undefined,
    private readonly keepsNative = false,
  ) {}

  /**
   * `entered` is the input that the transforms turned into `chunks`. The error is that of an
   * impossible order.
   */
  normalize(chunks: readonly StreamChunk[], entered: readonly StreamChunk[]): Staged {
    this.isTouched ||= !isSame(chunks, entered)
    const out: StreamChunk[] = []
    try {
      for (const chunk of chunks) {
        const normalized = this.one(chunk)
        if (!normalized) continue
        this.after.add(normalized)
        out.push(normalized)
      }
    } catch (reason) {
      return { chunks: out, error: { reason } }
    }
    return { chunks: out }
  }

  private one(chunk: StreamChunk): StreamChunk | undefined {
    switch (chunk.type) {
      case 'start':
        this.indices = new Map()
        return chunk
      case 'tool-call-start': {
        const index = this.indices.size
        this.indices.set(chunk.index, index)
        return index === chunk.index ? chunk : { ...chunk, index }
      }
      case 'tool-call-delta':
      case 'tool-call-end': {
        const index = this.indices.get(chunk.index)
        if (index === undefined) return undefined
        return index === chunk.index ? chunk : { ...chunk, index }
      }
      case 'finish': {
        const before = this.before()?.turns[this.turn++]
        if (!chunk.native || !this.isTouched || this.keepsNative) return chunk
        if (before && saysTheSame(before, this.after.lastMessage)) return chunk
        // the turn keeps its origin, but not its former content
        return { ...chunk, native: originOf(chunk.native) }
      }
      default:
        return chunk
    }
  }
}

/** Compares all chunks but finishes. */
const isSame = (left: readonly StreamChunk[], entered: readonly StreamChunk[]) =>
  left.length === entered.length &&
  left.every(
    (chunk, i) =>
      chunk === entered[i] || (chunk.type === entered[i]?.type && chunk.type === 'finish'),
  )

/** True if two turns have the same text, reasoning, refusal and tool calls. */
function saysTheSame(a: AssistantMessage, b: AssistantMessage | undefined): boolean {
  return (
    b !== undefined &&
    (a.content ?? '') === (b.content ?? '') &&
    (a.reasoning_content ?? '') === (b.reasoning_content ?? '') &&
    (a.refusal ?? '') === (b.refusal ?? '') &&
    JSON.stringify(a.tool_calls ?? []) === JSON.stringify(b.tool_calls ?? [])
  )
}
