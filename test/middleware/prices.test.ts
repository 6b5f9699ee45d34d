import { readFileSync } from 'node:fs'
import { calcPrice, findProvider } from '@pydantic/genai-prices'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { data } from '../../middleware/prices/data.js'
import {
  asOf,
  costUsd,
  type DatedRates,
  type PricedCall,
  prices,
  type Rates,
} from '../../middleware/prices/index.js'
import type { Usage } from '../../src/chat/index.js'
import { generate } from './generate-prices.mjs'
import { tokens } from './script.js'

const theirNames = { openai: 'openai', anthropic: 'anthropic', gemini: 'google', xai: 'x-ai' }
const started = Date.parse('2026-10-01')

const calling = (provider: string, model: string, more: Partial<PricedCall> = {}): PricedCall => ({
  provider,
  model,
  started,
  usage: tokens(1, 1),
  ...more,
})

const cost = (model: string, usage: Usage, more: Partial<PricedCall> = {}) => {
  const [provider = '', name = ''] = model.split('/')
  const rates = prices(calling(provider, name, more))
  return rates && costUsd(usage, rates)
}

const million = (prompt: number, completion: number) => tokens(prompt * 1e6, completion * 1e6)

describe('the bundled prices', () => {
  const text = readFileSync(new URL('../../middleware/prices/data.ts', import.meta.url), 'utf8')

  it('equal the output of the generator for the installed library', () => {
    expect(text).toBe(generate())
  })

  it('name their source, licence and date, in under 20 kB', () => {
    expect(text).toContain('https://github.com/pydantic/genai-prices')
    expect(text).toContain('MIT License')
    expect(asOf).toMatch(/^\d{4}-\d{2}-\d{2}$/)
    expect(Buffer.byteLength(text)).toBeLessThan(20_000)
  })

  it('are loaded only when they are used', () => {
    const root = new URL('../../middleware/', import.meta.url)
    const seen = new Set<string>()
    const visit = (file: URL) => {
      if (seen.has(file.pathname)) return
      seen.add(file.pathname)
      const source = readFileSync(file, 'utf8')
      for (const [, path = ''] of source.matchAll(
        /^(?:import|export) (?!type)[^'"]*from '(\.[^']+)'/gm,
      ))
        visit(new URL(path.replace(/\.js$/, '.ts'), file))
    }
    visit(new URL('index.ts', root))
    expect([...seen].filter((path) => path.endsWith('/usage.ts'))).not.toEqual([])
    expect([...seen].filter((path) => path.endsWith('/prices/data.ts'))).toEqual([])
  })

  it('are exact in integer arithmetic', () => {
    const rates = Object.values(data).flatMap((rows) => rows.flatMap(([, ...dated]) => dated))
    const numbers = rates.flatMap(({ from, ...prices }: DatedRates) =>
      Object.values(prices).flatMap((rate) =>
        typeof rate === 'number' ? [rate] : [rate.base, ...rate.tiers.map(({ price }) => price)],
      ),
    )
    expect(numbers.length).toBeGreaterThan(500)
    for (const price of numbers)
      expect(Number.isInteger(Number((price * 1e9).toFixed(4))), `${price}`).toBe(true)
  })

  const names = Object.entries(theirNames).flatMap(([ours, theirs]) => {
    const models = findProvider({ providerId: theirs })?.models ?? []
    return models.flatMap(({ id }) =>
      [id, `${id}-latest`, `${id}-2026-01-15`, id.toUpperCase()].map((name) => ({
        ours,
        theirs,
        name,
      })),
    )
  })

  it('know the models of the library, at its price', () => {
    let compared = 0
    for (const { ours, theirs, name } of names) {
      const rates = prices(calling(ours, name))
      if (!rates) continue
      const usage = { input_tokens: 1000, output_tokens: 500 }
      const price = calcPrice(usage, name, { providerId: theirs, timestamp: new Date(started) })
      expect(costUsd(tokens(1000, 500), rates), name).toBeCloseTo(price?.total_price ?? -1, 12)
      compared++
    }
    expect(compared).toBeGreaterThan(200)
  })

  it('know every chat model', () => {
    for (const { ours, theirs, name } of names) {
      const price = calcPrice({}, name, { providerId: theirs, timestamp: new Date(started) })
      const rates = price?.model_price
      const isChat = rates?.input_mtok !== undefined && rates.output_mtok !== undefined
      if (isChat && !price?.model.id.startsWith('claude'))
        expect(prices(calling(ours, name)), name).toBeDefined()
    }
  })

  it('agree with the library for any usage of tokens, caches and searches', () => {
    const models = Object.entries(data).flatMap(([ours]) =>
      names.filter((one) => one.ours === ours && prices(calling(ours, one.name))),
    )
    const count = fc.integer({ min: 0, max: 400_000 })
    const share = fc.double({ min: 0, max: 1, noNaN: true })
    const property = fc.property(
      fc.constantFrom(...models),
      fc.tuple(count, count, share, share, share, fc.integer({ min: 0, max: 9 })),
      ({ ours, theirs, name }, [prompt, completion, read, written, long, searches]) => {
        const cached = Math.floor(prompt * read)
        const creation = Math.floor((prompt - cached) * written)
        const hour = Math.floor(creation * long)
        const usage: Usage = {
          ...tokens(prompt, completion),
          prompt_tokens_details: {
            cached_tokens: cached,
            cache_creation_tokens: creation,
            cache_creation: { '5m': creation - hour, '1h': hour },
          },
          server_tool_use: { web_search_requests: searches },
        }
        const price = calcPrice(
          {
            input_tokens: prompt,
            cache_read_tokens: cached,
            cache_write_tokens: creation,
            cache_write_1h_tokens: hour,
            output_tokens: completion,
            web_searches: searches,
          },
          name,
          { providerId: theirs, timestamp: new Date(started) },
        )
        const ours_ = costUsd(usage, prices(calling(ours, name)) ?? {})
        return Math.abs(ours_ - (price?.total_price ?? Number.NaN)) < 1e-9
      },
    )
    fc.assert(property, { numRuns: 2_000, seed: 7 })
  })
})

describe('a price', () => {
  it('is unknown for a model or provider without a price, never 0', () => {
    expect(cost('openai/gpt-99', million(1, 1))).toBeUndefined()
    for (const provider of ['nobody', 'constructor', '__proto__'])
      expect(cost(`${provider}/gpt-4o`, million(1, 1))).toBeUndefined()
  })

  it('is looked up by the model in the response, else by the requested one', () => {
    const answered = { answered: 'gpt-4o-2024-08-06' }
    expect(cost('openai/my-alias', million(1, 0), answered)).toBe(2.5)
    expect(cost('openai/gpt-4o', million(1, 0), { answered: 'something-new' })).toBe(2.5)
  })

  it('applies to the whole request once the threshold is exceeded', () => {
    expect(cost('anthropic/claude-sonnet-4-5', tokens(200_000, 1000))).toBe(0.615)
    expect(cost('anthropic/claude-sonnet-4-5', tokens(200_001, 1000))).toBe(1.222506)
  })

  it('counts cached, written and fresh tokens once each, one-hour writes at their own rate', () => {
    const usage: Usage = {
      ...tokens(100_000, 0),
      prompt_tokens_details: {
        cached_tokens: 60_000,
        cache_creation_tokens: 30_000,
        cache_creation: { '5m': 10_000, '1h': 20_000 },
      },
    }
    // haiku 4.5: 1 in, 0.1 read, 1.25 and 2 written
    expect(cost('anthropic/claude-haiku-4-5', usage)).toBe(0.0685)
  })

  it('accepts a split without a total, and never exceeds the prompt', () => {
    const split = { ...tokens(100, 0), prompt_tokens_details: { cache_creation: { '1h': 100 } } }
    expect(cost('anthropic/claude-haiku-4-5', split)).toBe(0.0002)
    const lying = {
      ...tokens(100, 0),
      prompt_tokens_details: { cached_tokens: 900, cache_creation_tokens: 80, audio_tokens: -5 },
    }
    expect(cost('anthropic/claude-haiku-4-5', lying)).toBe(0.000102)
  })

  it('separates audio and images from text, in and out', () => {
    const audio: Usage = {
      ...tokens(1000, 0),
      prompt_tokens_details: { audio_tokens: 400, cached_tokens: 500 },
    }
    // 2.5 flash: text 0.3, audio 1, cached 0.03; the cache is text unless reported otherwise
    expect(cost('gemini/gemini-2.5-flash', audio)).toBe(0.000445)
    const image: Usage = {
      ...tokens(0, 1500),
      completion_tokens_details: { image_tokens: 1000 },
    }
    expect(cost('gemini/gemini-3-pro-image-preview', image)).toBe(0.126)
  })

  it('uses the cached modalities reported on the wire', () => {
    const usage: Usage = {
      ...tokens(1000, 0),
      prompt_tokens_details: {
        audio_tokens: 400,
        cached_tokens: 500,
        cached_tokens_details: { audio_tokens: 400 },
      },
    }
    // 100 text and 400 audio tokens are cached: 0.03 and 0.1
    expect(cost('gemini/gemini-2.5-flash', usage)).toBe(0.000193)
  })

  it.each([
    ['openai/gpt-5', 'flex', 0.625, 5],
    ['openai/gpt-5', 'priority', 2.5, 20],
    ['openai/gpt-5-mini', 'priority', 0.45, 3.6],
    ['openai/gpt-4o-mini', 'priority', 0.25, 1],
    ['openai/o4-mini', 'priority', 2, 8],
    ['openai/gpt-4.1', 'priority', 3.5, 14],
    ['anthropic/claude-haiku-4-5', 'batch', 0.5, 2.5],
    ['anthropic/claude-haiku-4-5', 'priority', 1, 5],
    ['gemini/gemini-3-flash-preview', 'flex', 0.25, 1.5],
    ['openai/gpt-5', 'default', 1.25, 10],
    ['openai/gpt-6-sol', 'fast', 4, 20],
    ['openai/gpt-6-sol', 'priority', 4, 20],
    ['openai/gpt-6-sol', 'ultrafast', 12, 60],
    ['anthropic/claude-opus-5', 'fast', 10, 50],
    ['gemini/gemini-3-flash-preview', 'STANDARD', 0.5, 3],
  ])('of %s in the tier %s is %d and %d', (model, service_tier, input, output) => {
    const rates = prices(calling('', ''))
    expect(rates).toBeUndefined()
    // below every threshold
    expect((cost(model, tokens(1000, 0), { service_tier }) ?? 0) * 1000).toBeCloseTo(input, 9)
    expect((cost(model, tokens(0, 1000), { service_tier }) ?? 0) * 1000).toBeCloseTo(output, 9)
  })

  it.each([
    ['openai/gpt-5', '__proto__'],
    ['openai/gpt-5', 'ultrafast'],
    ['openai/gpt-5', 'scale'],
    ['anthropic/claude-haiku-4-5', 'fast'],
    ['gemini/gemini-2.5-flash', 'priority'],
    ['xai/grok-4', 'priority'],
  ])('of %s in the tier %s, which has no row, is unknown', (model, service_tier) => {
    expect(cost(model, tokens(1000, 10))).toBeGreaterThan(0)
    expect(cost(model, tokens(1000, 10), { service_tier })).toBeUndefined()
  })

  it('is that of the date', () => {
    const at = (day: string) =>
      cost('openai/gpt-5.6-luna', million(0.1, 0), { started: Date.parse(day) })
    expect(at('2026-07-29')).toBe(0.1)
    expect(at('2026-07-30')).toBe(0.02)
  })

  it('adds hosted searches per thousand, whatever their name', () => {
    const rates: Rates = { input_mtok: 1, web_searches_kcount: 10, storage_searches_kcount: 2.5 }
    const use = (server_tool_use: Record<string, number>) =>
      costUsd({ ...tokens(0, 0), server_tool_use }, rates)
    expect(use({ web_search_requests: 3 })).toBe(0.03)
    expect(use({ web_search: 1, file_search: 2, code_interpreter: 5 })).toBe(0.015)
  })

  it('adds a million small costs without drift', () => {
    expect(costUsd(tokens(3_000_000_000, 0), { input_mtok: 0.1 })).toBe(300)
  })
})
