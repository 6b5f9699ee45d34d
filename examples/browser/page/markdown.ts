/**
 * Light Markdown as elements: paragraphs, headings, lists, quotes, code, bold, italics. No HTML is ever parsed, and there are
 * no links and no images: an address that a model was talked into writing is text, so nothing is loaded and nothing leaks.
 */
import { make } from './dom.js'

interface Block {
  readonly kind: 'paragraph' | 'heading' | 'list' | 'quote' | 'code' | 'rule'
  readonly source: string
  /** Where it begins in what was looked at. */
  readonly start: number
}

/** Elements for a text that grows. What is said stays as it is drawn, only the last block is drawn anew. */
export function markdownView(parent: HTMLElement) {
  /** The source of the last block, which may go on. */
  let open = ''
  let drawn: readonly HTMLElement[] = []
  return {
    append(text: string): void {
      open += text
      const blocks = blocksOf(open)
      const elements = blocks.map(draw)
      for (const element of drawn) element.remove()
      parent.append(...elements)
      open = open.slice(blocks.at(-1)?.start ?? 0)
      drawn = elements.slice(-1)
    },
  }
}

const starts: readonly (readonly [RegExp, Block['kind']])[] = [
  [/^```/, 'code'],
  [/^#{1,6}\s/, 'heading'],
  [/^\s*(?:[-*+]|\d{1,9}[.)])\s/, 'list'],
  [/^>/, 'quote'],
  // only a whole line is known to be one
  [/^(?:-{3,}|\*{3,})[ \t]*\n/, 'rule'],
]

const kindOf = (line: string): Block['kind'] =>
  starts.find(([pattern]) => pattern.test(line))?.[1] ?? 'paragraph'

/** The blocks of a source, without the blank lines between. */
function blocksOf(source: string): readonly Block[] {
  const blocks: (Block & { source: string; isOver: boolean })[] = []
  for (const { 0: line, index: start } of source.matchAll(/[^\n]*\n|[^\n]+$/g)) {
    const last = blocks.at(-1)
    if (last && goesOn(last, line)) {
      // the fence that ends a code block is no new one
      if (last.kind === 'code' && line.startsWith('```')) last.isOver = true
      last.source += line
      continue
    }
    if (last) last.isOver = true
    if (line.trim() !== '') blocks.push({ kind: kindOf(line), source: line, start, isOver: false })
  }
  return blocks
}

function goesOn(block: Block & { readonly isOver: boolean }, line: string): boolean {
  if (block.isOver) return false
  if (block.kind === 'code') return true
  if (block.kind === 'heading' || block.kind === 'rule' || line.trim() === '') return false
  const kind = kindOf(line)
  if (block.kind === 'list' && kind === 'list') return isOrdered(block.source) === isOrdered(line)
  // a line that starts nothing belongs to what stands before it
  return kind === block.kind || kind === 'paragraph'
}

const isOrdered = (source: string) => /^\s*\d/.test(source)

function draw({ kind, source }: Block): HTMLElement {
  switch (kind) {
    case 'paragraph':
      return make('p', '', ...inline(source.trimEnd()))
    case 'heading':
      return make('h3', '', ...inline(source.replace(/^#+\s+/, '').trimEnd()))
    case 'quote':
      return make('blockquote', '', ...inline(source.replace(/^> ?/gm, '').trimEnd()))
    case 'rule':
      return make('hr')
    case 'code':
      return make(
        'pre',
        '',
        make('code', '', source.replace(/^```.*\n?/, '').replace(/\n?```\s*$/, '')),
      )
    case 'list':
      return list(source)
  }
}

function list(source: string): HTMLElement {
  const items = source.trimEnd().split(/\n(?=\s*(?:[-*+]|\d{1,9}[.)])\s)/)
  const texts = items.map((item) => item.replace(/^\s*(?:[-*+]|\d{1,9}[.)])\s+/, ''))
  const children = texts.map((text) => make('li', '', ...inline(text)))
  if (!isOrdered(source)) return make('ul', '', ...children)
  const element = make('ol', '', ...children)
  element.start = Number.parseInt(source, 10)
  return element
}

const spans = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^\s*][^*]*)\*/g

/** Code, bold and italics; everything else as it is. */
function inline(source: string): readonly (Node | string)[] {
  const nodes: (Node | string)[] = []
  let at = 0
  for (const { 0: whole, 1: code, 2: bold, 3: italic, index } of source.matchAll(spans)) {
    nodes.push(source.slice(at, index))
    if (code !== undefined) nodes.push(make('code', '', code))
    else if (bold !== undefined) nodes.push(make('strong', '', ...inline(bold)))
    else nodes.push(make('em', '', italic ?? ''))
    at = index + whole.length
  }
  return [...nodes, source.slice(at)]
}
