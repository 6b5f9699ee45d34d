/** The addresses of a route, and how it is called. */
import { trimSlashes } from '../chat/trim-slashes.js'
import { toConnectionError } from './errors.js'

export interface RouteOptions {
  /** Where the handler is mounted: `/api/chat`. */
  readonly url: string
  /** Sent with each request; a function is asked each time, as for tokens that expire. */
  readonly headers?: HeadersOption | (() => HeadersOption | Promise<HeadersOption>) | undefined
  /** @default 'same-origin' */
  readonly credentials?: 'omit' | 'same-origin' | 'include' | undefined
  /** @default the global one */
  readonly fetch?: typeof globalThis.fetch | undefined
}

type HeadersOption = Readonly<Record<string, string>>

export interface Route {
  ask(body: unknown, signal?: AbortSignal | undefined): Promise<Response>
  /** The answer again, behind the event with this id. */
  resume(id: string, lastEventId: string | undefined, signal: AbortSignal): Promise<Response>
  stop(id: string): Promise<void>
}

/** The three requests of a client. Each rejects with a `TetradError` when there is no answer at all. */
export function routeOf({ url, headers = {}, credentials, fetch }: RouteOptions): Route {
  const send = async (path: string, init: Init) => {
    try {
      const own = typeof headers === 'function' ? await headers() : headers
      // called as a bare function: a browser's fetch refuses any other `this`
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
    ask: (body, signal) => post('', body, { signal: signal ?? null }),
    resume: (id, lastEventId, signal) =>
      send(`/${encodeURIComponent(id)}/stream`, {
        ...(lastEventId !== undefined && { headers: { 'last-event-id': lastEventId } }),
        signal,
        // an answer that grows must not come from a cache
        cache: 'no-store',
      }),
    // keepalive: a page that is left still says it. An answer that cannot be stopped has ended, or will when nobody reads it
    stop: (id) =>
      post(`/${encodeURIComponent(id)}/stop`, {}, { keepalive: true }).then(nothing, nothing),
  }
}

type Init = Omit<RequestInit, 'headers'> & { readonly headers?: HeadersOption }

const nothing = () => {}

const json = { 'content-type': 'application/json' }

/** A path below the address, in front of its query; the query says the format, whatever the route's default is. */
function addressOf(url: string, path: string): string {
  const [address = '', query = ''] = url.replace(/#.*/s, '').split(/\?(.*)/s)
  const asked = /(^|&)format=/.test(query) ? query : `${query && `${query}&`}format=chunks`
  return `${trimSlashes(address)}${path}?${asked}`
}
