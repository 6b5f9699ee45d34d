/** JSON helpers that every room uses: safe access, safe parsing. */

export type JsonObject = { readonly [key: string]: unknown }

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The parsed text, or undefined where it is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The object without its undefined members, so that a spread or a body does not say what was not said. */
export function defined<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  // only members that are undefined are left out, as the return type says
  return Object.fromEntries(
    Object.entries(object).filter(([, value]) => value !== undefined),
  ) as never
}
