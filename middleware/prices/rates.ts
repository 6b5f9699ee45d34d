/** The form of the bundled prices. */
import type { Rates } from '../../src/chat/index.js'

export type { PricedCall, Prices, Rate, Rates, TieredRate } from '../../src/chat/index.js'

/** Models of one provider, first match wins. Later rates hold from their day (UTC) on. */
export type PriceData = Readonly<Record<string, readonly PriceRow[]>>

export type PriceRow = readonly [match: RegExp, ...rates: readonly DatedRates[]]

export interface DatedRates extends Rates {
  readonly from?: string
}
