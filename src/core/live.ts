/**
 * Own members read from another object on each access: a signal created on demand, a usage that
 * still grows.
 */

import type { Usage } from '../chat/index.js'

/**
 * Returns a function that defines such a member, and may be called again with another source. All
 * objects share one getter: one in an object literal creates a hidden class each time, which lives,
 * with all it references, until the next major collection.
 */
const live = <Name extends string, Value>(name: Name) => {
  type Source = { readonly [Key in Name]: Value }
  const source = Symbol(name)
  const member = {
    enumerable: true,
    configurable: true,
    get(this: { readonly [source]: Source }): Value {
      return this[source][name]
    },
  }
  return <Members extends object>(members: Members, from: Source): Members & Source => {
    Object.defineProperty(members, source, { value: from, configurable: true })
    // defineProperty returns its first argument
    return Object.defineProperty(members, name, member) as Members & Source
  }
}

/** An `AbortSignal` created on first access. */
export const withSignal = live<'signal', AbortSignal>('signal')

export const withUsage = live<'usage', Usage>('usage')

/** A copy with other members: a spread would read, and so create, the signal. */
export function withMembers<Given extends { readonly signal: AbortSignal }>(
  given: Given,
  members: Partial<Given>,
): Given {
  const names = Object.keys(given).filter((name) => name !== 'signal')
  const copy = Object.fromEntries(names.map((name) => [name, given[name as keyof Given]]))
  // all members but one, which follows
  return withSignal({ ...copy, ...members }, given) as unknown as Given
}
