/** A route, one request to it, and the helpers its handlers share. */
import { asObject, isObject } from '../chat/index.js'
import { MisuseError } from '../core/index.js'
import type { Store } from '../store/index.js'
import { chunks, type Format } from './formats/index.js'
import type { HistorySigner } from './input/signing.js'
import type { HandlerClient, HandlerOptions } from './options.js'
import { type PublicError, toPublicError } from './public-error.js'
import { json, retryAfter, type StreamOptions } from './stream/respond.js'
import type { Sessions } from './stream/sessions.js'

export interface Route<State> {
  readonly ai: HandlerClient<State>
  readonly options: HandlerOptions<State>
  /** Public name → real name. */
  readonly models: ReadonlyMap<string, string>
  readonly sessions: Sessions
  readonly signer: HistorySigner | undefined
  /** The store that records used approvals. */
  readonly used: Store
}

export interface RouteRequest<State> {
  readonly route: Route<State>
  readonly request: Request
  /** What the framework passed: `{ req, res }` on Node. */
  readonly native: unknown
  readonly path: string
  /** Undefined until the body has been read, unless path, query or option specify it. */
  readonly format: Format | undefined
  readonly request_id: string
  readonly headers: Readonly<Record<string, string>>
  /** Reports an error to the app once and returns its public form. */
  readonly reportError: (error: unknown) => PublicError
  /** Keeps the platform alive for work that outlives the response; reports its failure. */
  readonly defer: (work: Promise<unknown>) => void
}

/** The path without trailing slashes. */
export function pathOf(request: Request): string {
  const { pathname } = new URL(request.url)
  let end = pathname.length
  while (pathname[end - 1] === '/') end--
  return pathname.slice(0, end)
}

/** Reports each error to the app once and returns its public form. */
export function errorReporter<State>(
  { onError }: HandlerOptions<State>,
  request_id: string,
): (error: unknown) => PublicError {
  const reported = new WeakSet<object>()
  return (error) => {
    const isObject = typeof error === 'object' && error !== null
    if (!isObject || !reported.has(error)) {
      if (isObject) reported.add(error)
      // an `onError` that throws or rejects must not fail the response, nor end the process
      const report = async () => onError?.(error, { request_id })
      report().catch(() => {})
    }
    return toPublicError(error, request_id)
  }
}

/** The response to a failed request. `partial` is the body of the part of its answer that is done. */
export function failure<State>(
  error: unknown,
  { format = chunks, headers, reportError }: RouteRequest<State>,
  partial?: unknown,
): Response {
  const shown = reportError(error)
  return json(format.errorBody(shown, partial), shown.status, {
    ...headers,
    ...retryAfter(shown),
    ...(shown.status === 405 && { allow: 'GET, POST, OPTIONS' }),
  })
}

/** Passes work to the platform's `waitUntil`. Never throws. */
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

/** Workers pass it as the third argument of `fetch`, Hono as `executionCtx` of its context. */
function nativeWaitUntil(work: Promise<unknown>, native: unknown): void {
  ;[native, executionContextOf(native)].find(hasWaitUntil)?.waitUntil(work)
}

const hasWaitUntil = (place: unknown): place is { waitUntil(work: Promise<unknown>): void } =>
  isObject(place) && typeof place.waitUntil === 'function'

/** Hono's getter throws on platforms without one. */
function executionContextOf(native: unknown): unknown {
  try {
    return isObject(native) ? native.executionCtx : undefined
  } catch {
    return undefined
  }
}

/**
 * The user who may resume and stop an answer. Empty on a public route, and where nothing is stored
 * or signed: anyone with the unguessable id may. Throws `MisuseError` where all users would share
 * one owner.
 */
export function ownerOf<State>(state: State, { options, signer }: Route<State>): string {
  const { userId } = asObject(state)
  const id: unknown = options.user ? options.user(state) : userId
  const isName = typeof id === 'string' || (typeof id === 'number' && Number.isFinite(id))
  const owner = isName ? String(id) : ''
  // `user` may return no owner: ids of stored answers cannot be guessed, signed parts have none
  if (owner === '' && !options.public && (signer || (options.store && !options.user)))
    throw new MisuseError(
      'A route with `secret` or `store` must know who owns an answer: put a `userId` into the state, or set the option `user` or `public: true`',
    )
  return owner
}

/** Stream options of this route; `id` of a new answer is sent as `x-stream-id`. */
export const streamOptions = <State>(
  { route, headers }: RouteRequest<State>,
  format: Format,
  id?: string,
): StreamOptions => ({
  heartbeatMs: route.options.heartbeatMs ?? 15_000,
  headers: { ...headers, ...format.headers, ...(id !== undefined && { 'x-stream-id': id }) },
})
