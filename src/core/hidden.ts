/** Secrets that code may read by name, and that no print of what holds them shows. */

/** `Symbol.for` in place of `node:util`: the core runs where there is none. */
export const inspectCustom = Symbol.for('nodejs.util.inspect.custom')

/** A frozen copy whose members are read by name only: spreads, `JSON.stringify` and `util.inspect` pass them over. */
export function hidden<T extends object>(members: T): T {
  const copy = { [inspectCustom]: () => '[hidden]' }
  Object.defineProperty(copy, inspectCustom, { enumerable: false })
  // names in place of keys: what was hidden once may be given on
  for (const name of Object.getOwnPropertyNames(members))
    Object.defineProperty(copy, name, { value: members[name as keyof T], enumerable: false })
  // the members are there, only not enumerable
  return Object.freeze(copy) as unknown as T
}

/**
 * A frozen copy that code may read, list and spread, and whose values no print shows. For what layers copy with a change,
 * as headers: `{ ...ctx.options.headers, 'x-trace': id }` has them all, and its maker's own care to take.
 */
export function masked(
  members: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const show = () =>
    Object.fromEntries(Object.keys(members).map((name) => [name, '[hidden]'] as const))
  const copy = { ...members }
  for (const name of [inspectCustom, 'toJSON'])
    if (!Object.hasOwn(copy, name)) Object.defineProperty(copy, name, { value: show })
  return Object.freeze(copy)
}
