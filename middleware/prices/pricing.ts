/** Makes one function of whatever `usage({ prices })` was given: USD of a call, undefined where nobody knows. */
import { costUsd } from './cost.js'
import type { PricedCall, Prices, Rates } from './rates.js'

/** USD; undefined is unknown. */
export type PriceOf = (call: PricedCall) => number | undefined

/** Never throws: what goes wrong is told to `onError`, and the price is unknown. The bundled prices load at their first use. */
export async function loadPrices(
  prices: Prices | false | undefined,
  onError: (error: unknown) => void,
): Promise<PriceOf> {
  try {
    const find = await finder(prices)
    return (call) => {
      try {
        return toCost(find(call), call)
      } catch (error) {
        onError(error)
        return undefined
      }
    }
  } catch (error) {
    onError(error)
    return () => undefined
  }
}

type Find = (call: PricedCall) => Rates | number | undefined

async function finder(prices: Prices | false | undefined): Promise<Find> {
  if (prices === false) return () => undefined
  if (prices === undefined) return (await import('./prices.js')).prices
  if (typeof prices === 'function') return prices
  return ({ provider, model, answered = model }) =>
    [`${provider}/${model}`, model, `${provider}/${answered}`, answered]
      .filter((name) => Object.hasOwn(prices, name))
      .map((name) => prices[name])[0]
}

function toCost(found: Rates | number | undefined, call: PricedCall): number | undefined {
  if (typeof found === 'number') return Number.isFinite(found) ? found : undefined
  return found && costUsd(call.usage, found)
}
