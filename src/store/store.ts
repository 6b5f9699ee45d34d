/** The one interface of all that is kept between calls: resume logs, budgets, caches, approvals. */

import type { CapState, HoldRequest, HoldResult, SettleRequest } from './ledger.js'

/**
 * The first seven operations are enough for routes. The others are for what holds over processes: a feature that needs
 * one names it where it is missing.
 */
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
  /** Sets the key only where it holds `expected`; tells whether it did. The same value renews its life. Atomic. */
  replace?(
    key: string,
    expected: string,
    value: string,
    options: { readonly ttlMs: number },
  ): Promise<boolean>
  /** Deletes the key only where it holds `expected`; tells whether it did. Atomic. */
  deleteIf?(key: string, expected: string): Promise<boolean>
  /** Takes these entries off the front of a log, only where they stand there; tells whether it did. Atomic. */
  shift?(key: string, entries: readonly string[]): Promise<boolean>
  /** Puts a member into a queue, or moves one that is there: due in so many milliseconds. Atomic, and kept for good. */
  schedule?(queue: string, member: string, options: { readonly inMs: number }): Promise<void>
  /**
   * Members that are due, the longest due first, at most `limit` (100). Each is due again after `leaseMs`, so that
   * nobody else gets it meanwhile, and what a process that died had claimed comes back. Atomic.
   */
  claim?(queue: string, options: ClaimOptions): Promise<readonly Claimed[]>
  /** Takes a member out, only where it is due at that very time; tells whether it did. Atomic. */
  unschedule?(queue: string, member: string, at: number): Promise<boolean>
  /**
   * Holds amounts on caps of one ledger: all, or none where one would be passed. The id of a hold that is there adds to
   * it and renews its lease. What expires unsettled is booked as used. By the clock of the store. Atomic.
   */
  hold?(ledger: string, request: HoldRequest): Promise<HoldResult>
  /** Books the real figures in place of a hold; also late, and again: the difference is booked. Atomic. */
  settle?(ledger: string, request: SettleRequest): Promise<readonly CapState[]>
}

/** A store with every operation, as those of this package are. */
export type FullStore = Required<Store>

export interface ClaimOptions {
  /** Milliseconds. */
  readonly leaseMs: number
  /** @default 100 */
  readonly limit?: number | undefined
}

export interface Claimed {
  readonly member: string
  /** When it is due again, by the clock of the store: what `unschedule` wants. */
  readonly at: number
}

export interface AppendOptions {
  /** Milliseconds. */
  readonly ttlMs: number
  /** The length that the log must have. */
  readonly at?: number | undefined
}
