/** Own members that are read from another object at each look: a signal that few ask for, a usage that still grows. */

import type { Usage } from '../chat/index.js'

/**
 * Makes what gives an object such a member, and may be called again with another source. One getter for all objects: that
 * of an object literal is a new hidden class each time, which lives, with all that it reaches, until the next full collection.
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
    // defineProperty gives back the object that it was given
    return Object.defineProperty(members, name, member) as Members & Source
  }
}

/** An `AbortSignal` that is made for who asks. */
export const withSignal = live<'signal', AbortSignal>('signal')

export const withUsage = live<'usage', Usage>('usage')

/** The same with other members: a spread would look at the signal. */
export function withMembers<Given extends { readonly signal: AbortSignal }>(
  given: Given,
  members: Partial<Given>,
): Given {
  const names = Object.keys(given).filter((name) => name !== 'signal')
  const copy = Object.fromEntries(names.map((name) => [name, given[name as keyof Given]]))
  // all members but one, which follows
  return withSignal({ ...copy, ...members }, given) as unknown as Given
}
