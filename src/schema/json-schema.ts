/** JSON Schema as data: where schemas stand in a schema, how to walk them, what a local `$ref` leads to. */
import { isObject, type JsonObject } from '../chat/index.js'

/** What a rewrite changed in a way that says less, or something else, than the caller's schema. */
export type SchemaWarn = (message: string) => void

/** Names of keywords, as one text. */
export const keywords = (names: string): readonly string[] => names.split(' ')

const single = keywords(
  'additionalItems additionalProperties contains contentSchema else if items not propertyNames then unevaluatedItems unevaluatedProperties',
)
const lists = keywords('allOf anyOf items oneOf prefixItems')
const maps = keywords('$defs definitions dependentSchemas patternProperties properties')

/** A copy with each schema directly inside replaced. `true` and `false` are left as they are. */
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

/** Own keys only, and an own `__proto__` stays one. */
export const mapValues = (
  object: JsonObject,
  map: (value: unknown, key: string) => unknown,
): JsonObject =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value, key)]))

export const omit = (schema: JsonObject, keys: readonly string[]): JsonObject =>
  Object.fromEntries(Object.entries(schema).filter(([key]) => !keys.includes(key)))

/** What a local reference (`#`, `#/$defs/Node`) leads to; undefined for any other, and for one that leads nowhere. */
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

/** A step of a pointer; as it is where it is not encoded. */
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

/** The types a schema names: none means any. */
export const typesOf = ({ type }: JsonObject): readonly string[] =>
  (Array.isArray(type) ? type : [type]).filter((name) => typeof name === 'string')

export const isObjectSchema = (schema: JsonObject) =>
  typesOf(schema).includes('object') || isObject(schema.properties)

/** A schema without a word on the value: anything goes. */
export const isAnything = (schema: unknown) =>
  schema === true ||
  (isObject(schema) && Object.keys(schema).every((key) => annotations.includes(key)))

/** Keywords that say something about a value and decide nothing. */
export const annotations = keywords(
  '$comment default deprecated description example examples readOnly title writeOnly',
)
