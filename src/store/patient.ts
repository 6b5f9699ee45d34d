/** A store with a timeout and a circuit breaker: after failures in a row it rests for `restMs`. */
import { ServiceUnavailableError } from '../core/errors.js'
import type { Store } from './store.js'

export interface PatientOptions {
  /** Time limit of one call. Milliseconds. @default 2_000 */
  readonly patienceMs?: number | undefined
  /** How long a failed store is not called. Milliseconds. @default 5_000 */
  readonly restMs?: number | undefined
  /** Failures in a row that open the circuit. @default 3 */
  readonly maxFailures?: number | undefined
  /** The clock, in milliseconds. @default Date.now */
  readonly now?: (() => number) | undefined
}

/**
 * Every operation rejects with `ServiceUnavailableError`, code `store_unavailable`, when the store
 * fails, exceeds `patienceMs`, or is not called after failures. After `restMs` one call at a time
 * tries again.
 */
export function patientStore<S extends Store>(store: S, options: PatientOptions = {}): S {
  const { patienceMs = 2_000, restMs = 5_000, maxFailures = 3, now = Date.now } = options
  let failures = 0
  let restsUntil = 0
  let lastCause: unknown
  const attempt = async <T>(work: () => Promise<T>): Promise<T> => {
    if (failures >= maxFailures) {
      if (now() < restsUntil) {
        const error = unavailable('The store failed recently and was not called', lastCause)
        skipped.add(error)
        throw error
      }
      restsUntil = now() + restMs
    }
    try {
      const value = await inTime(work, patienceMs)
      failures = 0
      return value
    } catch (cause) {
      failures++
      lastCause = cause
      restsUntil = now() + restMs
      throw unavailable('The store failed or took too long', cause)
    }
  }
  const patient = new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => attempt(async () => value.apply(target, args))
    },
  })
  originals.set(patient, store)
  return patient
}

const originals = new WeakMap<object, unknown>()

/** The store below a patient one: its operations are not skipped, and have no time limit. */
export const unguarded = <S extends object>(store: S): S =>
  // `patientStore` maps a store to one of the same type
  (originals.get(store) as S | undefined) ?? store

const skipped = new WeakSet<object>()

/** True if the store was not called; otherwise a write may have been applied, or will be later. */
export const wasSkipped = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && skipped.has(error)

const unavailable = (message: string, cause: unknown) =>
  new ServiceUnavailableError(message, { code: 'store_unavailable', cause })

/** Rejects when `work` has not settled after `ms` milliseconds. */
export function inTime<T>(work: () => Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error(`No answer within ${ms} ms`))
    const timer = setTimeout(late, ms)
    work()
      .then(resolve, reject)
      .finally(() => clearTimeout(timer))
  })
}
