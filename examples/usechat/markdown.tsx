/**
 * Markdown of an answer, block by block: while it grows, only its last block is drawn again. HTML of a model stays text, its
 * images are links: nothing is loaded before somebody clicks.
 */
import { Lexer } from 'marked'
import { memo, type ReactNode } from 'react'
import ReactMarkdown, { type Components } from 'react-markdown'
import rehypeSanitize from 'rehype-sanitize'
import remarkGfm from 'remark-gfm'
import remend from 'remend'
import { Code } from './code.js'

interface Props {
  readonly text: string
  /** More of it comes: marks that the next characters may complete are held back. */
  readonly isGrowing: boolean
}

export function Markdown({ text, isGrowing }: Props) {
  const blocks = blocksOf(isGrowing ? settled(text) : text)
  const open = isGrowing ? blocks.length - 1 : -1
  return (
    <div className="text">
      {blocks.map((block, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a block keeps its place
        <Block key={index} text={index === open ? closed(block) : block} />
      ))}
    </div>
  )
}

const components: Components = {
  // the page has headings of its own above those of an answer
  h1: ({ children }) => <h3>{children}</h3>,
  h2: ({ children }) => <h4>{children}</h4>,
  h3: ({ children }) => <h5>{children}</h5>,
  h4: ({ children }) => <h6>{children}</h6>,
  h5: ({ children }) => <h6>{children}</h6>,
  a: ({ href, children }) => (href ? <Link href={href}>{children}</Link> : <span>{children}</span>),
  img: ({ src, alt }) => (src ? <Link href={`${src}`}>{alt || `${src}`}</Link> : alt),
  input: ({ checked }) => <input type="checkbox" aria-label="Done" disabled checked={checked} />,
  pre: ({ node }) => <Code node={node} />,
  // a table that is wider than the page is scrolled, with the keyboard too
  table: ({ children }) => (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
    <section className="table" tabIndex={0} aria-label="Table">
      <table>{children}</table>
    </section>
  ),
}

/** The sanitizer would leave HTML out: an answer about HTML is shown as it was written. */
const asText = (_: unknown, { value }: { readonly value: string }) =>
  ({ type: 'text', value }) as const

const Block = memo(({ text }: { readonly text: string }) => (
  // the direction of what is written in it
  <div dir="auto">
    <ReactMarkdown
      remarkPlugins={[remarkGfm]}
      remarkRehypeOptions={{ handlers: { html: asText } }}
      rehypePlugins={[rehypeSanitize]}
      urlTransform={(url) => (/^(?:https?:|mailto:)/i.test(url) ? url : '')}
      components={components}
    >
      {text}
    </ReactMarkdown>
  </div>
))

const Link = ({ href, children }: { readonly href: string; readonly children: ReactNode }) => (
  <a href={href} target="_blank" rel="noopener noreferrer nofollow">
    {children}
  </a>
)

/** Each with the addresses that its links may name. */
function blocksOf(text: string): readonly string[] {
  const tokens = new Lexer().blockTokens(text.replace(/\r\n?/g, '\n'))
  const addresses = tokens.filter(({ type }) => type === 'def').map(({ raw }) => raw)
  const blocks = tokens.filter(({ type }) => type !== 'space' && type !== 'def')
  return blocks.map(({ raw }) =>
    addresses.length > 0 && raw.includes('[') ? `${raw}\n\n${addresses.join('\n')}` : raw,
  )
}

/** A last line of marks alone, the head of a table without the line below it, and a link's address may still become anything. */
const unsettled =
  /(?:^|\n)(?: {0,3}\[[^\]\n]*\]:[^\n]*|[ \t>]*(?:[`~*_=#+|:-]+(?: \[[ x]?\]?)?|\d{1,9}[.)]?) *|\|(?![|: -]*(?:\n|$))[^\n]*(?:\n[|: -]*)?)$/

/** Marks at the end open or close something that is not there yet; the text of a link may get its address. */
const openMarks = /[`*_~]+$|!?\[([^[\]\n]{0,200})\]$/

/** The text as far as it stays what it is. */
const settled = (text: string) => text.replace(unsettled, '\n').replace(openMarks, '$1')

/** The bold, the code and the links that are open are closed. A block of that length is code or a table. */
const closed = (block: string): string =>
  block.length > 8_000
    ? block
    : remend(block, { linkMode: 'text-only', htmlTags: false, setextHeadings: false, katex: false })
