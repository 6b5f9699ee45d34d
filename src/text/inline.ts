/** Inline Markdown → a flat list of pieces: text, code, links, and marks that open and close in pairs. */
import { closingParenthesis, closingRun, deepest, isBlank, isWord, runLength } from './outline.js'

export type Mark = 'strong' | 'emphasis' | 'strike'

export type Inline =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'code'; readonly text: string }
  | { readonly type: 'link'; readonly content: readonly Inline[]; readonly url: string }
  | { readonly type: 'open'; readonly mark: Mark }
  | { readonly type: 'close'; readonly mark: Mark }

interface Opener {
  readonly char: string
  readonly length: number
  /** Its index in the list, where it is text until it is closed. */
  readonly at: number
}

const isPunctuation = (char: string | undefined) =>
  char !== undefined && /[!-/:-@[-`{-~]/.test(char)

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  '#39': "'",
  nbsp: ' ',
}

/** Reads the text of one block. Linear; links inside the text of a link are not read. */
export function readInline(text: string, isInLink = false): readonly Inline[] {
  return new InlineReader(text, isInLink).read()
}

class InlineReader {
  private readonly out: Inline[] = []
  private readonly openers: Opener[] = []
  /** Lengths of backtick runs without a closing run. */
  private readonly unclosed = new Set<number>()
  private plain = ''
  private at = 0
  /** The last `](`: no link begins after it. */
  private lastLink: number

  constructor(
    private readonly text: string,
    private readonly isInLink: boolean,
  ) {
    this.lastLink = isInLink ? -1 : text.lastIndexOf('](')
  }

  read(): readonly Inline[] {
    while (this.at < this.text.length) this.one(this.text[this.at] ?? '')
    this.flush()
    return this.out
  }

  private one(char: string): void {
    const next = this.text[this.at + 1]
    if (char === '\\' && isPunctuation(next)) this.keep(next ?? '', 2)
    else if (char === '`') this.code()
    else if (char === '*' || char === '_' || char === '~') this.marks(char)
    else if (char === '[' || (char === '!' && next === '[')) this.link()
    else if (char === '<') this.angle()
    else if (char === '&') this.entity()
    else this.keep(char, 1)
  }

  private keep(text: string, length: number): void {
    this.plain += text
    this.at += length
  }

  private flush(): void {
    if (this.plain !== '') this.out.push({ type: 'text', text: this.plain })
    this.plain = ''
  }

  private push(piece: Inline, length: number): void {
    this.flush()
    this.out.push(piece)
    this.at += length
  }

  private code(): void {
    const { text, at } = this
    const length = runLength(text, at)
    const mark = '`'.repeat(length)
    const end = this.unclosed.has(length)
      ? -1
      : closingRun(text, at + length, { mark, end: text.length })
    if (end < 0) {
      this.unclosed.add(length)
      this.keep(mark, length)
      return
    }
    const code = text.slice(at + length, end).replaceAll('\n', ' ')
    const isPadded = code.startsWith(' ') && code.endsWith(' ') && code.trim() !== ''
    this.push({ type: 'code', text: isPadded ? code.slice(1, -1) : code }, end + length - at)
  }

  private marks(char: string): void {
    const { text, at } = this
    const length = runLength(text, at)
    const before = at > 0 ? text[at - 1] : undefined
    const after = text[at + length]
    const isInsideWord = char !== '*' && isWord(before) && isWord(after)
    this.flush()
    this.at += length
    const left = isBlank(before) || isInsideWord ? length : this.close(char, length)
    const canOpen = left <= 3 && !isBlank(after) && !isInsideWord
    for (const part of canOpen && left === 3 && char !== '~' ? [2, 1] : [left])
      if (part > 0) this.open({ char, length: part }, canOpen)
  }

  /** Emits a run as text, until another run closes it. */
  private open({ char, length }: Pick<Opener, 'char' | 'length'>, canOpen: boolean): void {
    // deeper than any reader nests
    if (canOpen && length <= 2 && this.openers.length < 32)
      this.openers.push({ char, length, at: this.out.length })
    this.out.push({ type: 'text', text: char.repeat(length) })
  }

  /** Closes the openers that a run can close; returns the number of characters left. */
  private close(char: string, length: number): number {
    let left = length
    while (left > 0) {
      const index = this.openers.findLastIndex((each) => each.char === char && each.length <= left)
      const opener = this.openers[index]
      if (!opener || (char === '~' && opener.length !== left)) return left
      const mark = char === '~' ? 'strike' : opener.length === 2 ? 'strong' : 'emphasis'
      // the two runs are adjacent
      if (opener.at === this.out.length - 1) return left
      this.openers.length = index
      this.out[opener.at] = { type: 'open', mark }
      this.out.push({ type: 'close', mark })
      left -= opener.length
    }
    return 0
  }

  private link(): void {
    const { text, at } = this
    const isImage = text[at] === '!'
    const start = at + (isImage ? 2 : 1)
    const middle = at < this.lastLink ? this.endOfLabel(start) : -1
    const end = middle < 0 ? -1 : closingParenthesis(text, middle + 2)
    if (end < 0) {
      this.keep(text[at] ?? '', 1)
      return
    }
    const url = addressOf(text.slice(middle + 2, end))
    const content = readInline(text.slice(start, middle), true)
    this.push({ type: 'link', content, url }, end + 1 - at)
  }

  /** The `](` that ends the label beginning at `from`, or -1. Brackets nest, up to 1,000 units. */
  private endOfLabel(from: number): number {
    const { text } = this
    let depth = 1
    for (let i = from; i < Math.min(text.length, from + 1_000); i++) {
      if (text[i] === '\\') i++
      else if (text[i] === '[' && ++depth > deepest) return -1
      else if (text[i] === ']' && --depth === 0) return text[i + 1] === '(' ? i : -1
    }
    return -1
  }

  /** `<https://…>` and `<br>`; all other tags are text. */
  private angle(): void {
    const inside = /^<([^<>\s]{1,1000})\s?\/?>/.exec(this.text.slice(this.at, this.at + 1_010))
    const [all = '', name = ''] = inside ?? []
    if (/^br$/i.test(name)) this.lineBreak(all.length)
    else if (!this.isInLink && /^(https?:|mailto:)/i.test(name))
      this.push({ type: 'link', content: [], url: name }, all.length)
    else this.keep('<', 1)
  }

  /** Drops the white space around it. */
  private lineBreak(length: number): void {
    this.plain = this.plain.trimEnd()
    this.keep('\n', length)
    while (this.text[this.at] === ' ' || this.text[this.at] === '\n') this.at++
    this.flush()
  }

  private entity(): void {
    const [all = '&', name = ''] =
      /^&([a-z#0-9]{2,5});/.exec(this.text.slice(this.at, this.at + 8)) ?? []
    const char = Object.hasOwn(entities, name) ? entities[name] : undefined
    this.keep(char ?? '&', char === undefined ? 1 : all.length)
  }
}

/** The address without its title and angle brackets. */
function addressOf(inside: string): string {
  const trimmed = inside.trim()
  const [address = ''] = trimmed.startsWith('<') ? [trimmed] : trimmed.split(/\s/, 1)
  return address.replace(/^<|>$/g, '').replace(/\\(?=[()])/g, '')
}
