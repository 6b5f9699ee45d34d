import { describe, expect, it } from 'vitest'
import { Ledger } from '../../middleware/ledger.js'
import { retry } from '../../middleware/retry.js'
import { tools } from '../../middleware/tools.js'
import { type UsageOptions, type UsageRecord, usage } from '../../middleware/usage.js'
import type { ChatRequest, FinishChunk, StreamChunk } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import {
  AbortError,
  BadRequestError,
  type Middleware,
  ServiceUnavailableError,
  StreamInterruptedError,
} from '../../src/core/index.js'
import { mockServer, think } from '../../src/testing/index.js'
import { middlewareContract } from '../contract/middleware.js'
import { deepFreeze, scripted, start, untilAborted } from '../contract/scripted.js'
import { fakeClock } from './fake-clock.js'
import { call, collect, say, thrown, tokens } from './script.js'
import { adapters, models } from './wires.js'

const request: ChatRequest = deepFreeze({
  model: 'scripted/m',
  messages: [{ role: 'user', content: 'Hi' }],
} satisfies ChatRequest)

/** One dollar per million input tokens, two per million output tokens. */
const prices = { 'scripted/m': { input_mtok: 1, output_mtok: 2 } }

/** A client that collects its records. */
function counted(
  replies: Parameters<typeof scripted>[0],
  options: UsageOptions = {},
  ...inside: Middleware[]
) {
  const records: UsageRecord[] = []
  const provider = scripted(replies)
  const onUsage = (record: UsageRecord) => void records.push(record)
  const use = [usage({ onUsage, prices, ...options }), ...inside]
  return { ai: createClient({ providers: [provider], use }), records, provider }
}

middlewareContract('usage', () => usage())

describe('usage', () => {
  it('reports each call once, with tags, tokens, cost and attempts', async () => {
    const { ai, records } = counted([say('Hello')])
    await ai.generate(request, { tags: { tenant: 'acme' } })
    expect(records).toMatchObject([
      {
        model: 'scripted/m',
        status: 'ok',
        tags: { tenant: 'acme' },
        usage: { ...tokens(10, 5), cost: 0.00002 },
        attempts: [{ provider: 'scripted', model: 'm', status: 'ok', cost_source: 'prices' }],
      },
    ])
    expect(records[0]?.total_ms).toBeGreaterThanOrEqual(0)
    expect(records[0]).not.toHaveProperty('error')
  })

  it('puts the cost on the response and on the finish of each turn, in both modes', async () => {
    const replies = [call([['c1', 'now']]), say('noon')]
    const layers = () => tools({ now: { execute: () => '12' } })
    const whole = await counted(replies, {}, layers()).ai.generate(request)
    expect(whole.usage.cost).toBe(0.00004)
    const stream = counted(replies, {}, layers()).ai.stream(request)
    const { chunks } = await collect(stream)
    const finishes = chunks.filter((chunk): chunk is FinishChunk => chunk.type === 'finish')
    expect(finishes.map((chunk) => chunk.usage.cost)).toEqual([0.00002, 0.00002])
    expect((await stream.response).usage).toEqual(whole.usage)
  })

  it('leaves all other members of the response unchanged', async () => {
    const native = { provider: 'scripted', model: 'm', content: [{ secret: 1 }] }
    const replies = [say('Hello', { native, service_tier: 'default', stop_sequence: '.' })]
    const plain = await createClient({ providers: [scripted(replies)] }).generate(request)
    const reply = await counted(replies).ai.generate(request)
    expect(reply).toEqual({
      ...plain,
      usage: { ...plain.usage, cost: 0.00002 },
      attempts: [expect.objectContaining({ status: 'ok' })],
    })
  })

  it('includes the cost of failed attempts', async () => {
    const down = new ServiceUnavailableError('down', { retryable: true, maybeBilled: true })
    const reportUsage = (call: { onUsage: (usage: ReturnType<typeof tokens>) => void }) =>
      call.onUsage(tokens(10, 1))
    const layer = retry({ clock: fakeClock({ jumps: true }) })
    const { ai, records } = counted([[start(), reportUsage, down], say('Hello')], {}, layer)
    await ai.generate(request)
    expect(records).toMatchObject([
      {
        status: 'ok',
        usage: { prompt_tokens: 20, cost: 0.000032 },
        attempts: [
          { status: 'failed', usage: { cost: 0.000012 } },
          { status: 'ok', usage: { cost: 0.00002 } },
        ],
      },
    ])
  })

  it.each(['generate', 'stream'] as const)(
    'reports a failed %s once, with the error',
    async (mode) => {
      const refusal = new BadRequestError('no', { status: 400 })
      const { ai, records } = counted([[refusal]])
      const run = mode === 'generate' ? ai.generate(request) : ai.stream(request).response
      expect(await thrown(run)).toBe(refusal)
      expect(records).toMatchObject([
        { status: 'failed', error: refusal, usage: tokens(0, 0), attempts: [{ status: 'failed' }] },
      ])
    },
  )

  it('reports an interrupted call with its partial response', async () => {
    const cut = new StreamInterruptedError('cut')
    const text: StreamChunk = { type: 'text-delta', text: 'four little words here' }
    const { ai, records } = counted([[start(), text, cut]])
    await collect(ai.stream(request))
    expect(records).toHaveLength(1)
    expect(records[0]?.usage.completion_tokens).toBeGreaterThan(3)
    expect(records[0]?.usage).toMatchObject({ estimated: true, cost: expect.any(Number) })
  })

  it.each(['abort', 'break'] as const)('reports a call that ends by %s', async (how) => {
    const text: StreamChunk = { type: 'text-delta', text: 'Hel' }
    const { ai, records } = counted([[start(), text, untilAborted]])
    const stream = ai.stream(request)
    const error = await thrown(
      (async () => {
        for await (const _ of stream) {
          if (how === 'break') break
          stream.abort()
        }
      })(),
    )
    if (how === 'abort') {
      expect(error).toBeInstanceOf(AbortError)
      // an iterator does not wait for the stack to unwind, this does
      await thrown(stream.response)
    }
    expect(records).toMatchObject([{ status: 'aborted', attempts: [{ status: 'aborted' }] }])
  })

  it('waits for a promise of onUsage, and for nothing else', async () => {
    const order: string[] = []
    const { ai } = counted([say('Hello')], {
      onUsage: async () => {
        await new Promise((done) => setImmediate(done))
        order.push('written')
      },
    })
    await ai.generate(request)
    order.push('answered')
    expect(order).toEqual(['written', 'answered'])
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('disk full')
      },
    ],
    ['rejects', () => Promise.reject(new Error('disk full'))],
  ] as const)('never breaks a reply: onUsage %s', async (_, onUsage) => {
    const errors: unknown[] = []
    const onError = (error: unknown) => {
      errors.push(error)
      throw new Error('no luck')
    }
    const { ai } = counted([say('Hello')], { onUsage, onError })
    const reply = await ai.generate(request)
    expect(reply.text).toBe('Hello')
    expect(reply.warnings).toMatchObject([{ code: 'other' }])
    expect(errors).toHaveLength(1)
    const { chunks, error } = await collect(ai.stream(request))
    expect(error).toBeUndefined()
    expect(chunks.filter(({ type }) => type === 'finish')).toHaveLength(1)
  })

  it('never replaces the error of the call with one of onUsage', async () => {
    const refusal = new BadRequestError('no', { status: 400 })
    const onUsage = () => Promise.reject(new Error('disk full'))
    expect(await thrown(counted([[refusal]], { onUsage }).ai.generate(request))).toBe(refusal)
  })
})

describe('prices', () => {
  const costOf = async (options: UsageOptions, finish: Partial<FinishChunk> = {}) => {
    const { ai, records } = counted([say('Hello', finish)], options)
    const reply = await ai.generate(request)
    expect(records[0]?.usage.cost).toBe(reply.usage.cost)
    return { cost: reply.usage.cost, source: records[0]?.attempts[0]?.cost_source, reply }
  }

  it('are unknown, and not 0, for a model without a price', async () => {
    for (const prices of [{}, false, () => undefined, () => Number.NaN] as const)
      expect(await costOf({ prices })).toMatchObject({ cost: undefined, source: 'unknown' })
    const ai = createClient({ providers: [scripted([say('Hello')])], use: [usage()] })
    expect((await ai.generate(request)).usage).not.toHaveProperty('cost')
  })

  it('are not needed if nothing was used', async () => {
    const refused = counted([[new BadRequestError('no', { status: 400 })]], { prices: false })
    await thrown(refused.ai.generate(request))
    const cached: Middleware = async (ctx) => {
      const message = { role: 'assistant', content: 'kept' } as const
      const answer = { id: 'a', created: 1, model: 'm', message, usage: tokens(10, 5) }
      ctx.response = { ...answer, finish_reason: 'stop' }
    }
    const hit = counted([], {}, cached)
    expect((await hit.ai.generate(request)).text).toBe('kept')
    for (const { records } of [refused, hit])
      expect(records).toMatchObject([{ usage: { ...tokens(0, 0), cost: 0 } }])
  })

  it('are overridden by a cost reported by the provider', async () => {
    const usage = { ...tokens(10, 5), cost: 0.5 }
    expect(await costOf({}, { usage })).toMatchObject({ cost: 0.5, source: 'provider' })
  })

  it('may be a table by the bare name, or a function that returns rates or dollars', async () => {
    const rates = { input_mtok: 3, output_mtok: 4 }
    expect(await costOf({ prices: { m: rates } })).toMatchObject({ cost: 0.00005 })
    expect(await costOf({ prices: { 'model-1': rates } })).toMatchObject({ cost: 0.00005 })
    expect(await costOf({ prices: () => rates })).toMatchObject({ cost: 0.00005 })
    expect(await costOf({ prices: ({ usage }) => usage.total_tokens / 10 })).toMatchObject({
      cost: 1.5,
    })
  })

  it('use the tier of the response', async () => {
    const prices: UsageOptions['prices'] = ({ service_tier }) => (service_tier === 'flex' ? 1 : 2)
    expect(await costOf({ prices }, { service_tier: 'flex' })).toMatchObject({ cost: 1 })
  })

  it('that throw are unknown, with a warning', async () => {
    const errors: unknown[] = []
    const prices = () => {
      throw new Error('no table')
    }
    const { cost, reply } = await costOf({ prices, onError: (error) => errors.push(error) })
    expect(cost).toBeUndefined()
    expect(reply.warnings).toHaveLength(1)
    expect(errors).toHaveLength(1)
  })

  it('that cover one attempt and not the other leave the sum unknown', async () => {
    const down = new ServiceUnavailableError('down', { retryable: true, maybeBilled: true })
    const layer = retry({ clock: fakeClock({ jumps: true }) })
    const { ai, records } = counted(
      [[start(), down], say('Hello')],
      { prices: ({ usage }) => (usage.estimated ? undefined : 1) },
      layer,
    )
    await ai.generate(request)
    expect(records[0]?.usage.cost).toBeUndefined()
    expect(records[0]?.attempts.map(({ cost_source }) => cost_source)).toEqual([
      'unknown',
      'prices',
    ])
  })
})

describe('usage over the wire', () => {
  const reply = think('Let me see.')
    .say('The quick brown fox jumps.')
    .usage({
      prompt_tokens: 40,
      completion_tokens: 20,
      prompt_tokens_details: { cached_tokens: 8 },
    })

  it.each(models)('of %s, aborted after each chunk: at least what was reported', async (model) => {
    await using server = await mockServer()
    const records: UsageRecord[] = []
    const ledger = new Ledger()
    const onUsage = (record: UsageRecord) => {
      records.push(record)
      ledger.add(record)
    }
    const ai = createClient({ providers: adapters(server), use: [usage({ onUsage })] })
    let length = Number.POSITIVE_INFINITY
    for (let after = 0; after < length; after++) {
      server.script(reply)
      const stream = ai.stream({ ...request, model })
      let seen = 0
      try {
        for await (const _ of stream) if (seen++ === after) stream.abort()
      } catch {
        // each but the last is an abort
      }
      await thrown(stream.response)
      if (seen <= after) length = seen
    }
    for (const { status, usage, attempts } of records) {
      expect(attempts).toHaveLength(1)
      expect(usage.prompt_tokens).toBe(attempts[0]?.usage.prompt_tokens)
      expect(usage.completion_tokens).toBe(attempts[0]?.usage.completion_tokens)
      if (status === 'ok') expect(usage).toMatchObject(tokens(40, 20))
      else expect(usage.prompt_tokens).toBeGreaterThan(0)
    }
    expect(records.length).toBeGreaterThan(3)
    expect(ledger.total.attempts).toBe(records.length)
    expect(ledger.total.prompt_tokens).toBe(
      records.reduce((sum, { usage }) => sum + usage.prompt_tokens, 0),
    )
    // these two report their prompt tokens at the start
    if (/anthropic|gemini/.test(model))
      expect(records.every(({ usage }) => usage.prompt_tokens === 40)).toBe(true)
  })
})
