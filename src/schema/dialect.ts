/** Schema rewrites shared by the dialects, and their result. */
import { asList, asObject, asObjects, isObject, type JsonObject, omit } from '../chat/index.js'
import { mergeAllOf } from './all-of.js'
import {
  isAnything,
  isObjectSchema,
  keywords,
  mapSchemas,
  resolveRef,
  type SchemaWarn,
} from './json-schema.js'

export interface DialectSchema {
  readonly schema: JsonObject
  /** The provider can enforce it. False: send it without `strict`, or in a non-strict form. */
  readonly strict: boolean
  /** The root was no object: the answer comes as `{ value: … }`. `restoreAnswer` unwraps it. */
  readonly wrapped?: true
}

export interface Place {
  readonly path: string
  readonly warn: SchemaWarn
}

/**
 * Tool parameters are an object, and no provider supports alternatives at the root: they are
 * joined, so that every member of one is allowed. A tool without a schema has no parameters.
 */
export function objectRoot(schema: JsonObject, warn: SchemaWarn): JsonObject {
  const { type: _, ...root } = joinAlternatives(mergeAllOf(schema, { warn, at: 'root' }), warn)
  return { type: 'object', ...root, properties: propertiesOf(root) }
}

const joinAlternatives = (schema: JsonObject, warn: SchemaWarn): JsonObject => {
  const { anyOf, oneOf, ...rest } = schema
  const branches = [anyOf, oneOf].flatMap(asObjects)
  if (branches.length === 0) return schema
  warn('/: the alternatives at the root are joined into one object')
  const objects = branches.map((branch) => resolveRef(schema, branch.$ref) ?? branch)
  const names = new Set(objects.flatMap((object) => Object.keys(propertiesOf(object))))
  const joined = [...names].map((name) => [name, anyOfThese(objects, name)] as const)
  const always = [...names].filter((name) =>
    objects.every((object) => requiredOf(object).includes(name)),
  )
  return {
    ...rest,
    properties: { ...propertiesOf(rest), ...Object.fromEntries(joined) },
    required: [...new Set([...requiredOf(rest), ...always])],
  }
}

const anyOfThese = (objects: readonly JsonObject[], name: string) => {
  const found = objects.flatMap((object) =>
    Object.hasOwn(propertiesOf(object), name) ? [propertiesOf(object)[name]] : [],
  )
  return oneOrAny(distinct(found))
}

const distinct = (all: readonly unknown[]) => [
  ...new Map(all.map((one) => [JSON.stringify(one), one])).values(),
]

const oneOrAny = (all: readonly unknown[]) => (all.length === 1 ? all[0] : { anyOf: all })

const propertiesOf = ({ properties }: JsonObject): JsonObject => asObject(properties)

const requiredOf = ({ required }: JsonObject): readonly unknown[] => asList(required)

/**
 * Paths that no closed object can express: maps, free objects, "anything". Empty if there are none.
 */
export function openPlaces(root: JsonObject): readonly string[] {
  const places: string[] = []
  const visit = (schema: JsonObject, path: string): JsonObject => {
    if (isOpen(schema)) places.push(path || '/')
    return mapSchemas(omit(schema, conditions), visit, path)
  }
  visit(root, '')
  return places
}

/** Keywords for conditions and unnamed members, which `isOpen` itself checks. */
const conditions = keywords(
  'additionalProperties contains else if not propertyNames then unevaluatedItems unevaluatedProperties',
)

const isOpen = (schema: JsonObject) => {
  if (isAnything(schema)) return true
  if (isObject(schema.patternProperties)) return true
  if (!isObjectSchema(schema)) return false
  const { properties, additionalProperties: more } = schema
  if (isObject(more) && !isAnything(more)) return true
  return !isObject(properties) || (Object.keys(properties).length === 0 && isAnything(more))
}

/** Forbids unnamed members in an object schema; `warn` reports if they were allowed. */
export function closeObject(schema: JsonObject, { path, warn }: Place): JsonObject {
  if (!isObjectSchema(schema)) return schema
  if (isAnything(schema.additionalProperties))
    warn(`${path || '/'}: properties that the schema does not name cannot be returned`)
  return { ...schema, additionalProperties: false }
}

/** `oneOf` as `anyOf`: no provider's grammar counts matches. */
export function oneOfAsAnyOf(schema: JsonObject): JsonObject {
  const { oneOf, ...rest } = schema
  if (!Array.isArray(oneOf)) return schema
  if (!Array.isArray(rest.anyOf)) return { ...rest, anyOf: oneOf }
  return { ...rest, allOf: [...asList(rest.allOf), { anyOf: oneOf }] }
}

/** A tuple as a list of the same length, each item of any of its types. */
export function tupleAsList(schema: JsonObject, { path, warn }: Place): JsonObject {
  const { prefixItems, items, ...rest } = schema
  if (!Array.isArray(prefixItems)) return schema
  const kinds = [...prefixItems, ...(isObject(items) ? [items] : [])].filter(isObject)
  const types = distinct(kinds)
  if (types.length > 1) warn(`${path || '/'}: the order of the types in a tuple is not enforced`)
  return {
    ...rest,
    items: oneOrAny(types),
    ...(items === false && {
      maxItems: Math.min(Number(rest.maxItems ?? Infinity), prefixItems.length),
    }),
  }
}
