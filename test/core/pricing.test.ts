import { describe, expect, it } from 'vitest'
import { prices as bundled } from '../../middleware/prices/index.js'
import { usage } from '../../middleware/usage.js'
import type { ChatRequest, StreamChunk, Usage } from '../../src/chat/index.js'
import { type Client, createClient } from '../../src/client.js'
import { type Call, layer, type Middleware, ServiceUnavailableError } from '../../src/core/index.js'
import { say, scripted, start, untilAborted } from '../contract/scripted.js'

const request: ChatRequest = { model: 'scripted/m', messages: [{ role: 'user', content: 'Hi' }] }
/** One dollar per million input tokens, two per million output tokens. */
const prices = { 'scripted/m': { input_mtok: 1, output_mtok: 2 } }
const text = (text: string): StreamChunk => ({ type: 'text-delta', text })
const modes = ['generate', 'stream'] as const
const run = (ai: Client, mode: (typeof modes)[number], asked = request) =>
  mode === 'generate' ? ai.generate(asked) : ai.stream(asked).response

/** Records the usage at its position in the stack, whatever the outcome. */
const noting = (notes: Usage[]): Middleware =>
  layer('noting', async (ctx, next) => {
    try {
      await next()
    } finally {
      notes.push(ctx.usage)
      for (const attempt of ctx.attempts) notes.push(attempt.usage)
    }
  })

describe.each(modes)('the prices of a client, in %s', (mode) => {
  it.each([
    ['of the client', { prices }, []],
    ['of usage()', {}, [usage({ prices })]],
    ['of usage(), before those of the client', { prices: () => 9 }, [usage({ prices })]],
  ] as const)('%s are known at every position', async (_, options, layers) => {
    const notes: Usage[] = []
    const use = [noting(notes), ...layers, noting(notes)]
    const ai = createClient({ providers: [scripted([say('Hello there')])], use, ...options })
    const reply = await run(ai, mode)
    expect(reply.usage.cost).toBe(0.00002)
    expect(reply.attempts[0]).toMatchObject({ usage: { cost: 0.00002 }, cost_source: 'prices' })
    expect(notes.map(({ cost }) => cost)).toEqual([0.00002, 0.00002, 0.00002, 0.00002])
  })

  it.each([
    ['failed', new ServiceUnavailableError('down', { retryable: true, maybeBilled: true })],
    ['aborted', (call: Call) => untilAborted(call)],
  ] as const)('count an attempt that %s', async (status, end) => {
    const notes: Usage[] = []
    const reported = { prompt_tokens: 100, completion_tokens: 1, total_tokens: 101 }
    const reportUsage = ({ onUsage }: Call) => onUsage(reported)
    const replies = [
      [
        start(),
        reportUsage,
        text('four little words here'),
        status === 'aborted' ? () => abort() : reportUsage,
        end,
      ],
    ]
    let abort = () => {}
    const cut = layer('cut', (ctx, next) => {
      abort = () => ctx.abort(new Error('enough'))
      return next()
    })
    const use = [noting(notes), cut]
    const ai = createClient({ providers: [scripted(replies)], use, prices })
    const error = await run(ai, mode).catch((error) => error)
    const expected = (100 + 2 * (notes[0]?.completion_tokens ?? 0)) / 1e6
    expect(notes[0]?.completion_tokens).toBeGreaterThan(3)
    expect(notes[0]).toMatchObject({ prompt_tokens: 100, estimated: true, cost: expected })
    expect(error.attempts[0]).toMatchObject({ status, usage: { cost: expected } })
    expect(error.usage.cost).toBe(expected)
  })

  it('leave out attempts without a price', async () => {
    const ai = createClient({ providers: [scripted([say('Hello')])], prices: {} })
    const reply = await run(ai, mode)
    expect(reply.usage).not.toHaveProperty('cost')
    expect(reply.attempts[0]).not.toHaveProperty('cost_source')
  })

  it('count nothing for a response that no provider was called for', async () => {
    const kept = { id: 'a', created: 1, model: 'm', finish_reason: 'stop' } as const
    const used = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15, cost: 3 }
    const cached = layer('cached', async (ctx) => {
      ctx.response = { ...kept, usage: used, message: { role: 'assistant', content: 'kept' } }
    })
    const ai = createClient({ providers: [scripted([])], use: [cached], prices })
    expect((await run(ai, mode)).usage).toEqual({ ...used, cost: 0 })
  })

  it('use the requested tier, then the one in the response; a tier without a price is unknown and reported', async () => {
    const byTier = ({ service_tier }: { readonly service_tier?: string }) =>
      service_tier === undefined ? 1 : service_tier === 'fast' ? 2 : undefined
    const send = (finish: object, more: object) => {
      const providers = [scripted([say('Hello', finish)])]
      return run(createClient({ providers, prices: byTier }), mode, { ...request, ...more })
    }
    expect((await send({}, { service_tier: 'fast' })).usage.cost).toBe(2)
    expect((await send({}, { extra_body: { speed: 'fast' } })).usage.cost).toBe(2)
    expect((await send({ service_tier: 'fast' }, { service_tier: 'auto' })).usage.cost).toBe(2)
    const unknown = await send({ service_tier: 'warp' }, { service_tier: 'fast' })
    expect(unknown.usage).not.toHaveProperty('cost')
    expect(unknown.warnings).toMatchObject([
      { code: 'other', message: expect.stringContaining("'warp'") },
    ])
    expect(unknown.attempts[0]?.warnings).toHaveLength(1)
  })
})

describe('the best-known usage', () => {
  it('grows with each chunk, with its cost, however the text is split', async () => {
    const seen: Usage[] = []
    const watch = layer('watch', (ctx, next) => {
      ctx.transform((chunk, emit) => {
        if (chunk.type === 'text-delta') seen.push(ctx.usage)
        emit(chunk)
      })
      return next()
    })
    const words = 'The quick brown fox jumps over the lazy dog.'
    const replies = [[start(), ...[...words].map(text), ...say('').slice(-1)]]
    const ai = createClient({ providers: [scripted(replies)], use: [watch], prices })
    await ai.stream(request).response
    const counts = seen.map(({ completion_tokens }) => completion_tokens)
    expect(counts).toEqual([...counts].sort((a, b) => a - b))
    // one letter per chunk is not one token per chunk
    expect(counts.at(-1)).toBeLessThan(15)
    expect(counts.at(-1)).toBeGreaterThan(7)
    for (const { prompt_tokens, completion_tokens, cost } of seen)
      expect(cost).toBeCloseTo((prompt_tokens + 2 * completion_tokens) / 1e6, 12)
  })
})

describe('costOf before a call', () => {
  const question = {
    model: 'scripted/m',
    usage: { prompt_tokens: 1_000_000, completion_tokens: 500_000 },
  }

  it('uses the prices of the client, and in a layer those of its position', async () => {
    const found: unknown[] = []
    const costLayer = layer('asking', (ctx, next) => {
      found.push(ctx.client.costOf(question))
      return next()
    })
    const providers = [scripted([say('Hello')])]
    const ai = createClient({ providers, prices, use: [usage({ prices: () => 7 }), costLayer] })
    expect(ai.costOf(question)).toBe(2)
    await ai.generate(request)
    expect(found).toEqual([7])
    expect(createClient({ providers }).costOf(question)).toBeUndefined()
    expect(() => ai.costOf({ ...question, model: 'nobody/m' })).toThrow(/nobody/)
  })

  it('handles tiers and long prompts', () => {
    const ai = createClient({ providers: [scripted([], { name: 'openai' })], prices: bundled })
    const model = 'openai/gpt-6-astra'
    const usage = { prompt_tokens: 100_000, completion_tokens: 100_000 }
    expect(ai.costOf({ model, usage })).toBe(6)
    expect(ai.costOf({ model, usage, service_tier: 'ultrafast' })).toBe(36)
    expect(ai.costOf({ model, usage, service_tier: 'unheard-of' })).toBeUndefined()
    const long = { prompt_tokens: 300_000, completion_tokens: 0 }
    expect(ai.costOf({ model, usage: long })).toBe(6)
  })
})

describe('a price table', () => {
  const rates = { input_mtok: 1, output_mtok: 2 }
  const costs = async (tier: string | undefined, table: object, mode: (typeof modes)[number]) => {
    const answer = [start(), text('Hi'), finishIn(tier)]
    const ai = createClient({ providers: [scripted([answer])], prices: table as typeof prices })
    const { usage, warnings } = await run(ai, mode)
    return [usage.cost, warnings.length]
  }
  const finishIn = (service_tier: string | undefined): StreamChunk => ({
    type: 'finish',
    finish_reason: 'stop',
    usage: { prompt_tokens: 1_000_000, completion_tokens: 0, total_tokens: 1_000_000 },
    ...(service_tier !== undefined && { service_tier }),
  })

  describe.each(modes)('in %s', (mode) => {
    it.each(['fast', 'ultrafast', 'priority', 'FLEX', 'batch'])(
      'does not apply the standard rate to the tier %s',
      async (tier) => {
        expect(await costs(tier, { 'scripted/m': rates }, mode)).toEqual([undefined, 1])
        const own = { 'scripted/m': rates, [`m:${tier.toLowerCase()}`]: { input_mtok: 3 } }
        expect(await costs(tier, own, mode)).toEqual([3, 0])
      },
    )

    it.each([undefined, 'default', 'standard', 'auto', 'on_demand'])('is in %s', async (tier) => {
      expect(await costs(tier, { 'scripted/m': rates }, mode)).toEqual([1, 0])
    })
  })
})
