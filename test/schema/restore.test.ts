import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { checkJson, openaiAnswerSchema, restoreAnswer } from '../../src/schema/index.js'
import { closed, deepFreeze, handwritten, jsonOf } from './kitchen.js'

const restored = (schema: z.ZodType, value: unknown) =>
  restoreAnswer(deepFreeze(value), jsonOf(schema))

describe('restoreAnswer', () => {
  it('removes null if an optional property does not accept it, at any depth', () => {
    const schema = z.object({
      a: z.string().optional(),
      b: z.string().nullable(),
      c: z.string().nullable().optional(),
      list: z.array(z.object({ d: z.number().optional() })).optional(),
      map: z.record(z.string(), z.object({ e: z.number().optional() })),
      pair: z.tuple([z.object({ f: z.number().optional() })]),
    })
    const value = {
      a: null,
      b: null,
      c: null,
      list: [{ d: null }, { d: 1 }],
      map: { x: { e: null } },
      pair: [{ f: null }],
    }
    const result = restored(schema, value)
    expect(result).toEqual({ b: null, c: null, list: [{}, { d: 1 }], map: { x: {} }, pair: [{}] })
    expect(schema.safeParse(result).success).toBe(true)
  })

  it('keeps an invalid null: a required property is left to the validator', () => {
    expect(restored(z.object({ a: z.string() }), { a: null })).toEqual({ a: null })
  })

  it('follows references and alternatives', () => {
    const value = { shape: { kind: 'square', side: null }, id: null }
    expect(restored(closed.union as z.ZodType, value)).toEqual({ shape: { kind: 'square' } })
    const rootRef = { next: { next: null } }
    expect(restoreAnswer(rootRef, deepFreeze(handwritten.rootRef ?? {}))).toEqual({ next: {} })
  })

  it.each<[z.ZodType, unknown]>([
    [z.array(z.string()), ['a']],
    [z.string(), 'text'],
    [z.number().nullable(), null],
    [closed.either as z.ZodType, { kind: 'circle', radius: 1 }],
    [closed.either as z.ZodType, { kind: 'square', side: null }],
  ])('unwraps a root that is no object', (schema, value) => {
    const { wrapped } = openaiAnswerSchema(jsonOf(schema), { strict: true, warn() {} })
    expect(wrapped).toBe(true)
    const result = restored(schema, { value })
    expect(checkJson(jsonOf(schema), result)).toEqual([])
    expect(restored(schema, value)).toEqual(result)
  })

  it('unwraps no object that has a value of its own', () => {
    expect(restored(z.object({ value: z.string() }), { value: 'a' })).toEqual({ value: 'a' })
    const either = z.union([z.object({ value: z.string() }), z.object({ b: z.number() })])
    expect(restored(either, { value: 'a' })).toEqual({ value: 'a' })
    expect(restored(either, { value: { b: 1 } })).toEqual({ b: 1 })
    expect(restored(z.object({ value: z.string() }), { value: 1 })).toEqual({ value: 1 })
  })

  it('keeps own properties of hostile names, and unknown members', () => {
    const value = JSON.parse('{"__proto__":"a","more":null}')
    const result = restoreAnswer(value, handwritten.prototype ?? {})
    expect(Object.keys(result as object)).toEqual(['__proto__', 'more'])
  })
})
