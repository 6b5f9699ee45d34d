import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { BadRequestError } from '../../src/core/index.js'
import { isStandardSchema, toJsonSchema, validate } from '../../src/schema/index.js'

describe('toJsonSchema', () => {
  it('returns what the schema accepts, without the dialect’s URL', () => {
    const schema = z.object({ a: z.string().default('x') })
    expect(toJsonSchema(schema)).toEqual({
      type: 'object',
      properties: { a: { type: 'string', default: 'x' } },
    })
  })

  it('rejects a library without JSON Schema, and names the alternatives', () => {
    const schema = {
      '~standard': { version: 1, vendor: 'acme', validate: () => ({ value: 1 }) },
    } as const
    expect(() => toJsonSchema(schema)).toThrow(BadRequestError)
    expect(() => toJsonSchema(schema)).toThrow(/acme.*valibot.*json_schema/s)
  })

  it('rejects types that JSON cannot express, with the cause', () => {
    expect(() => toJsonSchema(z.object({ at: z.date() }))).toThrow(BadRequestError)
    expect(() => toJsonSchema(z.bigint())).toThrow(
      expect.objectContaining({ code: 'no_json_schema', cause: expect.any(Error) }),
    )
  })
})

describe('validate', () => {
  it('returns the output, or the issues', async () => {
    const schema = z.object({ a: z.string().transform((text) => text.length) })
    expect(await validate(schema, { a: 'four' })).toEqual({ value: { a: 4 } })
    expect(await validate(schema, { a: 4 })).toMatchObject({ issues: [{ path: ['a'] }] })
  })

  it('awaits an asynchronous schema', async () => {
    const schema = z.string().refine(async (text) => text === 'yes')
    expect(await validate(schema, 'yes')).toEqual({ value: 'yes' })
    expect(await validate(schema, 'no')).toHaveProperty('issues')
  })
})

describe('isStandardSchema', () => {
  it('accepts objects and functions with the marker, and nothing else', () => {
    const callable = Object.assign(() => {}, { '~standard': {} })
    expect([z.string(), callable].every(isStandardSchema)).toBe(true)
    expect([null, undefined, 'a', {}, { type: 'object' }].some(isStandardSchema)).toBe(false)
  })
})
