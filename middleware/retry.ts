/** Retries transient failures: the only layer of a stack that retries. */
import {
  type Context,
  isTetradError,
  layer,
  type Middleware,
  MisuseError,
  type Next,
} from '../src/core/index.js'
import { type Clock, sleep, systemClock, timeLeft } from './clock.js'

export interface RetryOptions {
  /** Total attempts including the first; at most 5. @default 3 */
  readonly attempts?: number | undefined
  /**
   * If a provider asks for a longer wait the error is thrown at once, with `retryAfterMs`.
   * @default 60_000
   */
  readonly maxRetryAfterMs?: number | undefined
  /**
   * Overrides the decision by error class; `undefined` keeps it. Not called after content left or
   * an abort.
   */
  readonly shouldRetry?: ((error: unknown, ctx: Context) => boolean | undefined) | undefined
  /** Called before each wait. Its errors are ignored. */
  readonly onRetry?: ((retry: RetryNotice) => unknown) | undefined
  /**
   * Budget of retries; false: limited only by `attempts`.
   * @default one retryBudget() for this layer
   */
  readonly budget?: RetryBudget | false | undefined
  /** For tests. @default the monotonic clock of the process */
  readonly clock?: Clock | undefined
  /** At least 0, below 1. @default Math.random */
  readonly random?: (() => number) | undefined
}

export interface RetryNotice {
  readonly error: unknown
  /** The attempt that failed, from 1. */
  readonly attempt: number
  readonly waitMs: number
  readonly ctx: Context
}

/**
 * Repeats a failed call while none of its content has left this place: 408, 409, 429, 5xx, lost
 * connections, timeouts, answers that broke off before any content. Not an exhausted quota, a
 * refusal, an abort. Waits with full jitter, or as long as the provider asks; an abort ends the
 * wait. In `generate` nothing leaves before the answer is complete, so more can be repeated there
 * than in a stream. The last error lists all attempts, and whether any may be billed.
 *
 * Place: layers inside run once an attempt, layers outside once a call. A stack has one `retry`;
 * inside `tools` it repeats a step, never a tool that ran.
 *
 * Throws `MisuseError` at construction for a number of attempts that is not 1 to 5.
 *
 * @example
 * const ai = createClient({ use: [retry({ attempts: 4, onRetry: ({ error, waitMs }) => console.warn(error, waitMs) })] })
 */
export function retry(options: RetryOptions = {}): Middleware {
  const { attempts = 3, budget = retryBudget() } = options
  if (!Number.isInteger(attempts) || attempts < 1 || attempts > 5)
    throw new MisuseError('retry() takes 1 to 5 attempts')
  const policy: Policy = { ...options, attempts, budget }

  const run = async (ctx: Context, next: Next) => {
    let again: ReturnType<typeof planRetries> | undefined
    for (;;) {
      try {
        const response = await next()
        if (budget) budget.give(providerOf(ctx))
        return response
      } catch (error) {
        again ??= planRetries(ctx, policy)
        await again(error)
      }
    }
  }
  return layer('retry', run, { repeats: 'attempt' })
}

const providerOf = (ctx: Context): string => ctx.attempts.at(-1)?.provider ?? ''

interface Policy extends RetryOptions {
  readonly attempts: number
  readonly budget: RetryBudget | false
}

/**
 * State of the retries of one call: resolves when the next one is due, throws the error if there is
 * none.
 */
function planRetries(ctx: Context, policy: Policy): (error: unknown) => Promise<void> {
  const { attempts, budget, clock = systemClock, onRetry, shouldRetry } = policy
  const taken = new Map<Reason, number>()
  let attempt = 1
  let maybeBilled = false

  const reasonOf = (error: unknown): Reason => {
    if (ctx.committed || ctx.signal.aborted) return never
    const wish = shouldRetry?.(error, ctx)
    if (wish === false) return never
    if (!taken.has(deadSocket) && deadSocket.fits(error)) return deadSocket
    return wish ? always : (reasons.find(({ fits }) => fits(error)) ?? never)
  }

  /** Undefined: no further retry. */
  const waitOf = (error: unknown, reason: Reason): number | undefined => {
    if ((taken.get(reason) ?? 0) >= reason.times) return undefined
    if (reason === deadSocket) return 0
    return attempt < attempts ? waitFor(error, attempt - 1, policy) : undefined
  }

  const isLate = (waitMs: number) =>
    (ctx.get(timeLeft)?.() ?? Infinity) < waitMs + shortestAttemptMs

  /** The thrown error covers all attempts of the call. */
  const fail = (error: unknown): never => {
    if (maybeBilled && isTetradError(error)) Reflect.set(error, 'maybeBilled', true)
    throw error
  }

  return async (error) => {
    maybeBilled ||= isTetradError(error) && error.maybeBilled
    const reason = reasonOf(error)
    const waitMs = waitOf(error, reason)
    if (waitMs === undefined || isLate(waitMs)) return fail(error)
    const isFree = reason === deadSocket || !budget
    const isPaid = isFree || (await budget.take(providerOf(ctx), costOf(error)))
    if (!isPaid) {
      if (isTetradError(error)) Reflect.set(error, 'retryBudgetExhausted', true)
      return fail(error)
    }
    // an observer never fails a call
    void (async () => onRetry?.({ error, attempt, waitMs, ctx }))().catch(() => {})
    if (waitMs > 0) await sleep(waitMs, ctx.signal, clock)
    if (isLate(0)) return fail(error)
    taken.set(reason, (taken.get(reason) ?? 0) + 1)
    if (reason !== deadSocket) attempt++
  }
}

/** With less time left no attempt is started. */
const shortestAttemptMs = 1_000

// ---- Which errors are retried -------------------------------------------------------------------

/** `times`: maximum retries for it in one call. */
interface Reason {
  readonly times: number
  readonly fits: (error: unknown) => boolean
}

const named =
  (...names: readonly string[]): Reason['fits'] =>
  (error) =>
    isTetradError(error) && names.includes(error.name)

const coded =
  (codes: RegExp): Reason['fits'] =>
  (error) =>
    causes(error).some(({ code }) => typeof code === 'string' && codes.test(code))

const never: Reason = { times: 0, fits: () => true }
const always: Reason = { times: Infinity, fits: isTetradError }
/**
 * Without timeouts of an outer timer (`UND_ERR_HEADERS_TIMEOUT`), which would end the next attempt
 * as well.
 */
const lost =
  /^(ECONN(REFUSED|RESET|ABORTED)|EPIPE|EAI_AGAIN|E(NET|HOST)UNREACH|ETIMEDOUT|UND_ERR_(SOCKET|CONNECT_TIMEOUT))$/

/**
 * The first match counts. `retryable` is the provider's `x-should-retry`, else that of the error
 * class.
 */
const reasons: readonly Reason[] = [
  { times: 0, fits: named('AbortError', 'QuotaExceededError') },
  { times: 0, fits: (error) => isTetradError(error) && !error.retryable },
  { times: 0, fits: coded(/CERT|^ERR_(TLS|SSL|INVALID_URL)|^UNABLE_TO_/) },
  { times: 1, fits: coded(/^ENOTFOUND$/) },
  { times: 1, fits: named('ConflictError') },
  {
    times: 1,
    fits: (error) => named('UnexpectedResponseError')(error) || coded(/^truncated$/)(error),
  },
  always,
  // network errors that a custom adapter does not wrap
  { times: Infinity, fits: coded(lost) },
]

/**
 * Retried at once, once a call, without cost: the server closed an idle connection and never read
 * the request.
 */
const deadSocket: Reason = {
  times: 1,
  fits: (error) => isTetradError(error) && error.code === 'stale_socket',
}

interface Cause {
  readonly code?: unknown
  readonly cause?: unknown
}

/** The error and its chain of causes. */
function causes(error: unknown): readonly Cause[] {
  const found: Cause[] = []
  for (let link = error; isCause(link) && found.length < 8; link = link.cause) found.push(link)
  return found
}

const isCause = (value: unknown): value is Cause => typeof value === 'object' && value !== null

// ---- How long to wait ---------------------------------------------------------------------------

const passing = { baseMs: 500, capMs: 8_000 }
const overload = { baseMs: 1_000, capMs: 30_000 }
const shortestWaitMs = 50

/**
 * Full jitter over a doubling span, at least the provider's wait, spread by a tenth. Undefined: too
 * long to wait.
 */
function waitFor(error: unknown, retries: number, options: RetryOptions): number | undefined {
  const { maxRetryAfterMs = 60_000, random = Math.random } = options
  const pushbackMs = pushbackOf(error)
  if (pushbackMs !== undefined && pushbackMs > maxRetryAfterMs) return undefined
  const { baseMs, capMs } = isOverload(error, pushbackMs) ? overload : passing
  const backoffMs = Math.max(shortestWaitMs, random() * Math.min(capMs, baseMs * 2 ** retries))
  return Math.max(pushbackMs ?? 0, backoffMs) * (1 + random() / 10)
}

/** Zero is a value; a negative or invalid number is ignored. */
function pushbackOf(error: unknown): number | undefined {
  const ms = isTetradError(error) ? error.retryAfterMs : undefined
  return ms !== undefined && Number.isFinite(ms) && ms >= 0 ? ms : undefined
}

const isOverload = (error: unknown, pushbackMs: number | undefined): boolean =>
  isTetradError(error) &&
  (error.name === 'ServiceUnavailableError' ||
    (error.name === 'RateLimitError' && pushbackMs === undefined))

// ---- The retry budget of all calls --------------------------------------------------------------

/** Keeps retries from multiplying the load of a provider that is down. */
export interface RetryBudget {
  /** Takes the cost of a retry; false if too little is left. */
  take(provider: string, cost: number): boolean | Promise<boolean>
  /** Returns a little after a success. */
  give(provider: string): void
}

export interface RetryBudgetOptions {
  /** Tokens in a full bucket. @default 500 */
  readonly capacity?: number | undefined
}

const costOf = (error: unknown): number =>
  isTetradError(error) && error.name === 'TimeoutError' ? 10 : 5

/**
 * A token bucket for each provider: a retry takes 5, after a timeout 10, a success returns 1. A
 * full one allows 100 retries; a provider that stays down gets at most 100 requests more than there
 * are calls.
 */
export function retryBudget(options: RetryBudgetOptions = {}): RetryBudget {
  const { capacity = 500 } = options
  const buckets = new Map<string, number>()
  const left = (provider: string) => buckets.get(provider) ?? capacity
  return {
    take(provider, cost) {
      const rest = left(provider) - cost
      if (rest >= 0) buckets.set(provider, rest)
      return rest >= 0
    },
    give: (provider) => void buckets.set(provider, Math.min(capacity, left(provider) + 1)),
  }
}
