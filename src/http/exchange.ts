/** What a route is, and one request to it. */
import { MisuseError } from '../core/index.js'
import type { Store } from '../store/index.js'
import { chunks, type Format, openai, ui } from './formats/index.js'
import type { HandlerClient, HandlerOptions } from './options.js'
import { type PublicError, toPublicError } from './public-error.js'
import type { Signer } from './signing.js'
import type { StreamOptions } from './stream/respond.js'
import type { Sessions } from './stream/sessions.js'

export interface Route<State> {
  readonly ai: HandlerClient<State>
  readonly options: HandlerOptions<State>
  /** Public name → real name. */
  readonly models: ReadonlyMap<string, string>
  readonly sessions: Sessions
  readonly signer: Signer | undefined
  /** Where approvals are marked as used. */
  readonly used: Store
}

export interface Exchange<State> {
  readonly route: Route<State>
  readonly request: Request
  readonly path: string
  /** Undefined until the body says it. */
  readonly format: Format | undefined
  readonly request_id: string
  readonly headers: Readonly<Record<string, string>>
  /** The public side of a failure; the app is told of each once. */
  readonly tell: (error: unknown) => PublicError
}

export const pathOf = (request: Request): string =>
  new URL(request.url).pathname.replace(/\/+$/, '')

const formats: ReadonlyMap<string, Format> = new Map(
  [chunks, openai, ui].map((one) => [one.name, one]),
)

/** Throws `MisuseError` for the name of no format. */
export function checkFormat({ format }: Pick<HandlerOptions<never>, 'format'>): void {
  if (format !== undefined && !formats.has(format))
    throw new MisuseError(`format: there is no '${format}', only ${[...formats.keys()].join(', ')}`)
}

/** By path, by query, by option. Null for a format that there is not; undefined where the body decides. */
export function formatOf<State>(
  request: Request,
  { format }: HandlerOptions<State>,
): Format | undefined | null {
  if (/\/(?:chat\/completions|models(?:\/[^/]+)?)$/.test(pathOf(request))) return openai
  const name = new URL(request.url).searchParams.get('format') ?? format
  return name === undefined ? undefined : (formats.get(name) ?? null)
}

/** Tells the app each error once, and gives what the client may know of it. */
export function teller<State>(
  { onError }: HandlerOptions<State>,
  request_id: string,
): (error: unknown) => PublicError {
  const told = new WeakSet<object>()
  return (error) => {
    const isObject = typeof error === 'object' && error !== null
    if (!isObject || !told.has(error)) {
      if (isObject) told.add(error)
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
  { route, headers }: Exchange<State>,
  format: Format,
  id?: string,
): StreamOptions => ({
  heartbeatMs: route.options.heartbeatMs ?? 15_000,
  headers: { ...headers, ...format.headers, ...(id !== undefined && { 'x-stream-id': id }) },
})
