/** Calls again what failed for a passing reason: the one owner of retries in a stack. */
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
  /** In all, the first one too; 5 at most. @default 3 */
  readonly attempts?: number | undefined
  /** A provider that asks for a longer wait gets none: the error comes at once, with `retryAfterMs`. @default 60_000 */
  readonly maxRetryAfterMs?: number | undefined
  /** Beats what is known of the error; `undefined` leaves it to that. Not asked after content left, or after an abort. */
  readonly shouldRetry?: ((error: unknown, ctx: Context) => boolean | undefined) | undefined
  /** Told before each wait. What it throws is ignored. */
  readonly onRetry?: ((retry: RetryNotice) => unknown) | undefined
  /** What retries may cost; false: as many as there are attempts. @default one retryBudget() for this layer */
  readonly budget?: RetryBudget | false | undefined
  /** For tests. @default the monotonic clock of the process */
  readonly clock?: Clock | undefined
  /** At least 0, below 1. @default Math.random */
  readonly random?: (() => number) | undefined
}

export interface RetryNotice {
  readonly error: unknown
  /** Which attempt failed, from 1. */
  readonly attempt: number
  readonly waitMs: number
  readonly ctx: Context
}

/**
 * Repeats a failed call while none of its content has left this place: 408, 409, 429, 5xx, lost connections, timeouts,
 * answers that broke off before they said anything. Never a spent quota, a refusal, an abort. Waits with full jitter,
 * or as long as the provider asks; a wait ends with the call. In `generate` nothing leaves before the answer is whole,
 * so more can be repeated there than in a stream. The last error tells all attempts, and whether any may be billed.
 *
 * Place: what stands inside runs once an attempt, what stands outside once a call. There is one `retry` in a stack;
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
    const again = planRetries(ctx, policy)
    for (;;) {
      try {
        const response = await next()
        if (budget) budget.give(providerOf(ctx))
        return response
      } catch (error) {
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

/** What one call remembers of its tries: resolves when the next one is due, throws the error where there is none. */
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

  /** Undefined: no more. */
  const waitOf = (error: unknown, reason: Reason): number | undefined => {
    if ((taken.get(reason) ?? 0) >= reason.times) return undefined
    if (reason === deadSocket) return 0
    return attempt < attempts ? waitFor(error, attempt - 1, policy) : undefined
  }

  const isLate = (waitMs: number) =>
    (ctx.get(timeLeft)?.() ?? Infinity) < waitMs + shortestAttemptMs

  /** The error that leaves speaks for the whole call. */
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
    // what watches a call never breaks it
    void (async () => onRetry?.({ error, attempt, waitMs, ctx }))().catch(() => {})
    if (waitMs > 0) await sleep(waitMs, ctx.signal, clock)
    if (isLate(0)) return fail(error)
    taken.set(reason, (taken.get(reason) ?? 0) + 1)
    if (reason !== deadSocket) attempt++
  }
}

/** An attempt with less time left is not worth its start. */
const shortestAttemptMs = 1_000

// ---- What is worth a second try -------------------------------------------------------------------------------------

/** `times`: how often it is, in one call. */
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
/** Without a wait that another's timer ended (`UND_ERR_HEADERS_TIMEOUT`): it would end the next as well. */
const lost =
  /^(ECONN(REFUSED|RESET|ABORTED)|EPIPE|EAI_AGAIN|E(NET|HOST)UNREACH|ETIMEDOUT|UND_ERR_(SOCKET|CONNECT_TIMEOUT))$/

/** The first that fits. `retryable` is what the provider said (`x-should-retry`), else what the class of the error says. */
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
  // what an adapter of your own lets through from its socket
  { times: Infinity, fits: coded(lost) },
]

/** Tried anew at once, once a call, at no cost: the server had closed an idle connection, and never read the request. */
const deadSocket: Reason = {
  times: 1,
  fits: (error) => isTetradError(error) && error.code === 'stale_socket',
}

interface Cause {
  readonly code?: unknown
  readonly cause?: unknown
}

/** The error, and what it came from. */
function causes(error: unknown): readonly Cause[] {
  const found: Cause[] = []
  for (let link = error; isCause(link) && found.length < 8; link = link.cause) found.push(link)
  return found
}

const isCause = (value: unknown): value is Cause => typeof value === 'object' && value !== null

// ---- How long to wait -----------------------------------------------------------------------------------------------

const passing = { baseMs: 500, capMs: 8_000 }
const overload = { baseMs: 1_000, capMs: 30_000 }
const shortestWaitMs = 50

/** Full jitter over a doubling span, never less than the provider asked for, spread by a tenth. Undefined: too long to wait. */
function waitFor(error: unknown, retries: number, options: RetryOptions): number | undefined {
  const { maxRetryAfterMs = 60_000, random = Math.random } = options
  const pushbackMs = pushbackOf(error)
  if (pushbackMs !== undefined && pushbackMs > maxRetryAfterMs) return undefined
  const { baseMs, capMs } = isOverload(error, pushbackMs) ? overload : passing
  const backoffMs = Math.max(shortestWaitMs, random() * Math.min(capMs, baseMs * 2 ** retries))
  return Math.max(pushbackMs ?? 0, backoffMs) * (1 + random() / 10)
}

/** Zero is a value; what is negative or no number says nothing. */
function pushbackOf(error: unknown): number | undefined {
  const ms = isTetradError(error) ? error.retryAfterMs : undefined
  return ms !== undefined && Number.isFinite(ms) && ms >= 0 ? ms : undefined
}

const isOverload = (error: unknown, pushbackMs: number | undefined): boolean =>
  isTetradError(error) &&
  (error.name === 'ServiceUnavailableError' ||
    (error.name === 'RateLimitError' && pushbackMs === undefined))

// ---- What all calls together may spend on retries -------------------------------------------------------------------

/** Keeps retries from multiplying the load of a provider that is down. */
export interface RetryBudget {
  /** Pays for a retry; false where too little is left. */
  take(provider: string, cost: number): boolean | Promise<boolean>
  /** A success pays a little back. */
  give(provider: string): void
}

export interface RetryBudgetOptions {
  /** Tokens in a full bucket. @default 500 */
  readonly capacity?: number | undefined
}

const costOf = (error: unknown): number =>
  isTetradError(error) && error.name === 'TimeoutError' ? 10 : 5

/**
 * A bucket of tokens for each provider: a retry takes 5, after a timeout 10, a success gives 1 back. Full, it lets 100
 * calls be retried at once; a provider that stays down is asked at most 100 times more than there are calls.
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
