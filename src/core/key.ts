/** Typed keys for values shared by the layers of one call. */

declare const phantom: unique symbol

export interface Key<in out T> {
  readonly name: string
  readonly [phantom]?: (value: T) => T
}

/** Creates a key for `ctx.get` and `ctx.set`. Two keys with the same name are distinct. */
export const key = <T>(name: string): Key<T> => Object.freeze({ name })

/** Values shared by the layers of one call, by key. */
export class Values {
  private readonly values = new Map<Key<never>, unknown>()

  get<T>(key: Key<T>): T | undefined {
    // only set() writes, and it pairs key and value
    return this.values.get(key as unknown as Key<never>) as T | undefined
  }

  set<T>(key: Key<T>, value: T): void {
    // the map does not use the value's type
    this.values.set(key as unknown as Key<never>, value)
  }
}
