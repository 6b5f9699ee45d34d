/** A cap: its amount, unit, key and window. */
import { type Context, MisuseError } from '../../src/core/index.js'

/** Minutes and hours are those of UTC; days and months are calendar ones in the cap's time zone. */
export type BudgetWindow = 'minute' | 'hour' | 'day' | 'month' | 'total'

export interface Cap<State = {}> {
  /** USD, at the prices of the client or of `usage()`. */
  readonly usd?: number | undefined
  /** Tokens, prompt and completion, in place of `usd`. */
  readonly tokens?: number | undefined
  readonly window: BudgetWindow
  /** The key of the cap: a user, a tenant, anything of `ctx`. @default one cap for all */
  readonly per?: ((ctx: Context<State>) => string | number) | undefined
  /** IANA name, for day and month. @default 'UTC' */
  readonly timeZone?: string | undefined
}

/** A cap resolved for one call. Amounts are integers: tokens, or billionths of a dollar. */
export interface CurrentCap {
  readonly unit: 'usd' | 'tokens'
  readonly window: BudgetWindow
  /** Key in the ledger. */
  readonly key: string
  readonly limit: number
  readonly ttlMs: number
  /** Epoch milliseconds; undefined for a total. */
  readonly resetsAt: () => number | undefined
}

/** What a booking needs of its layer: the context, without the state type of the call. */
export type Place = Omit<Context<never>, 'options' | 'state'>

export const perUsd = 1e9

const minuteMs = 60_000
/** The maximum length of each window, plus an hour for late settles. */
const lengths: Readonly<Record<BudgetWindow, number>> = {
  minute: 61 * minuteMs,
  hour: 121 * minuteMs,
  day: 27 * 60 * minuteMs,
  month: 33 * 24 * 60 * minuteMs,
  total: 10 * 366 * 24 * 60 * minuteMs,
}

/** Throws `MisuseError` for an invalid cap. */
export function checkCap({ usd, tokens, window, timeZone }: Cap<never>): void {
  const amounts = [usd, tokens].filter((amount) => amount !== undefined)
  if (amounts.length !== 1 || !amounts.every((amount) => Number.isFinite(amount) && amount >= 0))
    throw new MisuseError(
      'A cap of budget() must have either `usd` or `tokens`, a number of at least 0',
    )
  if (!Object.hasOwn(lengths, window))
    throw new MisuseError(
      `The window of a cap of budget() must be one of ${Object.keys(lengths).join(', ')}, not ${String(window)}`,
    )
  try {
    labelOf('day', timeZone, 0)
  } catch (cause) {
    throw new MisuseError(`budget() does not know the time zone '${timeZone}'`, { cause })
  }
}

interface Moment<State> {
  readonly ctx: Context<State>
  readonly index: number
  readonly at: number
}

/**
 * Throws `MisuseError` if `per` returns no key: the call would share a cap with others, or have
 * none.
 */
export function cappedIn<State>(cap: Cap<State>, { ctx, index, at }: Moment<State>): CurrentCap {
  const { usd, tokens = 0, window, timeZone, per } = cap
  const who = per?.(ctx) ?? (per ? '' : 'all')
  if (who === '' || (typeof who !== 'string' && typeof who !== 'number'))
    throw new MisuseError('`per` of budget() must return a key for each call: a string or a number')
  const unit = usd === undefined ? 'tokens' : 'usd'
  const label = labelOf(window, timeZone, at)
  return {
    unit,
    window,
    key: `${index}:${unit}:${window}:${label}:${who}`,
    limit: Math.floor(usd === undefined ? tokens : usd * perUsd),
    ttlMs: lengths[window],
    resetsAt: () => endOf(cap, label, at),
  }
}

const digits = { minute: 16, hour: 13 } as const

/** The same for all times of one window. */
function labelOf(window: BudgetWindow, timeZone = 'UTC', at: number): string {
  if (window === 'total') return ''
  if (window === 'minute' || window === 'hour')
    return new Date(at).toISOString().slice(0, digits[window])
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    year: 'numeric',
    month: '2-digit',
    ...(window === 'day' && { day: '2-digit' }),
  })
  return format.format(at)
}

/** The first time with a different label. */
function endOf({ window, timeZone }: Cap<never>, label: string, at: number): number | undefined {
  if (window === 'total') return undefined
  let inside = at
  let outside = at + lengths[window]
  while (outside - inside > 1) {
    const middle = Math.floor((inside + outside) / 2)
    if (labelOf(window, timeZone, middle) === label) inside = middle
    else outside = middle
  }
  return outside
}
