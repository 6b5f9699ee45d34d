/** What a price is: rates by kind of token, and the form in which `createClient()` and `usage()` take them. */
import type { Attempt } from './output.js'

/**
 * USD for a million tokens (`_mtok`) or a thousand calls (`_kcount`), in the words of genai-prices. What is absent costs
 * what its wider kind costs: cached, written and audio tokens fall back to input, one-hour writes to other writes.
 */
export interface Rates {
  readonly input_mtok?: Rate
  readonly output_mtok?: Rate
  readonly cache_read_mtok?: Rate
  readonly cache_write_mtok?: Rate
  readonly cache_write_1h_mtok?: Rate
  readonly input_audio_mtok?: Rate
  readonly cache_audio_read_mtok?: Rate
  readonly output_audio_mtok?: Rate
  readonly input_image_mtok?: Rate
  readonly cache_image_read_mtok?: Rate
  readonly output_image_mtok?: Rate
  readonly web_searches_kcount?: number
  readonly storage_searches_kcount?: number
}

/** By length of prompt: the last tier whose `start` the prompt exceeds prices the whole request. */
export type Rate = number | TieredRate

export interface TieredRate {
  readonly base: number
  /** Ascending. */
  readonly tiers: readonly { readonly start: number; readonly price: number }[]
}

/** What a price depends on: a provider call, asked as `model` and answered as `answered`. */
export type PricedCall = Pick<
  Attempt,
  'provider' | 'model' | 'answered' | 'usage' | 'started' | 'service_tier'
>

/**
 * Rates by `provider/model` or bare model name (as asked, then as answered), with the tier behind them where it has a price
 * of its own (`gpt-6-sol:priority`; also fast, ultrafast, flex, batch), or a function that gives rates, or the cost itself in USD.
 * Undefined is an unknown price, never 0.
 */
export type Prices =
  | Readonly<Record<string, Rates>>
  | ((call: PricedCall) => Rates | number | undefined)
