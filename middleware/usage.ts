/** Accounting: reports the usage and cost of each call once, whatever its end. */
import {
  type Attempt,
  addUsage,
  emptyUsage,
  type Prices,
  toUnits,
  toUsd,
  type Usage,
} from '../src/chat/index.js'
import {
  type Context,
  isTetradError,
  layer,
  type Middleware,
  type Pricing,
  pricing,
  toPricing,
} from '../src/core/index.js'

export interface UsageOptions {
  /**
   * Called once a call. A promise is awaited, so that a serverless function is not frozen before
   * the record is written; return nothing and the reply does not wait. Its errors become a warning.
   */
  readonly onUsage?: (record: UsageRecord) => unknown
  /** Called with errors of `onUsage` or `prices`. Its own errors are ignored. */
  readonly onError?: (error: unknown) => unknown
  /**
   * A table, a function, or false for no prices.
   * @default those of the client, else the bundled ones, loaded at the first call
   */
  readonly prices?: Prices | false
}

/** The usage of one call. */
export interface UsageRecord {
  /** `ctx.id` of the call. */
  readonly id: string
  /** The model requested at this place. */
  readonly model: string
  readonly status: 'ok' | 'failed' | 'aborted'
  /** State of the call, such as the user. */
  readonly state: Readonly<unknown>
  /** Tags of the call: tenant, user, feature. */
  readonly tags: Readonly<Record<string, string>>
  /** Sum of the attempts. `cost` (USD) is absent if one of them has no known price. */
  readonly usage: Usage
  readonly attempts: readonly PricedAttempt[]
  /** Epoch milliseconds. */
  readonly started: number
  readonly total_ms: number
  readonly error?: unknown
}

/** One provider call and its price. */
export interface PricedAttempt extends Omit<Attempt, 'cost_source'> {
  /** Source of `usage.cost`; unknown: none, and it is absent. */
  readonly cost_source: 'provider' | 'prices' | 'unknown'
}

/**
 * Counts tokens and cost of each call and of each of its attempts, failed, aborted and nested ones
 * too, and sets `usage.cost` on the answer. The provider's own figure wins; a model without a price
 * has no cost, never 0.
 *
 * Place: outside `retry` and `tools`, so that one record contains all attempts and steps; inside
 * `log`, which then reads the cost.
 *
 * @example
 * const ledger = new Ledger()
 * const ai = createClient({ use: [usage({ onUsage: ledger.add })] })
 * await ai.generate(request, { tags: { tenant: 'acme' } })
 * console.log(String(ledger))
 */
export function usage({ onUsage, onError, prices }: UsageOptions = {}): Middleware {
  return layer('usage', async (ctx, next) => {
    // an error repeated with each price is reported once
    const failures = new Map<string, unknown>()
    const fail = (error: unknown) => void failures.set(wordsOf(error), error)
    const stopwatch = startWatch()
    const found = await findPricing(ctx, prices, fail)
    if (found) ctx.set(pricing, found)

    let failure: { readonly error: unknown } | undefined
    try {
      await next()
    } catch (error) {
      failure = { error }
      throw error
    } finally {
      const attempts = ctx.attempts.map((attempt) => ({
        ...attempt,
        cost_source: attempt.cost_source ?? ('unknown' as const),
      }))
      const record: UsageRecord = {
        id: ctx.id,
        model: ctx.request.model,
        status: failure ? statusOf(failure.error) : 'ok',
        state: ctx.state,
        tags: ctx.options.tags ?? {},
        usage: sumUp(attempts),
        attempts,
        ...stopwatch(),
        ...failure,
      }
      if (onUsage) await guarded(() => onUsage(record), fail)
      for (const [message, error] of failures) {
        await guarded(() => onError?.(error))
        ctx.warn({ code: 'other', message: `Accounting failed: ${message}` })
      }
    }
  })
}

/** Prices of this layer override those of the client. A failure is an unknown price. */
async function findPricing(
  ctx: Pick<Context<never>, 'get'>,
  prices: UsageOptions['prices'],
  fail: (error: unknown) => void,
): Promise<Pricing | undefined> {
  if (prices === false) return () => undefined
  if (prices !== undefined) return toPricing(prices, fail)
  if (ctx.get(pricing)) return undefined
  try {
    bundled ??= (await import('./prices/prices.js')).prices
    return toPricing(bundled, fail)
  } catch (error) {
    fail(error)
    return undefined
  }
}

/** The bundled prices, once loaded. */
let bundled: Prices | undefined

/** A thrown value may be anything, also an object without a string form. */
function wordsOf(error: unknown): string {
  try {
    return String(error)
  } catch {
    return typeof error
  }
}

/** Runs code of the app: accounting never fails a reply. */
async function guarded(run: () => unknown, onError: (error: unknown) => void = () => {}) {
  try {
    await run()
  } catch (error) {
    onError(error)
  }
}

function startWatch() {
  const started = Date.now()
  const begin = performance.now()
  return () => ({ started, total_ms: performance.now() - begin })
}

const statusOf = (error: unknown) =>
  isTetradError(error) && error.name === 'AbortError' ? 'aborted' : 'failed'

/** Adds the costs as integers: a sum of many small floats drifts. */
function sumUp(attempts: readonly PricedAttempt[]): Usage {
  const usages = attempts.map((attempt) => attempt.usage)
  const sum = usages.reduce<Usage>(addUsage, emptyUsage)
  // no usage costs nothing, whatever its price
  if (sum.cost === undefined) return sum.total_tokens === 0 ? { ...sum, cost: 0 } : sum
  const units = usages.reduce((total, { cost = 0 }) => total + toUnits(cost), 0n)
  return { ...sum, cost: toUsd(units) }
}
