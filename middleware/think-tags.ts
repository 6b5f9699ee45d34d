/** Converts text of open models between `<think>` and `</think>` to reasoning. */
import type { StreamChunk } from '../src/chat/index.js'
import { layer, type Middleware, MisuseError, type Transform } from '../src/core/index.js'

export interface ThinkTagsOptions {
  /** The name of the tag. @default 'think' */
  readonly tag?: string | undefined
  /**
   * The model's template writes the opening tag, so answers begin inside it: `hm</think>Hello`.
   * @default false
   */
  readonly beginsInside?: boolean | undefined
}

/**
 * Converts a thought at the beginning of a turn to `reasoning-delta` chunks and
 * `reasoning_content`, independent of chunk boundaries. White space after either tag is dropped.
 * Later tags are text, as in an answer about HTML.
 *
 * Place: next to the provider, so that a tool loop and a stored history get the thought as
 * reasoning.
 *
 * Throws `MisuseError` at construction for an invalid tag name.
 *
 * @example
 * const ai = createClient({ providers: [compatible({ baseURL })], use: standard({ with: [thinkTags()] }) })
 */
export function thinkTags(options: ThinkTagsOptions = {}): Middleware {
  const { tag = 'think', beginsInside = false } = options
  if (!/^\w+$/.test(tag))
    throw new MisuseError("thinkTags() takes the name of a tag: { tag: 'think' }")
  const tags = { open: `<${tag}>`, close: `</${tag}>`, beginsInside }

  return layer(
    'thinkTags',
    (ctx, next) => {
      let turn = new Turn(tags)
      ctx.transform((chunk, emit) => {
        if (chunk.type === 'start') turn = new Turn(tags)
        turn.take(chunk, emit)
      })
      return next()
    },
    { place: 'inside params' },
  )
}

interface Tags {
  readonly open: string
  readonly close: string
  readonly beginsInside: boolean
}

type Emit = Parameters<Transform>[1]

/** After more white space than this, a tag is not at the beginning. */
const mostSpace = 1_000

class Turn {
  private place: 'before' | 'inside' | 'behind' = 'before'
  /** Text that may still belong to a tag. */
  private held = ''
  /** Log-probabilities received while the place was unknown. */
  private heldLogprobs: StreamChunk[] = []
  private isTrimming = false
  private hasThought = false

  constructor(private readonly tags: Tags) {}

  take(chunk: StreamChunk, emit: Emit): void {
    if (chunk.type === 'text-delta' && chunk.phase !== undefined) {
      // from an API that marks reasoning itself
      this.flush(emit)
      emit(chunk)
    } else if (chunk.type === 'text-delta' && !this.isPlain) {
      this.held += chunk.text
      this.read(emit)
    } else if (chunk.type === 'logprobs') {
      this.heldLogprobs.push(chunk)
      if (this.place !== 'before') this.sendLogprobs(emit)
    } else {
      if (chunk.type === 'tool-call-start' || chunk.type === 'finish') this.flush(emit)
      emit(chunk)
    }
  }

  /** Further text is emitted unchanged. */
  private get isPlain(): boolean {
    return this.place === 'behind' && !this.isTrimming
  }

  private read(emit: Emit): void {
    if (this.place === 'before' && !this.begin(emit)) return
    if (this.place === 'inside' && !this.think(emit)) return
    this.send('text-delta', this.held, emit)
    this.held = ''
  }

  /** False while the text may still become the opening tag. */
  private begin(emit: Emit): boolean {
    const { open, beginsInside } = this.tags
    const text = this.held.trimStart()
    const isNear = this.held.length - text.length <= mostSpace
    if (isNear && text.length < open.length && open.startsWith(text)) return false
    const isTag = isNear && text.startsWith(open)
    if (isTag) this.held = text.slice(open.length)
    this.hasThought = isTag || beginsInside
    this.isTrimming = this.hasThought
    this.place = this.hasThought ? 'inside' : 'behind'
    this.sendLogprobs(emit)
    return true
  }

  /** False while the thought continues. */
  private think(emit: Emit): boolean {
    const { close } = this.tags
    const at = this.held.indexOf(close)
    const end = at < 0 ? this.held.length - overlap(this.held, close) : at
    this.send('reasoning-delta', this.held.slice(0, end), emit)
    this.held = this.held.slice(at < 0 ? end : at + close.length)
    if (at < 0) return false
    this.place = 'behind'
    this.isTrimming = true
    return true
  }

  private send(type: 'text-delta' | 'reasoning-delta', text: string, emit: Emit): void {
    const rest = this.isTrimming ? text.trimStart() : text
    if (rest === '') return
    this.isTrimming = false
    emit({ type, text: rest })
  }

  /** Dropped with a thought, as they contain its tokens. */
  private sendLogprobs(emit: Emit): void {
    const held = this.heldLogprobs.splice(0)
    if (!this.hasThought) for (const chunk of held) emit(chunk)
  }

  /** The held text is no tag, as no more text follows. */
  private flush(emit: Emit): void {
    const isThought = this.place === 'inside' || (this.place === 'before' && this.tags.beginsInside)
    this.send(isThought ? 'reasoning-delta' : 'text-delta', this.held, emit)
    this.held = ''
    this.place = 'behind'
    this.sendLogprobs(emit)
  }
}

/** Length of the longest end of `text` that begins `word`. */
function overlap(text: string, word: string): number {
  for (let length = Math.min(text.length, word.length - 1); length > 0; length--)
    if (text.endsWith(word.slice(0, length))) return length
  return 0
}
