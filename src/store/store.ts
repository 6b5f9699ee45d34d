/** The interface for all state between calls: resume logs, budgets, caches, approvals. */

import type { CapState, HoldRequest, HoldResult, SettleRequest } from './ledger.js'

/**
 * The first seven operations are enough for routes. The others are for features across processes; a
 * feature reports the ones it needs where they are missing.
 */
export interface Store {
  /** The value of a key; undefined if it is absent or expired. */
  get(key: string): Promise<string | undefined>
  set(key: string, value: string, options: { readonly ttlMs: number }): Promise<void>
  /** Sets the key if it is absent; returns whether it did. Atomic, as single use depends on it. */
  setIfAbsent(key: string, value: string, options: { readonly ttlMs: number }): Promise<boolean>
  /** Adds to an integer; returns the sum. Atomic. The time to live starts with the first one. */
  increment(key: string, by: number, options: { readonly ttlMs: number }): Promise<number>
  delete(key: string): Promise<void>
  /**
   * Appends entries to a log, renews its time to live and returns its new length. Atomic. Without
   * entries: renews an existing log and returns its length. With `at` only if the log has that
   * length, else adds nothing and returns -1.
   */
  append(key: string, entries: readonly string[], options: AppendOptions): Promise<number>
  /** The entries of a log from a position on, at most `limit`; empty if there are none. */
  read(key: string, from: number, limit?: number): Promise<readonly string[]>
  /** Sets the key if it holds `expected`; returns whether it did. The same value renews it. Atomic. */
  replace?(
    key: string,
    expected: string,
    value: string,
    options: { readonly ttlMs: number },
  ): Promise<boolean>
  /** Deletes the key if it holds `expected`; returns whether it did. Atomic. */
  deleteIf?(key: string, expected: string): Promise<boolean>
  /** Removes these entries from a log if they are its front; returns whether it did. Atomic. */
  shift?(key: string, entries: readonly string[]): Promise<boolean>
  /** Adds a member to a queue, or moves it: due in `inMs` milliseconds. Atomic, never expires. */
  schedule?(queue: string, member: string, options: { readonly inMs: number }): Promise<void>
  /**
   * Claims due members, the longest due first, at most `limit` (100). Each is due again after
   * `leaseMs`: no other process gets it meanwhile, and claims of a process that died come back.
   * Atomic.
   */
  claim?(queue: string, options: ClaimOptions): Promise<readonly Claimed[]>
  /** Removes a member if it is due at exactly this time; returns whether it did. Atomic. */
  unschedule?(queue: string, member: string, at: number): Promise<boolean>
  /**
   * Holds amounts on caps of one ledger: all, or none if one would be exceeded. The id of an
   * existing hold adds to it, up to `held` plus `amount`, and renews its lease. A hold that expires
   * unsettled is booked as used. By the clock of the store. Atomic.
   */
  hold?(ledger: string, request: HoldRequest): Promise<HoldResult>
  /** Books actual amounts in place of a hold; if late or repeated, books the difference. Atomic. */
  settle?(ledger: string, request: SettleRequest): Promise<readonly CapState[]>
}

/** A store with every operation, as those of this package. */
export type FullStore = Required<Store>

export interface ClaimOptions {
  /** How long a claim lasts. Milliseconds. */
  readonly leaseMs: number
  /** @default 100 */
  readonly limit?: number | undefined
}

export interface Claimed {
  readonly member: string
  /** When it is due again, by the clock of the store; `unschedule` takes it. */
  readonly at: number
}

export interface AppendOptions {
  /** Time to live. Milliseconds. */
  readonly ttlMs: number
  /** The length that the log must have. */
  readonly at?: number | undefined
}
