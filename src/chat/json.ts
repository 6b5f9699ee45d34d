/** JSON helpers that every room uses: safe access, safe parsing. */

export type JsonObject = { readonly [key: string]: unknown }

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** An object without members for what is none. */
export const asObject = (value: unknown): JsonObject => (isObject(value) ? value : {})

/** '' for what is no text. */
export const asString = (value: unknown): string => (typeof value === 'string' ? value : '')

/** Text that is not empty. */
export const asText = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

/** An id: text, or a number as text; '' is none. */
export const asId = (value: unknown): string | undefined =>
  asText(value) ?? (Number.isFinite(value) ? String(value) : undefined)

/** A finite number. */
export const asNumber = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined

/** An empty list for what is none. */
export const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** The members of a list that are objects. */
export const asObjects = (value: unknown): readonly JsonObject[] => asList(value).filter(isObject)

/** The parts of a content in any form that servers give it: text, one part, a list of both. */
export const asParts = (value: unknown): readonly JsonObject[] => {
  if (typeof value === 'string') return value === '' ? [] : [{ type: 'text', text: value }]
  return isObject(value) ? [value] : asList(value).flatMap(asParts)
}

/** The parsed text, or undefined where it is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The object without its undefined members, so that a spread or a body does not say what was not said; itself where it has none. */
export function defined<T extends object>(
  object: T,
): { readonly [K in keyof T]: Exclude<T[K], undefined> } {
  // only members that are undefined are left out, as the return type says
  if (!Object.values(object).includes(undefined)) return object as never
  return Object.fromEntries(
    Object.entries(object).filter(([, value]) => value !== undefined),
  ) as never
}

/** The object, or undefined where it has no members. */
export function nonEmpty<T extends object>(object: T): T | undefined {
  for (const _ in object) return object
  return undefined
}

/** The same JSON value, whatever the order of its members. */
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
