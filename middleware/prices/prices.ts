/** Finds the bundled rates of a call: provider, model, day and service tier. */
import { data } from './data.js'
import type { PricedCall, PriceRow, Rate, Rates } from './rates.js'
import { standardTiers, tiers } from './tiers.js'

/**
 * Rates of a call to OpenAI, Anthropic, Gemini or xAI; undefined for a model or service tier of
 * unknown price. `usage()` loads it by itself; import it to pass it to the client, or to put your
 * own prices before it.
 *
 * @example
 * createClient({ prices: (call) => negotiated[call.model] ?? prices(call) })
 */
export function prices(call: PricedCall): Rates | undefined {
  if (!Object.hasOwn(data, call.provider)) return undefined
  for (const name of [call.answered, call.model]) {
    const model = name?.toLowerCase() ?? ''
    const row = rowOf(call.provider, model)
    if (row) return inTier(atDay(row, call.started), tierFactor(call, model))
  }
  return undefined
}

const rows = new Map<string, PriceRow | undefined>()

/** Bound of the cache: names may come from users. */
const most = 500

/** Caches the row, since each call would search some hundred patterns. */
function rowOf(provider: string, model: string): PriceRow | undefined {
  const name = `${provider}/${model}`
  if (rows.has(name)) return rows.get(name)
  const row = data[provider]?.find(([match]) => match.test(model))
  if (rows.size >= most) rows.clear()
  rows.set(name, row)
  return row
}

/** The last rates in effect on that day; the first ones apply to any earlier day. */
const atDay = ([, ...dated]: PriceRow, started: number): Rates | undefined =>
  dated.findLast(({ from }) => !from || started >= Date.parse(from)) ?? dated[0]

/** Undefined if the price of the tier is unknown. */
function tierFactor({ provider, service_tier }: PricedCall, model: string): number | undefined {
  const requested = service_tier?.toLowerCase() || 'default'
  if (standardTiers.has(requested)) return 1
  const rows = Object.hasOwn(tiers, provider) ? tiers[provider] : undefined
  return rows?.find(([models, tier]) => tier === requested && models.test(model))?.[2]
}

/** Scales token rates; searches cost the same in every tier. */
function inTier(rates: Rates | undefined, factor: number | undefined): Rates | undefined {
  if (factor === undefined) return undefined
  if (!rates || factor === 1) return rates
  return Object.fromEntries(
    Object.entries(rates).map(([unit, rate]) => [
      unit,
      unit.endsWith('_mtok') ? scaled(rate, factor) : rate,
    ]),
  )
}

const scaled = (rate: Rate, factor: number): Rate =>
  typeof rate === 'number'
    ? rate * factor
    : {
        base: rate.base * factor,
        tiers: rate.tiers.map(({ start, price }) => ({ start, price: price * factor })),
      }
