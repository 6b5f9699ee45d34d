import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MisuseError } from '../../src/core/index.js'
import { encodeSse, jsonLine, type SseEvent, sseDecoder } from '../../src/sse/index.js'

const decode = (text: string) => {
  const events: SseEvent[] = []
  const decoder = sseDecoder((event) => void events.push(event))
  decoder.push(new TextEncoder().encode(text))
  decoder.end()
  return events
}

const nasty = fc.string({
  unit: fc.constantFrom(
    'a',
    '\n',
    '\r',
    '\r\n',
    '\0',
    '\u2028',
    '\u0085',
    ' ',
    ':',
    'data: x',
    '🦔',
  ),
})

describe('encodeSse', () => {
  it('writes the given fields, and the blank line', () => {
    expect(encodeSse({ event: 'tick', id: '7', retry: 100, data: 'a\nb' })).toBe(
      'event: tick\nid: 7\nretry: 100\ndata: a\ndata: b\n\n',
    )
  })

  it('makes one event of any data, with line breaks as LF', () => {
    fc.assert(
      fc.property(nasty, (data) => {
        expect(decode(encodeSse({ data }))).toEqual([
          { event: undefined, id: undefined, data: data.replace(/\r\n?/g, '\n') },
        ])
      }),
      { numRuns: 2000 },
    )
  })

  it('makes no event of any comment', () => {
    fc.assert(
      fc.property(nasty, (comment) => {
        expect(decode(encodeSse({ comment }))).toEqual([])
      }),
    )
  })

  it.each(['\n', '\r', '\0', '\u2028', '\u2029', '\u0085'])(
    'rejects an event name or id that contains %j',
    (character) => {
      expect(() => encodeSse({ event: `a${character}b`, data: '' })).toThrow(MisuseError)
      expect(() => encodeSse({ id: `a${character}b`, data: '' })).toThrow(MisuseError)
    },
  )

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('rejects a retry of %d', (retry) => {
    expect(() => encodeSse({ retry })).toThrow(MisuseError)
  })
})

/** Where Python's `splitlines` splits. */
const lineBreaks = [...'\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029']

describe('jsonLine', () => {
  it('returns JSON on one line by every definition, and equal when parsed', () => {
    fc.assert(
      fc.property(fc.jsonValue(), nasty, (value, text) => {
        const json = jsonLine({ value, text })
        for (const lineBreak of lineBreaks) expect(json).not.toContain(lineBreak)
        expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify({ value, text })))
      }),
    )
  })

  it('writes null for values that JSON cannot express', () => {
    expect(jsonLine(undefined)).toBe('null')
  })
})
