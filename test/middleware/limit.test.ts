import { spawn } from 'node:child_process'
import { getEventListeners } from 'node:events'
import { text } from 'node:stream/consumers'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { describe, expect, it, vi } from 'vitest'
import { guard } from '../../middleware/guard.js'
import { limit } from '../../middleware/limit.js'
import { standard } from '../../middleware/standard.js'
import type { ChatRequest } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import {
  AbortError,
  type Middleware,
  MisuseError,
  RateLimitError,
  ServiceUnavailableError,
} from '../../src/core/index.js'
import { middlewareContract } from '../contract/middleware.js'
import { deepFreeze, scripted, say as words } from '../contract/scripted.js'
import { redisServer } from '../store/redis-server.js'
import { fakeClock } from './fake-clock.js'
import { thrown } from './script.js'

middlewareContract('limit, at once', () => limit({ concurrency: 2 }))
middlewareContract('limit, in a time', () =>
  limit({ by: new RateLimiterMemory({ points: 100, duration: 60 }), per: () => 'ann' }),
)

const modes = ['generate', 'stream'] as const
const request = deepFreeze({
  model: 'scripted/m',
  messages: [{ role: 'user', content: 'Hi' }],
} satisfies ChatRequest)

const tick = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A provider that responds when the test allows it, and counts its concurrent calls. */
function gated() {
  const open: (() => void)[] = []
  const seen: (string | undefined)[] = []
  let most = 0
  const provider = scripted(({ user }) => {
    seen.push(user)
    return [
      () => {
        most = Math.max(most, provider.open())
        return new Promise<void>((resolve) => open.push(resolve))
      },
      ...words('Hello'),
    ]
  })
  const answerNext = async () => {
    open.shift()?.()
    for (let i = 0; i < 5; i++) await tick()
  }
  return { provider, seen, answerNext, most: () => most, waiting: () => open.length }
}

type State = { readonly user: string }

describe.each(modes)('%s', (mode) => {
  const caller = (provider: ReturnType<typeof gated>['provider'], layer: Middleware) => {
    const ai = createClient({ providers: [provider], use: [layer] })
    return (user: string, signal?: AbortSignal) => {
      const call =
        mode === 'generate'
          ? ai.generate({ ...request, user }, { signal })
          : ai.stream({ ...request, user }, { signal }).response
      // awaited later
      call.catch(() => {})
      return call
    }
  }

  it('never runs more than its limit at once, in order of arrival', async () => {
    const { provider, seen, answerNext, most } = gated()
    const ask = caller(provider, limit({ concurrency: 2 }))
    const users = Array.from({ length: 9 }, (_, i) => `user ${i}`)
    const calls = users.map((user) => ask(user))
    for (let i = 0; i < users.length; i++) {
      await tick()
      await answerNext()
    }
    await Promise.all(calls)
    expect(seen).toEqual(users)
    expect(most()).toBe(2)
  })

  it('a call within a call passes, also where the layer is there twice', async () => {
    const provider = scripted(() => words('Hello'))
    const once = limit({ concurrency: 1, queue: 0 })
    const check = guard({
      output: async (text, { client }) =>
        (await client.generate(request)).text === text || 'other text',
    })
    const ai = createClient({ providers: [provider], use: [check, once, once] })
    const ask = () =>
      mode === 'generate' ? ai.generate(request) : Promise.resolve(ai.stream(request).response)
    expect((await ask()).text).toBe('Hello')
    // the slot is free again
    expect((await ask()).text).toBe('Hello')
    expect(provider.calls).toHaveLength(4)
  })

  it('rejects one more than may wait with 429, without calling the provider', async () => {
    const { provider, answerNext } = gated()
    const ask = caller(provider, limit({ concurrency: 1, queue: 1 }))
    const calls = [ask('a'), ask('b')]
    await tick()
    const error = await thrown(ask('c'))
    expect(error).toBeInstanceOf(RateLimitError)
    expect(error).toMatchObject({ status: 429, code: 'limit', retryAfterMs: 1_000, attempts: [] })
    for (let i = 0; i < 4; i++) await answerNext()
    await Promise.all(calls)
    expect(provider.calls).toHaveLength(2)
  })

  it('a waiting call leaves on abort, and the next one takes its turn', async () => {
    const { provider, seen, answerNext } = gated()
    const ask = caller(provider, limit({ concurrency: 1 }))
    const controller = new AbortController()
    const calls = [ask('a'), ask('b', controller.signal), ask('c')]
    for (let i = 0; i < 3; i++) await tick()
    controller.abort()
    expect(await thrown(calls[1] as Promise<unknown>)).toBeInstanceOf(AbortError)
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
    for (let i = 0; i < 3; i++) await answerNext()
    await Promise.all([calls[0], calls[2]])
    expect(seen).toEqual(['a', 'c'])
  })

  it('a running call that is aborted frees its slot', async () => {
    const { provider, seen, answerNext } = gated()
    const ask = caller(provider, limit({ concurrency: 1 }))
    const controller = new AbortController()
    const calls = [ask('a', controller.signal), ask('b')]
    for (let i = 0; i < 3; i++) await tick()
    controller.abort()
    expect(await thrown(calls[0] as Promise<unknown>)).toBeInstanceOf(AbortError)
    for (let i = 0; i < 3; i++) await answerNext()
    for (let i = 0; i < 3; i++) await answerNext()
    await calls[1]
    expect(seen).toEqual(['a', 'b'])
  })

  it('a call that has waited too long is rejected, and leaves no timer', async () => {
    const clock = fakeClock()
    const { provider, answerNext } = gated()
    const ask = caller(provider, limit({ concurrency: 1, waitMs: 5_000, clock }))
    const calls = [ask('a'), ask('b'), ask('c')]
    for (let i = 0; i < 3; i++) await tick()
    expect(clock.pending()).toBe(2)
    clock.advance(5_000)
    for (const call of calls.slice(1))
      expect(await thrown(call)).toMatchObject({ name: 'RateLimitError', code: 'limit' })
    await answerNext()
    await calls[0]
    expect(clock.pending()).toBe(0)
  })

  it('each key has its own limits', async () => {
    const { provider, seen, answerNext, most } = gated()
    const per = limit({ concurrency: 1, per: ({ request }) => request.user ?? '' })
    const ask = caller(provider, per)
    const calls = ['ann', 'ann', 'bob'].map((user) => ask(user))
    for (let i = 0; i < 3; i++) await tick()
    expect(seen).toEqual(['ann', 'bob'])
    for (let i = 0; i < 4; i++) await answerNext()
    await Promise.all(calls)
    expect(most()).toBe(2)
  })

  it('a failing call frees its slot', async () => {
    const provider = scripted([[new ServiceUnavailableError('down')], words('Hello')])
    const ai = createClient({ providers: [provider], use: [limit({ concurrency: 1 })] })
    const ask = () => (mode === 'generate' ? ai.generate(request) : ai.stream(request).response)
    await thrown(ask())
    expect((await ask()).text).toBe('Hello')
  })

  it('rate-limiter-flexible rejects with the retry time, by user and by points', async () => {
    const by = new RateLimiterMemory({ points: 5, duration: 60 })
    const provider = scripted([words('Hello')])
    const ai = createClient<State>({
      providers: [provider],
      use: [limit<State>({ by, per: ({ state }) => state.user, points: () => 2 })],
    })
    const ask = (user: string) =>
      mode === 'generate'
        ? ai.generate(request, { state: { user } })
        : ai.stream(request, { state: { user } }).response
    await ask('ann')
    await ask('ann')
    const error = await thrown(ask('ann'))
    expect(error).toMatchObject({ name: 'RateLimitError', status: 429, code: 'limit' })
    const { retryAfterMs = 0 } = error as RateLimitError
    expect(retryAfterMs).toBeGreaterThan(0)
    expect(retryAfterMs).toBeLessThanOrEqual(60_000)
    await ask('bob')
    expect(provider.calls).toHaveLength(3)
  })

  it('an Upstash limiter rejects with the retry time', async () => {
    const asked: unknown[] = []
    const reset = Date.now() + 30_000
    const by = {
      limit: async (key: string, options?: { rate?: number }) => {
        asked.push([key, options])
        return { success: asked.length < 2, reset, limit: 1, remaining: 0 }
      },
    }
    const provider = scripted([words('Hello')])
    const ai = createClient({ providers: [provider], use: [limit({ by, per: () => 7 })] })
    const ask = () => (mode === 'generate' ? ai.generate(request) : ai.stream(request).response)
    await ask()
    const error = await thrown(ask())
    expect(error).toBeInstanceOf(RateLimitError)
    expect((error as RateLimitError).retryAfterMs).toBeLessThanOrEqual(30_000)
    expect((error as RateLimitError).retryAfterMs).toBeGreaterThan(0)
    expect(asked[0]).toEqual(['7', { rate: 1 }])
    expect(provider.calls).toHaveLength(1)
  })

  it('pending work of an Upstash limiter is deferred', async () => {
    const pending = Promise.resolve('analytics')
    const by = { limit: async () => ({ success: true, reset: 0, pending }) }
    const works: Promise<unknown>[] = []
    const waitUntil = (work: Promise<unknown>) => void works.push(work)
    const provider = scripted([words('Hello')])
    const ai = createClient({ providers: [provider], use: [limit({ by, per: () => 7 })] })
    if (mode === 'generate') await ai.generate(request, { waitUntil })
    else await ai.stream(request, { waitUntil }).response
    expect(works).toEqual([pending])
  })

  it('a limiter that does not respond rejects after ten seconds', async () => {
    const silent = () => new Promise<never>(() => {})
    const provider = scripted([words('Hello')])
    for (const by of [{ consume: silent }, { limit: silent }]) {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      const ai = createClient({ providers: [provider], use: [limit({ by, per: () => 'ann' })] })
      const call = thrown(mode === 'generate' ? ai.generate(request) : ai.stream(request).response)
      await vi.advanceTimersByTimeAsync(10_000)
      expect(vi.getTimerCount()).toBe(0)
      vi.useRealTimers()
      expect(await call).toMatchObject({ code: 'limiter_unavailable', status: 503 })
    }
    expect(provider.calls).toHaveLength(0)
  })

  it('a limiter that fails rejects all calls, and one that hangs is left on abort', async () => {
    const cause = new Error('store is down')
    const provider = scripted([words('Hello')])
    const fails = [{ consume: () => Promise.reject(cause) }, { limit: () => Promise.reject(cause) }]
    for (const by of fails) {
      const ai = createClient({ providers: [provider], use: [limit({ by, per: () => 'ann' })] })
      const call = mode === 'generate' ? ai.generate(request) : ai.stream(request).response
      const error = await thrown(call)
      expect(error).toBeInstanceOf(ServiceUnavailableError)
      expect(error).toMatchObject({ code: 'limiter_unavailable', cause })
    }
    const controller = new AbortController()
    const by = { consume: () => new Promise<never>(() => controller.abort()) }
    const ai = createClient({ providers: [provider], use: [limit({ by, per: () => 'ann' })] })
    const { signal } = controller
    const call =
      mode === 'generate'
        ? ai.generate(request, { signal })
        : ai.stream(request, { signal }).response
    expect(await thrown(call)).toBeInstanceOf(AbortError)
    expect(provider.calls).toHaveLength(0)
  })
})

it('standard() puts it outside usage', () => {
  const layers = standard({ with: [limit({ concurrency: 1 })] })
  expect(layers[0]?.name).toBe('limit')
})

it('invalid limits and keys are a MisuseError', async () => {
  expect(() => limit({ concurrency: 0 })).toThrow(MisuseError)
  expect(() => limit({ concurrency: 1, queue: -1 })).toThrow(MisuseError)
  expect(() => limit({ by: {} as never, per: () => 'ann' })).toThrow(MisuseError)
  const ai = createClient({
    providers: [scripted([words('Hello')])],
    use: [limit({ concurrency: 1, per: () => '' })],
  })
  expect(await thrown(ai.generate(request))).toBeInstanceOf(MisuseError)
})

it('two processes share one limit through Redis', async () => {
  const server = await redisServer()
  const child = new URL('./limit-child.ts', import.meta.url).pathname
  const [calls, points] = [40, 30]
  const outputs = await Promise.all(
    [1, 2].map(() => {
      const args = ['--import', 'tsx', child, String(server.port), String(calls), String(points)]
      return text(spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] }).stdout)
    }),
  ).finally(() => server.stop())
  const results = outputs.map((line): { asked: number; waits: number[] } => JSON.parse(line))
  const waits = results.flatMap(({ waits }) => waits)
  expect(results.reduce((sum, { asked }) => sum + asked, 0)).toBe(points)
  expect(waits).toHaveLength(2 * calls - points)
  for (const ms of waits) {
    expect(ms).toBeGreaterThan(0)
    expect(ms).toBeLessThanOrEqual(60_000)
  }
})
