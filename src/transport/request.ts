/** Headers and body of a request, checked before any connection. */
import { BadRequestError, type ErrorDetails } from '../core/index.js'

type HeaderSource = Readonly<Record<string, string | null | undefined>> | undefined

/**
 * Own keys only; a later source wins, and null or undefined removes a header. Throws
 * `BadRequestError` (`bad_header`) with the name of the header, but not its value.
 */
export function mergeHeaders(
  sources: readonly HeaderSource[],
  details: ErrorDetails,
): Readonly<Record<string, string>> {
  const merged = new Map<string, string>()
  for (const [name, given] of sources.flatMap((source) => Object.entries(source ?? {}))) {
    const value = typeof given === 'string' ? given.trim() : (given ?? undefined)
    if (!token.test(name) || !sendable.test(value ?? ''))
      throw new BadRequestError(`The header ${JSON.stringify(name)} cannot be sent`, {
        ...details,
        status: 400,
        code: 'bad_header',
      })
    if (value === undefined) merged.delete(name.toLowerCase())
    else merged.set(name.toLowerCase(), String(value))
  }
  return Object.fromEntries(merged)
}

/** RFC 9110, sections 5.1 and 5.5. */
const token = /^[!#$%&'*+\-.^`|~\w]+$/
const sendable = /^[\t\x20-\x7e\x80-\xff]*$/

/**
 * The body as JSON. A lone surrogate, which UTF-8 cannot encode and providers refuse, becomes
 * U+FFFD. Throws `BadRequestError` (`bad_body`) for what JSON cannot represent (a cycle, a BigInt).
 */
export function jsonBody(body: unknown, details: ErrorDetails): string {
  try {
    const json = JSON.stringify(body)
    return surrogateEscape.test(json) ? JSON.stringify(body, wellFormed) : json
  } catch (cause) {
    throw new BadRequestError('The request cannot be written as JSON', {
      ...details,
      status: 400,
      code: 'bad_body',
      cause,
    })
  }
}

/** `JSON.stringify` escapes lone surrogates, and only those, this way. */
const surrogateEscape = /\\ud[89a-f][0-9a-f]{2}/

const loneSurrogates = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

const wellFormed = (_key: string, value: unknown): unknown =>
  typeof value === 'string' ? value.replace(loneSurrogates, '\ufffd') : value
