/** The one interface of all that is kept between calls: resume logs, budgets, caches, approvals. */

export interface Store {
  /** The value of a key; undefined where there is none, or it has expired. */
  get(key: string): Promise<string | undefined>
  set(key: string, value: string, options: { readonly ttlMs: number }): Promise<void>
  /** Sets the key only where there is none; tells whether it did. Atomic: single use rests on it. */
  setIfAbsent(key: string, value: string, options: { readonly ttlMs: number }): Promise<boolean>
  /** Adds to an integer and gives the sum. Atomic. The time to live starts with the first addition. */
  increment(key: string, by: number, options: { readonly ttlMs: number }): Promise<number>
  delete(key: string): Promise<void>
  /**
   * Adds entries to the end of a log and renews its time to live; gives its new length. Atomic. No entries: renews the
   * life of one that is there, and gives its length. With `at` only where the log has that length: else nothing is
   * added and -1 given.
   */
  append(key: string, entries: readonly string[], options: AppendOptions): Promise<number>
  /** The entries of a log from a position on, at most `limit`; empty where there are none. */
  read(key: string, from: number, limit?: number): Promise<readonly string[]>
}

export interface AppendOptions {
  /** Milliseconds. */
  readonly ttlMs: number
  /** The length that the log must have. */
  readonly at?: number | undefined
}
