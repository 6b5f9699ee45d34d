/** What a cut must not break: fences, tables, emphasis, links, list numbers. Read in one pass. */

/** A stretch that may be cut if it is closed before the cut and reopened after it. */
export interface Region {
  readonly start: number
  readonly end: number
  readonly open: string
  readonly close: string
  /** White space inside is content. */
  readonly isVerbatim?: true
}

export interface Outline {
  /** Sorted by start; outer regions before inner ones. */
  readonly regions: readonly Region[]
  /** One byte per position: 1 where a cut is forbidden. */
  readonly forbidden: Uint8Array
}

interface Line {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** Maximum lengths of what is kept whole. UTF-16 units. */
const longest = { info: 40, head: 500, link: 2_000, rule: 2_000 }

/** Maximum nesting of brackets. */
export const deepest = 8

/** Reads Markdown, and the formats of messengers that look like it. Linear in the text. */
export function outline(text: string): Outline {
  const lines = linesOf(text)
  const regions: Region[] = []
  const forbidden = new Uint8Array(text.length + 1)
  const forbid = (from: number, to: number) => forbidden.fill(1, from + 1, Math.max(from + 1, to))
  let i = 0
  while (i < lines.length) {
    const fenced = readFence(lines, i)
    if (fenced) {
      const { open, first, last, next } = fenced
      regions.push({ start: first.start, end: last, ...open, isVerbatim: true })
      forbid(lines[i]?.start ?? 0, first.start + 1)
      forbid(last - 1, lines[next - 1]?.end ?? text.length)
      i = next
      continue
    }
    const next = endOfBlock(lines, i)
    const block = lines.slice(i, next)
    const table = readTable(block)
    if (table) {
      regions.push(table.region)
      forbid(block[0]?.start ?? 0, table.region.start)
    }
    for (const line of block) forbidMarker(line, forbid)
    readInline(text, block, { regions, forbid })
    i = Math.max(next, i + 1)
  }
  return { regions: regions.sort((a, b) => a.start - b.start || b.end - a.end), forbidden }
}

function linesOf(text: string): Line[] {
  const lines: Line[] = []
  for (let start = 0; start <= text.length; ) {
    const at = text.indexOf('\n', start)
    const end = at < 0 ? text.length : at
    lines.push({ start, end, text: text.slice(start, end) })
    start = end + 1
  }
  return lines
}

const fenceMark = /^ {0,12}(`{3,64}|~{3,64})([^\n`]*)$/

/** The opening line of a fence; undefined for other lines. */
export function openingFence(line: string): { mark: string; info: string } | undefined {
  // too long to be a fence
  const match = line.length > 200 ? null : fenceMark.exec(line)
  return match ? { mark: match[1] ?? '', info: (match[2] ?? '').trim() } : undefined
}

/** True for a line that closes the fence opened by `mark`. */
export function closesFence(line: string, mark: string): boolean {
  const trimmed = line.trim()
  return trimmed.length >= mark.length && trimmed === (mark[0] ?? '').repeat(trimmed.length)
}

function readFence(lines: readonly Line[], at: number) {
  const opening = openingFence(lines[at]?.text ?? '')
  const first = lines[at + 1]
  if (!opening || !first) return undefined
  let i = at + 1
  while (i < lines.length && !closesFence(lines[i]?.text ?? '', opening.mark)) i++
  const closing = lines[i]
  // blank lines at the end of code do not justify a part
  let last = i - 1
  while (last > at + 1 && lines[last]?.text === '') last--
  const info = opening.info.slice(0, longest.info)
  return {
    open: { open: `${opening.mark}${info}\n`, close: `\n${opening.mark}` },
    first,
    last: closing ? (lines[last]?.end ?? first.start) : (lines.at(-1)?.end ?? 0) + 1,
    next: Math.min(i + 1, lines.length),
  }
}

function endOfBlock(lines: readonly Line[], from: number): number {
  let i = from
  while (i < lines.length && lines[i]?.text.trim() !== '' && !openingFence(lines[i]?.text ?? ''))
    i++
  return i
}

/** The delimiter row below the head of a table. */
export const isTableRule = (line: string): boolean =>
  line.length <= longest.rule &&
  line.includes('|') &&
  line.includes('-') &&
  [...line].every((each) => '|-: \t'.includes(each))

function readTable(block: readonly Line[]): { region: Region } | undefined {
  const rule = block.findIndex(({ text }) => isTableRule(text))
  const head = block[rule - 1]
  const body = block[rule + 1]
  if (!head || !body) return undefined
  const rows = `${head.text}\n${block[rule]?.text ?? ''}\n`
  const open = rows.length > longest.head ? '' : rows
  return { region: { start: body.start, end: (block.at(-1)?.end ?? 0) + 1, open, close: '' } }
}

type Forbid = (from: number, to: number) => void

/** Keeps `108. item`, `- item` and `> quote` together. */
function forbidMarker({ start, text }: Line, forbid: Forbid): void {
  const marker = /^\s{0,40}(?:\d{1,9}\\?[.)]|[-*+•>])\s{1,4}/.exec(text)
  if (marker) forbid(start, start + marker[0].length + 1)
}

interface Found {
  readonly regions: Region[]
  readonly forbid: Forbid
}

interface Opener {
  readonly mark: string
  readonly at: number
}

export const isWord = (char: string | undefined) => char !== undefined && /[\p{L}\p{N}]/u.test(char)
export const isBlank = (char: string | undefined) => char === undefined || char.trim() === ''

/** Reads emphasis, code and links of one paragraph, each position once. */
function readInline(text: string, block: readonly Line[], { regions, forbid }: Found): void {
  const end = block.at(-1)?.end ?? 0
  const openers: Opener[] = []
  const unclosed = new Set<number>()
  let bracket = -1
  let i = block[0]?.start ?? end
  while (i < end) {
    const char = text[i] ?? ''
    if (char === '\\') {
      forbid(i, i + 2)
      i += 2
      continue
    }
    if (char === '[') bracket = i
    if (char === ']' && text[i + 1] === '(' && bracket >= 0) {
      const closing = closingParenthesis(text, i + 2, end)
      if (closing > 0) forbid(bracket, closing + 1)
      if (closing > 0) i = closing
      bracket = -1
    }
    if (!'`*_~'.includes(char)) {
      i++
      continue
    }
    const length = runLength(text, i, end)
    const mark = char.repeat(length)
    forbid(i, i + length)
    if (char === '`') {
      const close = unclosed.has(length) ? -1 : closingRun(text, i + length, { mark, end })
      if (close < 0) unclosed.add(length)
      else regions.push({ start: i + length, end: close, open: mark, close: mark })
      i = close < 0 ? i + length : close + length
      continue
    }
    emphasis(text, { mark, at: i }, { openers, regions })
    i += length
  }
}

function emphasis(
  text: string,
  { mark, at }: Opener,
  { openers, regions }: { openers: Opener[]; regions: Region[] },
): void {
  const before = at > 0 ? text[at - 1] : undefined
  const after = text[at + mark.length]
  const opener = openers.findLastIndex((each) => each.mark === mark)
  if (opener >= 0 && !isBlank(before) && !isWord(after)) {
    const start = (openers[opener]?.at ?? 0) + mark.length
    regions.push({ start, end: at, open: mark, close: mark })
    openers.length = opener
    return
  }
  // deeper than any reader nests
  if (mark.length <= 3 && openers.length < 16 && !isBlank(after) && !isWord(before))
    openers.push({ mark, at })
}

export function runLength(text: string, from: number, end = text.length): number {
  let to = from
  while (to < end && text[to] === text[from]) to++
  return to - from
}

/** The start of the next run of exactly this mark; -1 if there is none. */
export function closingRun(
  text: string,
  from: number,
  { mark, end }: { readonly mark: string; readonly end: number },
): number {
  for (let i = from; i < end; i++) {
    if (text[i] !== mark[0]) continue
    const length = runLength(text, i, end)
    if (length === mark.length) return i
    i += length - 1
  }
  return -1
}

/** The end of a link's address, whose brackets may nest; -1 if there is none. */
export function closingParenthesis(text: string, from: number, end = text.length): number {
  let depth = 1
  const last = Math.min(end, from + longest.link)
  for (let i = from; i < last; i++) {
    const char = text[i]
    if (char === '\\') i++
    else if (char === '\n') return -1
    else if (char === '(' && ++depth > deepest) return -1
    else if (char === ')' && --depth === 0) return i
  }
  return -1
}
