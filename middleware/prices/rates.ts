/** The format of the bundled prices, and the parser of their table. */
import type { Rate, Rates } from '../../src/chat/index.js'

export type { PricedCall, Prices, Rate, Rates, TieredRate } from '../../src/chat/index.js'

/** Models of one provider, first match wins. Later rates apply from their day (UTC) on. */
export type PriceData = Readonly<Record<string, readonly PriceRow[]>>

export type PriceRow = readonly [match: RegExp, ...rates: readonly DatedRates[]]

export interface DatedRates extends Rates {
  readonly from?: string
}

/** Units of the table: USD per million tokens, `web` and `files` per thousand searches. */
export const units: Readonly<Record<string, string>> = {
  in: 'input_mtok',
  read: 'cache_read_mtok',
  write: 'cache_write_mtok',
  write_1h: 'cache_write_1h_mtok',
  out: 'output_mtok',
  audio: 'input_audio_mtok',
  audio_read: 'cache_audio_read_mtok',
  audio_out: 'output_audio_mtok',
  image: 'input_image_mtok',
  image_read: 'cache_image_read_mtok',
  image_out: 'output_image_mtok',
  web: 'web_searches_kcount',
  files: 'storage_searches_kcount',
}

/**
 * A row is `names = rates`, followed by ` = rates` for rates that apply from a day on; an indented
 * line continues the row before it. In `in 2/4 above 200000` the second price applies to requests
 * of more tokens.
 */
export const readPrices = (table: string): readonly PriceRow[] =>
  table
    .trim()
    .replaceAll('\n  ', ' ')
    .split('\n')
    .map((row) => {
      const [names = '', ...rates] = row.split(' = ')
      return [new RegExp(names.split(' ').map(patternOf).join('|')), ...rates.map(ratesOf)]
    })

/** Converts `name`, `beginning*`, `*end`, `*middle*`, or a regular expression between slashes. */
function patternOf(name: string): string {
  if (name.startsWith('/')) return name.slice(1, -1)
  const text = name.replaceAll('*', '').replaceAll('.', '\\.')
  return `${name.startsWith('*') ? '' : '^'}${text}${name.endsWith('*') ? '' : '$'}`
}

function ratesOf(text: string): DatedRates {
  if (text === 'free') return {}
  const words = text.split(' ')
  const pairs = words.flatMap((word, i) => (i % 2 === 0 ? [[word, words[i + 1] ?? '']] : []))
  const { from, above, ...prices } = Object.fromEntries(pairs)
  const rates = Object.entries<string>(prices).map(([unit, price]) => [
    units[unit],
    rateOf(price.split('/').map(Number), Number(above)),
  ])
  return { ...(from && { from }), ...Object.fromEntries(rates) }
}

const rateOf = ([base = 0, price]: readonly number[], start: number): Rate =>
  price === undefined ? base : { base, tiers: [{ start, price }] }
