import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type BudgetOptions, budget } from '../../middleware/budget.js'
import { retry } from '../../middleware/retry.js'
import { standard } from '../../middleware/standard.js'
import type { ChatRequest, StreamChunk } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import {
  AbortError,
  BudgetExceededError,
  MisuseError,
  ServiceUnavailableError,
} from '../../src/core/index.js'
import { memoryStore, redisStore, type Store, sqliteStore } from '../../src/store/index.js'
import { middlewareContract } from '../contract/middleware.js'
import { type Scripted, say, scripted, start, untilAborted } from '../contract/scripted.js'
import { type RedisServer, redisServer } from '../store/redis-server.js'
import { DatabaseSync } from '../store/sqlite.js'
import { crowd, seeded, stateOf } from './budget-load.js'
import { fakeClock } from './fake-clock.js'

let server: RedisServer
let redis: Redis
beforeAll(async () => {
  server = await redisServer()
  redis = new Redis(server.port, '127.0.0.1')
})
afterAll(async () => {
  redis.disconnect()
  await server.stop()
})

const stores: Record<string, () => Store> = {
  memory: () => memoryStore(),
  redis: () => redisStore(redis),
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
const prices = { 'scripted/m': { input_mtok: 1, output_mtok: 2 } }
const thrown = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error) => error,
  )

function client(provider: Scripted, options: Partial<BudgetOptions> = {}) {
  const layer = budget({ tokens: 1_000, window: 'total', expect: 20, ...options })
  const use = [retry({ clock: fakeClock({ jumps: true }) }), layer]
  const ai = createClient({ providers: [provider], use, prices })
  const run = (mode: (typeof modes)[number], more: Partial<ChatRequest> = {}) =>
    mode === 'generate'
      ? ai.generate({ ...request, ...more })
      : ai.stream({ ...request, ...more }).response
  return { ai, run }
}

middlewareContract('budget', () => budget({ tokens: 10_000_000, window: 'day' }))

describe.each(Object.keys(stores))('budget in %s', (kind) => {
  const open = async () => {
    await redis.flushall()
    return (stores[kind] ?? stores.memory ?? memoryStore)()
  }

  it.each([1, 2, 3])('a crowd of ten times the cap never passes it, seed %i', async (seed) => {
    const store = await open()
    const cap = 440_000
    const result = await crowd(store, { calls: 4_000, cap, random: seeded(seed), expect: 1_100 })
    const state = await stateOf(store)
    expect(state).toMatchObject({ used: result.tokens, held: 0 })
    expect(result.tokens).toBeLessThanOrEqual(cap)
    expect(result.tokens).toBeGreaterThan(0.9 * cap)
    expect(result.wholeTokens).toBeGreaterThan(0.8 * result.tokens)
  })

  it('settles with the real figure: success, failure that was retried, abort', async () => {
    const store = await open()
    const down = new ServiceUnavailableError('down', { status: 503, retryable: true })
    const text: StreamChunk = { type: 'text-delta', text: 'four little words here' }
    const provider = scripted([[down], say('Hello'), [start(), text, untilAborted]])
    const { ai, run } = client(provider, { store, prices } as never)
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
    const ai = createClient({ providers: [provider], use: [layer], prices })
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
  it('refuses before the provider is asked, with what, how much and until when; no retry', async () => {
    const told: BudgetExceededError[] = []
    const provider = scripted([say('Hello')])
    const now = () => Date.parse('2026-03-28T22:59:00Z')
    const { run } = client(provider, {
      tokens: 5,
      window: 'day',
      timeZone: 'Europe/Berlin',
      now,
      onExceeded: (error) => told.push(error),
    })
    const error = await thrown(run(mode))
    expect(error).toBeInstanceOf(BudgetExceededError)
    expect(error).toMatchObject({ status: 429, retryable: false, used: 0 })
    expect(error).toMatchObject({ cap: { unit: 'tokens', window: 'day', limit: 5 } })
    expect((error as BudgetExceededError).resetsAt).toEqual(new Date('2026-03-28T23:00:00Z'))
    expect(told).toEqual([error])
    expect(provider.calls).toHaveLength(0)
  })

  it('keeps apart whom `per` names, and refuses a call without a key', async () => {
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

  it('knows no price, no call: a model, or a tier, under a cap in USD', async () => {
    const provider = scripted([say('Hello')])
    const layer = budget({ usd: 1, window: 'day' })
    const ai = createClient({ providers: [provider], use: [layer], prices: {} })
    const ask = mode === 'generate' ? ai.generate(request) : ai.stream(request).response
    expect(await thrown(ask)).toBeInstanceOf(MisuseError)
    expect(provider.calls).toHaveLength(0)
  })

  it('a store that is down: closed by default, open where the app says so', async () => {
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

describe('what is not seen', () => {
  it.each([
    ['generate', 'generate', {}],
    ['a model that thinks', 'stream', { reasoning_effort: 'high' }],
    ['a hosted tool', 'stream', { tools: [{ type: 'web_search' }] }],
  ] as const)('of %s is bounded by max_tokens, told', async (_, mode, more) => {
    const provider = scripted([say('Hello')])
    const { run } = client(provider, { tokens: 100 })
    const reply = await run(mode, { ...more, max_tokens: 5_000 })
    const sent = provider.calls[0]?.request.max_tokens ?? Infinity
    expect(sent).toBeLessThanOrEqual(100)
    expect(sent).toBeGreaterThanOrEqual(80)
    expect(reply.warnings).toMatchObject([{ code: 'changed', param: 'max_tokens' }])
  })

  it('leaves an answer alone that the cap pays', async () => {
    const provider = scripted([say('Hello')])
    const reply = await client(provider).run('generate', { max_tokens: 50 })
    expect(provider.calls[0]?.request.max_tokens).toBe(50)
    expect(reply.warnings).toEqual([])
  })
})

describe('budget', () => {
  it('ends a stream before the chunk that nothing pays for, and keeps what was said', async () => {
    const words: StreamChunk[] = Array.from({ length: 40 }, () => {
      return { type: 'text-delta', text: ' word'.repeat(10) }
    })
    const provider = scripted([[start(), ...words, ...say('').slice(-1)]])
    const { ai } = client(provider, { tokens: 250, reserve: { slice: 20, margin: 20 } })
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
    expect(seen.length).toBeGreaterThan(500)
    expect(usage?.total_tokens).toBeLessThanOrEqual(250)
    expect(provider.open()).toBe(0)
    expect(provider.calls).toHaveLength(1)
  })

  it('expects what was usual lately, from the store', async () => {
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

  it('has its place', () => {
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
  ])('%j is refused when it is made', (options) => {
    expect(() => budget(options as never)).toThrow(MisuseError)
  })
})

describe('budget over processes', () => {
  const child = new URL('./budget-child.ts', import.meta.url).pathname
  const run = (...args: readonly unknown[]): ChildProcess =>
    spawn(process.execPath, ['--import', 'tsx', child, String(server.port), ...args.map(String)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
  const output = ({ stdout }: ChildProcess) => {
    if (!stdout) throw new Error('piped above')
    return text(stdout)
  }

  it('four of them never pass the cap, and the sum in Redis is the ledger', async () => {
    await redis.flushall()
    const cap = 440_000
    const all = [1, 2, 3, 4].map((seed) => output(run('crowd', 1_000, cap, seed)))
    const results = (await Promise.all(all)).map((line) => JSON.parse(line))
    const sum = (name: string) => results.reduce((total, result) => total + result[name], 0)
    expect(await stateOf(redisStore(redis))).toMatchObject({ used: sum('tokens'), held: 0 })
    expect(sum('tokens')).toBeLessThanOrEqual(cap)
    expect(sum('tokens')).toBeGreaterThan(0.9 * cap)
    expect(sum('wholeTokens')).toBeGreaterThan(0.8 * sum('tokens'))
  })

  it('what a process held that was killed is booked when its lease is over', async () => {
    await redis.flushall()
    const hung = run('hang', 50, 100_000)
    if (!hung.stdout) throw new Error('piped above')
    await once(hung.stdout, 'data')
    hung.kill('SIGKILL')
    await once(hung, 'exit')
    const store = redisStore(redis)
    await vi.waitFor(async () =>
      expect(await stateOf(store)).toMatchObject({ used: 2_500, held: 0 }),
    )
  })
})
