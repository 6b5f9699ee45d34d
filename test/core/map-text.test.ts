import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { StreamChunk } from '../../src/chat/index.js'
import { type Middleware, mapText } from '../../src/core/index.js'
import { caller, fakeAdapter, finish, modes, run, start, text } from './support.js'

const redact = (value: string) => value.replace(/\b(?:cat|concat|[0-9]{3,6})\b/g, '•')

function through(
  options: Parameters<typeof mapText>[1],
  chunks: readonly StreamChunk[],
  fn = redact,
) {
  const transform = mapText(fn, options)
  const out: StreamChunk[] = []
  for (const chunk of chunks) transform(chunk, (one) => out.push(one))
  return out
}
const textOf = (chunks: readonly StreamChunk[]) =>
  chunks.map((chunk) => (chunk.type === 'text-delta' ? chunk.text : '')).join('')

describe('mapText', () => {
  it('gives the same text wherever the stream is split', () => {
    const words = fc.array(fc.constantFrom('cat', 'con', '123', '45', ' ', '-', '😀', 'é', 'abc'), {
      maxLength: 40,
    })
    fc.assert(
      fc.property(words, fc.array(fc.nat({ max: 5 }), { minLength: 1 }), (parts, sizes) => {
        const whole = parts.join('')
        const pieces: string[] = []
        for (let at = 0, i = 0; at < whole.length; i++) {
          const size = Math.max(1, sizes[i % sizes.length] ?? 1)
          pieces.push(whole.slice(at, at + size))
          at += size
        }
        const out = through({ holdBack: 10 }, [start(), ...pieces.map(text), finish()])
        expect(textOf(out)).toBe(redact(whole))
      }),
    )
  })

  it('holds back no more than the overlap where nothing changes', () => {
    const out = through({ holdBack: 4 }, [start(), text('hello world')])
    expect(textOf(out)).toBe('hello w')
  })

  it('never splits a surrogate pair', () => {
    const out = through({ holdBack: 1 }, [start(), text('a😀'), text('😀b'), finish()])
    for (const chunk of out)
      if (chunk.type === 'text-delta') expect(() => encodeURIComponent(chunk.text)).not.toThrow()
    expect(textOf(out)).toBe('a😀😀b')
  })

  it('maps strings inside tool arguments and keeps the JSON valid', () => {
    const call: StreamChunk[] = [
      start(),
      { type: 'tool-call-start', index: 0, id: 'c', name: 'f' },
      { type: 'tool-call-delta', index: 0, arguments: '{"a":"the c' },
      { type: 'tool-call-delta', index: 0, arguments: 'at\\n","n":123}' },
      { type: 'tool-call-end', index: 0 },
      finish('tool_calls'),
    ]
    const out = through({ holdBack: 10, toolArguments: true }, call, (value) =>
      value.replace('cat', '"dog"'),
    )
    expect(out.find((chunk) => chunk.type === 'tool-call-delta')).toMatchObject({
      arguments: JSON.stringify({ a: 'the "dog"\n', n: 123 }),
    })
    expect(through({ holdBack: 10 }, call)).toEqual(call)
  })

  it('flushes reasoning before text, text before a tool call, everything before the finish', () => {
    const out = through({ holdBack: 10, reasoning: true }, [
      start(),
      { type: 'reasoning-delta', text: 'hm' },
      text('so'),
      { type: 'tool-call-start', index: 0, id: 'c', name: 'f' },
      { type: 'tool-call-end', index: 0 },
      text('end'),
      finish(),
    ])
    expect(out.map((chunk) => chunk.type)).toEqual([
      'start',
      'reasoning-delta',
      'text-delta',
      'tool-call-start',
      'tool-call-end',
      'text-delta',
      'finish',
    ])
  })

  const reasoning: StreamChunk = { type: 'reasoning-delta', text: 'hm' }
  const refusal: StreamChunk = { type: 'refusal-delta', text: 'No.' }
  const file: StreamChunk = { type: 'file', media_type: 'image/png', data: 'AAAA' }
  const search: StreamChunk = { type: 'hosted-tool', id: 's', name: 'search', status: 'running' }

  it.each([reasoning, refusal, file, search])('held text is not overtaken: $type', (other) => {
    const chunks = [start(), text('one'), other, text('two'), finish()]
    for (const mapsReasoning of [false, true])
      expect(through({ holdBack: 10, reasoning: mapsReasoning }, chunks)).toEqual(chunks)
  })

  it.each([text('so'), refusal, file, search])(
    'held reasoning is not overtaken: $type',
    (other) => {
      const chunks = [start(), reasoning, other, reasoning, finish()]
      expect(through({ holdBack: 10, reasoning: true }, chunks)).toEqual(chunks)
    },
  )

  const logprobs = (...tokens: string[]): StreamChunk => ({
    type: 'logprobs',
    content: tokens.map((token) => ({ token, logprob: -1, bytes: null })),
  })

  it('log-probabilities show no text that was changed: they are dropped with a warning', () => {
    for (const said of [text('a cat'), { type: 'refusal-delta', text: 'a cat' } as const]) {
      const out = through({ holdBack: 10 }, [
        start(),
        logprobs('a'),
        said,
        logprobs(' cat'),
        finish(),
      ])
      expect(JSON.stringify(out)).not.toContain('cat')
      expect(out.map(({ type }) => type)).toEqual(['start', said.type, 'warning', 'finish'])
      expect(out).toContainEqual({
        type: 'warning',
        warning: expect.objectContaining({ code: 'dropped', param: 'logprobs' }),
      })
    }
  })

  it('log-probabilities of a turn without a change are kept', () => {
    const changed = [start(), text('cat'), logprobs('cat'), finish()]
    const unchanged = [start('r2'), logprobs('do'), text('dog'), logprobs('g'), finish()]
    const out = through({ holdBack: 10 }, [...changed, ...unchanged])
    expect(out.slice(-5)).toEqual([
      start('r2'),
      text('dog'),
      logprobs('do'),
      logprobs('g'),
      finish(),
    ])
    expect(through({ holdBack: 10 }, [start(), logprobs('x'), start('r2'), finish()])).toEqual([
      start(),
      start('r2'),
      finish(),
    ])
  })

  it.each(modes)('masked text is in no log-probability of an answer, in %s', async (mode) => {
    const mask: Middleware = (ctx, next) => {
      ctx.transform(mapText(redact, { holdBack: 10 }))
      return next()
    }
    const chunks = [start(), text('a c'), logprobs('a', ' c'), text('at'), logprobs('at'), finish()]
    const { response } = await run(caller(fakeAdapter(chunks), mask), mode)
    expect(response).toMatchObject({ text: 'a •', warnings: [{ param: 'logprobs' }] })
    expect(response).not.toHaveProperty('logprobs')
  })

  it('drops the buffer of a failed attempt', () => {
    expect(
      textOf(through({ holdBack: 10 }, [start(), text('old'), start('r2'), text('new'), finish()])),
    ).toBe('new')
  })

  it('stays linear on one match that never ends', () => {
    let calls = 0
    const fn = (value: string) => {
      calls++
      return value.replace(/[0-9]+/g, '•')
    }
    const digits = Array.from({ length: 2_000 }, () => text('7777777777'))
    through({ holdBack: 16 }, [start(), ...digits, finish()], fn)
    expect(calls).toBeLessThan(2_000 * 20 * 128)
  })
})
