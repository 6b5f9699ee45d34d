import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { MisuseError } from '../../src/core/index.js'
import { fromMarkdown, splitText } from '../../src/text/index.js'
import { answer } from './markdown.js'

/** The visible text: without white space, and without the marks that a split closes and opens. */
const visibleText = (text: string) =>
  text
    .split('\n')
    .filter(
      (line) =>
        !/^\s*(```|~~~)/.test(line) && !/^\|[-| ]+\|$/.test(line) && line !== '| Name | Value |',
    )
    .join('')
    .replace(/[\s*_~`]/g, '')

const fences = (text: string) => text.split('\n').filter((line) => line.startsWith('```')).length

const limits = fc.integer({ min: 60, max: 700 })

describe('2,000 generated answers', () => {
  const check = (property: (text: string, limit: number) => void) =>
    fc.assert(fc.property(answer, limits, property), { numRuns: 500, seed: 7 })

  it('lose nothing, and no part exceeds the limit, as Markdown', () => {
    check((text, limit) => {
      const parts = splitText(text, { limit })
      expect(Math.max(...parts.map((part) => part.length))).toBeLessThanOrEqual(limit)
      expect(parts.map(visibleText).join('')).toBe(visibleText(text))
    })
  })

  it.each(['whatsapp', 'telegram', 'plain'] as const)('lose nothing as %s', (format) => {
    check((text, limit) => {
      const formatted = fromMarkdown(text, format)
      const parts = splitText(formatted, { limit })
      expect(Math.max(0, ...parts.map((part) => part.length))).toBeLessThanOrEqual(limit)
      expect(parts.map(visibleText).join('')).toBe(visibleText(formatted))
    })
  })

  it('have as many fences opened as closed in each part', () => {
    check((text, limit) => {
      for (const part of splitText(text, { limit })) expect(fences(part) % 2, part).toBe(0)
      for (const part of splitText(fromMarkdown(text, 'whatsapp'), { limit }))
        expect(fences(part) % 2, part).toBe(0)
    })
  })

  it('have bold text opened and closed in each part', () => {
    check((text, limit) => {
      for (const part of splitText(text, { limit }))
        expect((withoutCode(part).match(/\*\*/g) ?? []).length % 2, part).toBe(0)
    })
  })

  it('never end after the number of an item, nor inside a character', () => {
    const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
    check((text, limit) => {
      const whole = new Set([...segmenter.segment(text)].map(({ segment }) => segment))
      for (const part of splitText(text, { limit })) {
        expect(part).not.toMatch(/(^|\n)\s*\d+[.)]$/)
        for (const { segment } of segmenter.segment(part))
          if (segment.length > 2) expect(whole).toContain(segment)
      }
    })
  })
})

const withoutCode = (text: string) => text.replace(/```[\s\S]*?```/g, '').replace(/`[^`\n]*`/g, '')

test('a fence continues in the next part, with its language and its indentation', () => {
  const code = Array.from({ length: 30 }, (_, i) => `    line(${i})`).join('\n')
  const parts = splitText(`Look:\n\n\`\`\`python\n${code}\n\`\`\`\n\nDone.`, { limit: 120 })
  expect(parts.length).toBeGreaterThan(3)
  for (const part of parts.slice(1)) {
    expect(part).toMatch(/^```python\n {4}line\(\d+\)\n/)
    expect(part).toMatch(/\n```(\n\nDone\.)?$/)
  }
})

test('a table has its head in each part', () => {
  const rows = Array.from({ length: 30 }, (_, i) => `| row ${i} | value ${i} |`)
  const parts = splitText(['| Name | Value |', '|---|---|', ...rows].join('\n'), { limit: 200 })
  expect(parts.length).toBeGreaterThan(3)
  for (const part of parts)
    expect(part.split('\n').slice(0, 2)).toEqual(['| Name | Value |', '|---|---|'])
})

test('a number stays with its item, wherever the limit falls', () => {
  const items = Array.from({ length: 20 }, (_, i) => `${100 + i}. ${'word '.repeat(i + 1).trim()}`)
  for (let limit = 40; limit < 200; limit++)
    for (const part of splitText(items.join('\n'), { limit }))
      expect(part).not.toMatch(/(^|\n)\d+\.$/)
})

test('emphasis across a split is closed and opened again', () => {
  const parts = splitText(`*${'A bold word. '.repeat(20).trim()}*`, { limit: 60 })
  expect(parts.length).toBeGreaterThan(3)
  for (const part of parts) expect(part).toMatch(/^\*A bold[^*]+\.\*$/)
})

test('a URL is kept whole if it fits', () => {
  const url = `https://example.com/${'a/'.repeat(30)}`
  const parts = splitText(`${'Some words. '.repeat(4)}See ${url} and more.`, { limit: 110 })
  expect(parts.some((part) => part.includes(url))).toBe(true)
})

test('a text without any boundary is split between characters', () => {
  const family = '👨‍👩‍👧‍👦'
  for (const part of splitText(family.repeat(40), { limit: 50 }))
    expect(part.replaceAll(family, '')).toBe('')
  expect(splitText('x'.repeat(100), { limit: 16 }).join('')).toBe('x'.repeat(100))
})

test('empty and blank texts have no part', () => {
  expect(splitText('')).toEqual([])
  expect(splitText(' \n \n')).toEqual([])
  expect(splitText('short')).toEqual(['short'])
})

test.each([0, 15, 1.5, Number.NaN])('a limit of %s is rejected', (limit) => {
  expect(() => splitText('text', { limit })).toThrow(MisuseError)
})

test.each([
  ['openers', '*a '.repeat(15_000)],
  ['backticks', '`'.repeat(3) + ' ` `` '.repeat(20_000)],
  ['brackets', '['.repeat(100_000)],
  ['links', '[a]('.repeat(15_000)],
  ['fences', '```\n'.repeat(15_000)],
  ['bars', '|-'.repeat(100_000)],
  ['quotes', '> '.repeat(100_000)],
  ['numbers', '1. '.repeat(40_000)],
  ['backslashes', '\\'.repeat(100_000)],
  ['breaks', 'a <br> '.repeat(15_000)],
  ['lines', '\n'.repeat(100_000)],
  ['blanks', ' '.repeat(100_000)],
  ['accents', `e${'\u0301'.repeat(100_000)}`],
])('100 kB of %s are read in one pass', (_, text) => {
  for (const format of ['whatsapp', 'telegram', 'plain'] as const) {
    const parts = splitText(fromMarkdown(text, format), { limit: 4096 })
    for (const part of parts) expect(part.length).toBeLessThanOrEqual(4096)
  }
  expect(splitText(text, { limit: 4096 }).every((part) => part.length <= 4096)).toBe(true)
})
