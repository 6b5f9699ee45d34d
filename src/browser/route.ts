/** The endpoints of a route, and the requests to them. */
import { trimSlashes } from '../chat/trim-slashes.js'
import { toConnectionError } from './errors.js'

export interface RouteOptions {
  /** Where the handler is mounted: `/api/chat`. */
  readonly url: string
  /** Sent with each request; a function is called each time, for tokens that expire. */
  readonly headers?: HeadersOption | (() => HeadersOption | Promise<HeadersOption>) | undefined
  /** @default 'same-origin' */
  readonly credentials?: 'omit' | 'same-origin' | 'include' | undefined
  /** @default the global one */
  readonly fetch?: typeof globalThis.fetch | undefined
}

type HeadersOption = Readonly<Record<string, string>>

export interface Route {
  post(body: unknown, signal?: AbortSignal | undefined): Promise<Response>
  /** Resumes an answer after the event with this id. */
  resume(id: string, lastEventId: string | undefined, signal: AbortSignal): Promise<Response>
  /** By the id of an answer, or by the name that its request has. */
  stop(id: string): Promise<unknown>
}

/** The requests of a client. `post` and `resume` reject with a `TetradError` without a response. */
export function routeOf({ url, headers = {}, credentials, fetch }: RouteOptions): Route {
  const send = async (path: string, init: Init) => {
    try {
      const own = typeof headers === 'function' ? await headers() : headers
      // called as a bare function: a browser's fetch rejects any other `this`
      const call = fetch ?? globalThis.fetch
      return await call(addressOf(url, path), {
        ...init,
        headers: { ...own, ...init.headers },
        ...(credentials && { credentials }),
      })
    } catch (error) {
      throw toConnectionError(error, init.signal)
    }
  }
  const post = (path: string, body: unknown, init: Init) =>
    send(path, { method: 'POST', headers: json, body: JSON.stringify(body), ...init })
  return {
    post: (body, signal) => post('', body, { signal: signal ?? null }),
    resume: (id, lastEventId, signal) =>
      send(`/${encodeURIComponent(id)}/stream`, {
        ...(lastEventId && { headers: { 'last-event-id': lastEventId } }),
        signal,
        // an answer that grows must not come from a cache
        cache: 'no-store',
      }),
    // keepalive: sent even as the page unloads. Ignores failure: the answer ends without a reader
    stop: (id) => post(`/${encodeURIComponent(id)}/stop`, {}, { keepalive: true }).catch(() => {}),
  }
}

type Init = Omit<RequestInit, 'headers'> & { readonly headers?: HeadersOption }

const json = { 'content-type': 'application/json' }

/** Adds a path before the query; the query sets the format, whatever the route's default. */
function addressOf(url: string, path: string): string {
  const [address = '', query = ''] = url.replace(/#.*/s, '').split(/\?(.*)/s)
  const fullQuery = /(^|&)format=/.test(query) ? query : `${query && `${query}&`}format=chunks`
  return `${trimSlashes(address)}${path}?${fullQuery}`
}
