/** Secrets that code may read by name, and that are never printed. */

/** `Symbol.for` instead of `node:util`, which other runtimes lack. */
export const inspectCustom = Symbol.for('nodejs.util.inspect.custom')

/**
 * A frozen copy whose members are read by name only: spreads, `JSON.stringify` and `util.inspect`
 * skip them.
 */
export function hidden<T extends object>(members: T): T {
  const copy = { [inspectCustom]: () => '[hidden]' }
  Object.defineProperty(copy, inspectCustom, { enumerable: false })
  // own property names, not keys: the input may itself be hidden
  for (const name of Object.getOwnPropertyNames(members))
    Object.defineProperty(copy, name, { value: members[name as keyof T], enumerable: false })
  // the members exist, but are not enumerable
  return Object.freeze(copy) as unknown as T
}

/**
 * A frozen copy that code may read, list and spread, but whose values are not printed. For members
 * that layers copy with a change, such as headers: `{ ...ctx.options.headers, 'x-trace': id }`
 * copies all, without this protection.
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
