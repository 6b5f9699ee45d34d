/** JSON Schema as data: the places of subschemas, traversal, the targets of local `$ref`s. */
import { isObject, type JsonObject } from '../chat/index.js'

/** Reports a rewrite that weakens or changes the caller's schema. */
export type SchemaWarn = (message: string) => void

/** Splits space-separated names of keywords. */
export const keywords = (names: string): readonly string[] => names.split(' ')

const single = keywords(
  'additionalItems additionalProperties contains contentSchema else if items not propertyNames then unevaluatedItems unevaluatedProperties',
)
const lists = keywords('allOf anyOf items oneOf prefixItems')
const maps = keywords('$defs definitions dependentSchemas patternProperties properties')

/** A copy with each direct subschema replaced. `true` and `false` are kept. */
export function mapSchemas(
  schema: JsonObject,
  map: (inner: JsonObject, path: string) => JsonObject,
  path = '',
): JsonObject {
  const one = (inner: unknown, at: string) =>
    isObject(inner) ? map(inner, `${path}/${at}`) : inner
  return mapValues(schema, (value, key) => {
    if (lists.includes(key) && Array.isArray(value))
      return value.map((inner, index) => one(inner, `${key}/${index}`))
    if (maps.includes(key) && isObject(value))
      return mapValues(value, (inner, name) => one(inner, `${key}/${name}`))
    return single.includes(key) ? one(value, key) : value
  })
}

/** Own keys only; keeps an own `__proto__`. */
export const mapValues = (
  object: JsonObject,
  map: (value: unknown, key: string) => unknown,
): JsonObject =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value, key)]))

/**
 * The target of a local reference (`#`, `#/$defs/Node`); undefined for any other, or without a
 * target.
 */
export function resolveRef(root: JsonObject, ref: unknown): JsonObject | undefined {
  if (typeof ref !== 'string' || !ref.startsWith('#')) return undefined
  let at: unknown = root
  for (const step of ref.slice(1).split('/').slice(1)) {
    const key = decode(step).replaceAll('~1', '/').replaceAll('~0', '~')
    const isThere = typeof at === 'object' && at !== null && Object.hasOwn(at, key)
    at = isThere ? (at as JsonObject)[key] : undefined
  }
  if (ref !== '#' && !ref.startsWith('#/')) return anchored(root, ref.slice(1))
  return isObject(at) ? at : undefined
}

/** Decodes a step of a pointer; invalid encoding is kept. */
export const decode = (step: string) => {
  try {
    return decodeURIComponent(step)
  } catch {
    return step
  }
}

const anchored = (root: JsonObject, anchor: string): JsonObject | undefined => {
  let found: JsonObject | undefined
  const visit = (schema: JsonObject): JsonObject => {
    if (schema.$anchor === anchor) found ??= schema
    return mapSchemas(schema, visit)
  }
  visit(root)
  return found
}

/** The types of a schema; empty means any. */
export const typesOf = ({ type }: JsonObject): readonly string[] =>
  (Array.isArray(type) ? type : [type]).filter((name) => typeof name === 'string')

export const isObjectSchema = (schema: JsonObject) =>
  typesOf(schema).includes('object') || isObject(schema.properties)

/** True for a schema without constraints. */
export const isAnything = (schema: unknown) =>
  schema === true ||
  (isObject(schema) && Object.keys(schema).every((key) => annotations.includes(key)))

/** Keywords that do not constrain a value. */
export const annotations = keywords(
  '$comment default deprecated description example examples readOnly title writeOnly',
)
