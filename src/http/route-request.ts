/** What a route is, and one request to it. */
import { asObject, isObject } from '../chat/index.js'
import { MisuseError } from '../core/index.js'
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
  /** What the framework gave. */
  readonly native: unknown
  readonly path: string
  /** Undefined until the body says it. */
  readonly format: Format | undefined
  readonly request_id: string
  readonly headers: Readonly<Record<string, string>>
  /** Reports a failure to the app, once, and gives its public side. */
  readonly reportError: (error: unknown) => PublicError
  /** Keeps the platform for work that outlives the answer; reports what fails in it. */
  readonly defer: (work: Promise<unknown>) => void
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

/** Hands work to the platform of a request. Never throws. */
export function deferrer<State>(
  { waitUntil = nativeWaitUntil }: HandlerOptions<State>,
  native: unknown,
  report: (error: unknown) => unknown,
): (work: Promise<unknown>) => void {
  return (work) => {
    const handOver = async () => waitUntil(work.catch(report), native)
    handOver().catch(report)
  }
}

/** Workers give it as their third argument, Hono's context has it as `executionCtx`. */
function nativeWaitUntil(work: Promise<unknown>, native: unknown): void {
  ;[native, executionContextOf(native)].find(hasWaitUntil)?.waitUntil(work)
}

const hasWaitUntil = (place: unknown): place is { waitUntil(work: Promise<unknown>): void } =>
  isObject(place) && typeof place.waitUntil === 'function'

/** Hono throws where its platform has none. */
function executionContextOf(native: unknown): unknown {
  try {
    return isObject(native) ? native.executionCtx : undefined
  } catch {
    return undefined
  }
}

/**
 * Whose answers a caller may read on and stop. Empty on a public route, and where nothing is kept or signed: whoever knows
 * their ids, which are not to be guessed. Throws `MisuseError` where everybody would be one user.
 */
export function ownerOf<State>(state: State, { options, signer }: Route<State>): string {
  const { userId } = asObject(state)
  const id: unknown = options.user ? options.user(state) : userId
  const isName = typeof id === 'string' || (typeof id === 'number' && Number.isFinite(id))
  const owner = isName ? String(id) : ''
  // `user` may say that it is nobody: an answer that is kept has an id which is not to be guessed, what is signed has none
  if (owner === '' && !options.public && (signer || (options.store && !options.user)))
    throw new MisuseError(
      'A route with `secret` or `store` must know whose an answer is: give the state a `userId`, or the option `user`, or say `public: true`',
    )
  return owner
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
