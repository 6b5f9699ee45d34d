/** Typed keys for what layers of one call share. */

declare const phantom: unique symbol

export interface Key<in out T> {
  readonly name: string
  readonly [phantom]?: (value: T) => T
}

/** Makes a key for `ctx.get` and `ctx.set`. Two keys of one name are two keys. */
export const key = <T>(name: string): Key<T> => Object.freeze({ name })

/** What the layers of one call share, by key. */
export class Values {
  private readonly values = new Map<Key<never>, unknown>()

  get<T>(key: Key<T>): T | undefined {
    // only set() writes, and it pairs key and value
    return this.values.get(key as unknown as Key<never>) as T | undefined
  }

  set<T>(key: Key<T>, value: T): void {
    // the map itself does not look at values
    this.values.set(key as unknown as Key<never>, value)
  }
}
