import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createPartialReader } from '../../src/schema/index.js'

/** What the reader has after each piece, copied. */
const steps = (pieces: readonly string[]) => {
  const feed = createPartialReader()
  return pieces.map((piece) => structuredClone(feed(piece)))
}

const last = (pieces: readonly string[]) => {
  const feed = createPartialReader()
  return pieces.map((piece) => feed(piece)).at(-1)
}

const cut = (text: string, places: readonly number[]) => {
  const borders = [0, ...places.map((at) => at % (text.length + 1)).sort((a, b) => a - b)]
  return [...borders, text.length].slice(1).map((to, index) => text.slice(borders[index], to))
}

/** JSON that no standard writer makes: every character escaped, blanks everywhere. */
const spellings = (value: unknown): readonly string[] => {
  const json = JSON.stringify(value)
  const escaped = json.replace(
    /[\u0080-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return [json, escaped, JSON.stringify(value, null, '\t'), ` \n${json}\r\n `]
}

const container = fc.oneof(
  fc.array(fc.jsonValue({ maxDepth: 4 }), { maxLength: 5 }),
  fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 4 }), { maxKeys: 5 }),
)

describe('createPartialReader', () => {
  it('ends with what JSON.parse gives, for any value and any cut', () => {
    fc.assert(
      fc.property(container, fc.array(fc.nat(), { maxLength: 12 }), (value, places) => {
        for (const text of spellings(value))
          expect(last([...cut(text, places), ' '])).toEqual(JSON.parse(text))
      }),
      { numRuns: 500 },
    )
  })

  it('reads letter by letter what it reads whole', () => {
    const text = '{"a":"x\\n\\u00e9\\ud83e\\udd94🦔\\"","b":[1,-2.5e3,true,null,{"c":[]}],"":{}}'
    expect(last(Array.from(text, (_, index) => text[index] as string))).toEqual(JSON.parse(text))
  })

  it('fills one object', () => {
    const feed = createPartialReader()
    const first = feed('{"a":{"b":"x')
    expect(feed('y"},"c":[')).toBe(first)
    expect(feed('1,2]}')).toBe(first)
    expect(first).toEqual({ a: { b: 'xy' }, c: [1, 2] })
  })

  it('shows strings while they grow, and nothing else half', () => {
    expect(steps(['{"na', 'me":"A', 'da","age":3', '6,"ok":tr', 'ue,"tags":["a', '"]}'])).toEqual([
      {},
      { name: 'A' },
      { name: 'Ada' },
      { name: 'Ada', age: 36 },
      { name: 'Ada', age: 36, ok: true, tags: ['a'] },
      { name: 'Ada', age: 36, ok: true, tags: ['a'] },
    ])
  })

  it('never shows half a character', () => {
    const feed = createPartialReader()
    expect(feed('["a\ud83e')).toEqual(['a'])
    expect(feed('\udd94')).toEqual(['a🦔'])
    expect(feed('\\ud83e')).toEqual(['a🦔'])
    expect(feed('\\udd9')).toEqual(['a🦔'])
    expect(feed('4')).toEqual(['a🦔🦔'])
  })

  it('keeps a lone half that the text does hold', () => {
    expect(last(['["\\ud83e', '"]'])).toEqual(['\ud83e'])
    expect(last(['["\\ud83e', 'x"]'])).toEqual(['\ud83ex'])
  })

  it('is undefined before there is a value', () => {
    expect(steps(['', ' \n', '[']).slice(0, 2)).toEqual([undefined, undefined])
  })

  it('makes own properties of names that every object has', () => {
    const value = last(['{"__pro', 'to__":{"polluted":true},"constructor":1}'])
    expect(Object.keys(value as object)).toEqual(['__proto__', 'constructor'])
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect({}).not.toHaveProperty('polluted')
  })

  it('leaves what it has where the text turns out to be no JSON', () => {
    for (const bad of ['nonsense', ' }}} x', '"a" "b"', ':', ',,', '{"x" 1}']) {
      const feed = createPartialReader()
      feed('{"a":"b"')
      expect(() => feed(bad)).not.toThrow()
      expect(feed('more')).toMatchObject({ a: 'b' })
    }
  })

  it('never throws, whatever it is fed', () => {
    const pieces = fc.array(fc.string({ unit: fc.constantFrom(...'{}[]",:\\u0aeE+-.0 tfn\n') }))
    fc.assert(
      fc.property(pieces, (texts) => {
        const feed = createPartialReader()
        for (const text of texts) feed(text)
      }),
      { numRuns: 2000 },
    )
  })

  it('reads 4 MB in pieces of four letters', () => {
    // a reader that starts over at each piece would look at 2e12 letters
    const text = JSON.stringify({ text: 'abc\n'.repeat(1_000_000) })
    const feed = createPartialReader()
    let value: unknown
    for (let at = 0; at < text.length; at += 4) value = feed(text.slice(at, at + 4))
    expect((value as { text: string }).text.length).toBe(4_000_000)
  })

  it('reads nesting that a recursive reader would not survive', () => {
    const depth = 200_000
    const feed = createPartialReader()
    feed('['.repeat(depth))
    expect(feed(']'.repeat(depth))).toBeInstanceOf(Array)
  })
})
