/**
 * Every `$ref` that is sent resolves to its meaning in the caller's schema: position of the target
 * × dialect.
 */
import { describe, expect, it } from 'vitest'
import { isObject, type JsonObject } from '../../src/chat/index.js'
import {
  anthropicAnswerSchema,
  anthropicAnswerTool,
  anthropicToolSchema,
  geminiAnswerSchema,
  geminiOpenApiToolSchema,
  geminiToolSchema,
  openaiAnswerSchema,
  openaiToolSchema,
  xaiAnswerSchema,
  xaiToolSchema,
} from '../../src/schema/index.js'
import { resolveRef } from '../../src/schema/json-schema.js'

const warn = () => {}
const dialects: Readonly<Record<string, (schema: JsonObject) => JsonObject>> = {
  'openai tool': (schema) => openaiToolSchema(schema, { strict: false, warn }).schema,
  'openai strict tool': (schema) => openaiToolSchema(schema, { strict: true, warn }).schema,
  'openai answer': (schema) => openaiAnswerSchema(schema, { strict: true, warn }).schema,
  'anthropic tool': (schema) => anthropicToolSchema(schema, { strict: false, warn }).schema,
  'anthropic strict tool': (schema) => anthropicToolSchema(schema, { strict: true, warn }).schema,
  'anthropic answer': (schema) => anthropicAnswerSchema(schema, warn).schema,
  'anthropic answer tool': (schema) => anthropicAnswerTool(schema, warn).schema,
  'gemini tool': (schema) => geminiToolSchema(schema, warn).schema,
  'gemini answer': (schema) => geminiAnswerSchema(schema, warn).schema,
  'gemini of OpenAPI': (schema) => geminiOpenApiToolSchema(schema, warn).schema,
  'xai tool': (schema) => xaiToolSchema(schema, warn).schema,
  'xai answer': (schema) => xaiAnswerSchema(schema, warn).schema,
}

/** The target, recognised by its property. */
const street = { type: 'object', properties: { street: { type: 'string' } }, required: ['street'] }
const object = (properties: JsonObject, more: JsonObject = {}) => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
  ...more,
})

const schemas: Readonly<Record<string, JsonObject>> = {
  'the alternatives at the root': {
    anyOf: [object({ a: street }), object({ b: { $ref: '#/anyOf/0/properties/a' } })],
  },
  'an allOf at the root': {
    allOf: [
      object({ a: street }),
      { type: 'object', properties: { b: { $ref: '#/allOf/0/properties/a' } } },
    ],
  },
  'an allOf': object({
    n: { allOf: [street] },
    b: { $ref: '#/properties/n/allOf/0' },
  }),
  'a oneOf': object({
    n: { oneOf: [street, { type: 'null' }] },
    b: { $ref: '#/properties/n/oneOf/0' },
  }),
  'a tuple': object({
    n: { type: 'array', prefixItems: [street] },
    b: { $ref: '#/properties/n/prefixItems/0' },
  }),
  'a tuple of draft 7': object({
    n: { type: 'array', items: [street] },
    b: { $ref: '#/properties/n/items/0' },
  }),
  'a percent-encoded name': object(
    { b: { $ref: '#/$defs/Page%5BUser%5D' } },
    { $defs: { 'Page[User]': street } },
  ),
  definitions: object({ b: { $ref: '#/definitions/s' } }, { definitions: { s: street } }),
  'definitions within': object({
    n: { ...object({ c: { $ref: '#/properties/n/definitions/s' } }), definitions: { s: street } },
    b: { $ref: '#/properties/n/definitions/s' },
  }),
  'an anchor': object({ n: { $anchor: 'there', ...street }, b: { $ref: '#there' } }),
  'another property': object({ a: street, b: { $ref: '#/properties/a' } }),
}

/** All references of a schema, with their targets in it. */
function references(root: JsonObject): readonly (readonly [ref: unknown, target: unknown])[] {
  const visit = (value: unknown): readonly (readonly [unknown, unknown])[] => {
    if (Array.isArray(value)) return value.flatMap(visit)
    if (!isObject(value)) return []
    const own = '$ref' in value ? [[value.$ref, resolveRef(root, value.$ref)] as const] : []
    return [...own, ...Object.values(value).flatMap(visit)]
  }
  return visit(root)
}

describe.each(Object.entries(dialects))('%s', (_, rewrite) => {
  it.each(Object.entries(schemas))('a reference into %s resolves to the street', (_, schema) => {
    const sent = rewrite(schema)
    for (const [ref, target] of references(sent)) {
      expect(ref).toMatch(/^#(\/\$defs\/[\w.-]+)?$/)
      expect(JSON.stringify(target)).toContain('street')
    }
    // `b` is equivalent, by reference or inline
    expect(JSON.stringify(sent).match(/"street":/g)?.length ?? 0).toBeGreaterThan(0)
    expect(JSON.stringify(sent)).not.toContain('anything')
  })

  it('a recursive reference by path ends', () => {
    const tree = object({
      node: { type: 'object', properties: { kid: { $ref: '#/properties/node' } } },
    })
    expect(() => rewrite(tree)).not.toThrow()
    for (const [, target] of references(rewrite(tree))) expect(target).toBeDefined()
  })
})

it('a property that is the target of another is not made nullable for it', () => {
  const schema = {
    type: 'object',
    properties: { home: street, work: { $ref: '#/properties/home' } },
    required: ['work'],
  }
  const { schema: sent } = openaiToolSchema(schema, { strict: true, warn })
  const { work } = sent.properties as Record<string, JsonObject>
  const target = work && '$ref' in work ? resolveRef(sent, work.$ref) : work
  expect(target).toMatchObject({ type: 'object' })
})
