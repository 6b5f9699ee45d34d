/** Joins base URL and path, whatever their slashes and queries. */
import { trimSlashes } from '../chat/index.js'
import { BadRequestError, type ErrorDetails } from '../core/index.js'

/**
 * Throws `BadRequestError`: `bad_base_url` for a base that is no http(s) address or has a password,
 * `bad_path` for a path with dot segments (a model named `..`).
 */
export function requestUrl(
  base: string | (() => string),
  path: string,
  details: ErrorDetails,
): URL {
  const url = baseUrl(typeof base === 'function' ? base() : base, details)
  const [name = '', query] = split(path, '?')
  if (name.split('/').some(isDots))
    throw new BadRequestError('A path segment of the request is "." or ".."', {
      ...details,
      status: 400,
      code: 'bad_path',
    })
  url.pathname = `${trimSlashes(url.pathname)}/${name.replace(/^\/+/, '')}`
  if (query) url.search = url.search ? `${url.search}&${query}` : query
  url.hash = ''
  return url
}

const baseUrl = (base: unknown, details: ErrorDetails): URL => {
  const url = typeof base === 'string' ? parse(base.trim()) : undefined
  const isUsable = url && /^https?:$/.test(url.protocol) && !url.username && !url.password
  if (isUsable) return url
  throw new BadRequestError(
    `The base URL of ${details.provider} must be an absolute http(s) address without a password`,
    { ...details, status: 400, code: 'bad_base_url' },
  )
}

const parse = (text: string) => {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}

const split = (text: string, at: string): readonly [string, string?] => {
  const index = text.indexOf(at)
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)]
}

/** `%2e` is a dot in URL parsers. */
const isDots = (segment: string) => /^(\.|%2e){1,2}$/i.test(segment)
