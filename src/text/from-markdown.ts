/** Markdown, as models write it → the markup of a messenger. */
import { type Inline, type Mark, readInline } from './inline.js'
import { closesFence, isTableRule, openingFence } from './outline.js'

/** `telegram` is its MarkdownV2 (`parse_mode: 'MarkdownV2'`). */
export type MessengerFormat = 'whatsapp' | 'telegram' | 'plain'

/** The differences between messengers. */
interface Dialect {
  readonly marks: Readonly<Record<Mark, string>>
  /** Marks are recognized only beside white space and punctuation, and end with their line. */
  readonly isStrict: boolean
  readonly bullet: string
  readonly text: (text: string) => string
  readonly code: (text: string) => string
  readonly link: (label: string, url: string) => string
  readonly fence: (code: readonly string[], info: string) => readonly string[]
}

const labelled = (label: string, url: string) =>
  label === '' || label === url || `https://${label}` === url ? url : `${label} (${url})`

const same = (text: string) => text

const dialects: Readonly<Record<MessengerFormat, Dialect>> = {
  // https://faq.whatsapp.com/539178204879377: *bold* _italic_ ~strike~ ```code```, no language, no escapes
  whatsapp: {
    marks: { strong: '*', emphasis: '_', strike: '~' },
    isStrict: true,
    bullet: '-',
    text: same,
    code: (text) => `\`${text}\``,
    link: labelled,
    fence: (code) => ['```', ...code.map((line) => line.replaceAll('```', '`\u200b``')), '```'],
  },
  // https://core.telegram.org/bots/api#markdownv2-style
  telegram: {
    marks: { strong: '*', emphasis: '_', strike: '~' },
    isStrict: false,
    bullet: '•',
    text: (text) => text.replace(/[_*[\]()~`>#+\-=|{}.!\\]/g, '\\$&'),
    code: (text) => `\`${text.replace(/[`\\]/g, '\\$&')}\``,
    link: (label, url) => `[${label || escapeAll(url)}](${url.replace(/[)\\]/g, '\\$&')})`,
    fence: (code, info) => [
      `\`\`\`${info.replace(/[`\\\s]/g, '')}`,
      ...code.map((line) => line.replace(/[`\\]/g, '\\$&')),
      '```',
    ],
  },
  plain: {
    marks: { strong: '', emphasis: '', strike: '' },
    isStrict: false,
    bullet: '-',
    text: same,
    code: same,
    link: labelled,
    fence: (code) => code,
  },
}

const escapeAll = (text: string): string => dialects.telegram.text(text)

/**
 * Converts an answer to a messenger's markup: headings to bold, links to text and address, table
 * rows to lines; code is unchanged. No text is lost. Linear in the text.
 *
 * @example fromMarkdown('## Steps\n- **Open** [the page](https://a.example)', 'whatsapp')
 * // *Steps*
 * // - *Open* the page (https://a.example)
 */
export function fromMarkdown(markdown: string, format: MessengerFormat): string {
  const dialect = dialects[format]
  const lines = markdown.replaceAll('\r\n', '\n').split('\n')
  const out: string[] = []
  for (let i = 0; i < lines.length; ) {
    const block = readBlock(lines, i)
    out.push(...block.render(dialect))
    i = block.next
  }
  return out.join('\n').trim()
}

interface Block {
  /** The index of the line after it. */
  readonly next: number
  readonly render: (dialect: Dialect) => readonly string[]
}

function readBlock(lines: readonly string[], at: number): Block {
  const line = lines[at] ?? ''
  return readFence(lines, at) ?? readTable(lines, at) ?? readLine(line, at) ?? readText(lines, at)
}

function readFence(lines: readonly string[], at: number): Block | undefined {
  const opening = openingFence(lines[at] ?? '')
  if (!opening) return undefined
  const indent = indentOf(lines[at] ?? '')
  let end = at + 1
  while (end < lines.length && !closesFence(lines[end] ?? '', opening.mark)) end++
  const code = lines
    .slice(at + 1, end)
    .map((line) => line.slice(Math.min(indent.length, indentOf(line).length)))
  return { next: end + 1, render: (dialect) => dialect.fence(code, opening.info) }
}

const indentOf = (line: string) => line.slice(0, line.length - line.trimStart().length)

function readTable(lines: readonly string[], at: number): Block | undefined {
  const head = lines[at] ?? ''
  const rule = lines[at + 1] ?? ''
  if (!head.includes('|') || !isTableRule(rule)) return undefined
  let end = at + 2
  while (end < lines.length && lines[end]?.includes('|')) end++
  const names = cellsOf(head)
  const rows = lines.slice(at + 2, end).map(cellsOf)
  return { next: end, render: (dialect) => tableLines(names, rows, dialect) }
}

function tableLines(
  names: readonly string[],
  rows: readonly (readonly string[])[],
  dialect: Dialect,
): readonly string[] {
  const cell = (text: string) => inline(text.replace(/<br\s{0,3}\/?>/gi, ' '), dialect)
  if (rows.length === 0) return [names.map(cell).join(' · ')]
  return rows.map((row) => {
    const cells = row
      .map((text, column) => ({ name: names[column] ?? '', text }))
      .filter(({ name, text }) => name !== '' || text !== '')
      .map(({ name, text }) =>
        name ? `${bold(`${name}:`, dialect)} ${cell(text)}`.trim() : cell(text),
      )
    return `${dialect.bullet} ${cells.join(' · ')}`
  })
}

/** Splits a row at its bars, except in code or after a backslash. */
function cellsOf(row: string): string[] {
  const cells = ['']
  let isCode = false
  const inner = row.trim().replace(/^\|/, '')
  for (let i = 0; i < inner.length; i++) {
    const char = inner[i] ?? ''
    if (char === '\\' && inner[i + 1] === '|') {
      cells[cells.length - 1] += '|'
      i++
      continue
    }
    if (char === '`') isCode = !isCode
    if (char === '|' && !isCode) cells.push('')
    else cells[cells.length - 1] += char
  }
  if (cells.at(-1)?.trim() === '' && cells.length > 1) cells.pop()
  return cells.map((cell) => cell.trim())
}

/** Blocks of one line. */
function readLine(line: string, at: number): Block | undefined {
  const text = line.trim()
  const next = at + 1
  if (text === '') return { next, render: () => [''] }
  const heading = /^#{1,6}(?:\s|$)/.exec(text)
  if (heading) {
    const title = text.slice(heading[0].length).trim()
    const closed = title.endsWith('#') ? title.slice(0, endOfTitle(title)).trim() : title
    return { next, render: (dialect) => [bold(closed, dialect)] }
  }
  if (isRule(text)) return { next, render: () => ['———'] }
  return undefined
}

/** The end of a title without its closing `#` signs. */
function endOfTitle(title: string): number {
  let end = title.length
  while (title[end - 1] === '#') end--
  return end === 0 || title[end - 1] === ' ' ? end : title.length
}

const isRule = (text: string) => {
  const signs = text.replaceAll(' ', '')
  const [first = ''] = signs
  return signs.length >= 3 && '-*_'.includes(first) && signs === first.repeat(signs.length)
}

const quoteMark = /^\s{0,3}(?:>\s?){1,9}/
const itemMark = /^(\s{0,40})([-*+]|\d{1,9}[.)])(\s{1,4}|$)(?:\[([ xX])\]\s)?/

/** A paragraph, list item or quote, with its continuation lines. */
function readText(lines: readonly string[], at: number): Block {
  const first = lines[at] ?? ''
  const quote = quoteMark.exec(first)?.[0] ?? ''
  const item = itemMark.exec(first.slice(quote.length))
  let next = at + 1
  while (next < lines.length && goesOn(lines, next, quote !== '')) next++
  const content = lines
    .slice(at, next)
    .map((line) => line.slice(quoteMark.exec(line)?.[0].length ?? 0))
  if (item) content[0] = (content[0] ?? '').slice(item[0].length)
  const isHeading = !item && /^\s{0,3}(=+|-+)\s{0,9}$/.test((lines[next] ?? '').slice(0, 200))
  const text = content.map((line) => line.trim()).join('\n')
  if (isHeading && quote === '')
    return { next: next + 1, render: (dialect) => [bold(text, dialect)] }
  return {
    next,
    render: (dialect) =>
      inline(text, dialect)
        .split('\n')
        .map((line, i) => quoted(quote) + (i === 0 ? marker(item, dialect) : hanging(item)) + line),
  }
}

function goesOn(lines: readonly string[], at: number, isQuote: boolean): boolean {
  const line = lines[at] ?? ''
  const isQuoteLine = quoteMark.test(line)
  if (isQuote !== isQuoteLine) return false
  const inner = line.slice(quoteMark.exec(line)?.[0].length ?? 0)
  return (
    inner.trim() !== '' &&
    !readLine(inner, 0) &&
    !itemMark.test(inner) &&
    !openingFence(inner) &&
    !(inner.includes('|') && isTableRule(lines[at + 1] ?? '')) &&
    !/^\s{0,3}=+\s{0,9}$/.test(inner.slice(0, 200))
  )
}

const quoted = (quote: string) => '> '.repeat(Math.min(1, quote.length))

function marker(item: RegExpExecArray | null, dialect: Dialect): string {
  if (!item) return ''
  const [, indent = '', sign = '', , box] = item
  if (box !== undefined) return `${indent}${box === ' ' ? '☐' : '☑'} `
  return `${indent}${/\d/.test(sign) ? dialect.text(sign) : dialect.bullet} `
}

const hanging = (item: RegExpExecArray | null) => (item ? `${item[1] ?? ''}  ` : '')

const bold = (text: string, dialect: Dialect) =>
  render(
    [{ type: 'open', mark: 'strong' }, ...readInline(text), { type: 'close', mark: 'strong' }],
    dialect,
  )

const inline = (text: string, dialect: Dialect) => render(readInline(text), dialect)

/** Renders pieces in the marks of a messenger. */
function render(pieces: readonly Inline[], dialect: Dialect): string {
  const shown = shownMarks(pieces, dialect)
  let out = ''
  let open: string[] = []
  for (const [at, piece] of pieces.entries()) {
    if (piece.type === 'open' || piece.type === 'close') {
      if (!shown.has(at)) continue
      const sign = dialect.marks[piece.mark]
      open = piece.type === 'open' ? [...open, sign] : open.slice(0, -1)
      out += sign
      continue
    }
    const text = written(piece, dialect)
    const lineBreak = `${open.toReversed().join('')}\n${open.join('')}`
    out += dialect.isStrict ? text.replaceAll('\n', lineBreak) : text
  }
  return out
}

function written(piece: Exclude<Inline, { type: 'open' | 'close' }>, dialect: Dialect): string {
  if (piece.type === 'text') return dialect.text(piece.text)
  if (piece.type === 'code') return dialect.code(piece.text)
  const label = render(piece.content, { ...dialect, marks: dialects.plain.marks })
  return dialect.link(label, piece.url)
}

/** Indices of the marks to render: the outer of two equal pairs, and none inside a word. */
function shownMarks(pieces: readonly Inline[], { isStrict }: Dialect): ReadonlySet<number> {
  const shown = new Set<number>()
  const open: { readonly at: number; readonly mark: Mark }[] = []
  for (const [at, piece] of pieces.entries()) {
    if (piece.type === 'open') open.push({ at, mark: piece.mark })
    if (piece.type !== 'close') continue
    const start = open.pop()
    if (!start || open.some(({ mark }) => mark === piece.mark)) continue
    const isFree = !/[\p{L}\p{N}]$/u.test(textOf(pieces[start.at - 1]))
    const isFreeBehind = !/^[\p{L}\p{N}]/u.test(textOf(pieces[at + 1]))
    if (at === start.at + 1 || (isStrict && !(isFree && isFreeBehind))) continue
    shown.add(start.at).add(at)
  }
  return shown
}

const textOf = (piece: Inline | undefined) => (piece?.type === 'text' ? piece.text : '')
