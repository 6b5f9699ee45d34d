/** Rewrites equivalent spellings of JSON Schema to one, before a dialect reads it. */
import { isObject, type JsonObject, omit } from '../chat/index.js'
import { hoistRefs } from './hoist-refs.js'
import { keywords, mapSchemas, typesOf } from './json-schema.js'

/**
 * Drops `$schema`, `$comment`, the bounds that zod adds to integers and its patterns for formats;
 * converts draft 7 and OpenAPI spellings (`definitions`, tuples in `items`, `nullable`, boolean
 * `exclusiveMinimum`, types in capitals) to 2020-12; adds a type implied by other keywords.
 */
export function normalize(schema: JsonObject): JsonObject {
  return normalizeNode(hoistRefs(schema))
}

const normalizeNode = (schema: JsonObject): JsonObject =>
  mapSchemas(
    steps.reduce((node, step) => step(node), schema),
    normalizeNode,
  )

const dropNoise = (schema: JsonObject) => {
  const noise = ['$schema', '$comment', '~standard']
  if (typeof schema.format === 'string' && generatedFormats.includes(schema.format))
    noise.push('pattern')
  if (schema.minimum === Number.MIN_SAFE_INTEGER) noise.push('minimum')
  if (schema.maximum === Number.MAX_SAFE_INTEGER) noise.push('maximum')
  return omit(schema, noise)
}

/** Formats that make a `pattern` redundant. */
const generatedFormats = keywords(
  'date date-time duration email hostname idn-email ipv4 ipv6 time uri uuid',
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

/** The schema, with null allowed. */
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

/** Drops properties with schema `false`; `true` becomes `{}`. */
const booleanProperties = (schema: JsonObject): JsonObject => {
  if (!isObject(schema.properties)) return schema
  const kept = Object.entries(schema.properties)
    .filter(([, property]) => property !== false)
    .map(([name, property]) => [name, property === true ? {} : property])
  return { ...schema, properties: Object.fromEntries(kept) }
}

/** OpenAPI, as used by Gemini, names types in capitals. */
const lowerCaseTypes = (schema: JsonObject): JsonObject => {
  const types = typesOf(schema)
  if (!types.some((name) => /^[A-Z]+$/.test(name))) return schema
  const lower = types.map((name) => name.toLowerCase())
  return { ...schema, type: lower.length === 1 ? lower[0] : lower }
}

/** Adds the type implied by other keywords, which providers require. */
const impliedType = (schema: JsonObject): JsonObject => {
  if (combined.some((key) => key in schema) || typesOf(schema).length > 0) return schema
  const values = 'const' in schema ? [schema.const] : schema.enum
  const types = Array.isArray(values)
    ? [...new Set(values.map(typeOfValue))]
    : typeOfKeywords(schema)
  if (types.length === 0) return schema
  return { type: types.length === 1 ? types[0] : types, ...omit(schema, ['type']) }
}

const combined = ['$ref', 'allOf', 'anyOf', 'oneOf', 'not', 'if']

const typeOfValue = (value: unknown) => {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return Number.isInteger(value) ? 'integer' : typeof value
}

const typeOfKeywords = (schema: JsonObject) =>
  Object.entries(speakers)
    .filter(([, keywords]) => keywords.some((keyword) => keyword in schema))
    .map(([type]) => type)
    .slice(0, 1)

const speakers: Readonly<Record<string, readonly string[]>> = {
  object: ['properties', 'additionalProperties', 'required', 'patternProperties', 'propertyNames'],
  array: ['items', 'prefixItems', 'minItems', 'maxItems', 'uniqueItems'],
  string: ['pattern', 'minLength', 'maxLength', 'format'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
}

/** Adds `items` to a list of anything: several providers require it. */
const listOfAnything = (schema: JsonObject): JsonObject => {
  const isList = typesOf(schema).includes('array')
  const isOpen = schema.items === true || !('items' in schema || 'prefixItems' in schema)
  return isList && isOpen ? { ...schema, items: {} } : schema
}

const steps = [
  dropNoise,
  lowerCaseTypes,
  tuples,
  exclusiveBounds,
  nullable,
  booleanProperties,
  impliedType,
  listOfAnything,
]
