import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { z } from 'zod'
import type { JsonObject } from '../../src/chat/index.js'
import { checkJson } from '../../src/schema/index.js'
import { closed, deepFreeze, handwritten, jsonOf, open } from './kitchen.js'

const fits = (schema: unknown, value: unknown) => checkJson(schema, value).length === 0

describe('checkJson', () => {
  it.each<[JsonObject, readonly unknown[], readonly unknown[]]>([
    [{}, [null, 1, 'a', [], {}], []],
    [{ type: 'string' }, ['', 'a'], [null, 1, [], {}, true]],
    [{ type: 'integer' }, [0, -3, 1.0], [1.5, '1', null]],
    [{ type: 'number' }, [0, 1.5], ['1', null]],
    [{ type: 'boolean' }, [true, false], [0, 'true']],
    [{ type: 'null' }, [null], [0, '', {}]],
    [{ type: 'array' }, [[]], [{}, 'a']],
    [{ type: 'object' }, [{}], [[], null]],
    [{ type: ['string', 'null'] }, ['a', null], [1]],
    [{ type: 'string', nullable: true }, ['a', null], [1]],
    [{ enum: ['a', 1, null, { b: [1] }] }, ['a', 1, null, { b: [1] }], ['b', 2, { b: [2] }, {}]],
    [{ const: { a: 1, b: 2 } }, [{ b: 2, a: 1 }], [{ a: 1 }, null]],
    [{ minimum: 1, maximum: 3 }, [1, 3, 'text'], [0, 4]],
    [{ exclusiveMinimum: 1, exclusiveMaximum: 3 }, [2], [1, 3]],
    [{ multipleOf: 0.1 }, [0.3, 1, 0], [0.35]],
    [{ minLength: 2, maxLength: 3 }, ['ab', '🦔🦔🦔', 5], ['a', '🦔', 'abcd']],
    [{ pattern: '^a.c$' }, ['abc', 'a🦔c', 1], ['ab']],
    [{ pattern: '(' }, ['anything'], []],
    [{ minItems: 1, maxItems: 2 }, [[1], [1, 2]], [[], [1, 2, 3]]],
    [
      { uniqueItems: true },
      [
        [1, 2],
        [{ a: 1 }, { a: 2 }],
      ],
      [
        [1, 1],
        [{ a: 1 }, { a: 1 }],
      ],
    ],
    [{ items: { type: 'number' } }, [[], [1, 2]], [[1, 'a']]],
    [{ prefixItems: [{ type: 'string' }], items: false }, [[], ['a']], [[1], ['a', 1]]],
    [
      { items: [{ type: 'string' }], additionalItems: { type: 'number' } },
      [['a', 1]],
      [['a', 'b']],
    ],
    [{ contains: { const: 1 } }, [[0, 1]], [[], [0]]],
    [{ required: ['a'] }, [{ a: undefined, b: 1 }, [], 'x'], [{}, { b: 1 }]],
    [{ properties: { a: { type: 'string' } } }, [{}, { a: 'x', b: 1 }], [{ a: 1 }]],
    [{ properties: { a: {} }, additionalProperties: false }, [{ a: 1 }, {}], [{ b: 1 }]],
    [{ additionalProperties: { type: 'number' } }, [{ a: 1 }], [{ a: 'x' }]],
    [
      { patternProperties: { '^n': { type: 'number' } }, additionalProperties: false },
      [{ n1: 1 }],
      [{ n1: 'a' }, { x: 1 }],
    ],
    [{ propertyNames: { pattern: '^[a-z]+$' } }, [{ ab: 1 }], [{ A: 1 }]],
    [{ minProperties: 1, maxProperties: 2 }, [{ a: 1 }], [{}, { a: 1, b: 2, c: 3 }]],
    [{ anyOf: [{ type: 'string' }, { minimum: 5 }] }, ['a', 6], [4]],
    [{ oneOf: [{ minimum: 3 }, { maximum: 5 }] }, [2, 6], [4]],
    [{ allOf: [{ minimum: 3 }, { maximum: 5 }] }, [4], [2, 6]],
    [{ not: { type: 'string' } }, [1], ['a']],
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    [{ if: { minimum: 5 }, then: { multipleOf: 5 }, else: { maximum: 2 } }, [10, 1], [6, 4]],
    [{ properties: { never: false } }, [{}], [{ never: 1 }]],
  ])('%j accepts %j and not %j', (schema, good, bad) => {
    for (const value of good)
      expect([value, checkJson(deepFreeze(schema), value)]).toEqual([value, []])
    for (const value of bad) expect([value, fits(schema, value)]).toEqual([value, false])
  })

  it('follows local references, recursion and escaped names', () => {
    const schema = {
      $ref: '#/$defs/a~1b%20c',
      $defs: {
        'a/b c': {
          type: 'object',
          properties: { next: { $ref: '#/$defs/a~1b%20c' }, named: { $ref: '#leaf' } },
          required: ['id'],
        },
        leaf: { $anchor: 'leaf', type: 'boolean' },
      },
    }
    expect(fits(schema, { id: 1, next: { id: 2, next: { id: 3 } }, named: true })).toBe(true)
    expect(checkJson(schema, { id: 1, next: { id: 2, next: {} } })).toEqual([
      '$.next.next.id: required',
    ])
    expect(fits(schema, { id: 1, named: 1 })).toBe(false)
  })

  it('ends for circular references, and accepts unresolved ones', () => {
    const circle = {
      $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } },
      $ref: '#/$defs/a',
    }
    expect(fits(circle, 1)).toBe(true)
    expect(fits({ $ref: '#' }, 1)).toBe(true)
    expect(fits({ $ref: 'https://acme.test/schema' }, 1)).toBe(true)
    expect(fits({ anyOf: [{ $ref: '#' }] }, 1)).toBe(true)
  })

  it('reports path and defect, in words that a model can act on', () => {
    const schema = jsonOf(closed.person as z.ZodType)
    const value = { name: 'A', age: 1.5, email: 'a@b.co', site: null, scores: [1, 0.7, -1], x: 1 }
    expect(checkJson(schema, value)).toEqual([
      '$.name: expected at least 2 characters',
      '$.age: expected integer, got number',
      '$.scores[1]: expected a multiple of 0.5',
      '$.scores[2]: expected more than 0',
    ])
    const alternatives = checkJson(
      { anyOf: [{ type: 'string' }, { required: ['a', 'b'] }] },
      { a: 1 },
    )
    expect(alternatives).toEqual([expect.stringContaining('none of 2 alternatives')])
  })

  it('treats prototype names as ordinary members', () => {
    const schema = {
      type: 'object',
      required: ['constructor'],
      properties: { toString: { type: 'string' } },
    }
    expect(fits(schema, {})).toBe(false)
    expect(
      fits({ properties: {}, additionalProperties: false }, JSON.parse('{"__proto__":1}')),
    ).toBe(false)
    expect(fits(handwritten.prototype, JSON.parse('{"__proto__":"a"}'))).toBe(true)
    expect(fits(handwritten.prototype, JSON.parse('{"__proto__":1}'))).toBe(false)
  })

  const schemas = Object.entries({ ...closed, ...open }).filter(([name]) => name !== 'person')

  it.each(schemas)('agrees with zod: %s', (_, schema) => {
    const json = jsonOf(schema)
    const name = fc.constantFrom(
      'a',
      'b',
      'list',
      'shape',
      'id',
      'kind',
      'side',
      'radius',
      'value',
      'children',
      'pair',
      'yes',
      'one',
      'none',
      'map',
      'any',
      'tree',
    )
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        fc.constantFrom('circle', 'square', 'x', true, false, null, 1, 2, 2.5),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(name, tie('value'), { maxKeys: 4 }),
      ),
    }))
    fc.assert(
      fc.property(value, (candidate) => {
        expect(fits(json, candidate)).toBe(schema.safeParse(candidate).success)
      }),
      { numRuns: 500 },
    )
  })

  it('never throws, whatever the schema', () => {
    const keyword = fc.constantFrom(
      'type',
      'enum',
      'const',
      'items',
      'prefixItems',
      'properties',
      'required',
      'anyOf',
      'oneOf',
      'allOf',
      'not',
      'if',
      'then',
      '$ref',
      'pattern',
      'minimum',
      'additionalProperties',
      'patternProperties',
      'propertyNames',
      'contains',
      'maxItems',
    )
    fc.assert(
      fc.property(fc.dictionary(keyword, fc.anything()), fc.jsonValue(), (schema, value) => {
        checkJson(schema, value)
      }),
      { numRuns: 1000 },
    )
  })
})
