/**
 * Markdown as elements, for a text that grows: a block that is over is never drawn again. HTML of a model is text, its images
 * are links, its links open in a tab of their own: nothing is loaded before somebody clicks.
 */
import createPurifier, { type Config } from 'dompurify'
import { Lexer, Marked, type Token, type TokensList } from 'marked'
import remend from 'remend'
import { codeView } from './code.js'
import { make } from './dom.js'

const marked = new Marked({
  // what nothing matches is text
  tokenizer: { html: () => undefined, tag: () => undefined },
  renderer: {
    // the page has headings of its own above those of an answer
    heading({ tokens, depth }) {
      const name = `h${Math.min(depth + 2, 6)}`
      return `<${name}>${this.parser.parseInline(tokens)}</${name}>`
    },
    image({ raw, href, text, title }) {
      const words = text || href
      const tokens: Token[] = [{ type: 'text', raw: words, text: words }]
      return this.link({ type: 'link', raw, href, title, text, tokens })
    },
    checkbox: ({ checked }) =>
      `<input type="checkbox" aria-label="Done" disabled ${checked ? 'checked' : ''}> `,
  },
})

const tags =
  'p br hr h3 h4 h5 h6 strong em del code pre a ul ol li input blockquote table thead tbody tr th td'
const allowed = {
  ALLOWED_TAGS: tags.split(' '),
  ALLOWED_ATTR: ['href', 'title', 'start', 'align', 'type', 'disabled', 'checked', 'aria-label'],
  ADD_URI_SAFE_ATTR: ['start', 'align', 'type'],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  RETURN_DOM_FRAGMENT: true,
} satisfies Config
const purifier = createPurifier(window)
purifier.addHook('afterSanitizeAttributes', (element) => {
  if (!element.hasAttribute('href')) return
  element.setAttribute('target', '_blank')
  element.setAttribute('rel', 'noopener noreferrer nofollow')
})

export interface BlockView {
  readonly element: HTMLElement
  /** Draws what its block has become; false where that needs another view. */
  draw(token: Token): boolean
}

export interface MarkdownView {
  /** Draws the text so far. Until it `isOver`, marks that the next characters may complete are held back. */
  draw(text: string, isOver: boolean): void
}

export function markdownView(parent: HTMLElement): MarkdownView {
  /** Where the last block begins: what stands before it is drawn for good. */
  let start = 0
  let last: BlockView | undefined
  const links: TokensList['links'] = {}

  const drawBlock = (token: Token): void => {
    const view = viewOf(token)
    parent.append(view.element)
    last = view
  }
  return {
    draw(text, isOver) {
      const source = text.replace(/\r\n?/g, '\n').slice(start)
      const known = Object.keys(links).length
      const tokens = lex(isOver ? source : settled(source), links)
      // a link may be used before its address comes: what was drawn without it is drawn again
      if (Object.keys(links).length > known && start > 0) {
        start = 0
        last = undefined
        parent.replaceChildren()
        return this.draw(text, isOver)
      }
      const blocks = tokens.filter(isBlock)
      const [first, ...others] = blocks
      if (first && !last?.draw(first)) {
        last?.element.remove()
        drawBlock(first)
      }
      others.forEach(drawBlock)
      const before = tokens.slice(0, Math.max(tokens.findLastIndex(isBlock), 0))
      start += before.reduce((length, { raw }) => length + raw.length, 0)
    },
  }
}

const isBlock = ({ type }: Token) => type !== 'space' && type !== 'def'

function lex(source: string, links: TokensList['links']): TokensList {
  const lexer = new Lexer(marked.defaults)
  lexer.tokens.links = links
  return lexer.lex(source)
}

/** A last line of marks alone, the head of a table without the line below it, and a link's address may still become anything. */
const unsettled =
  /(?:^|\n)(?: {0,3}\[[^\]\n]*\]:[^\n]*|[ \t>]*(?:[`~*_=#+|:-]+(?: \[[ x]?\]?)?|\d{1,9}[.)]?) *|\|(?![|: -]*(?:\n|$))[^\n]*(?:\n[|: -]*)?)$/

/** Marks at the end open or close something that is not there yet; the text of a link may get its address. */
const openMarks = /[`*_~]+$|!?\[([^[\]\n]{0,200})\]$/

/** The text as far as it stays what it is, with the bold, the code and the links closed that are open. */
function settled(text: string): string {
  const end = text.replace(unsettled, '\n').replace(openMarks, '$1')
  // a block of that length is code or a table
  if (end.length > 8_000) return end
  return remend(end, {
    ...{ linkMode: 'text-only', htmlTags: false, setextHeadings: false },
    // nothing is changed before the end
    ...{ comparisonOperators: false, singleTilde: false, katex: false },
  })
}

const viewOf = (token: Token): BlockView =>
  token.type === 'code' ? codeView(token) : htmlView(token)

function htmlView(token: Token): BlockView {
  const fragment = purifier.sanitize(marked.parser([token]), allowed)
  const content = fragment.firstElementChild as HTMLElement | null
  // code inside a list has no view of its own
  for (const code of fragment.querySelectorAll('pre')) code.tabIndex = 0
  const element = token.type === 'table' ? make('div', 'table', fragment) : (content ?? make('p'))
  // a table that is wider than the page is scrolled, with the keyboard too
  if (token.type === 'table') {
    Object.assign(element, { tabIndex: 0, role: 'region', ariaLabel: 'Table' })
  }
  // the direction of what is written in it
  if (element.localName !== 'hr') element.dir = 'auto'
  return { element, draw: ({ raw }) => raw === token.raw }
}
