/**
 * JSON Schema for Gemini: the newer fields support most of it, the older ones an OpenAPI subset.
 */
import { isObject, type JsonObject, omit } from '../chat/index.js'
import { mergeAllOf } from './all-of.js'
import { describeRest, type Vocabulary } from './describe.js'
import { type DialectSchema, objectRoot, oneOfAsAnyOf, type Place, tupleAsList } from './dialect.js'
import {
  isAnything,
  isObjectSchema,
  keywords,
  mapSchemas,
  type SchemaWarn,
  typesOf,
} from './json-schema.js'
import { normalize } from './normalize.js'
import { inlineRefs } from './refs.js'

/** For `responseJsonSchema`. https://ai.google.dev/api/generate-content#FIELDS.response_json_schema */
export function geminiAnswerSchema(schema: JsonObject, warn: SchemaWarn): DialectSchema {
  return { schema: toJsonDialect(flat(schema, 'circular', warn), '', warn), strict: true }
}

/** For `parametersJsonSchema` of a function. */
export function geminiToolSchema(schema: JsonObject, warn: SchemaWarn): DialectSchema {
  const root = objectRoot(flat(schema, 'circular', warn), warn)
  return { schema: toJsonDialect(root, '', warn), strict: true }
}

/** For `responseSchema` of models before 2.0. https://ai.google.dev/api/caching#Schema */
export function geminiOpenApiAnswerSchema(schema: JsonObject, warn: SchemaWarn): DialectSchema {
  return { schema: toOpenApi(flat(schema, 'all', warn), '', warn), strict: true }
}

/** For `parameters` of a function of models before 2.0. */
export function geminiOpenApiToolSchema(schema: JsonObject, warn: SchemaWarn): DialectSchema {
  const root = objectRoot(flat(schema, 'all', warn), warn)
  return { schema: toOpenApi(root, '', warn), strict: true }
}

const flat = (schema: JsonObject, which: 'all' | 'circular', warn: SchemaWarn) =>
  mergeAllOf(inlineRefs(normalize(schema), { which, warn }), { warn })

const toJsonDialect = (schema: JsonObject, path: string, warn: SchemaWarn): JsonObject => {
  const node = describeRest(constAsEnum(schema), jsonVocabulary, { path, warn })
  const { items, ...rest } = node
  return mapSchemas(
    // minItems and maxItems bound a tuple; `items: false` is refused
    items === false ? rest : node,
    (inner, to) => toJsonDialect(inner, to, warn),
    path,
  )
}

/** `const` is unknown; `enum` supports strings and numbers. */
const constAsEnum = (schema: JsonObject): JsonObject => {
  const { const: value, ...rest } = schema
  if (value === null) return { ...rest, type: 'null' }
  if (typeof value === 'string' || typeof value === 'number') return { ...rest, enum: [value] }
  return typeof value === 'boolean' ? { ...rest, type: 'boolean', const: value } : schema
}

const jsonVocabulary: Vocabulary = {
  keywords: keywords(
    '$anchor $defs $id $ref additionalProperties anyOf description enum format items maxItems maximum minItems minimum oneOf prefixItems properties propertyOrdering required title type',
  ),
}

const toOpenApi = (schema: JsonObject, path: string, warn: SchemaWarn): JsonObject => {
  const at = { path, warn }
  const one = oneType(nullableFlag(tupleAsList(oneOfAsAnyOf(constAsEnum(schema)), at)))
  const node = describeRest(stringEnum(namedMembers(one, at), at), openApiVocabulary, at)
  return mapSchemas(upperCase(node), (inner, to) => toOpenApi(inner, to, warn), path)
}

/** Null is a flag here, not a type. */
const nullableFlag = (schema: JsonObject): JsonObject => {
  const { anyOf, type } = schema
  const types = typesOf(schema)
  if (Array.isArray(anyOf) && anyOf.some(isNull)) {
    const others = anyOf.filter((one) => !isNull(one))
    const only = others.length === 1 && isObject(others[0]) ? others[0] : { anyOf: others }
    return { ...omit(schema, ['anyOf']), ...only, nullable: true }
  }
  if (!Array.isArray(type) || !types.includes('null')) return schema
  const rest = types.filter((name) => name !== 'null')
  return { ...schema, type: rest.length === 1 ? rest[0] : rest, nullable: true }
}

const isNull = (schema: unknown) => isObject(schema) && typesOf(schema).join() === 'null'

/** Converts several types to alternatives. */
const oneType = (schema: JsonObject): JsonObject => {
  const { type, ...rest } = schema
  if (!Array.isArray(type)) return schema
  return { ...omit(rest, ['enum']), anyOf: type.map((name) => ({ type: name })) }
}

/** An enum may contain only non-empty strings. */
const stringEnum = (schema: JsonObject, { path, warn }: Place): JsonObject => {
  const { enum: all, ...rest } = schema
  if (!Array.isArray(all)) return schema
  const values = all.filter((value) => value !== '')
  if (values.length < all.length)
    warn(`${path}: an empty string cannot be one of the values of an enum`)
  const strings = values.filter((value) => typeof value === 'string')
  const isNullable = values.includes(null) && { nullable: true }
  if (strings.length > 0 && strings.length + Number(values.includes(null)) === values.length)
    return { ...rest, ...isNullable, type: 'string', format: 'enum', enum: strings }
  return { ...rest, allowed: values }
}

/** An object must name its members: otherwise it is requested as JSON text. */
const namedMembers = (schema: JsonObject, { path, warn }: Place): JsonObject => {
  if (isAnything(schema) && path !== '') return asText(schema, { path, warn })
  if (!isObjectSchema(schema)) return schema
  const { properties } = schema
  if (isObject(properties) && Object.keys(properties).length > 0)
    return { ...schema, propertyOrdering: Object.keys(properties) }
  return path === '' ? omit(schema, ['properties']) : asText(schema, { path, warn })
}

const asText = ({ description }: JsonObject, { path, warn }: Place): JsonObject => {
  warn(`${path}: an object without named properties is requested as a string of JSON`)
  return { type: 'string', description: [description, 'JSON text'].filter(Boolean).join('. ') }
}

const upperCase = (schema: JsonObject): JsonObject =>
  typeof schema.type === 'string' ? { ...schema, type: schema.type.toUpperCase() } : schema

const openApiVocabulary: Vocabulary = {
  keywords: keywords(
    'anyOf description enum format items maxItems maximum maxLength minItems minimum minLength nullable pattern properties propertyOrdering required title type',
  ),
  takes: (keyword, value) =>
    keyword !== 'format' ||
    ['date-time', 'enum', 'int32', 'int64', 'float', 'double'].includes(String(value)),
}
