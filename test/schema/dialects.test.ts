import { transformJSONSchema } from '@anthropic-ai/sdk/lib/transform-json-schema'
import { toStrictJsonSchema } from 'openai/lib/transform'
import { describe, expect, it } from 'vitest'
import { isObject, type JsonObject } from '../../src/chat/index.js'
import {
  anthropicAnswerSchema,
  anthropicToolSchema,
  type DialectSchema,
  geminiAnswerSchema,
  geminiOpenApiAnswerSchema,
  geminiOpenApiToolSchema,
  geminiToolSchema,
  openaiAnswerSchema,
  openaiToolSchema,
  type SchemaWarn,
  xaiAnswerSchema,
  xaiToolSchema,
} from '../../src/schema/index.js'
import { closed, deepFreeze, handwritten, jsonOf, keywordsIn, nodes, open } from './kitchen.js'

type Dialect = (schema: JsonObject, warn: SchemaWarn) => DialectSchema

const dialects: Readonly<Record<string, Dialect>> = {
  openaiAnswer: (schema, warn) => openaiAnswerSchema(schema, { strict: true, warn }),
  openaiTool: (schema, warn) => openaiToolSchema(schema, { strict: true, warn }),
  openaiLooseAnswer: (schema, warn) => openaiAnswerSchema(schema, { strict: false, warn }),
  openaiLooseTool: (schema, warn) => openaiToolSchema(schema, { strict: false, warn }),
  anthropicAnswer: anthropicAnswerSchema,
  anthropicTool: (schema, warn) => anthropicToolSchema(schema, { strict: true, warn }),
  geminiAnswer: geminiAnswerSchema,
  geminiTool: geminiToolSchema,
  geminiOpenApiAnswer: geminiOpenApiAnswerSchema,
  geminiOpenApiTool: geminiOpenApiToolSchema,
  xaiAnswer: xaiAnswerSchema,
  xaiTool: xaiToolSchema,
}

const all: Readonly<Record<string, JsonObject>> = {
  ...Object.fromEntries(
    Object.entries({ ...closed, ...open }).map(([name, schema]) => [name, jsonOf(schema)]),
  ),
  ...Object.fromEntries(
    Object.entries(handwritten).map(([name, schema]) => [name, deepFreeze(schema)]),
  ),
}

const silent: SchemaWarn = () => {}

/** The rewritten schema and its warnings. */
const rewrite = (dialect: Dialect, schema: JsonObject) => {
  const warnings: string[] = []
  return { ...dialect(schema, (message) => void warnings.push(message)), warnings }
}

const tools = Object.entries(dialects).filter(([name]) => name.endsWith('Tool'))

describe.each(Object.entries(dialects))('%s', (_, dialect) => {
  it.each(Object.entries(all))(
    'leaves the caller’s schema unchanged, and returns JSON: %s',
    (_, schema) => {
      const before = JSON.stringify(schema)
      const { schema: result } = dialect(schema, silent)
      expect(JSON.stringify(schema)).toBe(before)
      expect(JSON.parse(JSON.stringify(result))).toEqual(result)
    },
  )

  it.each(Object.entries(all))('has no $schema, and no unresolved reference: %s', (_, schema) => {
    const { schema: result } = dialect(schema, silent)
    expect(keywordsIn(result)).not.toContain('$schema')
    for (const [, node] of nodes(result))
      if (node.$ref !== undefined) {
        expect(Object.keys(node)).toEqual(['$ref'])
        expect(node.$ref).toMatch(/^#(\/|$)/)
      }
  })

  it('returns the same object for a schema that was rewritten before', () => {
    for (const name of ['person', 'union', 'nested', 'literal']) {
      const once = dialect(all[name] as JsonObject, silent).schema
      if (dialect === geminiOpenApiAnswerSchema || dialect === geminiOpenApiToolSchema) continue
      expect(dialect(once, silent).schema).toEqual(once)
    }
  })

  it('keeps own properties of hostile names', () => {
    const { schema } = dialect(all.prototype as JsonObject, silent)
    expect(Object.keys(schema.properties as object).sort()).toEqual(['__proto__', 'constructor'])
  })

  it('ends for mutually recursive types', () => {
    const names = Array.from({ length: 12 }, (_, index) => `T${index}`)
    const properties = Object.fromEntries(names.map((name) => [name, { $ref: `#/$defs/${name}` }]))
    const $defs = Object.fromEntries(names.map((name) => [name, { type: 'object', properties }]))
    const { schema } = dialect(deepFreeze({ type: 'object', properties, $defs }), silent)
    expect([...nodes(schema)].length).toBeLessThan(20_000)
  })
})

describe.each(tools)('%s', (_, dialect) => {
  it.each(Object.entries(all))(
    'has an object without alternatives at its root: %s',
    (_, schema) => {
      const { schema: root } = dialect(schema, silent)
      expect(String(root.type).toLowerCase()).toBe('object')
      for (const key of ['anyOf', 'oneOf', 'allOf', 'enum', 'not', '$ref'])
        expect(root).not.toHaveProperty(key)
    },
  )

  it('accepts any object if there is no schema', () => {
    const { schema } = dialect({}, silent)
    expect(schema).toMatchObject(
      dialect === geminiOpenApiToolSchema ? { type: 'OBJECT' } : { type: 'object', properties: {} },
    )
  })
})

describe('OpenAI strict', () => {
  const answer = dialects.openaiAnswer as Dialect

  it.each(Object.entries(closed).map(([name, schema]) => [name, jsonOf(schema)] as const))(
    'closes every object, requires every property, has no other keyword: %s',
    (_, schema) => {
      const { schema: result, strict } = answer(schema, silent)
      expect(strict).toBe(true)
      for (const [, node] of nodes(result)) {
        if (!isObject(node.properties)) continue
        expect(node).toMatchObject({ type: expect.anything(), additionalProperties: false })
        expect(node.required).toEqual(Object.keys(node.properties))
      }
      for (const keyword of keywordsIn(result)) expect(strictKeywords).toContain(keyword)
      // the official helper changes nothing
      expect(toStrictJsonSchema(result)).toEqual(result)
    },
  )

  it.each(Object.entries(open).map(([name, schema]) => [name, jsonOf(schema)] as const))(
    'is not set for schemas that closed objects cannot express, which are unchanged: %s',
    (name, schema) => {
      const { schema: result, strict, warnings } = rewrite(answer, schema)
      expect(strict).toBe(false)
      expect(warnings).toHaveLength(1)
      if (name !== 'catchall')
        expect(JSON.stringify(result)).not.toContain('additionalProperties":false')
    },
  )

  it('makes an optional property nullable, and describes what it cannot enforce', () => {
    const { schema, warnings } = rewrite(answer, jsonOf(closed.person as never))
    expect(schema.properties).toMatchObject({
      name: { type: 'string', description: 'Full name (minLength: 2, maxLength: 40)' },
      age: { type: ['integer', 'null'], minimum: 0 },
      email: { type: 'string', format: 'email' },
      role: { type: ['string', 'null'], enum: ['admin', 'user', null] },
      scores: { minItems: 2, maxItems: 9, items: { multipleOf: 0.5, exclusiveMinimum: 0 } },
    })
    expect(warnings.join()).toContain('/properties/name: minLength, maxLength')
    expect(schema.properties).not.toHaveProperty('email.pattern')
  })

  it('wraps a root that is no object, references included', () => {
    const schema = deepFreeze({
      type: 'array',
      items: { anyOf: [{ type: 'string' }, { $ref: '#' }, { $ref: '#/$defs/A' }] },
      $defs: { A: { type: 'object', properties: { up: { $ref: '#/items' } } } },
    })
    const { schema: result, wrapped } = answer(schema, silent)
    expect(wrapped).toBe(true)
    expect(result).toMatchObject({
      type: 'object',
      required: ['value'],
      properties: {
        value: {
          type: 'array',
          items: { anyOf: [{}, { $ref: '#/properties/value' }, { $ref: '#/$defs/A' }] },
        },
      },
    })
    expect(toStrictJsonSchema(result)).toEqual(result)
  })

  it('keeps recursion, and replaces a reference that has a description beside it', () => {
    const { schema } = answer(handwritten.draft7 as JsonObject, silent)
    expect(schema.properties).toMatchObject({ at: { description: 'Where' } })
    expect(JSON.stringify(answer(all.tree as JsonObject, silent).schema)).toContain('"$ref":"#"')
  })

  it('merges the parts of an allOf', () => {
    const { schema } = answer(all.allOf as JsonObject, silent)
    expect(schema).toMatchObject({ required: ['a', 'b'], properties: { a: {}, b: {} } })
    expect(keywordsIn(schema)).not.toContain('allOf')
  })

  it('causes no warning if nothing is lost', () => {
    const schema = jsonOf(closed.nested as never)
    expect(rewrite(answer, schema).warnings).toEqual([])
  })
})

describe('Anthropic', () => {
  it.each(Object.entries(closed).filter(([name]) => !['tree', 'mutual'].includes(name)))(
    'returns a schema that the official helper leaves unchanged: %s',
    (_, schema) => {
      const { schema: result, strict } = anthropicAnswerSchema(jsonOf(schema), silent)
      expect(strict).toBe(true)
      expect(typesBesideEnums(transformJSONSchema(result as never))).toEqual(
        typesBesideEnums(result),
      )
    },
  )

  it.each(['tree', 'mutual', 'record', 'records', 'anything', 'catchall'])(
    'is not strict for %s, and warns',
    (name) => {
      const { strict, warnings } = rewrite(anthropicAnswerSchema, all[name] as JsonObject)
      expect(strict).toBe(false)
      expect(warnings).toHaveLength(1)
    },
  )

  it('keeps the keywords of a tool that is not strict', () => {
    const { schema, strict } = anthropicToolSchema(all.record as JsonObject, {
      strict: false,
      warn: silent,
    })
    expect(strict).toBe(false)
    expect(schema).toMatchObject({ type: 'object', additionalProperties: { type: 'number' } })
  })
})

describe('Gemini', () => {
  const jsonKeywords =
    '$anchor $defs $id $ref additionalProperties anyOf description enum format items maxItems maximum minItems minimum oneOf prefixItems properties propertyOrdering required title type'.split(
      ' ',
    )
  const openApiKeywords =
    'anyOf description enum format items maxItems maximum maxLength minItems minimum minLength nullable pattern properties propertyOrdering required title type'.split(
      ' ',
    )

  it.each(Object.entries(all))('has only these keywords: %s', (_, schema) => {
    for (const dialect of [geminiAnswerSchema, geminiToolSchema])
      for (const keyword of keywordsIn(dialect(schema, silent).schema))
        expect(jsonKeywords).toContain(keyword)
  })

  it.each(Object.entries(all))('has those of OpenAPI in the older fields: %s', (_, schema) => {
    for (const dialect of [geminiOpenApiAnswerSchema, geminiOpenApiToolSchema]) {
      const result = dialect(schema, silent).schema
      for (const keyword of keywordsIn(result)) expect(openApiKeywords).toContain(keyword)
      for (const [path, node] of nodes(result)) {
        if (node.type !== undefined) expect(node.type).toMatch(/^[A-Z]+$/)
        else expect(node).toHaveProperty('anyOf')
        if (node.type === 'ARRAY') expect(node).toHaveProperty('items')
        if (node.type === 'OBJECT' && path) expect(node.properties).not.toEqual({})
        if (Array.isArray(node.enum))
          expect(node.enum.every((value) => typeof value === 'string')).toBe(true)
      }
    }
  })

  it('converts constants to lists of one, and unrolls recursion', () => {
    const { schema } = geminiAnswerSchema(all.union as JsonObject, silent)
    expect(JSON.stringify(schema)).toContain('"enum":["circle"]')
    const tree = rewrite(geminiAnswerSchema, all.tree as JsonObject)
    expect(keywordsIn(tree.schema)).not.toContain('$ref')
    expect(tree.warnings).toHaveLength(1)
  })

  it('keeps the order of members for models that would sort them', () => {
    const { schema } = geminiOpenApiAnswerSchema(all.person as JsonObject, silent)
    expect(schema.propertyOrdering).toEqual(['name', 'age', 'email', 'site', 'role', 'scores'])
    expect(schema.properties).toMatchObject({ site: { type: 'STRING', nullable: true } })
  })
})

describe('xAI', () => {
  it.each(Object.entries(all))('has no recursion, and no allOf of several: %s', (_, schema) => {
    for (const dialect of [xaiAnswerSchema, xaiToolSchema]) {
      const { schema: result } = dialect(schema, silent)
      for (const [, node] of nodes(result))
        if (Array.isArray(node.allOf)) expect(node.allOf.length).toBeLessThan(2)
      if (['tree', 'mutual', 'rootRef'].includes(_))
        expect(keywordsIn(result)).not.toContain('$ref')
    }
  })

  it('opens objects that JSON Schema leaves open by default', () => {
    const schema = deepFreeze({ type: 'object', properties: { free: { type: 'object' } } })
    expect(xaiAnswerSchema(schema, silent).schema).toMatchObject({
      properties: { free: { additionalProperties: true } },
    })
  })
})

const strictKeywords =
  '$defs $ref additionalProperties anyOf const description enum exclusiveMaximum exclusiveMinimum format items maximum maxItems minimum minItems multipleOf pattern properties required title type'.split(
    ' ',
  )

/** The helper drops the type beside enum and const; we keep it, which is equivalent. */
const typesBesideEnums = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(typesBesideEnums)
  if (!isObject(schema)) return schema
  const isListed = 'enum' in schema || 'const' in schema
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key]) => !(isListed && key === 'type'))
      .map(([key, value]) => [key, typesBesideEnums(value)]),
  )
}
