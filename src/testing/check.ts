/** Shared by the contract suites: they run in any test framework, or none. */
import { isSameJson } from '../chat/index.js'
import { MisuseError } from '../core/errors.js'

/** A failed check. */
export interface CheckFailure {
  /** Name of the check. */
  readonly name: string
  readonly message: string
  readonly cause: unknown
}

export type Checks<Subject> = Readonly<Record<string, (subject: Subject) => void | Promise<void>>>

/**
 * Throws `MisuseError` for an instance instead of a factory, such as a layer `(ctx, next) => …`.
 */
export function checkFactory(make: unknown, call: string): void {
  if (typeof make === 'function' && make.length < 2) return
  throw new MisuseError(`Pass a function that makes one for each check: ${call}`)
}

/**
 * Runs the checks in sequence, and returns those that failed. `begin` creates the subject of each.
 */
export async function runChecks<Subject>(
  checks: Checks<Subject>,
  begin: (index: number) => Subject,
): Promise<readonly CheckFailure[]> {
  const failures: CheckFailure[] = []
  for (const [index, [name, check]] of Object.entries(checks).entries()) {
    try {
      await check(begin(index))
    } catch (cause) {
      failures.push({
        name,
        message: cause instanceof Error ? cause.message : String(cause),
        cause,
      })
    }
  }
  return failures
}

export function ensure(isSo: boolean, otherwise: string): asserts isSo {
  if (!isSo) throw new Error(otherwise)
}

/** Compares as JSON. */
export function equal(actual: unknown, expected: unknown, what: string): void {
  const [is, should] = [actual, expected].map((one) => JSON.stringify(one))
  ensure(is === should || isSameJson(actual, expected), `${what}: ${is}, not ${should}`)
}

export const nameOf = (error: unknown): string =>
  error === undefined ? 'an answer' : error instanceof Error ? error.name : String(error)

/** Rejects if the promise takes longer than `ms` milliseconds. */
export function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout>
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it had not ended after ${ms} ms`)), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
