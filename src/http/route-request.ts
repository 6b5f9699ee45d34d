/** What a route is, and one request to it. */
import type { Store } from '../store/index.js'
import type { Format } from './formats/index.js'
import type { HistorySigner } from './input/signing.js'
import type { HandlerClient, HandlerOptions } from './options.js'
import { type PublicError, toPublicError } from './public-error.js'
import type { StreamOptions } from './stream/respond.js'
import type { Sessions } from './stream/sessions.js'

export interface Route<State> {
  readonly ai: HandlerClient<State>
  readonly options: HandlerOptions<State>
  /** Public name → real name. */
  readonly models: ReadonlyMap<string, string>
  readonly sessions: Sessions
  readonly signer: HistorySigner | undefined
  /** Where approvals are marked as used. */
  readonly used: Store
}

export interface RouteRequest<State> {
  readonly route: Route<State>
  readonly request: Request
  readonly path: string
  /** Undefined until the body says it. */
  readonly format: Format | undefined
  readonly request_id: string
  readonly headers: Readonly<Record<string, string>>
  /** Reports a failure to the app, once, and gives its public side. */
  readonly reportError: (error: unknown) => PublicError
}

/** The path without slashes at its end. */
export function pathOf(request: Request): string {
  const { pathname } = new URL(request.url)
  let end = pathname.length
  while (pathname[end - 1] === '/') end--
  return pathname.slice(0, end)
}

/** Reports each error to the app once, and gives what the client may know of it. */
export function errorReporter<State>(
  { onError }: HandlerOptions<State>,
  request_id: string,
): (error: unknown) => PublicError {
  const reported = new WeakSet<object>()
  return (error) => {
    const isObject = typeof error === 'object' && error !== null
    if (!isObject || !reported.has(error)) {
      if (isObject) reported.add(error)
      try {
        onError?.(error, { request_id })
      } catch {
        // a log that fails must not fail the answer
      }
    }
    return toPublicError(error, request_id)
  }
}

/** Whose answers a caller may read on and stop. Empty: whoever knows their ids, which are not to be guessed. */
export function ownerOf<State>(state: State, { user }: HandlerOptions<State>): string {
  if (user) return user(state)
  const { userId } = state as { readonly userId?: unknown }
  return typeof userId === 'string' ? userId : ''
}

/** How an answer goes out on this route; `id` is its name, where it is new. */
export const streamOptions = <State>(
  { route, headers }: RouteRequest<State>,
  format: Format,
  id?: string,
): StreamOptions => ({
  heartbeatMs: route.options.heartbeatMs ?? 15_000,
  headers: { ...headers, ...format.headers, ...(id !== undefined && { 'x-stream-id': id }) },
})
