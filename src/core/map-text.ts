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
 * most `holdBack` units of text. Refusals count as text. Log-probabilities, annotations, transcripts
 * and output of hosted tools pass as they are; `redact()` covers them.
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
        // drops what a failed attempt left
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
        if (chunk.phase !== text.phase) text.flush(emit)
        text.phase = chunk.phase
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

type TailType = 'text-delta' | 'reasoning-delta' | 'refusal-delta'

/** The unmapped end of a text that a change may still affect. */
class Tail {
  private raw = ''
  /** Phase of the held text. */
  phase: string | undefined

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
    this.emit(ready, emit)
  }

  flush(emit: (chunk: StreamChunk) => void): void {
    if (this.raw === '') return
    const rest = this.fn(this.raw)
    this.raw = ''
    this.emit(rest, emit)
  }

  private emit(text: string, emit: (chunk: StreamChunk) => void): void {
    const { type, phase } = this
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
