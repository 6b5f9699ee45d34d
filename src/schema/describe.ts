/** Moves keywords that a dialect lacks to the description, which the model reads. */
import { isObject, type JsonObject, omit } from '../chat/index.js'
import { isAnything, type SchemaWarn, typesOf } from './json-schema.js'

export interface Vocabulary {
  /** Keywords of the dialect. */
  readonly keywords: readonly string[]
  /** False for a value of such a keyword that the dialect does not support. */
  readonly takes?: (keyword: string, value: unknown) => boolean
}

/**
 * The node without keywords missing in the vocabulary, listed in its description. Each change is
 * reported by `warn`.
 */
export function describeRest(
  schema: JsonObject,
  { keywords: known, takes }: Vocabulary,
  { path, warn }: { readonly path: string; readonly warn: SchemaWarn },
): JsonObject {
  const isForeign = ([key, value]: readonly [string, unknown]) =>
    !known.includes(key) || takes?.(key, value) === false
  const foreign = Object.entries(schema).filter(isForeign)
  if (foreign.length === 0) return schema
  const rest = omit(
    schema,
    foreign.map(([key]) => key),
  )
  const telling = foreign.filter(([key, value]) => !isIdle(key, value))
  if (telling.length === 0) return rest
  const names = telling.map(([key]) => key).join(', ')
  warn(`${path || '/'}: ${names} not enforced, added to the description instead`)
  const words = telling.map(([key, value]) => `${key}: ${short(JSON.stringify(value))}`).join(', ')
  const { description } = schema
  return {
    ...rest,
    description:
      typeof description === 'string' && description ? `${description} (${words})` : words,
  }
}

/** True for a keyword that does not constrain values. */
const isIdle = (key: string, value: unknown) =>
  idle.has(key) ||
  (key === 'propertyNames' && (isAnything(value) || isStringType(value))) ||
  (key === 'uniqueItems' && value === false)

const isStringType = (value: unknown) =>
  isObject(value) && typesOf(value).includes('string') && Object.keys(value).length === 1

const idle = new Set(
  '$anchor $id $schema $comment default deprecated discriminator example examples propertyOrdering readOnly title writeOnly'.split(
    ' ',
  ),
)

const short = (json: string) => (json.length > 200 ? `${json.slice(0, 199)}…` : json)
