import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createPartialReader } from '../../src/schema/index.js'

/** The value after each piece, copied. */
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

/** JSON that no standard writer produces: every character escaped, white space everywhere. */
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

/** Members of all containers that a value does not share with the previous one. */
function newMembers(before: unknown, value: unknown): number {
  if (value === before || typeof value !== 'object' || value === null) return 0
  // for any JSON
  const old = (before ?? {}) as Record<string, unknown>
  const members = Object.entries(value)
  return members.reduce((sum, [key, member]) => sum + newMembers(old[key], member), members.length)
}

describe('createPartialReader', () => {
  it('ends with the result of JSON.parse, for any value and any split', () => {
    fc.assert(
      fc.property(container, fc.array(fc.nat(), { maxLength: 12 }), (value, places) => {
        for (const text of spellings(value))
          expect(last([...cut(text, places), ' '])).toEqual(JSON.parse(text))
      }),
      { numRuns: 500 },
    )
  })

  it('returns the same letter by letter as whole', () => {
    const text = '{"a":"x\\n\\u00e9\\ud83e\\udd94🦔\\"","b":[1,-2.5e3,true,null,{"c":[]}],"":{}}'
    expect(last(Array.from(text, (_, index) => text[index] as string))).toEqual(JSON.parse(text))
  })

  it('returns a new object along the path that grew, and shares the rest', () => {
    const feed = createPartialReader()
    const first = feed('{"done":{"x":[1]},"a":{"b":"x') as Record<string, unknown>
    const second = feed('y"},"c":[') as Record<string, unknown>
    expect(first).toEqual({ done: { x: [1] }, a: { b: 'x' } })
    expect(second).not.toBe(first)
    expect(second.a).not.toBe(first.a)
    expect(second.done).toBe(first.done)
    const third = feed('1,{"d":2}') as Record<string, unknown>
    expect(second).toEqual({ done: { x: [1] }, a: { b: 'xy' }, c: [] })
    expect(third.a).toBe(second.a)
    expect(feed(',3]} ')).toEqual({ done: { x: [1] }, a: { b: 'xy' }, c: [1, { d: 2 }, 3] })
    expect(third.c).toEqual([1, { d: 2 }])
  })

  it('returns the same value if nothing has changed', () => {
    const feed = createPartialReader()
    const first = feed('{"a":"x')
    // half an escape; then the end of a string, white space, a key, half a keyword
    for (const piece of ['', '\\', 'u00', '']) expect(feed(piece)).toBe(first)
    const second = feed('e9')
    expect(second).toEqual({ a: 'xé' })
    for (const piece of ['"', ' , \n', '"key', '"', ':', ' tr', 'u'])
      expect(feed(piece)).toBe(second)
    const third = feed('e,')
    expect(third).toEqual({ a: 'xé', key: true })
    expect(first).toEqual({ a: 'x' })
  })

  it('never changes an emitted value, for any value and any split', () => {
    fc.assert(
      fc.property(container, fc.array(fc.nat(), { maxLength: 12 }), (value, places) => {
        for (const text of spellings(value)) {
          const feed = createPartialReader()
          const given: { readonly part: unknown; readonly copy: unknown }[] = []
          for (const piece of [...cut(text, places), ' ']) {
            const part = feed(piece)
            const before = given.at(-1)
            if (part === before?.part) continue
            // what differs in identity differs in content
            if (before) expect(part).not.toEqual(before.copy)
            given.push({ part, copy: structuredClone(part) })
          }
          for (const { part, copy } of given) expect(part).toEqual(copy)
          expect(given.at(-1)?.part).toEqual(JSON.parse(text))
        }
      }),
      { numRuns: 300 },
    )
  })

  it('copies open containers once per read, and no closed ones', () => {
    const rows = Array.from({ length: 400 }, (_, id) => ({
      id,
      tags: ['a', 'b', 'c'],
      name: 'x'.repeat(20),
    }))
    const text = JSON.stringify({ title: 'Rows', rows })
    for (const pieceLength of [7, 70, 700]) {
      const feed = createPartialReader()
      let before: unknown
      let copied = 0
      let bound = 0
      for (let at = 0; at < text.length; at += pieceLength) {
        const value = feed(text.slice(at, at + pieceLength)) as { rows?: unknown[] }
        copied += newMembers(before, value)
        // the root, the list and the row that are open; members of the piece itself are fewer than
        // its letters
        bound += 2 + (value.rows?.length ?? 0) + 3 + 3 + pieceLength
        before = value
      }
      expect(before).toEqual({ title: 'Rows', rows })
      expect(copied).toBeGreaterThan(0)
      expect(copied).toBeLessThanOrEqual(bound)
    }
  })

  it('shows strings while they grow, and no other partial value', () => {
    expect(steps(['{"na', 'me":"A', 'da","age":3', '6,"ok":tr', 'ue,"tags":["a', '"]}'])).toEqual([
      {},
      { name: 'A' },
      { name: 'Ada' },
      { name: 'Ada', age: 36 },
      { name: 'Ada', age: 36, ok: true, tags: ['a'] },
      { name: 'Ada', age: 36, ok: true, tags: ['a'] },
    ])
  })

  it('never shows half a surrogate pair', () => {
    const feed = createPartialReader()
    expect(feed('["a\ud83e')).toEqual(['a'])
    expect(feed('\udd94')).toEqual(['a🦔'])
    expect(feed('\\ud83e')).toEqual(['a🦔'])
    expect(feed('\\udd9')).toEqual(['a🦔'])
    expect(feed('4')).toEqual(['a🦔🦔'])
  })

  it('keeps a lone surrogate of the text', () => {
    expect(last(['["\\ud83e', '"]'])).toEqual(['\ud83e'])
    expect(last(['["\\ud83e', 'x"]'])).toEqual(['\ud83ex'])
  })

  it('is undefined before there is a value', () => {
    expect(steps(['', ' \n', '[']).slice(0, 2)).toEqual([undefined, undefined])
  })

  it('creates own properties for prototype names', () => {
    const value = last(['{"__pro', 'to__":{"polluted":true},"constructor":1}'])
    expect(Object.keys(value as object)).toEqual(['__proto__', 'constructor'])
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect({}).not.toHaveProperty('polluted')
  })

  it('keeps its value if the text turns out to be no JSON', () => {
    for (const bad of ['nonsense', ' }}} x', '"a" "b"', ':', ',,', '{"x" 1}']) {
      const feed = createPartialReader()
      feed('{"a":"b"')
      expect(() => feed(bad)).not.toThrow()
      expect(feed('more')).toMatchObject({ a: 'b' })
    }
  })

  it('never throws, whatever the input', () => {
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
    // a reader that starts over at each piece would scan 2e12 letters
    const text = JSON.stringify({ text: 'abc\n'.repeat(1_000_000) })
    const feed = createPartialReader()
    let value: unknown
    for (let at = 0; at < text.length; at += 4) value = feed(text.slice(at, at + 4))
    expect((value as { text: string }).text.length).toBe(4_000_000)
  })

  it('reads nesting that would overflow a recursive reader', () => {
    const depth = 200_000
    const feed = createPartialReader()
    feed('['.repeat(depth))
    expect(feed(']'.repeat(depth))).toBeInstanceOf(Array)
  })
})
