/** Merges the parts of each `allOf` into one schema, for dialects without `allOf`. */
import { isObject, type JsonObject } from '../chat/index.js'
import { mapSchemas, resolveRef, type SchemaWarn } from './json-schema.js'

export interface MergeOptions {
  readonly warn: SchemaWarn
  /** Keeps an `allOf` of at most this many parts. @default 0 */
  readonly keepParts?: number
  /** Everywhere, or at the root only. @default 'everywhere' */
  readonly at?: 'everywhere' | 'root'
}

/**
 * A copy in which the parts of each `allOf` are merged. A condition that cannot be merged is
 * dropped, reported by `warn`.
 */
export function mergeAllOf(
  root: JsonObject,
  { warn, keepParts = 0, at = 'everywhere' }: MergeOptions,
): JsonObject {
  const visit = (schema: JsonObject, path: string): JsonObject =>
    mapSchemas(merged(schema, path, new Set()), visit, path)

  const merged = (schema: JsonObject, path: string, seen: ReadonlySet<unknown>): JsonObject => {
    const { allOf, ...rest } = schema
    if (!Array.isArray(allOf) || allOf.length <= keepParts) return schema
    return allOf.filter(isObject).reduce((sum: JsonObject, part) => {
      const target = resolveRef(root, part.$ref)
      if (seen.has(part.$ref)) return sum
      const known = part.$ref === undefined ? seen : new Set([...seen, part.$ref])
      const { $ref: _, ...beside } = part
      const whole = target ? combine(target, beside, path) : part
      return combine(sum, merged(whole, path, known), path)
    }, rest)
  }

  const combine = (a: JsonObject, b: JsonObject, path: string): JsonObject => {
    const sum: Record<string, unknown> = { ...a }
    for (const [key, value] of Object.entries(b)) {
      const join = Object.hasOwn(joins, key) ? joins[key] : undefined
      if (!Object.hasOwn(a, key) || JSON.stringify(a[key]) === JSON.stringify(value))
        sum[key] = value
      else if (join) sum[key] = join(a[key], value)
      else warn(`${path || '/'}: only the first of two "${key}" in an allOf is sent`)
    }
    return sum
  }

  return at === 'root' ? merged(root, '', new Set()) : visit(root, '')
}

type Join = (a: unknown, b: unknown) => unknown

const both: Join = (a, b) => (isObject(a) && isObject(b) ? { allOf: [a, b] } : a === true ? b : a)

const byKey: Join = (a, b) => {
  const sum = new Map(Object.entries(isObject(a) ? a : {}))
  for (const [key, value] of Object.entries(isObject(b) ? b : {}))
    sum.set(key, sum.has(key) ? both(sum.get(key), value) : value)
  return Object.fromEntries(sum)
}

const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value])

const union: Join = (a, b) => [...new Set([...asList(a), ...asList(b)])]

const intersection: Join = (a, b) => asList(a).filter((value) => asList(b).includes(value))

/** Every integer is a number. */
const types: Join = (a, b) => {
  const has = (list: unknown, type: unknown) =>
    asList(list).includes(type) || (type === 'integer' && asList(list).includes('number'))
  const shared = [...asList(a), ...asList(b)].filter((type) => has(a, type) && has(b, type))
  const names = [...new Set(shared)]
  return names.length === 1 ? names[0] : names
}

const larger: Join = (a, b) => Math.max(Number(a), Number(b))
const smaller: Join = (a, b) => Math.min(Number(a), Number(b))
const sentences: Join = (a, b) => `${a} ${b}`
/** Closed wins: the merged schema knows the properties of all parts. */
const closed: Join = (a, b) => (a === false || b === false ? false : both(a, b))
const first: Join = (a) => a

const joins: Readonly<Record<string, Join>> = {
  properties: byKey,
  patternProperties: byKey,
  $defs: byKey,
  required: union,
  enum: intersection,
  type: types,
  items: both,
  additionalProperties: closed,
  minimum: larger,
  exclusiveMinimum: larger,
  minLength: larger,
  minItems: larger,
  minProperties: larger,
  maximum: smaller,
  exclusiveMaximum: smaller,
  maxLength: smaller,
  maxItems: smaller,
  maxProperties: smaller,
  description: sentences,
  title: first,
  default: first,
  examples: first,
}
