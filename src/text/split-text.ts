/** Splits a long answer into messages, where it disturbs a reader least. */
import { MisuseError } from '../core/errors.js'
import { type Outline, outline, type Region } from './outline.js'

export interface SplitTextOptions {
  /** Maximum length of a part, in UTF-16 units. At least 16. @default 4096 */
  readonly limit?: number | undefined
}

/**
 * Splits text into parts of at most `limit` units: between paragraphs, else lines, sentences,
 * words, characters. Fences, table heads and emphasis are closed before a cut and reopened after
 * it; a list number stays with its item. Only white space at a cut is dropped. Linear in the text.
 * Throws `MisuseError` for an invalid limit.
 *
 * @example
 * for (const part of splitText(fromMarkdown(reply.text, 'whatsapp'))) await send(part)
 */
export function splitText(text: string, { limit = 4096 }: SplitTextOptions = {}): string[] {
  if (!Number.isInteger(limit) || limit < 16)
    throw new MisuseError(`splitText: limit must be a whole number of at least 16, not ${limit}`)
  const source = text.replaceAll('\r\n', '\n')
  const parts: string[] = []
  const cutter = new Cutter(source, outline(source), limit)
  for (let part = cutter.next(); part !== undefined; part = cutter.next())
    if (part !== '') parts.push(part)
  return parts
}

class Cutter {
  private from = 0
  private nextRegion = 0
  /** Regions that end after `from`. */
  private active: Region[] = []

  constructor(
    private readonly text: string,
    private readonly outline: Outline,
    private readonly limit: number,
  ) {}

  next(): string | undefined {
    this.skipBlank()
    if (this.from >= this.text.length) return undefined
    this.advance()
    const open = this.regionsAt(this.from).map((region) => region.open)
    // reopened marks must leave room for new text
    while (open.join('').length > this.limit / 2) open.shift()
    const prefix = open.join('')
    let close = ''
    for (;;) {
      const cut = this.cut(this.limit - prefix.length - close.length)
      const needed = this.closesAt(cut)
      if (needed.length > close.length && needed.length < this.limit / 4) {
        close = needed
        continue
      }
      const body = this.bodyTo(cut)
      this.from = cut
      return body === '' ? '' : prefix + body + (needed.length > close.length ? '' : needed)
    }
  }

  private skipBlank(): void {
    const { text } = this
    if (this.isVerbatim(this.from)) {
      if (text[this.from] === '\n') this.from++
      return
    }
    while (text[this.from] === '\n') this.from++
    const isLineStart = this.from === 0 || text[this.from - 1] === '\n'
    const blank = isBlankFrom(text, this.from)
    if (!isLineStart || text[blank] === '\n' || blank === text.length) this.from = blank
    if (text[this.from] === '\n') this.skipBlank()
  }

  private advance(): void {
    const { regions } = this.outline
    this.active = this.active.filter(({ end }) => end > this.from)
    const reach = this.from + this.limit
    for (; ; this.nextRegion++) {
      const region = regions[this.nextRegion]
      if (!region || region.start > reach) return
      if (region.end > this.from) this.active.push(region)
    }
  }

  private regionsAt(at: number): readonly Region[] {
    return this.active.filter(({ start, end, isVerbatim }) =>
      isVerbatim ? start <= at && at < end && at > 0 : start < at && at < end,
    )
  }

  private isVerbatim(at: number): boolean {
    return this.active.some((region) => region.isVerbatim && region.start < at && at < region.end)
  }

  private closesAt(cut: number): string {
    return this.regionsAt(cut)
      .map(({ close }) => close)
      .reverse()
      .join('')
  }

  private bodyTo(cut: number): string {
    const body = this.text.slice(this.from, cut)
    return this.isVerbatim(cut) ? body : body.trimEnd()
  }

  /** The best cut, at most `room` after `from`. */
  private cut(room: number): number {
    const { text, from } = this
    if (text.length - from <= room) return text.length
    const window = { min: from + Math.ceil(room / 2), max: from + room }
    for (const level of levels) {
      const at = level(text, from, window, (place) => this.mayCut(place, level))
      if (at !== undefined) return at
      // a short part is better than a cut URL
      if (level === bySpace) window.min = from + Math.ceil(room / 4)
    }
    return isInsidePair(text, window.max) ? window.max - 1 : window.max
  }

  private mayCut(at: number, level: Level): boolean {
    if (at <= this.from || this.outline.forbidden[at]) return false
    return level === byLine || level === byGrapheme || !this.isVerbatim(at)
  }
}

interface Window {
  min: number
  readonly max: number
}

/** The last cut of its kind in the window. */
type Level = (
  text: string,
  from: number,
  window: Window,
  mayCut: (at: number) => boolean,
) => number | undefined

const byCharacter =
  (isPlace: (text: string, at: number) => boolean): Level =>
  (text, _, { min, max }, mayCut) => {
    for (let at = max; at >= min; at--) if (isPlace(text, at) && mayCut(at)) return at
    return undefined
  }

/** `Intl.Segmenter` reads only the window. */
function bySegment(granularity: 'sentence' | 'word' | 'grapheme'): Level {
  const segmenter = new Intl.Segmenter(undefined, { granularity })
  return (text, from, { min, max }, mayCut) => {
    let found: number | undefined
    // the units after the window show whether a segment ends at its edge
    for (const { index } of segmenter.segment(text.slice(from, max + 8))) {
      const at = from + index
      if (at > max) break
      if (at >= min && mayCut(at)) found = at
    }
    return found
  }
}

const byLine = byCharacter((text, at) => text[at] === '\n')
const bySpace = byCharacter((text, at) => text[at] === ' ' || text[at] === '\t')
const byGrapheme = bySegment('grapheme')

const levels: readonly Level[] = [
  byCharacter((text, at) => text[at] === '\n' && text[at + 1] === '\n'),
  byLine,
  bySegment('sentence'),
  bySpace,
  bySpace,
  bySegment('word'),
  byGrapheme,
]

function isBlankFrom(text: string, from: number): number {
  let at = from
  while (at < text.length && (text[at] === ' ' || text[at] === '\t')) at++
  return at
}

const isInsidePair = (text: string, at: number) => {
  const before = text.charCodeAt(at - 1)
  return before >= 0xd800 && before < 0xdc00
}
