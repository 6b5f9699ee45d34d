/** Edits a text that comes in pieces as if it had come in one: what may yet change is held back. */
import type { SearchRule } from './rules.js'
import { decidedEnd, findHits, type Hit, type Runs } from './search.js'

/** What stands for a hit; undefined: it stays. */
export type Replace = (hit: Hit, text: string) => string | undefined

interface Edit {
  /** Positions in the text as it came. */
  readonly start: number
  readonly end: number
  /** Positions in the text as it left. */
  readonly outStart: number
  readonly outEnd: number
}

/** So much of what has left is kept for look-behind. */
const context = 64

export class TextEditor {
  /** Context, and then what is not decided. */
  private raw = ''
  /** Where `raw` begins in the whole text. */
  private base = 0
  /** In `raw`: where what is not decided begins. */
  private at = 0
  /** In `raw`: so far literal text was let out by a flush. */
  private shown = 0
  private outLength = 0
  private readonly runs: Runs = new Map()
  private readonly edits: Edit[] = []

  constructor(
    private readonly rules: readonly SearchRule[],
    private readonly replace: Replace,
  ) {}

  /** What is decided by now. */
  add(text: string): string {
    this.raw += text
    let out = ''
    for (;;) {
      const end = decidedEnd(this.raw, this.rules, this.at, this.runs)
      if (end <= this.at) break
      out += this.take(end)
    }
    this.trim()
    return out
  }

  /** All that is held. If the text goes on, a match that begins in what is let out here is replaced from here on. */
  flush(): string {
    const out = this.replaced(this.raw.length)
    const rest = this.literal(this.raw.length)
    this.shown = this.raw.length
    this.outLength += rest.length
    return out + rest
  }

  /** Where a position of the text as it came has gone. */
  moved(position: number, isEnd: boolean): number {
    let delta = 0
    for (const { start, end, outStart, outEnd } of this.edits) {
      if (position <= start) break
      if (position < end) return isEnd ? outEnd : outStart
      delta = outEnd - end
    }
    return position + delta
  }

  /** Decides up to `end`, or to the end of a match that begins before it. */
  private take(end: number): string {
    const out = this.replaced(end)
    if (this.at >= end) return out
    const rest = this.literal(end)
    this.at = end
    this.outLength += rest.length
    return out + rest
  }

  private replaced(end: number): string {
    let out = ''
    for (const hit of findHits(this.raw, this.rules, this.at, end)) {
      const value = this.replace(hit, this.raw.slice(hit.start, hit.end))
      if (value === undefined) continue
      const before = this.literal(hit.start)
      out += before + value
      this.record(hit, before.length, value.length)
    }
    return out
  }

  private record({ start, end }: Hit, before: number, length: number): void {
    const outStart = this.outLength + before
    this.outLength = outStart + length
    const { base } = this
    this.edits.push({ start: base + start, end: base + end, outStart, outEnd: this.outLength })
    this.at = end
  }

  private literal(end: number): string {
    return this.raw.slice(Math.max(this.at, this.shown), Math.max(this.at, this.shown, end))
  }

  private trim(): void {
    const cut = this.at - context
    if (cut < 4 * context) return
    this.raw = this.raw.slice(cut)
    this.base += cut
    this.runs.clear()
    this.at -= cut
    this.shown = Math.max(0, this.shown - cut)
  }
}
