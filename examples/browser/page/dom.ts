/** Elements without HTML: what goes in goes in as text. */

/** An element of this page, by its id. Throws where there is none. */
export function find<Type extends HTMLElement = HTMLElement>(id: string): Type {
  const element = document.getElementById(id)
  if (!element) throw new Error(`The page has no #${id}`)
  // the page is ours: the id says which element it is
  return element as Type
}

/** A new element with a class and children; a string is a text node. */
export function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  className = '',
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name)
  if (className) element.className = className
  element.append(...children)
  return element
}

export function button(className: string, text: string, onClick: () => void): HTMLButtonElement {
  const element = make('button', className, text)
  element.type = 'button'
  element.addEventListener('click', onClick)
  return element
}

/** An element whose direction is that of the words in it. */
export function written<Type extends HTMLElement>(element: Type): Type {
  element.dir = 'auto'
  return element
}

/** The mark of the page: four circles. */
export const mark = (): HTMLElement => {
  const element = make('span', 'mark', make('i'), make('i'), make('i'), make('i'))
  element.ariaHidden = 'true'
  return element
}

let clearing: ReturnType<typeof setTimeout> | undefined

/** Tells a reader of the screen, once and politely: pieces of words that keep coming would not be understood. */
export function announce(text: string): void {
  const news = find('news')
  news.textContent = text
  clearTimeout(clearing)
  clearing = setTimeout(() => news.replaceChildren(), 5_000)
}
