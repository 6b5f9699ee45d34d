/** JSON Schema for xAI, whose structured outputs and tools are always strict. https://docs.x.ai/docs/guides/structured-outputs */
import { isObject, type JsonObject, omit } from '../chat/index.js'
import { mergeAllOf } from './all-of.js'
import { type DialectSchema, objectRoot } from './dialect.js'
import { isObjectSchema, mapSchemas, type SchemaWarn } from './json-schema.js'
import { normalize } from './normalize.js'
import { inlineRefs, wrapRoot } from './refs.js'

/**
 * The schema of an answer. Recursion is refused, so it is unrolled; a root that is no object is
 * wrapped.
 */
export function xaiAnswerSchema(schema: JsonObject, warn: SchemaWarn): DialectSchema {
  const plain = toXai(schema, warn)
  if (isObjectSchema(plain)) return { schema: plain, strict: true }
  warn('/: the answer comes as { "value": … }, since the root must be an object')
  return { schema: wrapRoot(plain), strict: true, wrapped: true }
}

/** The parameters of a function. */
export function xaiToolSchema(schema: JsonObject, warn: SchemaWarn): DialectSchema {
  return { schema: objectRoot(toXai(schema, warn), warn), strict: true }
}

const toXai = (schema: JsonObject, warn: SchemaWarn): JsonObject => {
  const plain = inlineRefs(normalize(schema), { which: 'circular', warn })
  // an allOf of one part is enforced, one of several is "best effort"
  return openWhatIsOpen(mergeAllOf(plain, { warn, keepParts: 1 }))
}

/**
 * xAI closes an object without `additionalProperties`: one without named members is opened
 * explicitly.
 */
const openWhatIsOpen = (schema: JsonObject): JsonObject => {
  const isFree =
    isObjectSchema(schema) &&
    !isObject(schema.properties) &&
    schema.additionalProperties === undefined
  const node = isFree ? { ...schema, additionalProperties: true } : schema
  const { additionalProperties: more } = node
  const isAny = isObject(more) && Object.keys(more).length === 0
  return mapSchemas(
    omit(isAny ? { ...node, additionalProperties: true } : node, ['default', 'examples']),
    openWhatIsOpen,
  )
}
