/** Price types: rates per kind of token, as `createClient()` and `usage()` accept them. */
import type { Attempt } from './output.js'

/**
 * USD per million tokens (`_mtok`) or thousand calls (`_kcount`), named as in genai-prices. An
 * absent rate falls back to that of its wider kind: cached, written and audio tokens to input,
 * one-hour writes to other writes.
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

/** By prompt length: the last tier whose `start` the prompt exceeds prices the whole request. */
export type Rate = number | TieredRate

export interface TieredRate {
  readonly base: number
  /** Ascending. */
  readonly tiers: readonly { readonly start: number; readonly price: number }[]
}

/** What a price depends on: a provider call, requested as `model` and answered by `answered`. */
export type PricedCall = Pick<
  Attempt,
  'provider' | 'model' | 'answered' | 'usage' | 'started' | 'service_tier'
>

/**
 * Rates by `provider/model` or bare model name (requested, then answered), with the service tier as
 * suffix if that has its own price (`gpt-6-sol:priority`; also fast, ultrafast, flex, batch), or a
 * function that returns rates, or the cost itself in USD. Undefined is an unknown price, never 0.
 */
export type Prices =
  | Readonly<Record<string, Rates>>
  | ((call: PricedCall) => Rates | number | undefined)
