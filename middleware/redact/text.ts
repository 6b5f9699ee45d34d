/** Edits a streamed text as if it were one string: the part that may still change is held back. */
import { lookAround, type SearchRule } from './rules.js'
import { decidedEnd, findHits, type Hit, type Runs } from './search.js'

/** The replacement of a hit; undefined keeps it. */
export type Replace = (hit: Hit, text: string) => string | undefined

interface Edit {
  /** Positions in the input text. */
  readonly start: number
  readonly end: number
  /** Positions in the output text. */
  readonly outStart: number
  readonly outEnd: number
}

export class TextEditor {
  /** Emitted text for look-behind, followed by the pending text. */
  private raw = ''
  /** Index of `raw` in the whole text. */
  private base = 0
  /** Index in `raw` where the pending text begins. */
  private at = 0
  /** Index in `raw` up to which a flush emitted literal text. */
  private shown = 0
  private outLength = 0
  private readonly runs: Runs = new Map()
  private readonly edits: Edit[] = []

  constructor(
    private readonly rules: readonly SearchRule[],
    private readonly replace: Replace,
  ) {}

  /** Adds text and returns what is now final. */
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

  /**
   * Returns all held text. If more follows, a match that begins in the flushed text is replaced
   * from here on.
   */
  flush(): string {
    const out = this.replaced(this.raw.length)
    const rest = this.literal(this.raw.length)
    this.shown = this.raw.length
    this.outLength += rest.length
    return out + rest
  }

  /** Maps a position in the input to the output. */
  moved(position: number, isEnd: boolean): number {
    let delta = 0
    for (const { start, end, outStart, outEnd } of this.edits) {
      if (position <= start) break
      if (position < end) return isEnd ? outEnd : outStart
      delta = outEnd - end
    }
    return position + delta
  }

  /** Finalizes up to `end`, or to the end of a match that begins before it. */
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
    const cut = this.at - lookAround
    if (cut < 4 * lookAround) return
    this.raw = this.raw.slice(cut)
    this.base += cut
    this.runs.clear()
    this.at -= cut
    this.shown = Math.max(0, this.shown - cut)
  }
}
