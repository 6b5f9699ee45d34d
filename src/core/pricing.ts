/** Prices of provider calls: resolved once a call, available at every place of its stack. */
import {
  asCost,
  type ChatRequest,
  costUsd,
  isObject,
  type PricedCall,
  type Prices,
  placesOf,
  type Rates,
} from '../chat/index.js'
import { type Key, key } from './key.js'

/** USD of a call; undefined is unknown. Never throws. */
export type Pricing = (call: PricedCall) => number | undefined

/** The prices of a call: those of its client, unless a layer sets others before its `next()`. */
export const pricing: Key<Pricing> = key('pricing')

/**
 * Converts a table or function to `Pricing`. Its errors go to `onError`, and the price is unknown.
 */
export function toPricing(prices: Prices, onError: (error: unknown) => void = () => {}): Pricing {
  const find = typeof prices === 'function' ? prices : inTable(prices)
  return (call) => {
    try {
      return toCost(find(call), call)
    } catch (error) {
      onError(error)
      return undefined
    }
  }
}

const inTable =
  (table: Readonly<Record<string, Rates>>) =>
  ({ provider, model, answered = model, service_tier }: PricedCall) => {
    const tier = service_tier?.toLowerCase() ?? ''
    const isApart = tiersApart.has(tier) && !(provider === 'anthropic' && tier === 'priority')
    return [`${provider}/${model}`, model, `${provider}/${answered}`, answered]
      .map((name) => (isApart ? `${name}:${tier}` : name))
      .filter((name) => Object.hasOwn(table, name))
      .map((name) => table[name])[0]
  }

/**
 * Tiers never sold at standard rates, except Anthropic's `priority`, which is prepaid and consumed
 * at them.
 */
const tiersApart: ReadonlySet<string> = new Set(['fast', 'ultrafast', 'priority', 'flex', 'batch'])

function toCost(found: Rates | number | undefined, call: PricedCall): number | undefined {
  return asCost(isObject(found) ? costUsd(call.usage, found) : found)
}

/** The requested service tier; Anthropic's `speed: 'fast'` is one. */
export function askedTier(request: ChatRequest): string | undefined {
  const places = placesOf(request)
  const isFast = places.some(({ speed }) => speed === 'fast')
  return isFast ? 'fast' : places.map((place) => place.service_tier).find(isText)
}

const isText = (value: unknown): value is string => typeof value === 'string'
