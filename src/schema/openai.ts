/** JSON Schema for OpenAI's strict mode. https://platform.openai.com/docs/guides/structured-outputs#supported-schemas */
import { asList, asObject, isObject, type JsonObject } from '../chat/index.js'
import { mergeAllOf } from './all-of.js'
import { describeRest, type Vocabulary } from './describe.js'
import {
  closeObject,
  type DialectSchema,
  objectRoot,
  oneOfAsAnyOf,
  openPlaces,
  tupleAsList,
} from './dialect.js'
import { isObjectSchema, keywords, mapSchemas, mapValues, type SchemaWarn } from './json-schema.js'
import { makeNullable, normalize } from './normalize.js'
import { inlineRefs, wrapRoot } from './refs.js'

/**
 * The schema of an answer. Strict mode requires an object at the root, closed objects and all
 * properties: an optional one may be null instead, which `restoreAnswer` removes.
 */
export function openaiAnswerSchema(
  schema: JsonObject,
  { strict, warn }: { readonly strict: boolean; readonly warn: SchemaWarn },
): DialectSchema {
  const plain = inlineRefs(normalize(schema), { which: 'siblings', warn })
  const isWrapped =
    !isObjectSchema(plain) || Array.isArray(plain.anyOf) || Array.isArray(plain.oneOf)
  if (isWrapped) warn('/: the answer comes as { "value": … }, since the root must be an object')
  const root = isWrapped ? wrapRoot(plain) : plain
  return { ...strictly(root, { strict, warn }), ...(isWrapped && { wrapped: true as const }) }
}

/** The parameters of a function. */
export function openaiToolSchema(
  schema: JsonObject,
  { strict, warn }: { readonly strict: boolean; readonly warn: SchemaWarn },
): DialectSchema {
  const plain = inlineRefs(normalize(schema), { which: 'siblings', warn })
  return strictly(objectRoot(plain, warn), { strict, warn })
}

const strictly = (
  root: JsonObject,
  { strict, warn }: { readonly strict: boolean; readonly warn: SchemaWarn },
): DialectSchema => {
  if (!strict) return { schema: root, strict: false }
  const flat = mergeAllOf(root, { warn })
  const open = openPlaces(flat)
  if (open.length === 0) return { schema: toStrict(flat, '', warn), strict: true }
  warn(`${open.slice(0, 3).join(', ')}: open objects cannot be strict, the schema is not enforced`)
  return { schema: root, strict: false }
}

const toStrict = (schema: JsonObject, path: string, warn: SchemaWarn): JsonObject => {
  const at = { path, warn }
  const node = requireAll(closeObject(tupleAsList(oneOfAsAnyOf(schema), at), at))
  return mapSchemas(
    describeRest(node, vocabulary, at),
    (inner, to) => toStrict(inner, to, warn),
    path,
  )
}

const requireAll = (schema: JsonObject): JsonObject => {
  if (!isObjectSchema(schema)) return schema
  const properties = asObject(schema.properties)
  const required = asList(schema.required)
  return {
    ...schema,
    properties: mapValues(properties, (property, name) =>
      required.includes(name) || !isObject(property) ? property : makeNullable(property),
    ),
    required: Object.keys(properties),
  }
}

const vocabulary: Vocabulary = {
  keywords: keywords(
    '$defs $ref additionalProperties anyOf const description enum exclusiveMaximum exclusiveMinimum format items maximum maxItems minimum minItems multipleOf pattern properties required title type',
  ),
  takes: (keyword, value) => keyword !== 'format' || formats.includes(String(value)),
}

const formats = keywords('date date-time duration email hostname ipv4 ipv6 time uuid')
