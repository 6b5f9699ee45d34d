/** JSON Schema for Anthropic's structured outputs and strict tools. https://docs.claude.com/en/docs/build-with-claude/structured-outputs */
import type { JsonObject } from '../chat/index.js'
import { describeRest, type Vocabulary } from './describe.js'
import {
  closeObject,
  type DialectSchema,
  objectRoot,
  oneOfAsAnyOf,
  openPlaces,
  tupleAsList,
} from './dialect.js'
import { isObjectSchema, keywords, mapSchemas, type SchemaWarn } from './json-schema.js'
import { normalize } from './normalize.js'
import { inlineRefs, isCircular, wrapRoot } from './refs.js'

/**
 * The schema of an answer, for `output_config.format`. Not strict if the grammar cannot express it
 * (a map, a free object, recursion): then it is the caller's schema, to be sent as a forced tool.
 */
export function anthropicAnswerSchema(schema: JsonObject, warn: SchemaWarn): DialectSchema {
  const plain = inlineRefs(normalize(schema), { which: 'siblings', warn })
  const obstacles = isCircular(plain) ? ['recursion'] : openPlaces(plain)
  if (obstacles.length === 0) return { schema: toStrict(plain, '', warn), strict: true }
  warn(`${obstacles.slice(0, 3).join(', ')}: cannot be enforced by the grammar`)
  return { schema: plain, strict: false }
}

/** The schema of an answer requested as a tool call: any schema with an object at its root. */
export function anthropicAnswerTool(schema: JsonObject, warn: SchemaWarn): DialectSchema {
  const plain = inlineRefs(normalize(schema), { which: 'siblings', warn })
  if (isObjectSchema(plain) && !plain.anyOf && !plain.oneOf)
    return { schema: objectRoot(plain, warn), strict: false }
  return { schema: wrapRoot(plain), strict: false, wrapped: true }
}

/**
 * The `input_schema` of a tool. Unless strict it may be any JSON Schema with an object at its root.
 */
export function anthropicToolSchema(
  schema: JsonObject,
  { strict, warn }: { readonly strict: boolean; readonly warn: SchemaWarn },
): DialectSchema {
  const root = objectRoot(inlineRefs(normalize(schema), { which: 'siblings', warn }), warn)
  return strict ? anthropicAnswerSchema(root, warn) : { schema: root, strict: false }
}

const toStrict = (schema: JsonObject, path: string, warn: SchemaWarn): JsonObject => {
  const at = { path, warn }
  const node = closeObject(tupleAsList(oneOfAsAnyOf(schema), at), at)
  return mapSchemas(
    describeRest(node, vocabulary, at),
    (inner, to) => toStrict(inner, to, warn),
    path,
  )
}

const vocabulary: Vocabulary = {
  keywords: keywords(
    '$defs $ref additionalProperties allOf anyOf const description enum format items minItems properties required title type',
  ),
  takes(keyword, value) {
    if (keyword === 'minItems') return value === 0 || value === 1
    return keyword !== 'format' || formats.includes(String(value))
  },
}

const formats = keywords('date date-time duration email hostname ipv4 ipv6 time uri uuid')
