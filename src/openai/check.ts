/** Validates a body from an untrusted client; errors name the path and the expected value. */
import { isObject, type JsonObject } from '../chat/index.js'
import { BadRequestError } from '../core/index.js'

/** An invalid body. `param` is the path of the invalid member. */
class InvalidBodyError extends BadRequestError {
  constructor(
    readonly param: string,
    what: string,
  ) {
    super(`Invalid '${param}': ${what}.`, { status: 400, code: 'invalid_value' })
  }
}

/** The path of the invalid member, for an error that these checks threw. */
export const paramOf = (error: unknown): string | undefined =>
  error instanceof InvalidBodyError ? error.param : undefined

export const invalid = (path: string, what: string): BadRequestError =>
  new InvalidBodyError(path, what)

/** Returns the value as the checked type, or throws `BadRequestError`. */
export type Check<T> = (value: unknown, path: string) => T

const check =
  <T>(is: (value: unknown) => value is T, what: string): Check<T> =>
  (value, path) => {
    if (is(value)) return value
    throw invalid(path, `expected ${what}`)
  }

export const string = check((value) => typeof value === 'string', 'a string')
export const filled = check(
  (value): value is string => typeof value === 'string' && value !== '',
  'a string that is not empty',
)
export const boolean = check((value) => typeof value === 'boolean', 'a boolean')
export const number = check(
  (value): value is number => typeof value === 'number' && Number.isFinite(value),
  'a number',
)
export const integer = check(
  (value): value is number => Number.isSafeInteger(value),
  'a whole number',
)
export const count = check(
  (value): value is number => Number.isSafeInteger(value) && Number(value) >= 0,
  'a whole number, not negative',
)
export const object: Check<JsonObject> = check(isObject, 'an object')

export const oneOf = <const T extends string>(...options: readonly T[]): Check<T> =>
  check(
    (value): value is T => options.some((option) => option === value),
    options.map((option) => `'${option}'`).join(', '),
  )

export const listOf =
  <T>(item: Check<T>): Check<readonly T[]> =>
  (value, path) => {
    if (!Array.isArray(value)) throw invalid(path, 'expected a list')
    return value.map((one, index) => item(one, `${path}[${index}]`))
  }

export const recordOf =
  <T>(item: Check<T>): Check<Readonly<Record<string, T>>> =>
  (value, path) =>
    Object.fromEntries(
      Object.entries(object(value, path)).map(([key, one]) => [key, item(one, `${path}.${key}`)]),
    )

export const either =
  <A, B>(is: (value: unknown) => boolean, first: Check<A>, second: Check<B>): Check<A | B> =>
  (value, path) =>
    is(value) ? first(value, path) : second(value, path)

/** The members that are present, each checked; null counts as absent. Other members are dropped. */
export function members<T extends object>(
  source: JsonObject,
  path: string,
  table: { readonly [Key in keyof T]: Check<T[Key]> },
): Partial<T> {
  const found: [string, unknown][] = []
  for (const [key, checkOne] of Object.entries<Check<unknown>>(table)) {
    const value = Object.hasOwn(source, key) ? source[key] : undefined
    if (value === undefined || value === null) continue
    found.push([key, checkOne(value, path === '' ? key : `${path}.${key}`)])
  }
  // each value went through the check of its key
  return Object.fromEntries(found) as Partial<T>
}

/** One required member. */
export const required = <T>(source: JsonObject, path: string, key: string, is: Check<T>): T =>
  is(Object.hasOwn(source, key) ? source[key] : undefined, path === '' ? key : `${path}.${key}`)
