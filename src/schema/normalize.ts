/** One spelling for what JSON Schema has several of, before a dialect looks at it: the meaning stays. */
import { isObject, type JsonObject } from '../chat/index.js'
import { mapSchemas, omit, typesOf } from './json-schema.js'

/**
 * Drops `$schema`, `$comment`, the bounds that zod gives every integer and the pattern that it gives every format; draft 7
 * and OpenAPI spellings (`definitions`, tuples in `items`, `nullable`, boolean `exclusiveMinimum`) become those of 2020-12.
 */
export function normalize(schema: JsonObject): JsonObject {
  const moved = 'definitions' in schema && !('$defs' in schema) ? renameDefinitions(schema) : schema
  return normalizeNode(moved)
}

const normalizeNode = (schema: JsonObject): JsonObject =>
  mapSchemas(
    steps.reduce((node, step) => step(node), schema),
    normalizeNode,
  )

const dropNoise = (schema: JsonObject) => {
  const noise = ['$schema', '$comment', '~standard']
  if (typeof schema.format === 'string' && generatedFormats.has(schema.format))
    noise.push('pattern')
  if (schema.minimum === Number.MIN_SAFE_INTEGER) noise.push('minimum')
  if (schema.maximum === Number.MAX_SAFE_INTEGER) noise.push('maximum')
  return omit(schema, noise)
}

/** Formats whose meaning the pattern beside them only repeats. */
const generatedFormats = new Set(
  'date date-time duration email hostname idn-email ipv4 ipv6 time uri uuid'.split(' '),
)

const tuples = (schema: JsonObject): JsonObject => {
  if (!Array.isArray(schema.items)) return schema
  const { items, additionalItems, ...rest } = schema
  return {
    ...rest,
    prefixItems: items,
    ...(additionalItems !== undefined && { items: additionalItems }),
  }
}

const nullable = (schema: JsonObject): JsonObject => {
  if (schema.nullable !== true) return schema
  return makeNullable(omit(schema, ['nullable']))
}

/** The schema, and null beside it. */
export function makeNullable(schema: JsonObject): JsonObject {
  const types = typesOf(schema)
  if (types.includes('null') || isNullable(schema)) return schema
  if ('const' in schema || '$ref' in schema || types.length === 0)
    return Array.isArray(schema.anyOf) && !('$ref' in schema)
      ? { ...schema, anyOf: [...schema.anyOf, { type: 'null' }] }
      : { anyOf: [schema, { type: 'null' }] }
  const { enum: values } = schema
  return {
    ...schema,
    type: [...types, 'null'],
    ...(Array.isArray(values) && { enum: [...values, null] }),
  }
}

const isNullable = ({ anyOf, enum: values }: JsonObject) =>
  (Array.isArray(anyOf) && anyOf.some((one) => isObject(one) && typesOf(one).includes('null'))) ||
  (Array.isArray(values) && values.includes(null))

const exclusiveBounds = (schema: JsonObject): JsonObject => {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema
  if (typeof exclusiveMinimum !== 'boolean' && typeof exclusiveMaximum !== 'boolean') return schema
  const rest = omit(schema, ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'])
  return {
    ...rest,
    ...(minimum !== undefined && { [exclusiveMinimum ? 'exclusiveMinimum' : 'minimum']: minimum }),
    ...(maximum !== undefined && { [exclusiveMaximum ? 'exclusiveMaximum' : 'maximum']: maximum }),
  }
}

/** A property that nothing fits cannot be there; one of type "any" written as `true` is `{}`. */
const booleanProperties = (schema: JsonObject): JsonObject => {
  if (!isObject(schema.properties)) return schema
  const kept = Object.entries(schema.properties)
    .filter(([, property]) => property !== false)
    .map(([name, property]) => [name, property === true ? {} : property])
  return { ...schema, properties: Object.fromEntries(kept) }
}

const steps = [dropNoise, tuples, exclusiveBounds, nullable, booleanProperties]

const renameDefinitions = ({ definitions, ...schema }: JsonObject): JsonObject => {
  const rename = (node: JsonObject): JsonObject => {
    const { $ref } = node
    const isOld = typeof $ref === 'string' && $ref.startsWith('#/definitions/')
    return mapSchemas(
      isOld ? { ...node, $ref: $ref.replace('#/definitions/', '#/$defs/') } : node,
      rename,
    )
  }
  return rename({ ...schema, $defs: definitions })
}
