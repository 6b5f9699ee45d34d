/** Typed keys for values shared by the layers of one call. */

declare const phantom: unique symbol

export interface Key<in out T> {
  readonly name: string
  readonly isInherited: boolean
  readonly [phantom]?: (value: T) => T
}

export interface KeyOptions {
  /** Nested calls (`ctx.client`) start with its value, and may set their own. @default false */
  readonly isInherited?: boolean | undefined
}

/** Creates a key for `ctx.get` and `ctx.set`. Two keys with the same name are distinct. */
export const key = <T>(name: string, { isInherited = false }: KeyOptions = {}): Key<T> =>
  Object.freeze({ name, isInherited })

/** Values shared by the layers of one call, by key. */
export class Values {
  private readonly values = new Map<Key<never>, unknown>()

  /** `outer` are those of the call that this one is nested in. */
  constructor(private readonly outer?: Values) {}

  get<T>(key: Key<T>): T | undefined {
    // only set() writes, and it pairs key and value
    const own = this.values.get(key as unknown as Key<never>) as T | undefined
    return own === undefined && key.isInherited ? this.outer?.get(key) : own
  }

  set<T>(key: Key<T>, value: T): void {
    // the map does not use the value's type
    this.values.set(key as unknown as Key<never>, value)
  }
}
