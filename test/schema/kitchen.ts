/** Schemas of every kind that people write, and what a walk over a rewritten one finds. */
import { z } from 'zod'
import { isObject, type JsonObject } from '../../src/chat/index.js'
import { toJsonSchema } from '../../src/schema/index.js'

export const person = z.object({
  name: z.string().min(2).max(40).describe('Full name'),
  age: z.int().min(0).optional(),
  email: z.email(),
  site: z.url().nullable(),
  role: z.enum(['admin', 'user']).default('user'),
  scores: z.array(z.number().multipleOf(0.5).gt(0)).min(2).max(9),
})

const tree = z.object({
  value: z.string(),
  get children() {
    return z.array(tree)
  },
})

const shape = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('circle'), radius: z.number() }),
  z.object({ kind: z.literal('square'), side: z.number().optional() }),
])

/** Schemas that closed objects can express. */
export const closed: Readonly<Record<string, z.ZodType>> = {
  person,
  tree,
  nested: z.object({ list: z.array(z.object({ a: z.string().optional() })) }),
  union: z.object({ shape, id: z.union([z.string(), z.number()]).optional() }),
  tuple: z.object({ pair: z.tuple([z.string(), z.number()]) }),
  literal: z.object({ yes: z.literal(true), one: z.literal([1, 2]), none: z.null() }),
  empty: z.object({}),
  loose: z.looseObject({ a: z.string() }),
  shared: z.object({ a: person, b: person }),
  intersection: z.object({ a: z.string() }).and(z.object({ b: z.number().optional() })),
  list: z.array(z.object({ a: z.string() })),
  either: shape,
  text: z.string(),
  mutual: z.object({ tree, more: z.array(tree).optional() }),
}

/** Schemas that they cannot. */
export const open: Readonly<Record<string, z.ZodType>> = {
  record: z.record(z.string(), z.number()),
  records: z.object({ map: z.record(z.string(), z.object({ a: z.string() })) }),
  anything: z.object({ any: z.any(), unknown: z.unknown().optional() }),
  catchall: z.object({ a: z.string() }).catchall(z.number()),
}

/** JSON Schema as people and other tools write it by hand. */
export const handwritten: Readonly<Record<string, JsonObject>> = {
  draft7: {
    $schema: 'http://json-schema.org/draft-07/schema#',
    type: 'object',
    definitions: { Point: { type: 'object', properties: { x: { type: 'number' } } } },
    properties: {
      at: { $ref: '#/definitions/Point', description: 'Where' },
      pair: { type: 'array', items: [{ type: 'string' }, { type: 'number' }] },
      n: { type: 'number', minimum: 3, exclusiveMinimum: true },
    },
  },
  openapi: {
    type: 'OBJECT',
    properties: {
      a: { type: 'STRING', nullable: true },
      b: { type: 'ARRAY', items: { type: 'STRING' } },
    },
    required: ['a'],
  },
  typeless: {
    properties: { a: { enum: ['x', 'y'] }, b: { const: 3 }, c: { items: { minLength: 2 } } },
  },
  rootRef: {
    $ref: '#/$defs/Node',
    $defs: {
      Node: {
        type: 'object',
        properties: { next: { $ref: '#/$defs/Node', description: 'The next' } },
      },
      Unused: { type: 'object' },
    },
  },
  allOf: {
    type: 'object',
    allOf: [
      { properties: { a: { type: 'string', minLength: 2 } }, required: ['a'] },
      { $ref: '#/$defs/B' },
    ],
    properties: { a: { type: 'string', maxLength: 9 } },
    $defs: { B: { properties: { b: { type: 'integer' } } } },
  },
  prototype: JSON.parse(
    '{"type":"object","properties":{"__proto__":{"type":"string"},"constructor":{"type":"number"}}}',
  ) as JsonObject,
}

export const jsonOf = (schema: z.ZodType) => deepFreeze(toJsonSchema(schema as never))

export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    Object.values(value).forEach(deepFreeze)
  }
  return value
}

/** Every schema in a schema, by the keywords that contain schemas. */
export function* nodes(schema: unknown, path = ''): Generator<readonly [string, JsonObject]> {
  if (!isObject(schema)) return
  yield [path, schema]
  for (const [key, value] of Object.entries(schema)) {
    if (['properties', '$defs'].includes(key) && isObject(value))
      for (const [name, inner] of Object.entries(value))
        yield* nodes(inner, `${path}/${key}/${name}`)
    else if (Array.isArray(value) && key !== 'enum' && key !== 'required' && key !== 'type')
      for (const [index, inner] of value.entries()) yield* nodes(inner, `${path}/${key}/${index}`)
    else if (['items', 'additionalProperties', 'not'].includes(key))
      yield* nodes(value, `${path}/${key}`)
  }
}

export const keywordsIn = (schema: unknown): ReadonlySet<string> =>
  new Set([...nodes(schema)].flatMap(([, node]) => Object.keys(node)))
