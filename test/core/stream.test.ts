/**
 * `ChatStream`: one consumer, a bounded buffer, `.response` in any order, and every way to stop
 * reading.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { getEventListeners } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import type { StreamChunk } from '../../src/chat/index.js'
import {
  AbortError,
  key,
  type Middleware,
  MisuseError,
  type ProviderAdapter,
  RateLimitError,
} from '../../src/core/index.js'
import {
  caller,
  failure,
  fakeAdapter,
  finish,
  request,
  type Step,
  say,
  start,
  text,
} from './support.js'

const abortOuter = key<(reason: unknown) => void>('abort')
const never = () => new Promise<void>(() => {})
/** Pending until the signal fires, as a fetch is. */
const untilAborted: Step = ({ signal }) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
const turns = async (count = 20) => {
  for (let i = 0; i < count; i++) await Promise.resolve()
}
const collect = async (source: AsyncIterable<StreamChunk>) => {
  const out: StreamChunk[] = []
  for await (const chunk of source) out.push(chunk)
  return out
}
const textOf = (chunks: readonly StreamChunk[]) =>
  chunks.map((chunk) => (chunk.type === 'text-delta' ? chunk.text : '')).join('')

describe('a stream', () => {
  it('sends no request when nobody reads it', async () => {
    const adapter = fakeAdapter(say('a'))
    caller(adapter).stream(request)
    await turns()
    expect(adapter.requests).toHaveLength(0)
  })

  it('has one consumer: a second iterator, textStream or read() is a MisuseError', async () => {
    const stream = caller(fakeAdapter(say('a'))).stream(request)
    await collect(stream)
    expect(await failure(collect(stream))).toBeInstanceOf(MisuseError)
    expect(
      await failure(
        (async () => {
          for await (const _ of stream.textStream);
        })(),
      ),
    ).toBeInstanceOf(MisuseError)
    expect(await failure(stream.read())).toBeInstanceOf(MisuseError)
  })

  it('yields only text from textStream', async () => {
    const pieces: string[] = []
    for await (const piece of caller(fakeAdapter(say('a', 'b'))).stream(request).textStream)
      pieces.push(piece)
    expect(pieces).toEqual(['a', 'b'])
  })

  it('returns all buffered chunks from read(), undefined at the end', async () => {
    const stream = caller(fakeAdapter([[start(), text('a'), text('b')], finish()])).stream(request)
    expect((await stream.read())?.map(({ type }) => type)).toEqual([
      'start',
      'text-delta',
      'text-delta',
    ])
    expect((await stream.read())?.map(({ type }) => type)).toEqual(['finish'])
    expect(await stream.read()).toBeUndefined()
  })

  it('resolves its response in whatever order it is requested', async () => {
    const many = Array.from({ length: 1_000 }, () => text('x'))
    const fresh = () =>
      caller(fakeAdapter([start(), ...many, finish()])).stream(request, { highWaterMark: 4 })
    const before = fresh()
    const { response } = before
    expect(textOf(await collect(before))).toBe('x'.repeat(1_000))
    expect((await response).text).toHaveLength(1_000)
    const only = fresh()
    expect((await only.response).text).toHaveLength(1_000)
    // buffered chunks were merged, and stay for an iterator that starts later
    const late = await collect(only)
    expect(late.length).toBeLessThan(20)
    expect(textOf(late)).toHaveLength(1_000)
    const middle = fresh()
    const iterator = middle[Symbol.asyncIterator]()
    await iterator.next()
    expect((await middle.response).text).toHaveLength(1_000)
  })

  it('buffers at most highWaterMark and one read when its consumer stops', async () => {
    const adapter = fakeAdapter([
      start(),
      ...Array.from({ length: 1_000 }, () => Array.from({ length: 10 }, () => text('x'))),
      finish(),
    ])
    const stream = caller(adapter).stream(request, { highWaterMark: 64 })
    let read = 0
    for await (const _ of stream) {
      await turns()
      if (++read === 3) break
    }
    expect(adapter.log.produced).toBeLessThanOrEqual(3 + 64 + 10)
    expect(adapter.log.closed).toBe(1)
  })

  it('waits at break until the stack has unwound', async () => {
    const order: string[] = []
    const layer: Middleware = async (ctx, next) => {
      try {
        await next()
      } catch (error) {
        expect(error).toBeInstanceOf(AbortError)
        expect(ctx.signal.aborted).toBe(true)
        expect(ctx.partial?.text).toBe('a')
        await turns()
        order.push('unwound')
        throw error
      }
    }
    const stream = caller(fakeAdapter([start(), text('a'), untilAborted]), layer).stream(request)
    for await (const chunk of stream) if (chunk.type === 'text-delta') break
    order.push('after break')
    expect(order).toEqual(['unwound', 'after break'])
    expect(await failure(stream.response)).toBeInstanceOf(AbortError)
  })

  it('counts as a whole call when left at its last finish', async () => {
    const ends: string[] = []
    const layer: Middleware = async (_, next) => {
      await next()
      ends.push('ok')
    }
    const stream = caller(fakeAdapter(say('a')), layer).stream(request)
    for await (const chunk of stream) if (chunk.type === 'finish') break
    expect(ends).toEqual(['ok'])
    expect((await stream.response).attempts[0]?.status).toBe('ok')
  })

  it('never emits the last finish of a call that fails', async () => {
    const late: Middleware = async (_, next) => {
      await next()
      throw new RangeError('verdict')
    }
    const seen: string[] = []
    const stream = caller(fakeAdapter(say('a')), late).stream(request)
    const error = await failure(
      (async () => {
        for await (const chunk of stream) seen.push(chunk.type)
      })(),
    )
    expect(error).toBeInstanceOf(RangeError)
    expect(seen).toEqual(['start', 'text-delta'])
  })

  it('throws AbortError at iteration after abort(), started or not', async () => {
    const idle = caller(fakeAdapter(say('a'))).stream(request)
    idle.abort('why')
    const error = await failure(collect(idle))
    expect(error).toBeInstanceOf(AbortError)
    expect(error.cause).toBe('why')
    const running = caller(fakeAdapter([start(), text('a'), untilAborted])).stream(request)
    const iterator = running[Symbol.asyncIterator]()
    await iterator.next()
    running.abort()
    const thrown = await failure(iterator.next())
    expect(thrown).toBeInstanceOf(AbortError)
    expect(thrown).toMatchObject({ attempts: [{ status: 'aborted' }], usage: { estimated: true } })
    expect(await failure(running.response)).toBe(thrown)
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
    expect(await failure(running.response)).toBeInstanceOf(AbortError)
  })

  it('rejects read() with the abort that drops its chunks, at any step of it', async () => {
    for (let steps = 0; steps < 40; steps++) {
      const stream = caller(fakeAdapter([start(), text('a'), untilAborted])).stream(request)
      const reading = (async () => {
        while (await stream.read());
        return 'ended'
      })()
      await turns(steps)
      stream.abort(new Error('stop'))
      expect(await failure(reading), `after ${steps} steps`).toBeInstanceOf(AbortError)
    }
  })

  it('gives each of several pending next() a chunk of its own, or the end', async () => {
    const stream = caller(fakeAdapter([start(), text('a'), text('b'), finish()])).stream(request)
    const iterator = stream[Symbol.asyncIterator]()
    const results = await Promise.all(Array.from({ length: 6 }, () => iterator.next()))
    const types = results.map(({ done, value }) => (done ? 'end' : value?.type))
    expect(types.slice(0, 2)).toEqual(['start', 'text-delta'])
    expect(types.slice(-2)).toEqual(['end', 'end'])
    expect(types).not.toContain(undefined)
  })

  it('sends nothing after return() before the first pull', async () => {
    const adapter = fakeAdapter(say('a'))
    const stream = caller(adapter).stream(request)
    const iterator = stream[Symbol.asyncIterator]()
    await iterator.return?.()
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
    expect(await failure(stream.response)).toBeInstanceOf(AbortError)
    expect(adapter.requests).toHaveLength(0)
  })

  it('does not wait for an adapter that ignores its signal', async () => {
    const stream = caller(fakeAdapter([start(), text('a'), never])).stream(request)
    for await (const chunk of stream) if (chunk.type === 'text-delta') break
    const error = await failure(stream.response)
    expect(error).toMatchObject({ partial: { text: 'a' }, attempts: [{ status: 'aborted' }] })
  })

  it('records an attempt as aborted, at whatever step its adapter has unwound', async () => {
    for (let steps = 0; steps < 40; steps++) {
      const chunks = [start(), text('a'), text('b')]
      const source = {
        next: async () => ({ done: false, value: chunks.shift() ?? text('c') }),
        return: async () => turns(steps).then(() => ({ done: true, value: undefined })),
      }
      const generateStream = () => ({ [Symbol.asyncIterator]: () => source })
      // not a generator, as an adapter in JavaScript may return
      const adapter = { ...fakeAdapter(), generateStream } as unknown as ProviderAdapter
      const stream = caller(adapter).stream(request, { highWaterMark: 1 })
      for await (const chunk of stream) {
        // the adapter waits for its consumer
        await turns()
        if (chunk.type === 'text-delta') break
      }
      const error = await failure(stream.response)
      expect(error, `after ${steps} steps`).toMatchObject({ attempts: [{ status: 'aborted' }] })
    }
  })

  it('awaits return() of an adapter that is suspended at a yield', async () => {
    const adapter = fakeAdapter([start(), ...Array.from({ length: 50 }, () => text('x')), finish()])
    const stream = caller(adapter).stream(request, { highWaterMark: 2 })
    for await (const chunk of stream) if (chunk.type === 'text-delta') break
    expect(adapter.log.closed).toBe(1)
  })

  it('is aborted when the consumer does not pull for stalledMs, but not when it pulls slowly', async () => {
    vi.useFakeTimers()
    try {
      const script = [start(), ...Array.from({ length: 50 }, () => text('x')), finish()]
      const gone = caller(fakeAdapter(script)).stream(request, {
        highWaterMark: 2,
        stalledMs: 1_000,
      })
      const iterator = gone[Symbol.asyncIterator]()
      await iterator.next()
      await vi.advanceTimersByTimeAsync(2_001)
      const error = await failure(collect({ [Symbol.asyncIterator]: () => iterator }))
      expect(error).toBeInstanceOf(AbortError)
      const slow = caller(fakeAdapter(script)).stream(request, {
        highWaterMark: 2,
        stalledMs: 1_000,
      })
      let seen = 0
      for await (const _ of slow) {
        seen++
        await vi.advanceTimersByTimeAsync(900)
      }
      expect(seen).toBe(52)
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })

  it('runs in the async context of ai.stream(), whoever pulls first', async () => {
    const storage = new AsyncLocalStorage<string>()
    let seen: unknown
    const layer: Middleware = (_, next) => {
      seen = storage.getStore()
      return next()
    }
    const stream = storage.run('made', () => caller(fakeAdapter(say('a')), layer).stream(request))
    await storage.run('pulled', () => collect(stream))
    expect(seen).toBe('made')
  })

  it('throws the error of the call after all delivered chunks, and .response rejects with the same', async () => {
    const stream = caller(fakeAdapter([start(), text('a'), new RateLimitError('x')])).stream(
      request,
    )
    const seen: string[] = []
    const error = await failure(
      (async () => {
        for await (const chunk of stream) seen.push(chunk.type)
      })(),
    )
    expect(seen).toEqual(['start', 'text-delta'])
    expect(await failure(stream.response)).toBe(error)
    expect(error).toMatchObject({
      partial: { text: 'a', finish_reason: null },
      attempts: [{ status: 'failed' }],
    })
  })
})

describe('an abort', () => {
  it('by the caller reaches every layer as an AbortError', async () => {
    const controller = new AbortController()
    const seen: unknown[] = []
    const layer: Middleware = async (ctx, next) => {
      try {
        await next()
      } catch (error) {
        seen.push((error as Error).name, ctx.signal.aborted)
        throw error
      }
    }
    const running = caller(fakeAdapter([start(), untilAborted]), layer, layer).generate(request, {
      signal: controller.signal,
    })
    await turns()
    controller.abort(new RangeError('mine'))
    const error = await failure(running)
    expect(error).toBeInstanceOf(AbortError)
    expect(error.cause).toBeInstanceOf(RangeError)
    expect(seen).toEqual(['AbortError', true, 'AbortError', true])
  })

  it('before the call sends no request', async () => {
    const adapter = fakeAdapter(say('a'))
    const error = await failure(caller(adapter).generate(request, { signal: AbortSignal.abort() }))
    expect(error).toBeInstanceOf(AbortError)
    expect(adapter.requests).toHaveLength(0)
  })

  it('by ctx.abort rejects next() with the reason, and inner layers see an AbortError', async () => {
    const seen: unknown[] = []
    const deadline: Middleware = async (ctx, next) => {
      const running = next()
      await turns()
      ctx.abort(new RangeError('late'))
      try {
        await running
      } catch (error) {
        seen.push(error instanceof RangeError, ctx.signal.aborted)
        ctx.response = {
          id: 'x',
          created: 1,
          model: 'm',
          finish_reason: 'stop',
          usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
          message: { role: 'assistant', content: 'canned' },
        }
      }
    }
    const inner: Middleware = async (ctx, next) => {
      try {
        await next()
      } catch (error) {
        seen.push(error instanceof AbortError, ctx.signal.aborted)
        throw error
      }
    }
    const { text: textSoFar } = await caller(
      fakeAdapter([start(), untilAborted]),
      deadline,
      inner,
    ).generate(request)
    expect(textSoFar).toBe('canned')
    expect(seen).toEqual([true, true, true, false])
  })

  it('by ctx.abort works while next() is still in its synchronous part', async () => {
    const outer: Middleware = (ctx, next) => {
      ctx.set(abortOuter, ctx.abort)
      return next()
    }
    const inner: Middleware = async (ctx, next) => {
      ctx.get(abortOuter)?.(new RangeError('at once'))
      await next()
    }
    const error = await failure(
      caller(fakeAdapter([start(), untilAborted]), outer, inner).generate(request),
    )
    expect(error).toBeInstanceOf(RangeError)
  })

  it('of a generate call keeps what the adapter has emitted', async () => {
    const deadline: Middleware = async (ctx, next) => {
      const running = next()
      await turns(50)
      ctx.abort(new RangeError('late'))
      await running
    }
    const error = await failure(
      caller(fakeAdapter([start(), text('half'), untilAborted]), deadline).generate(request),
    )
    expect(error).toMatchObject({ partial: { text: 'half' } })
  })

  it('of an attempt lets an outer retry go on with a fresh signal', async () => {
    const retry: Middleware = async (_, next) => {
      try {
        await next()
      } catch {
        await next()
      }
    }
    const perAttempt: Middleware = async (ctx, next) => {
      const running = next()
      await turns()
      if (ctx.attempts[0]?.status === 'running') ctx.abort(new RangeError('slow'))
      await running
    }
    const adapter = fakeAdapter([start(), untilAborted], say('b'))
    expect((await caller(adapter, retry, perAttempt).generate(request)).text).toBe('b')
    expect(adapter.calls.map(({ signal }) => signal.aborted)).toEqual([true, false])
  })

  it('wakes a layer that awaits its emit while the consumer is behind', async () => {
    const unwound: string[] = []
    const inner: Middleware = async (ctx, next) => {
      await next()
      try {
        for (let i = 0; i < 50; i++) await ctx.emit({ type: 'data', name: 'n', data: i })
      } finally {
        unwound.push('inner')
      }
    }
    const deadline: Middleware = async (ctx, next) => {
      const running = next()
      await turns(100)
      ctx.abort(new RangeError('late'))
      await running
    }
    const stream = caller(fakeAdapter(say('a')), deadline, inner).stream(request, {
      highWaterMark: 2,
    })
    await stream[Symbol.asyncIterator]().next()
    await turns(200)
    expect(unwound).toEqual(['inner'])
  })

  it('unwinds the inner layers first when a layer throws while its next() runs', async () => {
    const order: string[] = []
    const inner: Middleware = async (_, next) => {
      try {
        await next()
      } finally {
        order.push('inner')
      }
    }
    const outer: Middleware = async (_, next) => {
      void next()
      await turns()
      order.push('throws')
      throw new RangeError('mine')
    }
    const error = await failure(
      caller(fakeAdapter([start(), untilAborted]), outer, inner).generate(request),
    )
    order.push('gone on')
    expect(error).toBeInstanceOf(RangeError)
    expect(order).toEqual(['throws', 'inner', 'gone on'])
  })

  it('rejects Promise.race against next() as a MisuseError and leaves nothing running', async () => {
    const adapter = fakeAdapter([start(), untilAborted])
    const race: Middleware = async function race(_, next) {
      await Promise.race([next(), turns()])
    }
    const error = await failure(caller(adapter, race).generate(request))
    expect(error).toBeInstanceOf(MisuseError)
    expect(error.message).toContain("'race'")
    expect(adapter.log.closed).toBe(1)
  })

  it('adds one listener to a signal shared by many calls, and removes it with the last', async () => {
    const { signal } = new AbortController()
    const ai = caller(fakeAdapter([async () => turns(50), ...say('a')]))
    const calls = Array.from({ length: 100 }, () => ai.generate(request, { signal }))
    await turns()
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    await Promise.all(calls)
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  it('of a nested call comes from the signal of the layer', async () => {
    const controller = new AbortController()
    const judge: Middleware = async (ctx, next) => {
      await ctx.client.generate(ctx.request)
      await next()
    }
    const running = caller(fakeAdapter([start(), untilAborted]), judge).generate(request, {
      signal: controller.signal,
    })
    await turns()
    controller.abort()
    const error = await failure(running)
    expect(error).toBeInstanceOf(AbortError)
    expect(error).toMatchObject({ attempts: [{ status: 'aborted' }] })
  })

  it('causes no unhandled rejection, whatever is awaited', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown) => unhandled.push(reason)
    process.on('unhandledRejection', note)
    try {
      const failing = () => caller(fakeAdapter([start(), text('a'), new RateLimitError('x')]))
      failing().stream(request)
      void failing().stream(request).response
      const touched = failing().stream(request)
      touched.response
      await touched[Symbol.asyncIterator]().next()
      touched.abort()
      const forgotten: Middleware = async (_, next) => {
        void next()
        void next()
        throw new RangeError('x')
      }
      await failure(caller(fakeAdapter(say('a')), forgotten).generate(request))
      await new Promise((resolve) => setImmediate(resolve))
      expect(unhandled).toEqual([])
    } finally {
      process.off('unhandledRejection', note)
    }
  })
})
