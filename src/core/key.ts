/** Typed keys for what layers of one call share. */

declare const phantom: unique symbol

export interface Key<in out T> {
  readonly name: string
  readonly [phantom]?: (value: T) => T
}

/** Makes a key for `ctx.get` and `ctx.set`. Two keys of one name are two keys. */
export const key = <T>(name: string): Key<T> => Object.freeze({ name })
