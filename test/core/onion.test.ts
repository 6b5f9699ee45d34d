import { describe, expect, it } from 'vitest'
import { type Middleware, MisuseError, RateLimitError } from '../../src/core/index.js'
import { caller, failure, fakeAdapter, modes, run, say, start, text } from './support.js'

const retry: Middleware = async function retry(ctx, next) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await next()
    } catch (error) {
      if (ctx.committed || attempt === 3) throw error
    }
  }
}

describe.each(modes)('the onion in %s', (mode) => {
  it('returns the response of the adapter', async () => {
    const { response, chunks } = await run(caller(fakeAdapter(say('Hel', 'lo'))), mode)
    expect(response.text).toBe('Hello')
    expect(response.usage.total_tokens).toBe(15)
    expect(response.attempts).toHaveLength(1)
    expect(response.attempts[0]).toMatchObject({ provider: 'fake', model: 'm-1', status: 'ok' })
    if (mode === 'stream')
      expect(chunks.map((chunk) => chunk.type)).toEqual([
        'start',
        'text-delta',
        'text-delta',
        'finish',
      ])
  })

  it('resolves next() when the inner response is complete', async () => {
    const seen: unknown[] = []
    const layer: Middleware = async (ctx, next) => {
      const answer = await next()
      seen.push(answer.text, ctx.response?.text, ctx.committed)
    }
    await run(caller(fakeAdapter(say('a', 'b')), layer), mode)
    expect(seen).toEqual(['ab', 'ab', true])
  })

  it('lets retry call next() again before content, and keeps nothing of the failed attempt', async () => {
    const adapter = fakeAdapter(
      [start('bad'), new RateLimitError('no', { status: 429 })],
      say('yes'),
    )
    const { response, chunks } = await run(caller(adapter, retry), mode)
    expect(response.text).toBe('yes')
    expect(response.attempts.map((attempt) => attempt.status)).toEqual(['failed', 'ok'])
    expect(chunks.filter((chunk) => chunk.type === 'start').length).toBe(mode === 'stream' ? 1 : 0)
  })

  it('does not retry after content in a stream', async () => {
    const adapter = fakeAdapter([start(), text('one'), new RateLimitError('no')], say('yes'))
    if (mode === 'generate') {
      expect((await run(caller(adapter, retry), mode)).response.text).toBe('yes')
      return
    }
    const error = await failure(run(caller(adapter, retry), mode))
    expect(error).toBeInstanceOf(RateLimitError)
    expect((error as RateLimitError).partial?.text).toBe('one')
  })

  it('returns a response set by a layer', async () => {
    const canned: Middleware = async (ctx) => {
      ctx.response = {
        id: 'x',
        created: 1,
        model: 'none',
        finish_reason: 'stop',
        message: { role: 'assistant', content: 'canned' },
        usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
      }
    }
    const adapter = fakeAdapter(say('never'))
    const { response } = await run(caller(adapter, canned), mode)
    expect(response.text).toBe('canned')
    expect(response.messages).toEqual([{ role: 'assistant', content: 'canned' }])
    expect(adapter.requests).toHaveLength(0)
  })

  it('rejects a response set too late, and points to ctx.transform', async () => {
    const late: Middleware = async (ctx, next) => {
      const answer = await next()
      ctx.response = { ...answer, text: 'other' }
    }
    const error = await failure(run(caller(fakeAdapter(say('a')), late), mode))
    expect(error).toBeInstanceOf(MisuseError)
    expect(error.message).toContain('ctx.transform')
  })

  it('transforms chunks on their way out', async () => {
    const loud: Middleware = (ctx, next) => {
      ctx.transform((chunk, emit) =>
        emit(chunk.type === 'text-delta' ? { ...chunk, text: chunk.text.toUpperCase() } : chunk),
      )
      return next()
    }
    const { response, chunks } = await run(caller(fakeAdapter(say('a', 'b')), loud), mode)
    expect(response.text).toBe('AB')
    if (mode === 'stream') expect(chunks[1]).toEqual(text('A'))
  })

  it('names a middleware that calls next() twice at once or returns before it settles', async () => {
    const twice: Middleware = async function twice(_, next) {
      await Promise.all([next(), next()])
    }
    const early: Middleware = async function early(_, next) {
      void next()
    }
    expect((await failure(run(caller(fakeAdapter(say('a')), twice), mode))).message).toContain(
      "'twice'",
    )
    const error = await failure(run(caller(fakeAdapter(say('a')), early), mode))
    expect(error).toBeInstanceOf(MisuseError)
    expect(error.message).toContain("'early'")
  })
})
