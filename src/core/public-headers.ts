/**
 * The response headers that an app may read, log and store: without cookies and possible secrets.
 */
import { isObject } from '../chat/index.js'

/** Undefined if there are none. Names are in lower case. */
export function publicHeaders(given: unknown): Readonly<Record<string, string>> | undefined {
  const shown: [string, string][] = []
  const add = (value: unknown, given: unknown) => {
    const name = String(given).toLowerCase()
    if (typeof value !== 'string' || secretName.test(name) || keyLike.test(value)) return
    shown.push([name, value])
  }
  eachHeader(given, add)
  return shown.length > 0 ? Object.fromEntries(shown) : undefined
}

/** Accepts `Headers` of any realm, a Map, or a plain object of a custom adapter. */
function eachHeader(given: unknown, add: (value: unknown, name: unknown) => void): void {
  if (!isObject(given)) return
  if (typeof given.forEach === 'function') given.forEach(add)
  else for (const [name, value] of Object.entries(given)) add(value, name)
}

/** `x-ratelimit-remaining-tokens` is a count, `x-auth-token` is not. */
const secretName =
  /cookie|authoriz|authenticat|(^|-)auth(-|$)|api-?key|secret|password|session|csrf|xsrf|(^|-)token$|signature/

/** Prefixes of keys, and credentials in a URL. */
const keyLike =
  /(?<![a-z0-9])(Bearer |Basic |sk-|xai-|gsk_|pplx-|AIza|ya29\.|eyJ)\S|[?&](key|token|sig|signature)=|\/\/[^/\s@]+@/i
