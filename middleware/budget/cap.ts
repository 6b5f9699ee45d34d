/** A cap: how much, of what, for whom, in which window. */
import { type Context, MisuseError } from '../../src/core/index.js'

/** The minute and the hour are those of UTC; the day and the month those of the calendar in the cap's time zone. */
export type BudgetWindow = 'minute' | 'hour' | 'day' | 'month' | 'total'

export interface Cap<State = {}> {
  /** USD, at the prices of the client or of `usage()`. */
  readonly usd?: number | undefined
  /** Tokens, prompt and completion, in place of `usd`. */
  readonly tokens?: number | undefined
  readonly window: BudgetWindow
  /** Whom it is for: a user, a tenant, anything of `ctx`. @default one cap for all */
  readonly per?: ((ctx: Context<State>) => string | number) | undefined
  /** IANA name, for day and month. @default 'UTC' */
  readonly timeZone?: string | undefined
}

/** A cap at the moment of a call. Amounts are whole: tokens, or billionths of a dollar. */
export interface CurrentCap {
  readonly unit: 'usd' | 'tokens'
  readonly window: BudgetWindow
  /** In the ledger. */
  readonly key: string
  readonly limit: number
  readonly ttlMs: number
  /** Epoch milliseconds; undefined for a total. */
  readonly resetsAt: () => number | undefined
}

/** What a booking needs of its layer: the context, whatever the state of the call. */
export type Place = Omit<Context<never>, 'options' | 'state'>

export const perUsd = 1e9

const minuteMs = 60_000
/** The longest that each can be, with an hour for what settles late. */
const lengths: Readonly<Record<BudgetWindow, number>> = {
  minute: 61 * minuteMs,
  hour: 121 * minuteMs,
  day: 27 * 60 * minuteMs,
  month: 33 * 24 * 60 * minuteMs,
  total: 10 * 366 * 24 * 60 * minuteMs,
}

/** Throws `MisuseError` for a cap that cannot be. */
export function checkCap({ usd, tokens, window, timeZone }: Cap<never>): void {
  const amounts = [usd, tokens].filter((amount) => amount !== undefined)
  if (amounts.length !== 1 || !amounts.every((amount) => Number.isFinite(amount) && amount >= 0))
    throw new MisuseError('A cap of budget() has either `usd` or `tokens`, a number from 0 on')
  if (!Object.hasOwn(lengths, window))
    throw new MisuseError(
      `A cap of budget() has a window: ${Object.keys(lengths).join(', ')}; not ${String(window)}`,
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

/** Throws `MisuseError` for a call that `per` gives no key: it would be capped with strangers, or not at all. */
export function cappedIn<State>(cap: Cap<State>, { ctx, index, at }: Moment<State>): CurrentCap {
  const { usd, tokens = 0, window, timeZone, per } = cap
  const who = per?.(ctx) ?? (per ? '' : 'all')
  if (who === '' || (typeof who !== 'string' && typeof who !== 'number'))
    throw new MisuseError(
      '`per` of budget() gave no key: it gives a text or a number for each call',
    )
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

/** The same for all moments of one window. */
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

/** The first moment with another label. */
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
