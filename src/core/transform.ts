/** What a layer's transforms do to the chunks on their way out, and `mapText`, the one most layers need. */
import type { AssistantMessage, StreamChunk } from '../chat/index.js'
import { isObject, parseJson } from '../chat/index.js'
import type { Transform } from './context.js'
import { MisuseError } from './errors.js'
import { Fold } from './fold.js'

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
export class Mender {
  /** What was let out. */
  readonly after = new Fold()
  private indices = new Map<number, number>()
  private turn = 0
  /** Something else than a finish was changed. */
  private isTouched = false

  /** `before` is the fold of what entered. */
  constructor(private readonly before: () => Fold | undefined) {}

  /** `entered` is what the transforms made `chunks` of. The error is that of an impossible order. */
  mend(chunks: readonly StreamChunk[], entered: readonly StreamChunk[]): Staged {
    this.isTouched ||= !isSame(chunks, entered)
    const out: StreamChunk[] = []
    try {
      for (const chunk of chunks) {
        const mended = this.one(chunk)
        if (!mended) continue
        this.after.add(mended)
        out.push(mended)
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

export interface MapTextOptions {
  /** The longest stretch, in UTF-16 units, that one change may span with its surroundings. So much text is held back. */
  readonly holdBack: number
  /** Reasoning too. @default false */
  readonly reasoning?: boolean
  /** The strings inside tool arguments too. @default false */
  readonly toolArguments?: boolean
}

/**
 * A transform that maps text as if it came in one piece. `fn` must be local: what it changes depends on at most
 * `holdBack` units of text. Refusals count as text. Positions of annotations are not moved.
 *
 * @example ctx.transform(mapText((text) => text.replaceAll('secret', '•••'), { holdBack: 16 }))
 */
export function mapText(fn: (text: string) => string, options: MapTextOptions): Transform {
  const { holdBack, reasoning = false, toolArguments = false } = options
  const newTail = (type: TailType) => new Tail(fn, holdBack, type)
  let text = newTail('text-delta')
  let refusal = newTail('refusal-delta')
  let thought = newTail('reasoning-delta')
  const held = new Map<number, { text: string; isCustom: boolean }>()
  return (chunk, emit) => {
    switch (chunk.type) {
      case 'start':
        // what an attempt that failed left behind is not said
        text = newTail('text-delta')
        refusal = newTail('refusal-delta')
        thought = newTail('reasoning-delta')
        held.clear()
        break
      case 'reasoning-delta':
        if (reasoning) return thought.add(chunk.text, emit)
        break
      case 'text-delta':
        thought.flush(emit)
        return text.add(chunk.text, emit)
      case 'refusal-delta':
        thought.flush(emit)
        return refusal.add(chunk.text, emit)
      case 'tool-call-start':
        thought.flush(emit)
        text.flush(emit)
        if (toolArguments) held.set(chunk.index, { text: '', isCustom: chunk.kind === 'custom' })
        break
      case 'tool-call-delta': {
        const call = held.get(chunk.index)
        if (!call) break
        call.text += chunk.arguments
        return
      }
      case 'tool-call-end': {
        const call = held.get(chunk.index)
        if (!call) break
        const mapped = call.isCustom ? fn(call.text) : mapArguments(call.text, fn)
        if (mapped !== '') emit({ type: 'tool-call-delta', index: chunk.index, arguments: mapped })
        break
      }
      case 'finish':
        thought.flush(emit)
        text.flush(emit)
        refusal.flush(emit)
        break
    }
    emit(chunk)
  }
}

/** Maps the strings inside JSON text; text that is no JSON is mapped as it is. */
function mapArguments(text: string, fn: (text: string) => string): string {
  const value = parseJson(text)
  if (value === undefined) return fn(text)
  const mapped = JSON.stringify(mapStrings(value, fn))
  return mapped === JSON.stringify(value) ? text : mapped
}

function mapStrings(value: unknown, fn: (text: string) => string): unknown {
  if (typeof value === 'string') return fn(value)
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, fn))
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, mapStrings(member, fn)]),
  )
}

type TailType = 'text-delta' | 'reasoning-delta' | 'refusal-delta'

/** The raw end of a text that a change may still reach into. */
class Tail {
  private raw = ''

  constructor(
    private readonly fn: (text: string) => string,
    private readonly holdBack: number,
    private readonly type: TailType,
  ) {}

  add(text: string, emit: (chunk: StreamChunk) => void): void {
    this.raw += text
    const { at, ready } = this.cut()
    if (at === 0) return
    this.raw = this.raw.slice(at)
    if (ready !== '') emit({ type: this.type, text: ready })
  }

  flush(emit: (chunk: StreamChunk) => void): void {
    if (this.raw === '') return
    const rest = this.fn(this.raw)
    this.raw = ''
    if (rest !== '') emit({ type: this.type, text: rest })
  }

  /** The last place, `holdBack` before the end or earlier, where both sides apart say what they say together. */
  private cut(): { readonly at: number; readonly ready: string } {
    const { raw, fn, holdBack } = this
    const last = raw.length - holdBack
    if (last <= 0) return nothing
    const whole = fn(raw)
    // a stretch longer than promised is not waited for without end
    const first = Math.max(0, last - 2 * holdBack)
    for (let at = last; at > first; at--) {
      if (isInsidePair(raw, at)) continue
      const ready = fn(raw.slice(0, at))
      if (whole.startsWith(ready) && ready + fn(raw.slice(at)) === whole) return { at, ready }
    }
    return first === 0 ? nothing : { at: first, ready: fn(raw.slice(0, first)) }
  }
}

const nothing = { at: 0, ready: '' }

const isInsidePair = (text: string, at: number) => {
  const before = text.charCodeAt(at - 1)
  return before >= 0xd800 && before < 0xdc00
}
