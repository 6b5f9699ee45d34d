/**
 * How layers interact: requests, responses, transforms, emitted chunks, warnings, commit points
 * (design: the onion).
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it } from 'vitest'
import type { ChatResponse, StreamChunk } from '../../src/chat/index.js'
import {
  key,
  type Middleware,
  MisuseError,
  mapText,
  RateLimitError,
  reversible,
  type Transform,
} from '../../src/core/index.js'
import {
  caller,
  callTool,
  failure,
  fakeAdapter,
  finish,
  modes,
  request,
  run,
  say,
  start,
  text,
  usage,
} from './support.js'

const answer = (content: string) => ({
  id: 'own',
  created: 1,
  model: 'none',
  finish_reason: 'stop' as const,
  usage: usage(0, 0),
  message: { role: 'assistant' as const, content },
})

const retry = (attempts = 3): Middleware =>
  async function retry(ctx, next) {
    for (let attempt = 1; ; attempt++) {
      try {
        return await next()
      } catch (error) {
        if (ctx.committed || attempt === attempts) throw error
      }
    }
  }

/** A loop of model, tool, model, as a tools layer runs it. */
const loop = (steps = 5): Middleware =>
  async function loop(ctx, next) {
    for (let step = 1; ; step++) {
      const reply = await next()
      const call = reply.message.tool_calls?.[0]
      if (!call || step === steps) return
      await ctx.emit({ type: 'tool-result', tool_call_id: call.id, name: 'f', content: `r${step}` })
      ctx.request = { ...ctx.request, messages: [...ctx.request.messages, reply.message] }
    }
  }

const upper: Transform = (chunk, emit) =>
  emit(chunk.type === 'text-delta' ? { ...chunk, text: chunk.text.toUpperCase() } : chunk)
const append =
  (suffix: string): Transform =>
  (chunk, emit) =>
    emit(chunk.type === 'text-delta' ? { ...chunk, text: chunk.text + suffix } : chunk)
const transforming = (...fns: Transform[]): Middleware =>
  function transforming(ctx, next) {
    fns.forEach(ctx.transform)
    return next()
  }
/** Collects all text and emits it with the finish. */
const holdAll = (): Transform => {
  let held = ''
  return (chunk, emit) => {
    if (chunk.type === 'start') held = ''
    if (chunk.type === 'text-delta') {
      held += chunk.text
      return
    }
    if (chunk.type === 'finish' && held !== '') emit(text(`[${held}]`))
    emit(chunk)
  }
}

describe.each(modes)('in %s', (mode) => {
  it('a request flows inward only, and after next() the layer sees the one it passed down', async () => {
    const seen: unknown[] = []
    const outer: Middleware = async (ctx, next) => {
      ctx.request = { ...ctx.request, temperature: 0.5 }
      await next()
      seen.push(['outer', ctx.request.temperature])
    }
    const inner: Middleware = async (ctx, next) => {
      seen.push(['inner', ctx.request.temperature])
      ctx.request = { ...ctx.request, temperature: 1 }
      await next()
      seen.push(['inner', ctx.request.temperature])
    }
    const adapter = fakeAdapter(say('a'))
    await run(caller(adapter, outer, inner), mode)
    expect(seen).toEqual([
      ['inner', 0.5],
      ['inner', 1],
      ['outer', 0.5],
    ])
    expect(adapter.requests[0]).toMatchObject({ temperature: 1 })
    expect(request).not.toHaveProperty('temperature')
  })

  it('retry inside a tool loop retries a step, outside of it the whole call', async () => {
    const script = [callTool('f', {}), [start(), new RateLimitError('x')], say('done')]
    const inside = await run(caller(fakeAdapter(...script), loop(), retry()), mode)
    expect(inside.response.messages.map(({ role }) => role)).toEqual([
      'assistant',
      'tool',
      'assistant',
    ])
    expect(inside.response.attempts).toHaveLength(3)
    expect(inside.response.text).toBe('done')
    const outside = await failure(run(caller(fakeAdapter(...script), retry(), loop()), mode))
    expect(outside).toBeInstanceOf(RateLimitError)
    expect((outside as RateLimitError).partial?.messages).toHaveLength(2)
    expect((outside as RateLimitError).usage?.total_tokens).toBe(15)
  })

  it('an outer transform that buffers does not commit an inner retry, nor the reverse', async () => {
    const committed: boolean[] = []
    const watch: Middleware = async (ctx, next) => {
      ctx.transform(holdAll())
      try {
        await next()
      } finally {
        committed.push(ctx.committed)
      }
    }
    const script = [[start(), text('half'), new RateLimitError('x')], say('whole')]
    if (mode === 'stream') {
      // content has left the inner retry though the consumer has seen none
      expect(
        await failure(run(caller(fakeAdapter(...script), watch, retry()), mode)),
      ).toBeInstanceOf(RateLimitError)
      expect(committed).toEqual([false])
    }
    // the layer's own transform buffers, so it may call next() again
    const { response, chunks } = await run(
      caller(fakeAdapter(...script), async function both(ctx, next) {
        ctx.transform(holdAll())
        return retry()(ctx, next)
      }),
      mode,
    )
    expect(response.text).toBe('[whole]')
    if (mode === 'stream')
      expect(chunks.map(({ type }) => type)).toEqual(['start', 'text-delta', 'finish'])
  })

  it('inner transforms run first, and within one layer the later one is the inner', async () => {
    const ai = caller(
      fakeAdapter(say('x')),
      transforming(append('1'), append('2')),
      transforming(append('3')),
    )
    expect((await run(ai, mode)).response.text).toBe('x321')
  })

  it('a layer sees the response from inside, outer layers see it after the transform', async () => {
    const seen: unknown[] = []
    const outer: Middleware = async (ctx, next) => {
      await next()
      seen.push(ctx.response?.text)
    }
    const inner: Middleware = async (ctx, next) => {
      ctx.transform(upper)
      await next()
      seen.push(ctx.response?.text)
    }
    const { response } = await run(caller(fakeAdapter(say('a', 'b')), outer, inner), mode)
    expect(seen).toEqual(['ab', 'AB'])
    expect(response.text).toBe('AB')
  })

  it('chunks behind a pending transform wait and keep their order', async () => {
    const slow: Transform = async (chunk, emit) => {
      if (chunk.type === 'text-delta') await Promise.resolve()
      emit(chunk)
    }
    const progress: Middleware = async (ctx, next) => {
      const running = next()
      ctx.emit({ type: 'data', name: 'progress', data: 1 })
      await running
    }
    const ai = caller(
      fakeAdapter([start(), [text('a'), text('b')], text('c'), finish()]),
      transforming(slow),
      progress,
    )
    const { response } = await run(ai, mode)
    expect(response.text).toBe('abc')
  })

  it('rejects a transform that is added after the first next()', async () => {
    const late: Middleware = async function late(ctx, next) {
      await next()
      ctx.transform(upper)
    }
    const error = await failure(run(caller(fakeAdapter(say('a')), late), mode))
    expect(error).toBeInstanceOf(MisuseError)
    expect(error.message).toContain("'late'")
  })

  it('dropping a tool call drops its deltas and renumbers the indices', async () => {
    const two: StreamChunk[] = [
      start(),
      { type: 'tool-call-start', index: 0, id: 'a', name: 'secret' },
      { type: 'tool-call-delta', index: 0, arguments: '{}' },
      { type: 'tool-call-end', index: 0 },
      { type: 'tool-call-start', index: 1, id: 'b', name: 'open' },
      { type: 'tool-call-delta', index: 1, arguments: '{"x":1}' },
      { type: 'tool-call-end', index: 1 },
      finish('tool_calls'),
    ]
    const drop: Transform = (chunk, emit) => {
      if (chunk.type !== 'tool-call-start' || chunk.name !== 'secret') emit(chunk)
    }
    const { response } = await run(caller(fakeAdapter(two), transforming(drop)), mode)
    expect(response.message.tool_calls).toEqual([
      { id: 'b', type: 'function', function: { name: 'open', arguments: '{"x":1}' } },
    ])
  })

  it('an error of a transform ends its layer, even if an inner layer catches it', async () => {
    const guard: Middleware = function guard(ctx, next) {
      ctx.transform((chunk, emit) => {
        if (chunk.type === 'text-delta' && chunk.text.includes('bad'))
          throw new RangeError('blocked')
        emit(chunk)
      })
      return next()
    }
    const swallow: Middleware = async (ctx, next) => {
      try {
        await next()
      } catch {
        if (!ctx.committed) ctx.response = answer('swallowed')
      }
    }
    const adapter = fakeAdapter([start(), [text('good '), text('bad')], finish()])
    const error = await failure(run(caller(adapter, guard, swallow), mode))
    expect(error).toBeInstanceOf(RangeError)
    if (mode === 'stream') expect((error as { partial?: ChatResponse }).partial?.text).toBe('good ')
    expect(adapter.log.closed).toBe(1)
  })

  it('native is dropped when a transform changes content, and kept when it truncates or adds data', async () => {
    const native = { provider: 'fake', model: 'm-1', content: [1] }
    const reply: StreamChunk[] = [start(), text('ab'), { ...finish(), native } as StreamChunk]
    const splitter: Transform = (chunk, emit) => {
      if (chunk.type !== 'text-delta') return emit(chunk)
      for (const letter of chunk.text) emit(text(letter))
      emit({ type: 'data', name: 'n', data: 1 })
    }
    const kept = await run(caller(fakeAdapter(reply), transforming(splitter)), mode)
    expect(kept.response.message.native).toEqual(native)
    const edited = await run(caller(fakeAdapter(reply), transforming(upper)), mode)
    expect(edited.response.message.native).toEqual({ provider: 'fake', model: 'm-1' })
    const undone = reversible((chunk, emit) => upper(chunk, emit))
    const restored = await run(caller(fakeAdapter(reply), transforming(undone)), mode)
    expect(restored.response.message.native).toEqual(native)
  })

  it('a layer may respond after a failed next()', async () => {
    const apology: Middleware = async (ctx, next) => {
      try {
        await next()
      } catch {
        ctx.response = answer('sorry')
      }
    }
    const { response, chunks } = await run(
      caller(fakeAdapter([new RateLimitError('x')]), apology),
      mode,
    )
    expect(response.text).toBe('sorry')
    expect(response.attempts[0]?.status).toBe('failed')
    if (mode === 'stream')
      expect(chunks.map(({ type }) => type)).toEqual(['start', 'text-delta', 'finish'])
  })

  it('a layer can inspect a response that its own transform buffered', async () => {
    const verdict: Middleware = async (ctx, next) => {
      ctx.transform(() => {})
      const reply = await next()
      ctx.response = { ...reply, text: reply.text.replace('bad', '***') }
    }
    const { response } = await run(caller(fakeAdapter(say('a bad', ' word')), verdict), mode)
    expect(response.text).toBe('a *** word')
    expect(response.messages).toEqual([{ role: 'assistant', content: 'a *** word' }])
  })

  it('the response of a layer passes the transforms of outer layers, not its own', async () => {
    const canned: Middleware = async (ctx) => {
      ctx.transform(append('!'))
      ctx.response = answer('canned')
    }
    expect(
      (await run(caller(fakeAdapter(), transforming(upper), canned), mode)).response.text,
    ).toBe('CANNED')
  })

  it('a stack that ends without a response is a MisuseError that names the layer', async () => {
    const silent: Middleware = async function silent() {}
    const error = await failure(run(caller(fakeAdapter(say('a')), retry(1), silent), mode))
    expect(error).toBeInstanceOf(MisuseError)
    expect(error.message).toContain("'silent'")
  })

  it('emit passes outer transforms; while next() runs it accepts only data and warnings', async () => {
    const errors: unknown[] = []
    const eager: Middleware = async function eager(ctx, next) {
      const running = next()
      try {
        ctx.emit(text('x'))
      } catch (error) {
        errors.push(error)
      }
      ctx.emit({ type: 'warning', warning: { code: 'other', message: 'w' } })
      await running
      await ctx.emit({ type: 'tool-result', tool_call_id: 'c', name: 'f', content: 'r' })
    }
    const { response } = await run(caller(fakeAdapter(say('a')), transforming(upper), eager), mode)
    expect(errors[0]).toBeInstanceOf(MisuseError)
    expect(response.warnings).toHaveLength(1)
    expect(response.messages).toHaveLength(2)
  })

  it('content outside of a turn is a MisuseError', async () => {
    const stray: Middleware = async (ctx, next) => {
      await next()
      await ctx.emit(text('x'))
    }
    expect(await failure(run(caller(fakeAdapter(say('a')), stray), mode))).toBeInstanceOf(
      MisuseError,
    )
  })

  it('warnings of a failed attempt are dropped, those of the layer itself stay', async () => {
    let attempts = 0
    const inside: Middleware = (ctx, next) => {
      ctx.warn({ code: 'other', message: `inside ${++attempts}` })
      return next()
    }
    const outside: Middleware = (ctx, next) => {
      ctx.warn({ code: 'other', message: 'outside' })
      return retry()(ctx, next)
    }
    const { response } = await run(
      caller(fakeAdapter([new RateLimitError('x')], say('a')), outside, inside),
      mode,
    )
    expect(response.warnings.map(({ message }) => message)).toEqual(['outside', 'inside 2'])
  })

  it('a warning of an adapter stays on its attempt', async () => {
    const warned = (call: { warn(w: object): void }) => call.warn({ code: 'dropped', message: 'x' })
    const adapter = fakeAdapter([warned as never, new RateLimitError('x')], say('a'))
    const { response } = await run(caller(adapter, retry()), mode)
    expect(response.warnings).toEqual([])
    expect(response.attempts[0]?.warnings).toHaveLength(1)
  })

  it('members known only at the end are put on the finish chunk', async () => {
    const price: Middleware = (ctx, next) => {
      ctx.transform((chunk, emit) =>
        emit(chunk.type === 'finish' ? { ...chunk, usage: { ...chunk.usage, cost: 0.5 } } : chunk),
      )
      return next()
    }
    const { response } = await run(caller(fakeAdapter(say('a')), price), mode)
    expect(response.usage.cost).toBe(0.5)
  })

  it('ctx.get and ctx.set are shared, own properties of ctx are not', async () => {
    const tenant = key<string>('tenant')
    const seen: unknown[] = []
    const outer: Middleware = (ctx, next) => {
      ctx.set(tenant, 'acme')
      Object.assign(ctx, { mine: 1 })
      return next()
    }
    const inner: Middleware = (ctx, next) => {
      seen.push(ctx.get(tenant), ctx.get(key<string>('tenant')), 'mine' in ctx)
      return next()
    }
    await run(caller(fakeAdapter(say('a')), outer, inner), mode)
    expect(seen).toEqual(['acme', undefined, false])
  })

  it('a nested call starts with the values of keys that are inherited, and sets its own', async () => {
    const depth = key<number>('depth', { isInherited: true })
    const tenant = key<string>('tenant')
    const seen: unknown[] = []
    const outer: Middleware = async (ctx, next) => {
      ctx.set(depth, 1)
      ctx.set(tenant, 'acme')
      await ctx.client.generate(ctx.request)
      return next()
    }
    const inner: Middleware = (ctx, next) => {
      seen.push(ctx.get(depth), ctx.get(tenant))
      ctx.set(depth, 2)
      return next()
    }
    await run(caller(fakeAdapter(say('a'), say('b')), outer, inner), mode)
    expect(seen).toEqual([1, undefined, 1, 'acme'])
  })

  it('members of ctx can be destructured', async () => {
    const apart: Middleware = async (
      { emit, signal, warn, get, set, transform, options },
      next,
    ) => {
      transform(upper)
      warn({ code: 'other', message: 'w' })
      set(key('a'), get(key('b')))
      expect(signal.aborted).toBe(false)
      expect(Object.isFrozen(options)).toBe(true)
      await next()
      await emit({ type: 'data', name: 'n', data: 1 })
    }
    expect((await run(caller(fakeAdapter(say('a')), apart), mode)).response.text).toBe('A')
  })

  it('attempts and usage cover the calls made inside a layer, nested ones too', async () => {
    const seen: number[] = []
    const outer: Middleware = async (ctx, next) => {
      await next()
      seen.push(ctx.attempts.length, ctx.usage.total_tokens)
    }
    const judge: Middleware = async (ctx, next) => {
      await next()
      const verdict = await ctx.client.generate({ ...ctx.request, temperature: 0 })
      expect(verdict.text).toBe('A')
      seen.push(ctx.attempts.length)
    }
    const inner: Middleware = async (ctx, next) => {
      await next()
      seen.push(ctx.attempts.length)
    }
    const ai = caller(fakeAdapter(say('a')), outer, judge, transforming(upper), inner)
    const { response, chunks } = await run(ai, mode)
    expect(seen).toEqual([1, 1, 2, 2, 30])
    expect(response.attempts).toHaveLength(2)
    expect(response.usage.total_tokens).toBe(15)
    if (mode === 'stream') expect(chunks.filter(({ type }) => type === 'start')).toHaveLength(1)
  })

  it('usage missing from the wire is counted and marked as estimated', async () => {
    const silent = {
      ...finish(),
      usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0, estimated: true as const },
    } as StreamChunk
    const { response } = await run(
      caller(fakeAdapter([start(), text('some words here'), silent])),
      mode,
    )
    expect(response.usage.estimated).toBe(true)
    expect(response.usage.completion_tokens).toBeGreaterThan(2)
    expect(response.usage.prompt_tokens).toBeGreaterThan(0)
    expect(response.attempts[0]?.usage).toEqual(response.usage)
  })

  it('an attempt with an error status counts zero, an interrupted one is counted', async () => {
    const refused = await failure(
      run(caller(fakeAdapter([new RateLimitError('x', { status: 429 })])), mode),
    )
    expect((refused as RateLimitError).usage?.total_tokens).toBe(0)
    const cut = await failure(
      run(caller(fakeAdapter([start(), text('some words'), new TypeError('cut')])), mode),
    )
    expect((cut as RateLimitError).usage).toMatchObject({ estimated: true })
    expect((cut as RateLimitError).usage?.completion_tokens).toBeGreaterThan(1)
  })

  it('usage sent during the stream takes precedence over the count', async () => {
    const reportUsage = (call: { onUsage(u: object): void }) =>
      call.onUsage({ prompt_tokens: 777, completion_tokens: 1, total_tokens: 778 })
    const error = await failure(
      run(
        caller(
          fakeAdapter([
            reportUsage as never,
            start(),
            text('many words were said here'),
            new TypeError('cut'),
          ]),
        ),
        mode,
      ),
    )
    expect((error as RateLimitError).usage).toMatchObject({ prompt_tokens: 777, estimated: true })
    expect((error as RateLimitError).usage?.completion_tokens).toBeGreaterThan(3)
  })

  it('timeouts flow inward like the request', async () => {
    const adapter = fakeAdapter(say('a'))
    const timed: Middleware = (ctx, next) => {
      ctx.timeouts = { ...ctx.timeouts, headersMs: 7 }
      return next()
    }
    await run(caller(adapter, timed), mode, { timeouts: { idleBytesMs: 3 } })
    expect(adapter.calls[0]?.timeouts).toEqual({ headersMs: 7, idleBytesMs: 3 })
  })

  it('locks, timers and AsyncLocalStorage around next() span the whole response', async () => {
    const storage = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    const scope: Middleware = (_, next) => storage.run('scoped', next)
    const inner: Middleware = async (ctx, next) => {
      ctx.transform((chunk, emit) => {
        seen.push(storage.getStore())
        emit(chunk)
      })
      await next()
      seen.push(storage.getStore())
    }
    await run(caller(fakeAdapter(say('a')), scope, inner), mode)
    expect(new Set(seen)).toEqual(new Set(['scoped']))
  })

  it('unwinds every layer once, in reverse order, after success, failure and misuse', async () => {
    for (const script of [
      say('a'),
      [new RateLimitError('x')],
      [start(), text('a'), new TypeError('x')],
      [],
    ]) {
      const order: string[] = []
      const layer =
        (name: string): Middleware =>
        async (_, next) => {
          try {
            await next()
          } finally {
            order.push(name)
          }
        }
      await run(caller(fakeAdapter(script), layer('a'), layer('b'), layer('c')), mode).catch(
        () => {},
      )
      expect(order).toEqual(['c', 'b', 'a'])
    }
  })

  it('the generate response equals the accumulated stream', async () => {
    const script = [callTool('f', { a: 1 }), say('done', ' now')]
    const stack = () => [
      loop(),
      retry(),
      transforming(mapText((value) => value.replace('done', 'DONE'), { holdBack: 8 })),
    ]
    const { response } = await run(caller(fakeAdapter(...script), ...stack()), mode)
    const { attempts: _, ...rest } = response
    expect(rest).toMatchObject({ text: 'DONE now', usage: usage(20, 10), finish_reason: 'stop' })
    expect(rest.messages).toHaveLength(3)
  })
})
