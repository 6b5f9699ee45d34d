/** JSON helpers: safe access and safe parsing. */

export type JsonObject = { readonly [key: string]: unknown }

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** `{}` if not an object. */
export const asObject = (value: unknown): JsonObject => (isObject(value) ? value : {})

/** '' if not a string. */
export const asString = (value: unknown): string => (typeof value === 'string' ? value : '')

/** A non-empty string. */
export const asText = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

/** An id: a non-empty string, or a number as text. */
export const asId = (value: unknown): string | undefined =>
  asText(value) ?? (Number.isFinite(value) ? String(value) : undefined)

/** The value if it is a finite number. */
export const asNumber = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined

/** `[]` if not an array. */
export const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** The objects in a list. */
export const asObjects = (value: unknown): readonly JsonObject[] => asList(value).filter(isObject)

/** Content as parts, from any form that servers send: text, one part, a list of either. */
export const asParts = (value: unknown): readonly JsonObject[] => {
  if (typeof value === 'string') return value === '' ? [] : [{ type: 'text', text: value }]
  return isObject(value) ? [value] : asList(value).flatMap(asParts)
}

/** The parsed text; undefined if it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * Drops undefined members, so that they override nothing in a spread or a body; returns the object
 * itself if it has none.
 */
export function defined<T extends object>(
  object: T,
): { readonly [K in keyof T]: Exclude<T[K], undefined> } {
  // drops only undefined members, as the return type states
  if (!Object.values(object).includes(undefined)) return object as never
  return Object.fromEntries(
    Object.entries(object).filter(([, value]) => value !== undefined),
  ) as never
}

/** False for undefined and null, which JavaScript callers write for absent members. */
export const isGiven = (value: unknown) => value !== undefined && value !== null

/** The members with these names and a value. */
export const pick = (members: object, names: readonly string[]): JsonObject =>
  Object.fromEntries(
    Object.entries(members).filter(([name, value]) => names.includes(name) && isGiven(value)),
  )

/** The members without those of these names. */
export const omit = (members: object, names: readonly string[]): JsonObject =>
  Object.fromEntries(Object.entries(members).filter(([name]) => !names.includes(name)))

/** The object; undefined if it has no members. */
export function nonEmpty<T extends object>(object: T): T | undefined {
  for (const _ in object) return object
  return undefined
}

/** Compares JSON values regardless of member order. */
export function isSameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, i) => isSameJson(item, b[i]))
  if (!isObject(a) || !isObject(b)) return false
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isSameJson(a[key], b[key]))
  )
}

/** The words of a text as a list, each of them known to the types: long lists of names stay one line. */
export const words = <const Text extends string>(text: Text) =>
  // `split` does not know what it splits
  text.split(' ') as unknown as readonly Words<Text>[]

type Words<Text extends string, Found = never> = Text extends `${infer Word} ${infer Rest}`
  ? Words<Rest, Found | Word>
  : Found | Text
