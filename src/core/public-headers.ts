/** The headers of a response that an app may read, log and store: without cookies, and without what may be a secret. */
import { isObject } from '../chat/index.js'

/** Undefined where there are none. Names come in lower case. */
export function publicHeaders(given: unknown): Readonly<Record<string, string>> | undefined {
  const entries = entriesOf(given)
    .map(([name, value]) => [String(name).toLowerCase(), value] as const)
    .filter(([name, value]) => typeof value === 'string' && !secretName.test(name))
    .filter(([, value]) => !keyLike.test(String(value)))
  return entries.length > 0 ? (Object.fromEntries(entries) as Record<string, string>) : undefined
}

/** `Headers` of any realm, a Map, or a plain object: what an adapter of one's own has at hand. */
function entriesOf(given: unknown): readonly (readonly [unknown, unknown])[] {
  if (!isObject(given)) return []
  if (typeof given.forEach !== 'function') return Object.entries(given)
  const entries: [unknown, unknown][] = []
  given.forEach((value: unknown, name: unknown) => {
    entries.push([name, value])
  })
  return entries
}

/** `x-ratelimit-remaining-tokens` is a count, `x-auth-token` is not. */
const secretName =
  /cookie|authoriz|authenticat|(^|-)auth(-|$)|api-?key|secret|password|session|csrf|xsrf|(^|-)token$|signature/

/** The way keys begin, and credentials in an address. */
const keyLike =
  /\b(Bearer |Basic |sk-|xai-|gsk_|AIza|ya29\.|eyJ)\S|[?&](key|token|sig|signature)=|\/\/[^/\s@]+@/i
