/** `mapText`: the transform most layers need, independent of chunk boundaries. */
import { defined, isObject, parseJson, type StreamChunk } from '../chat/index.js'
import type { Transform } from './context.js'

export interface MapTextOptions {
  /**
   * The longest stretch, in UTF-16 units, that one change may span with its context. This much text
   * is held back.
   */
  readonly holdBack: number
  /** Maps reasoning too. @default false */
  readonly reasoning?: boolean
  /** Maps the strings in tool arguments too. @default false */
  readonly toolArguments?: boolean
}

/**
 * A transform that maps text as if it were one chunk. `fn` must be local: each change depends on at
 * most `holdBack` units of text. Refusals count as text. Text before and after reasoning, a refusal,
 * a call, a file or a hosted tool is mapped as two texts. Log-probabilities are emitted at the end
 * of a turn, and dropped, with a warning, if its text was changed. Annotations, transcripts and
 * output of hosted tools pass as they are; `redact()` covers them.
 *
 * @example ctx.transform(mapText((text) => text.replaceAll('secret', '•••'), { holdBack: 16 }))
 */
export function mapText(fn: (text: string) => string, options: MapTextOptions): Transform {
  const { holdBack, reasoning = false, toolArguments = false } = options
  const newTail = (type: TailType) => new Tail(fn, holdBack, type)
  const newTails = () =>
    [newTail('reasoning-delta'), newTail('text-delta'), newTail('refusal-delta')] as const
  let tails = newTails()
  let logprobs: StreamChunk[] = []
  const held = new Map<number, { text: string; isCustom: boolean }>()
  /** Emits the held text of all tails but `kept`, so that later chunks do not overtake it. */
  const flush = (emit: Emit, kept?: Tail) => {
    for (const tail of tails) if (tail !== kept) tail.flush(emit)
  }
  return (chunk, emit) => {
    const [thought, text, refusal] = tails
    switch (chunk.type) {
      case 'start':
        // drops what a failed attempt left
        tails = newTails()
        logprobs = []
        held.clear()
        break
      case 'reasoning-delta':
        flush(emit, thought)
        if (reasoning) return thought.add(chunk.text, emit)
        break
      case 'text-delta':
        flush(emit, text)
        if (chunk.phase !== text.phase) text.flush(emit)
        text.phase = chunk.phase
        return text.add(chunk.text, emit)
      case 'refusal-delta':
        flush(emit, refusal)
        return refusal.add(chunk.text, emit)
      case 'file':
      case 'hosted-tool':
        flush(emit)
        break
      case 'logprobs':
        logprobs.push(chunk)
        return
      case 'tool-call-start':
        flush(emit)
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
        flush(emit)
        if (logprobs.length > 0 && tails.some(({ isChanged }) => isChanged)) emit(droppedLogprobs)
        else for (const one of logprobs) emit(one)
        break
    }
    emit(chunk)
  }
}

const droppedLogprobs: StreamChunk = {
  type: 'warning',
  warning: {
    code: 'dropped',
    param: 'logprobs',
    message: 'mapText() dropped the log-probabilities: their tokens show the text it changed',
  },
}

/** Maps the strings in JSON text; invalid JSON is mapped as text. */
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

type Emit = (chunk: StreamChunk) => void

type TailType = 'text-delta' | 'reasoning-delta' | 'refusal-delta'

/** The unmapped end of a text that a change may still affect. */
class Tail {
  private raw = ''
  /** A part of the text, as emitted, is not the original. */
  isChanged = false
  /** Phase of the held text. */
  phase: string | undefined

  constructor(
    private readonly fn: (text: string) => string,
    private readonly holdBack: number,
    private readonly type: TailType,
  ) {}

  add(text: string, emit: Emit): void {
    this.raw += text
    const { at, ready } = this.cut()
    if (at > 0) this.emit(at, ready, emit)
  }

  flush(emit: Emit): void {
    if (this.raw !== '') this.emit(this.raw.length, this.fn(this.raw), emit)
  }

  /** Emits the first `length` units, mapped to `text`. */
  private emit(length: number, text: string, emit: Emit): void {
    const { type, phase, raw } = this
    this.isChanged ||= text !== raw.slice(0, length)
    this.raw = raw.slice(length)
    if (text !== '') emit({ type, text, ...defined({ phase }) })
  }

  /**
   * The last index, at least `holdBack` before the end, where mapping both parts equals mapping the
   * whole.
   */
  private cut(): { readonly at: number; readonly ready: string } {
    const { raw, fn, holdBack } = this
    const last = raw.length - holdBack
    if (last <= 0) return nothing
    const whole = fn(raw)
    // a stretch longer than `holdBack` is not held indefinitely
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
