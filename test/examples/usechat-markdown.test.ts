/** What the `useChat` page shows of a growing response, character by character. */
import { createElement } from 'react'
import { renderToStaticMarkup } from 'react-dom/server'
import { expect, it } from 'vitest'
import { Markdown } from '../../examples/usechat/markdown.js'

const shown = (text: string) =>
  renderToStaticMarkup(createElement(Markdown, { text, isGrowing: true })).replace(/<[^>]*>/g, '')

it('never shows Markdown syntax', () => {
  const text = [
    'Some **bold**, *lean*, __strong__ words, `code`, ~~gone~~, ***both***',
    'and [a link](https://example.com/long/address) or ![pic](https://example.com/a.png).',
    '\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n```js\nlet a\n```\n\n- one\n- two\n',
  ].join('\n')
  for (let length = 1; length <= text.length; length++)
    expect(shown(text.slice(0, length))).not.toMatch(/[*|`~[\](_]|--|https/)
})

it('shows characters that only resemble it', () => {
  const text = '2 * 3 is a_b, see [1] and a ~ b.'
  expect(shown(text)).toBe(text)
})
