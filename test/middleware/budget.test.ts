import { once } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import { type BudgetOptions, budget } from '../../middleware/budget.js'
import { prices } from '../../middleware/prices/index.js'
import { retry } from '../../middleware/retry.js'
import { standard } from '../../middleware/standard.js'
import type { ChatRequest, StreamChunk, Usage } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import {
  AbortError,
  BudgetExceededError,
  MisuseError,
  ServiceUnavailableError,
} from '../../src/core/index.js'
import { memoryStore, redisStore, type Store, sqliteStore } from '../../src/store/index.js'
import { mockServer, say as reply } from '../../src/testing/index.js'
import { middlewareContract } from '../contract/middleware.js'
import { type Scripted, say, scripted, start, untilAborted } from '../contract/scripted.js'
import { gate } from '../http/requests.js'
import { connectTo, faultyRedis } from '../store/faulty-redis.js'
import { withSilence } from '../store/silence.js'
import { DatabaseSync } from '../store/sqlite.js'
import { useRedis } from '../store/use-redis.js'
import { crowd, crowdInProcesses, seeded, startProcess, stateOf } from './budget-load.js'
import { fakeClock } from './fake-clock.js'
import { adapters, models } from './wires.js'

const redis = useRedis()

const stores: Record<string, () => Store> = {
  memory: () => memoryStore(),
  redis: () => redisStore(redis.client),
  ...(DatabaseSync && {
    SQLite: () => {
      if (!DatabaseSync) throw new Error('looked a line above')
      return sqliteStore(new DatabaseSync(':memory:'))
    },
  }),
}
const messages = [{ role: 'user', content: 'Hi' }] as const
const request: ChatRequest = { model: 'scripted/m', messages }
const modes = ['generate', 'stream'] as const
const ownPrices = { 'scripted/m': { input_mtok: 1, output_mtok: 2 } }
const thrown = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error) => error,
  )

function client(provider: Scripted, options: Partial<BudgetOptions> = {}) {
  const layer = budget({ tokens: 1_000, window: 'total', expect: 20, ...options })
  const use = [retry({ clock: fakeClock({ jumps: true }) }), layer]
  const ai = createClient({ providers: [provider], use, prices: ownPrices })
  const run = (mode: (typeof modes)[number], more: Partial<ChatRequest> = {}) =>
    mode === 'generate'
      ? ai.generate({ ...request, ...more })
      : ai.stream({ ...request, ...more }).response
  return { ai, run }
}

middlewareContract('budget', () => budget({ tokens: 10_000_000, window: 'day' }))

describe.each(Object.keys(stores))('budget in %s', (kind) => {
  const open = async () => {
    await redis.client.flushall()
    return (stores[kind] ?? stores.memory ?? memoryStore)()
  }

  it.each([1, 2, 3])('a crowd with ten times the cap never exceeds it, seed %i', async (seed) => {
    const store = await open()
    const cap = 440_000
    const result = await crowd(store, { calls: 4_000, cap, random: seeded(seed), expect: 1_100 })
    const state = await stateOf(store)
    expect(state).toMatchObject({ used: result.tokens, held: 0 })
    expect(result.tokens).toBeLessThanOrEqual(cap)
    expect(result.tokens).toBeGreaterThan(0.9 * cap)
    expect(result.wholeTokens).toBeGreaterThan(0.8 * result.tokens)
  })

  it('settles with the actual usage: success, failure that was retried, abort', async () => {
    const store = await open()
    const down = new ServiceUnavailableError('down', { status: 503, retryable: true })
    const text: StreamChunk = { type: 'text-delta', text: 'four little words here' }
    const provider = scripted([[down], say('Hello'), [start(), text, untilAborted]])
    const { ai, run } = client(provider, { store })
    await run('stream')
    expect(await stateOf(store)).toMatchObject({ used: 15, held: 0 })
    const stream = ai.stream(request)
    for await (const _ of stream) break
    const error = await thrown(stream.response)
    expect(error).toBeInstanceOf(AbortError)
    const used = 15 + ((error as AbortError).usage?.total_tokens ?? 0)
    expect(used).toBeGreaterThan(20)
    await vi.waitFor(async () => expect(await stateOf(store)).toMatchObject({ used, held: 0 }))
  })

  it('holds all caps or none', async () => {
    const store = await open()
    const caps = [
      { usd: 1, window: 'day', per: () => 'anna' },
      { tokens: 10, window: 'total' },
    ] as const
    const layer = budget({ caps, store, expect: 20 })
    const provider = scripted([say('Hello')])
    const ai = createClient({ providers: [provider], use: [layer], prices: ownPrices })
    const error = await thrown(ai.generate(request))
    expect(error).toMatchObject({ cap: { unit: 'tokens', window: 'total', limit: 10 }, used: 0 })
    expect(provider.calls).toHaveLength(0)
    const day = `0:usd:day:${new Date().toISOString().slice(0, 10)}:anna`
    const look = [{ key: day, amount: 0, limit: 0, ttlMs: 60_000 }]
    const found = await store.hold?.('budget', { id: 'look', leaseMs: 60_000, caps: look })
    expect(found?.caps).toMatchObject([{ used: 0, held: 0 }])
  })
})

describe.each(modes)('budget, in %s', (mode) => {
  it('rejects before the provider is called, with cap, amount and reset time; no retry', async () => {
    const exceeded: BudgetExceededError[] = []
    const provider = scripted([say('Hello')])
    const now = () => Date.parse('2026-03-28T22:59:00Z')
    const { run } = client(provider, {
      tokens: 5,
      window: 'day',
      timeZone: 'Europe/Berlin',
      now,
      onExceeded: (error) => exceeded.push(error),
    })
    const error = await thrown(run(mode))
    expect(error).toBeInstanceOf(BudgetExceededError)
    expect(error).toMatchObject({ status: 429, retryable: false, used: 0 })
    expect(error).toMatchObject({ cap: { unit: 'tokens', window: 'day', limit: 5 } })
    expect((error as BudgetExceededError).resetsAt).toEqual(new Date('2026-03-28T23:00:00Z'))
    expect(exceeded).toEqual([error])
    expect(provider.calls).toHaveLength(0)
  })

  it('separates the keys of `per`, and rejects a call without a key', async () => {
    const provider = scripted([say('Hello')])
    const who = (user: string) => ({ user })
    const { run } = client(provider, { tokens: 40, per: (ctx) => ctx.request.user ?? '' })
    await run(mode, { ...who('anna'), max_tokens: 5 })
    await run(mode, { ...who('anna'), max_tokens: 5 })
    expect(await thrown(run(mode, { ...who('anna'), max_tokens: 20 }))).toBeInstanceOf(
      BudgetExceededError,
    )
    await run(mode, { ...who('ben'), max_tokens: 5 })
    expect(await thrown(run(mode))).toBeInstanceOf(MisuseError)
  })

  it('rejects a model or tier without a price under a cap in USD', async () => {
    const provider = scripted([say('Hello')])
    const layer = budget({ usd: 1, window: 'day' })
    const ai = createClient({ providers: [provider], use: [layer], prices: {} })
    const ask = mode === 'generate' ? ai.generate(request) : ai.stream(request).response
    expect(await thrown(ask)).toBeInstanceOf(MisuseError)
    expect(provider.calls).toHaveLength(0)
  })

  it('a settle that failed once is repeated, so nothing stays held', async () => {
    const store = memoryStore()
    let failures = 0
    const settle: typeof store.settle = (name, given) =>
      failures++ === 0 ? Promise.reject(new Error('reset')) : store.settle(name, given)
    const { run } = client(scripted([say('Hello')]), { store: { ...store, settle } })
    const { usage } = await run(mode)
    const caps = [{ key: '0:tokens:total::all', amount: 0, limit: 0, ttlMs: 60_000 }]
    const ledger = await store.hold('budget', { id: 'look', leaseMs: 60_000, caps })
    expect(ledger.caps).toMatchObject([{ held: 0, used: usage.total_tokens }])
  })

  it('a store that is down: rejects by default, lets calls through if configured', async () => {
    const broken = {
      ...memoryStore(),
      hold: () => Promise.reject(new Error('no')),
      settle: () => Promise.reject(new Error('no')),
    }
    const closed = client(scripted([say('Hello')]), { store: broken })
    expect(await thrown(closed.run(mode))).toMatchObject({ code: 'store_unavailable', status: 503 })
    const open = client(scripted([say('Hello')]), { store: broken, onStoreError: 'open' })
    expect((await open.run(mode)).text).toBe('Hello')
  })
})

describe.each(modes)('a Redis that stops to respond, in %s', (mode) => {
  it('refuses a call in bounded time, and has nothing held of it once it is back', () =>
    withSilence(async ({ store, server, within }) => {
      const provider = scripted([say('Hello')])
      const { run } = client(provider, { store })
      server.pause()
      const error = await within(22_000, thrown(run(mode)))
      expect(error).toMatchObject({ code: 'store_unavailable', status: 503, attempts: [] })
      expect(provider.calls).toHaveLength(0)
      // the hold was sent: it is applied late, and so is its settle
      server.resume()
      expect(await stateOf(store)).toMatchObject({ used: 0, held: 0 })
    }))

  it('refuses further calls at once, and sends nothing for them', () =>
    withSilence(async ({ store, server, within }) => {
      let sent = 0
      const count =
        <T extends unknown[], R>(run: (...args: T) => R) =>
        (...args: T) => {
          sent++
          return run(...args)
        }
      const { hold, settle } = store
      if (!hold || !settle) throw new Error('a Redis store has every operation')
      const counted = { ...store, get: count(store.get), hold: count(hold), settle: count(settle) }
      const { run } = client(scripted([say('Hello')]), { store: counted })
      server.pause()
      await within(40_000, Promise.all([run(mode), run(mode)].map(thrown)))
      sent = 0
      const errors = Promise.all(Array.from({ length: 50 }, () => thrown(run(mode))))
      for (const error of await within(100, errors))
        expect(error).toMatchObject({ code: 'store_unavailable' })
      expect(sent).toBe(0)
    }))

  it('in the middle of an answer costs it no more than its time limits, and is settled late', () =>
    withSilence(async ({ store, server, within }) => {
      const paused = gate()
      const [begin, word, finish] = say('Hello')
      if (!begin || !word || !finish) throw new Error('one word is three chunks')
      const pause = () => {
        server.pause()
        paused.open()
      }
      const { run } = client(scripted([[begin, word, pause, finish]]), { store })
      const answer = run(mode)
      await paused.opened
      const reply = await within(32_000, answer)
      expect(reply.text).toBe('Hello')
      expect(reply.warnings.at(-1)?.message).toMatch(/could not settle/)
      server.resume()
      expect(await stateOf(store)).toMatchObject({ used: reply.usage.total_tokens, held: 0 })
    }))
})

describe.each(['before', 'after'] as const)('a connection that is reset %s a command', (when) => {
  it.each(modes)('holds once, though ioredis sends it again, in %s', async (mode) => {
    const faulty = await faultyRedis(redis.port)
    const seen: unknown[] = []
    for (let index = 0, isOver = false; !isOver; index++) {
      const { store, close } = await connectTo('ioredis', faulty.port)
      await store.get('connected')
      const [begin, ...rest] = say('Hello')
      if (!begin) throw new Error('an answer has a start')
      const look = async () => seen.push(await stateOf(store))
      const { run } = client(scripted([[begin, look, ...rest]]), { store })
      faulty.resetAt(index, when)
      const reply = await run(mode, { max_tokens: 50 })
      isOver = faulty.isArmed
      faulty.resetAt(-1, when)
      expect(await stateOf(store)).toMatchObject({ used: reply.usage.total_tokens, held: 0 })
      close()
    }
    expect(seen.length).toBeGreaterThan(3)
    // the last call was not disturbed
    for (const state of seen) expect(state).toEqual(seen.at(-1))
    await faulty.close()
  })
})

describe('usage that is not visible while it streams', () => {
  it.each([
    ['generate', 'generate', {}],
    ['a model that thinks', 'stream', { reasoning_effort: 'high' }],
    ['a hosted tool', 'stream', { tools: [{ type: 'web_search' }] }],
  ] as const)('of %s is bounded by max_tokens, with a warning', async (_, mode, more) => {
    const provider = scripted([say('Hello')])
    const { run } = client(provider, { tokens: 100 })
    const reply = await run(mode, { ...more, max_tokens: 5_000 })
    const sent = provider.calls[0]?.request.max_tokens ?? Infinity
    expect(sent).toBeLessThanOrEqual(100)
    expect(sent).toBeGreaterThanOrEqual(80)
    expect(reply.warnings).toMatchObject([{ code: 'changed', param: 'max_tokens' }])
  })

  it('leaves a response alone that the cap covers', async () => {
    const provider = scripted([say('Hello')])
    const reply = await client(provider).run('generate', { max_tokens: 50 })
    expect(provider.calls[0]?.request.max_tokens).toBe(50)
    expect(reply.warnings).toEqual([])
  })
})

describe('budget', () => {
  it('ends a stream before the chunk that exceeds the cap, and keeps the text', async () => {
    const words: StreamChunk[] = Array.from({ length: 40 }, () => {
      return { type: 'text-delta', text: ' word'.repeat(10) }
    })
    const provider = scripted([[start(), ...words, ...say('').slice(-1)]])
    const reserve = { slice: 20, margin: 20 }
    const exceeded: BudgetExceededError[] = []
    const onExceeded = (error: BudgetExceededError) => exceeded.push(error)
    const { ai } = client(provider, { tokens: 250, reserve, onExceeded })
    let seen = ''
    const stream = ai.stream(request)
    const error = await thrown(
      (async () => {
        for await (const chunk of stream) if (chunk.type === 'text-delta') seen += chunk.text
      })(),
    )
    expect(error).toBeInstanceOf(BudgetExceededError)
    const { partial, usage } = error as BudgetExceededError
    expect(partial?.text).toBe(seen)
    expect(exceeded).toEqual([error])
    expect(seen.length).toBeGreaterThan(500)
    expect(usage?.total_tokens).toBeLessThanOrEqual(250)
    expect(provider.open()).toBe(0)
    expect(provider.calls).toHaveLength(1)
  })

  it('extends again when the text outgrows the extension that was on its way', async () => {
    const memory = memoryStore()
    const extension = gate()
    let holds = 0
    const store: Store = {
      ...memory,
      async hold(...args) {
        if (++holds === 2) await extension.opened
        return memory.hold?.(...args) as ReturnType<NonNullable<Store['hold']>>
      },
    }
    const text = [10, 400, 10].map((count) => ' word'.repeat(count))
    const deltas = text.map((text): StreamChunk => ({ type: 'text-delta', text }))
    const provider = scripted([[start(), ...deltas, ...say('').slice(-1)]])
    const { ai } = client(provider, { store, tokens: 5_000, reserve: { slice: 20, margin: 20 } })
    const stream = ai.stream(request)
    setTimeout(extension.open)
    expect((await stream.response).text).toBe(text.join(''))
    expect(holds).toBeGreaterThan(2)
  })

  it('estimates from recent usage in the store', async () => {
    const store = memoryStore()
    const usage = { prompt_tokens: 10, completion_tokens: 400, total_tokens: 410 }
    const provider = scripted([say('Hello', { usage })])
    const layer = () => budget({ tokens: 1_000, window: 'total', store })
    const ask = () =>
      createClient({ providers: [provider], use: [layer()] }).stream(request).response
    await ask()
    await ask()
    // 180 are left, and 400 are usual
    expect(await thrown(ask())).toBeInstanceOf(BudgetExceededError)
  })

  it('learns from reported usage how far its own count deviates, and that a model has hidden reasoning', async () => {
    const store = memoryStore()
    const text = 'word '.repeat(100)
    const usage = { prompt_tokens: 40, completion_tokens: 200, total_tokens: 240 }
    const ask = async (usage: Usage, cap: number, where: Store = store) => {
      const provider = scripted([say(text, { usage })])
      const layer = budget({ tokens: cap, window: 'total', store: where, expect: 20 })
      const ai = createClient({ providers: [provider], use: [layer] })
      const long = { ...request, messages: [{ role: 'user', content: text }] as const }
      const error = await thrown(ai.stream(long).response)
      return { error, sent: provider.calls[0]?.request.max_tokens }
    }
    // of 400, prompt and answer take 240 by its own count, which alone would let them pass
    expect((await ask(usage, 400, memoryStore())).error).toBeUndefined()
    expect((await ask(usage, 10_000)).error).toBeUndefined()
    const { used = 0 } = (await stateOf(store)) ?? {}
    // reported usage was twice as much
    expect((await ask(usage, used + 400)).error).toBeInstanceOf(BudgetExceededError)
    const completion_tokens_details = { reasoning_tokens: 100 }
    await ask({ ...usage, completion_tokens_details }, 20_000)
    expect((await ask(usage, 20_000)).sent).toBeLessThanOrEqual(20_000)
  })

  it('has its place in the stack', () => {
    const names = standard({ with: [budget({ usd: 1, window: 'day' })] }).map(({ name }) => name)
    expect(names.slice(names.indexOf('retry'))).toEqual(['retry', 'budget', 'timeout', 'params'])
  })

  it.each([
    [{}],
    [{ usd: 1, tokens: 1, window: 'day' }],
    [{ usd: -1, window: 'day' }],
    [{ usd: 1, window: 'week' }],
    [{ usd: 1, window: 'day', timeZone: 'Mars/Olympus' }],
    [{ usd: 1, window: 'day', caps: [{ usd: 1, window: 'day' }] }],
    [{ caps: [] }],
    [{ usd: 1, window: 'day', store: { get: () => undefined } }],
  ])('%j is rejected at construction', (options) => {
    expect(() => budget(options as never)).toThrow(MisuseError)
  })
})

describe('budget over processes', () => {
  it.each([1, 2, 3])(
    'four of them never exceed the cap, and the sum in Redis is the ledger, seed %i',
    // four processes start, each with its compiler
    { timeout: 120_000 },
    async (seed) => {
      await redis.client.flushall()
      const cap = 440_000
      const { tokens, wholeTokens } = await crowdInProcesses(redis.port, {
        calls: 1_000,
        cap,
        seed,
      })
      expect(await stateOf(redisStore(redis.client))).toMatchObject({ used: tokens, held: 0 })
      expect(tokens).toBeLessThanOrEqual(cap)
      expect(tokens).toBeGreaterThan(0.9 * cap)
      expect(wholeTokens).toBeGreaterThan(0.8 * tokens)
    },
  )

  it('a killed process leaves no hold when its leases expire', async () => {
    await redis.client.flushall()
    const cap = 300_000
    const hung = startProcess(redis.port, 'hang', 50, cap, 1)
    if (!hung.stdout) throw new Error('piped above')
    await once(hung.stdout, 'data')
    const store = redisStore(redis.client)
    const { held = 0 } = (await stateOf(store)) ?? {}
    expect(held).toBeGreaterThan(50 * 1_100)
    hung.kill('SIGKILL')
    await once(hung, 'exit')
    // unsettled holds count as used
    await vi.waitFor(
      async () => expect(await stateOf(store)).toMatchObject({ used: held, held: 0 }),
      {
        timeout: 10_000,
      },
    )
    const result = await crowd(store, { calls: 500, cap, random: seeded(7), expect: 1_100 })
    expect(await stateOf(store)).toMatchObject({ used: held + result.tokens, held: 0 })
    expect(held + result.tokens).toBeLessThanOrEqual(cap)
  })
})

it('in memory, calls that were never settled leave no hold when their leases expire', async () => {
  let now = 0
  const store = memoryStore({ now: () => now })
  const lost: Store = { ...store, settle: async () => [] }
  const provider = scripted([say('Hello')])
  await client(provider, { store: lost, leaseMs: 1_000, window: 'total' }).run('stream')
  const { held = 0 } = (await stateOf(store)) ?? {}
  expect(held).toBeGreaterThan(0)
  now = 1_001
  expect(await stateOf(store)).toMatchObject({ used: held, held: 0 })
})

describe.each(models.slice(0, 4))('a model with hidden reasoning: %s', (model) => {
  it.each(modes)('%s: sixteen concurrent calls stay under the cap', async (mode) => {
    /** The whole budget of the request is reasoning. */
    const thinker = ({ body }: { body: unknown }) => {
      const [, most = '1000000'] =
        /"(?:max_output_tokens|max_tokens|maxOutputTokens)":(\d+)/.exec(JSON.stringify(body)) ?? []
      const completion_tokens = Number(most)
      return reply('So.').usage({
        prompt_tokens: 10,
        completion_tokens,
        completion_tokens_details: { reasoning_tokens: completion_tokens - 2 },
      })
    }
    await using wire = await mockServer(Array.from({ length: 16 }, () => thinker))
    const store = memoryStore()
    const layer = budget({ tokens: 40_000, window: 'total', store, expect: 2_000 })
    const ai = createClient({ providers: adapters(wire), use: standard({ with: [layer] }) })
    const asked: ChatRequest = { model, messages, reasoning_effort: 'high' }
    const outcomes = await Promise.allSettled(
      Array.from({ length: 16 }, () =>
        mode === 'generate' ? ai.generate(asked) : ai.stream(asked).response,
      ),
    )
    const answered = outcomes.filter(({ status }) => status === 'fulfilled')
    expect(answered.length).toBeGreaterThan(0)
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(BudgetExceededError)
    const state = await stateOf(store)
    expect(state?.held).toBe(0)
    expect(state?.used).toBeLessThanOrEqual(40_000)
    expect(state?.used).toBeGreaterThan(10_000)
  })

  it.each([
    { thinking: { type: 'enabled', budget_tokens: 20_000 } },
    { thinking: { type: 'enabled', budget_tokens: 20_000 }, max_tokens: 500 },
    { reasoning_effort: 'high' },
    { reasoning_effort: 'high', max_tokens: 500 },
    { reasoning_effort: 'low', max_tokens: 1_000 },
    { reasoning_effort: 'max' },
  ] satisfies Partial<ChatRequest>[])('never receives more than is held: %j', async (more) => {
    for (const cap of [800, 3_000, 6_000, 100_000]) {
      await using wire = await mockServer([reply('So.')])
      const store = memoryStore()
      let held = 0
      const spied: Store = {
        ...store,
        async hold(ledger, given) {
          const result = await store.hold(ledger, given)
          held = result.caps[0]?.held ?? 0
          return result
        },
      }
      const layer = budget({ tokens: cap, window: 'total', expect: 500, store: spied })
      const ai = createClient({ providers: adapters(wire), use: standard({ with: [layer] }) })
      await ai.generate({ model, messages, drop_params: true, ...more })
      const sent = JSON.stringify(wire.requests[0]?.body)
      const [, most] = /"(?:max_output_tokens|max_tokens|maxOutputTokens)":(\d+)/.exec(sent) ?? []
      expect(Number(most)).toBeLessThanOrEqual(held)
    }
  })
})

describe.each(modes)('tiers, in %s', (mode) => {
  const standardUsd = (10 * 1.25 + 10 * 10) / 1e6
  const run = async (asked: string | undefined, answered: string) => {
    await using wire = await mockServer([
      reply('Hi.').usage({ prompt_tokens: 10, completion_tokens: 10 }).serviceTier(answered),
    ])
    const store = memoryStore()
    const layer = budget({ usd: 1, window: 'total', store, expect: 20 })
    const ai = createClient({ providers: adapters(wire), use: standard({ with: [layer] }), prices })
    const request: ChatRequest = {
      model: 'openai/gpt-5',
      messages,
      max_tokens: 50,
      ...(asked && { service_tier: asked }),
    }
    const error = await thrown(
      mode === 'generate' ? ai.generate(request) : ai.stream(request).response,
    )
    const caps = [{ key: '0:usd:total::all', amount: 0, limit: 0, ttlMs: 60_000 }]
    const found = await store.hold('budget', { id: 'look', leaseMs: 60_000, caps })
    return { error, usd: (found.caps[0]?.used ?? 0) / 1e9, requests: wire.requests.length }
  }

  it('are booked at their own price, requested or not', async () => {
    const booked = async (...[asked, answered]: Parameters<typeof run>) =>
      (await run(asked, answered)).usd / standardUsd
    expect(await booked(undefined, 'default')).toBeCloseTo(1)
    expect(await booked('priority', 'priority')).toBeCloseTo(2)
    expect(await booked(undefined, 'priority')).toBeCloseTo(2)
    expect(await booked('flex', 'flex')).toBeCloseTo(0.5)
  })

  it('without a price are rejected before the provider is called', async () => {
    const { error, requests } = await run('ultrafast', 'ultrafast')
    expect(error).toBeInstanceOf(MisuseError)
    expect(requests).toBe(0)
  })
})
