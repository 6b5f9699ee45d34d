/** A block of code: its language, and a button that copies it. */
import type { Token } from 'marked'
import { button, make } from './dom.js'
import type { BlockView } from './markdown.js'

export function codeView(first: Token): BlockView {
  const language = make('span')
  const text = document.createTextNode('')
  const code = make('pre', '', make('code', '', text))
  const copy = button('', 'Copy', () => void copyOf(code, copy))
  const element = make('div', 'code', make('div', 'bar', language, copy), code)
  // wide code is scrolled, with the keyboard too
  code.tabIndex = 0
  element.dir = 'ltr'
  const draw = (token: Token): boolean => {
    if (token.type !== 'code') return false
    language.textContent = /^\S*/.exec(token.lang ?? '')?.[0] || 'text'
    if (text.data !== token.text) text.data = token.text
    return true
  }
  draw(first)
  return { element, draw }
}

async function copyOf(code: HTMLElement, copy: HTMLButtonElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(code.textContent)
    copy.textContent = 'Copied'
  } catch {
    // without TLS or a permission: selected, it is one key away
    getSelection()?.selectAllChildren(code)
    copy.textContent = 'Selected'
  }
  setTimeout(() => {
    copy.textContent = 'Copy'
  }, 2_000)
}
