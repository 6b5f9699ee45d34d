/** Headers and body of a request, checked before any connection. */
import { BadRequestError, type ErrorDetails } from '../core/index.js'

type HeaderSource = Readonly<Record<string, string | null | undefined>> | undefined

/**
 * Own keys only; a later source wins, and null or undefined takes a header out.
 * Throws `BadRequestError` with code `bad_header` that names the header and does not show its value.
 */
export function mergeHeaders(sources: readonly HeaderSource[], details: ErrorDetails): Headers {
  const merged = new Headers()
  for (const [name, value] of sources.flatMap((source) => Object.entries(source ?? {}))) {
    try {
      if (value === null || value === undefined) merged.delete(name)
      else merged.set(name, value)
    } catch {
      throw new BadRequestError(`The header ${JSON.stringify(name)} cannot be sent`, {
        ...details,
        status: 400,
        code: 'bad_header',
      })
    }
  }
  return merged
}

/**
 * The body as JSON. A lone surrogate, which no UTF-8 can carry and providers refuse, becomes U+FFFD.
 * Throws `BadRequestError` with code `bad_body` for what JSON cannot say (a cycle, a BigInt).
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

/** `JSON.stringify` writes lone surrogates, and only those, as escapes. */
const surrogateEscape = /\\ud[89a-f][0-9a-f]{2}/

const loneSurrogates = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

const wellFormed = (_key: string, value: unknown): unknown =>
  typeof value === 'string' ? value.replace(loneSurrogates, '\ufffd') : value
