/** What a layer's transforms do to the chunks on their way out. */
import type { AssistantMessage, StreamChunk } from '../chat/index.js'
import { Accumulator } from './accumulate.js'
import type { Transform } from './context.js'
import { MisuseError } from './errors.js'

/** What came out, and the error that ended it. */
export interface Staged {
  readonly chunks: readonly StreamChunk[]
  readonly error?: { readonly reason: unknown }
}

/** Runs a batch through the transforms of one layer, the last registered first. A promise only where a transform gave one. */
export function runTransforms(
  transforms: readonly Transform[],
  chunks: readonly StreamChunk[],
): Staged | Promise<Staged> {
  let staged: Staged | Promise<Staged> = { chunks }
  for (let i = transforms.length - 1; i >= 0; i--) {
    // the loop runs inside the array
    const fn = transforms[i] as Transform
    staged =
      staged instanceof Promise ? staged.then((before) => stage(fn, before)) : stage(fn, staged)
  }
  return staged
}

function stage(fn: Transform, before: Staged): Staged | Promise<Staged> {
  const out: StreamChunk[] = []
  let isOpen = true
  const emit = (chunk: StreamChunk) => {
    if (!isOpen)
      throw new MisuseError('A transform emitted after it had returned: return a promise instead')
    out.push(chunk)
  }
  const close = (error?: { readonly reason: unknown }): Staged => {
    isOpen = false
    const first = error ?? before.error
    return first ? { chunks: out, error: first } : { chunks: out }
  }
  const go = (from: number): Staged | Promise<Staged> => {
    try {
      for (let i = from; i < before.chunks.length; i++) {
        // the loop runs inside the array
        const pending = fn(before.chunks[i] as StreamChunk, emit)
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

/** Makes what left the transforms a sound stream again: dense call indices, and no `native` that says what the turn no longer says. */
export class StreamNormalizer {
  /** What was let out. */
  readonly after = new Accumulator()
  private indices = new Map<number, number>()
  private turn = 0
  /** Something else than a finish was changed. */
  private isTouched = false

  /** `before` is the accumulator of what entered. */
  constructor(private readonly before: () => Accumulator | undefined) {}

  /** `entered` is what the transforms made `chunks` of. The error is that of an impossible order. */
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
        if (!chunk.native || !this.isTouched) return chunk
        if (before && saysTheSame(before, this.after.lastMessage)) return chunk
        const { native: _, ...rest } = chunk
        return rest
      }
      default:
        return chunk
    }
  }
}

/** Finishes apart. */
const isSame = (left: readonly StreamChunk[], entered: readonly StreamChunk[]) =>
  left.length === entered.length &&
  left.every(
    (chunk, i) =>
      chunk === entered[i] || (chunk.type === entered[i]?.type && chunk.type === 'finish'),
  )

/** Whether two turns say the same text, reasoning, refusal and tool calls. */
export function saysTheSame(a: AssistantMessage, b: AssistantMessage | undefined): boolean {
  return (
    b !== undefined &&
    (a.content ?? '') === (b.content ?? '') &&
    (a.reasoning_content ?? '') === (b.reasoning_content ?? '') &&
    (a.refusal ?? '') === (b.refusal ?? '') &&
    JSON.stringify(a.tool_calls ?? []) === JSON.stringify(b.tool_calls ?? [])
  )
}
