/**
 * Costs of recorded responses, compared with @pydantic/genai-prices, which reads the same bodies by
 * itself.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { calcPrice, extractUsage, findProvider } from '@pydantic/genai-prices'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { costUsd, prices } from '../../middleware/prices/index.js'
import { type UsageOptions, type UsageRecord, usage } from '../../middleware/usage.js'
import { createClient } from '../../src/client.js'
import { anthropic } from '../../src/providers/anthropic/index.js'
import { compatible } from '../../src/providers/compatible/index.js'
import { gemini } from '../../src/providers/gemini/index.js'
import { openai } from '../../src/providers/openai/index.js'
import { xai } from '../../src/providers/xai/index.js'
import { bodyOf, type RecordedUsage, recordedUsages } from './recorded-usage.js'

let server: Server
let origin = ''
let body: unknown

beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    })
  })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  // it listens on a port
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => new Promise((closed) => server.close(closed)))

/** The record of one call that received this response. */
async function recordOf(
  recorded: RecordedUsage,
  usageOptions: UsageOptions = {},
  beside: object = {},
): Promise<UsageRecord | undefined> {
  body = { ...bodyOf(recorded), ...beside }
  const options = { apiKey: 'test', baseURL: origin }
  const records: UsageRecord[] = []
  const ai = createClient({
    providers: [
      openai(options),
      anthropic(options),
      gemini(options),
      xai(options),
      compatible({ ...options, name: 'chat' }),
    ],
    use: [usage({ ...usageOptions, onUsage: (record) => records.push(record) })],
  })
  const provider = recorded.api === 'chat' ? 'chat' : recorded.provider
  await ai.generate({
    model: `${provider}/${recorded.model}`,
    messages: [{ role: 'user', content: 'Hi' }],
  })
  return records[0]
}

const theirNames = { openai: 'openai', anthropic: 'anthropic', gemini: 'google', xai: 'x-ai' }
const flavours = {
  responses: 'responses',
  chat: 'chat',
  messages: 'default',
  generateContent: 'default',
}

/** The price of the library; undefined if it has none. */
function theirCost(recorded: RecordedUsage, timestamp: Date): number | undefined {
  const provider = findProvider({ providerId: theirNames[recorded.provider] })
  if (!provider) return undefined
  const { usage } = extractUsage(provider, bodyOf(recorded), flavours[recorded.api])
  return calcPrice(usage, recorded.model, { provider, timestamp })?.total_price
}

const all = recordedUsages()
const titled = (usages: readonly RecordedUsage[]) =>
  usages.map((one) => [one.model, JSON.stringify(one.usage), one] as const)

describe('the cost of a recorded usage', () => {
  const readable = all.filter(({ provider, api }) => provider !== 'xai' && api !== 'chat')
  it.each(titled(readable))("of %s %s equals the library's", async (_, __, recorded) => {
    const record = await recordOf(recorded)
    const theirs = theirCost(recorded, new Date(record?.attempts[0]?.started ?? 0))
    if (theirs === undefined) expect(record?.usage.cost).toBeUndefined()
    else expect(difference(record?.usage.cost, theirs)).toBeLessThan(1e-9)
  })

  const chat = all.filter(({ api }) => api === 'chat')
  it.each(titled(chat))(
    "of %s %s in Chat Completions equals the library's",
    async (_, __, recorded) => {
      // a server with another name has no prices of its own: the app maps it to a provider
      const record = await recordOf(recorded, {
        prices: (call) => prices({ ...call, provider: 'openai' }),
      })
      const theirs = theirCost(recorded, new Date(record?.attempts[0]?.started ?? 0))
      expect(theirs).toBeDefined()
      expect(difference(record?.usage.cost, theirs)).toBeLessThan(1e-9)
    },
  )

  const grok = all.filter(({ provider }) => provider === 'xai')
  it.each(titled(grok))('of %s %s equals the cost reported by xAI', async (_, __, recorded) => {
    const record = await recordOf(recorded)
    // 10¹⁰ ticks are one USD
    const reported = Number(recorded.usage.cost_in_usd_ticks) / 1e10
    expect(difference(record?.usage.cost, reported)).toBeLessThan(1e-12)
    expect(record?.attempts).toMatchObject([{ cost_source: 'provider' }])
  })

  it.each(titled(grok))("of %s %s by our table equals the library's", async (_, __, recorded) => {
    const record = await recordOf(recorded)
    const [attempt] = record?.attempts ?? []
    if (!attempt) throw new Error('no attempt')
    const { cost: _cost, ...usage } = attempt.usage
    const ours = costUsd(usage, prices(attempt) ?? {})
    // the library has no reader for the Responses bodies of xAI
    const theirs = calcPrice(
      {
        input_tokens: usage.prompt_tokens,
        cache_read_tokens: usage.prompt_tokens_details?.cached_tokens,
        output_tokens: usage.completion_tokens,
      },
      recorded.model,
      { providerId: 'x-ai', timestamp: new Date(attempt.started) },
    )
    expect(difference(ours, theirs?.total_price)).toBeLessThan(1e-9)
  })
})

describe('members beside the usage', () => {
  const astra = {
    provider: 'openai',
    api: 'responses',
    model: 'gpt-6-astra',
    usage: { input_tokens: 100_000, output_tokens: 100_000 },
  } as const
  const tool_usage = {
    web_search: { num_requests: 10 },
    image_gen: { input_tokens: 991, output_tokens: 992 },
  }

  it('of OpenAI: searches are counted and priced, image tokens kept', async () => {
    const record = await recordOf(astra, {}, { tool_usage })
    expect(record?.usage).toMatchObject({
      cost: 6.1,
      server_tool_use: { web_search: 10 },
      server_tool_tokens: { image_gen: { prompt_tokens: 991, completion_tokens: 992 } },
    })
  })

  it.each([
    ['default', 6.1],
    ['fast', 12.1],
    ['priority', 12.1],
    ['ultrafast', 36.1],
    ['warp', undefined],
  ])('of OpenAI: the tier %s costs %s', async (service_tier, cost) => {
    const record = await recordOf(astra, {}, { service_tier, tool_usage })
    expect(record?.usage.cost).toBe(cost)
    const warned = record?.attempts[0]?.warnings.map(({ message }) => message) ?? []
    expect(warned.filter((message) => message.includes('tier'))).toHaveLength(cost ? 0 : 1)
  })

  it.each([
    ['claude-opus-5', 'standard', 0.03],
    ['claude-opus-5', 'fast', 0.06],
    ['claude-haiku-4-5', 'fast', undefined],
  ])('of Anthropic: %s at the speed %s costs %s', async (model, speed, cost) => {
    const usage = { input_tokens: 1000, output_tokens: 1000, service_tier: 'standard', speed }
    const record = await recordOf({ provider: 'anthropic', api: 'messages', model, usage })
    expect(record?.usage.cost).toBe(cost)
  })
})

const difference = (a = Number.NaN, b = Number.NaN) => Math.abs(a - b)
