/** A middleware of our own: nobody spends more than their cap a day. */
import { BudgetExceededError, type Middleware } from 'tetrad'
import type { UsageRecord } from 'tetrad/middleware'

export interface CostCapOptions {
  /** USD that one number may spend a day (UTC). */
  readonly capUsd: number
  /** Epoch milliseconds. @default Date.now */
  readonly now?: () => number
}

export interface Caller {
  readonly phone: string
}

/** USD a token, where no price is known: dear, since a cap that does not count is none. */
const unknownPrice = 25 / 1_000_000

/**
 * Gives the layer, and what `usage()` tells the cost to: it counts failed and aborted calls too.
 * The layer throws `BudgetExceededError` before the provider is asked. The calls of one number come one after the
 * other, so a cap is passed by one answer at most.
 */
export function costCap({ capUsd, now = Date.now }: CostCapOptions) {
  let day = ''
  const spent = new Map<string, number>()
  const today = () => {
    const date = new Date(now()).toISOString().slice(0, 10)
    if (date !== day) spent.clear()
    day = date
    return spent
  }

  const layer: Middleware<Caller> = function costCap(ctx, next) {
    const { phone } = ctx.state
    if ((today().get(phone) ?? 0) < capUsd) return next()
    throw new BudgetExceededError(`A number has spent its ${capUsd} USD of today`)
  }
  const onUsage = ({ tags, usage }: UsageRecord): void => {
    const { phone = '' } = tags
    const costUsd = usage.cost ?? usage.total_tokens * unknownPrice
    today().set(phone, (today().get(phone) ?? 0) + costUsd)
  }
  return { layer, onUsage }
}
