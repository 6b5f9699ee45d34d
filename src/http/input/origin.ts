/** Cross-origin access: CORS is off until origins are listed; other sites are rejected. */
import { MisuseError } from '../../core/index.js'
import { RefusedError } from '../public-error.js'

export interface OriginOptions {
  /**
   * Other origins whose pages may call: `https://app.example.com`. `*` is any, without credentials.
   * @default none
   */
  readonly origins?: readonly string[] | undefined
  /** Allows those pages to send cookies. @default false */
  readonly credentials?: boolean | undefined
}

/** Throws `MisuseError` for `*` with credentials, and for what no browser sends as an origin. */
export function checkOriginOptions({ origins = [], credentials = false }: OriginOptions): void {
  for (const origin of origins)
    if (!isOrigin(origin))
      throw new MisuseError(
        `origins: '${origin}' is no origin: write scheme, host and port alone, as in https://app.example.com`,
      )
  if (credentials && origins.includes('*'))
    throw new MisuseError('origins: `*` cannot be combined with credentials: list the origins')
}

/** Of other schemes (`chrome-extension:`) a URL does not know the origin. */
function isOrigin(text: string): boolean {
  if (text === '*' || text === 'null') return true
  if (!URL.canParse(text)) return false
  const { origin, protocol } = new URL(text)
  return origin === text || (origin === 'null' && text.startsWith(`${protocol}//`))
}

/**
 * Rejects a request from a page of another site, by `Sec-Fetch-Site`, or by `Origin` where the
 * browser does not send it. Clients other than browsers send neither and pass. Throws
 * `RefusedError` 403 `origin_not_allowed`.
 */
export function checkOrigin(request: Request, options: OriginOptions): void {
  const site = request.headers.get('sec-fetch-site')
  const origin = request.headers.get('origin')
  if (site === 'same-origin' || site === 'none') return
  if (origin === null ? site === null : isAllowed(origin, options) || isOwn(origin, request)) return
  throw new RefusedError('origin_not_allowed', 'This page may not call here.', { status: 403 })
}

const isAllowed = (origin: string, { origins = [] }: OriginOptions) =>
  origins.includes(origin) || (origins.includes('*') && origin !== 'null')

const isOwn = (origin: string, request: Request) => {
  const { host } = new URL(request.url)
  const named = request.headers.get('host') ?? host
  // proxies may add the default port, which browsers omit: `Host $host:$server_port`
  const hosts = [named, named.replace(/:(?:80|443)$/, '')]
  return hosts.some((one) => one.toLowerCase() === origin.replace(/^https?:\/\//, ''))
}

/** The headers that let an allowed page read the response; other origins are never reflected. */
export function corsHeaders(request: Request, options: OriginOptions): Record<string, string> {
  if (!options.origins?.length) return {}
  const origin = request.headers.get('origin')
  if (origin === null || !isAllowed(origin, options)) return { vary: 'Origin' }
  return {
    vary: 'Origin',
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'x-request-id, x-stream-id, retry-after',
    ...(options.credentials && { 'access-control-allow-credentials': 'true' }),
  }
}

/** The headers that our own clients send. */
const ownHeaders = 'authorization, content-type, last-event-id'

/** Headers requested by a preflight: libraries add their own (`x-stainless-os`, `x-csrf-token`). */
function allowedHeaders(request: Request): string {
  const names = (request.headers.get('access-control-request-headers') ?? '')
    .slice(0, 4_096)
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => /^[\w!#$%&'*+.^`|~-]+$/.test(name))
  return [ownHeaders, ...names].join(', ')
}

/** The response to a preflight: what is allowed, or 403. */
export function preflight(request: Request, options: OriginOptions): Response {
  const headers = corsHeaders(request, options)
  if (!('access-control-allow-origin' in headers))
    return new Response(null, { status: 403, headers })
  return new Response(null, {
    status: 204,
    headers: {
      ...headers,
      'access-control-allow-methods': 'GET, POST, OPTIONS',
      'access-control-allow-headers': allowedHeaders(request),
      vary: 'Origin, Access-Control-Request-Headers',
      'access-control-max-age': '600',
    },
  })
}
