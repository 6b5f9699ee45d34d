/** Prices a usage at given rates: each token is charged once, in integers of 1e-15 USD. */
import { toUsd } from './money.js'
import type { Rate, Rates } from './prices.js'
import type { Usage } from './usage.js'

/**
 * The cost in USD. Details above their total are clamped, so nothing is charged twice. Cached
 * tokens of unreported kind count as text first, then audio, then images, to avoid underestimating.
 */
export const costUsd = (usage: Usage, rates: Rates): number => toUsd(costUnits(usage, rates))

/** The cost in integers of 1e-15 USD. */
export function costUnits(usage: Usage, rates: Rates): bigint {
  const charge = chargeFor(usage.prompt_tokens)
  return [
    ...promptParts(usage, rates),
    ...completionParts(usage, rates),
    ...searchParts(usage, rates),
  ].reduce((total, part) => total + charge(part), 0n)
}

/** A count, priced at its first known rate; searches are priced per thousand. */
interface Part {
  readonly count: number
  readonly rates: readonly (Rate | undefined)[]
  readonly per?: 'thousand'
}

const chargeFor =
  (promptTokens: number) =>
  ({ count, rates, per }: Part): bigint => {
    const price = priceAt(rates.find((rate) => rate !== undefined) ?? 0, promptTokens)
    // USD per million is 1e9 units each, USD per thousand 1e12
    return BigInt(count) * BigInt(Math.round(price * (per ? 1e12 : 1e9)))
  }

function priceAt(rate: Rate, promptTokens: number): number {
  if (typeof rate === 'number') return rate
  return rate.tiers.findLast(({ start }) => promptTokens > start)?.price ?? rate.base
}

function promptParts({ prompt_tokens, prompt_tokens_details: details = {} }: Usage, rates: Rates) {
  const { input_mtok: input, cache_write_mtok: write, cache_read_mtok: read } = rates
  const take = counter(prompt_tokens)
  const written = take(details.cache_creation_tokens ?? sum(details.cache_creation))
  const writtenLong = counter(written)(details.cache_creation?.['1h'])
  const audio = take(details.audio_tokens)
  const image = take(details.image_tokens)
  const text = take(Number.POSITIVE_INFINITY)
  const { cachedText, cachedAudio, cachedImage } = cachedOf(details, { text, audio, image })
  return [
    { count: written - writtenLong, rates: [write, input] },
    { count: writtenLong, rates: [rates.cache_write_1h_mtok, write, input] },
    { count: cachedText, rates: [read, input] },
    { count: cachedAudio, rates: [rates.cache_audio_read_mtok, read, input] },
    { count: cachedImage, rates: [rates.cache_image_read_mtok, read, input] },
    { count: text - cachedText, rates: [input] },
    { count: audio - cachedAudio, rates: [rates.input_audio_mtok, input] },
    { count: image - cachedImage, rates: [rates.input_image_mtok, input] },
  ]
}

/** Reported kinds are allocated first, then the rest in this order. */
function cachedOf(
  { cached_tokens, cached_tokens_details: reported = {} }: Details,
  { text, audio, image }: { readonly text: number; readonly audio: number; readonly image: number },
) {
  const take = counter(cached_tokens)
  const reportedAudio = take(Math.min(audio, whole(reported.audio_tokens)))
  const reportedImage = take(Math.min(image, whole(reported.image_tokens)))
  return {
    cachedText: take(text),
    cachedAudio: reportedAudio + take(audio - reportedAudio),
    cachedImage: reportedImage + take(image - reportedImage),
  }
}

type Details = NonNullable<Usage['prompt_tokens_details']>

function completionParts(
  { completion_tokens, completion_tokens_details: details = {} }: Usage,
  rates: Rates,
) {
  const { output_mtok: output, output_audio_mtok, output_image_mtok } = rates
  const take = counter(completion_tokens)
  return [
    { count: take(details.audio_tokens), rates: [output_audio_mtok, output] },
    { count: take(details.image_tokens), rates: [output_image_mtok, output] },
    { count: take(Number.POSITIVE_INFINITY), rates: [output] },
  ]
}

/** Hosted searches by provider name: `web_search`, `web_search_requests`, `file_search_call`. */
const searchParts = ({ server_tool_use: use = {} }: Usage, rates: Rates): Part[] =>
  Object.entries(use).map(([name, count]) => ({
    count: counter(count)(Number.POSITIVE_INFINITY),
    rates: [
      name.startsWith('web_search')
        ? rates.web_searches_kcount
        : name.startsWith('file_search')
          ? rates.storage_searches_kcount
          : undefined,
    ],
    per: 'thousand',
  }))

/** Allocates at most `total`, in whole numbers; an invalid count is 0. */
function counter(total: number | undefined) {
  let left = whole(total)
  return (wanted: number | undefined): number => {
    const given = wanted === Number.POSITIVE_INFINITY ? left : Math.min(left, whole(wanted))
    left -= given
    return given
  }
}

const whole = (value: number | undefined) =>
  value !== undefined && Number.isFinite(value) && value > 0 ? Math.round(value) : 0

const sum = (counts: Readonly<Record<string, number | undefined>> = {}) =>
  Object.values(counts).reduce<number>((total, count) => total + whole(count), 0)
