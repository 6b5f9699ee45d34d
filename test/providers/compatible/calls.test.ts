/** Tool calls of a stream: servers differ in numbering, naming and splitting. */
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import type { JsonObject, StreamChunk, ToolCall } from '../../../src/chat/index.js'
import { UnexpectedResponseError } from '../../../src/core/index.js'
import { call, delta, done, read, stop } from './support.js'

const callsOf = (events: Parameters<typeof read>[0]) =>
  read([...events, stop('tool_calls')]).answer?.message.tool_calls
const names = (calls: readonly ToolCall[] | undefined) =>
  calls?.map((one) =>
    one.type === 'custom'
      ? [one.custom.name, one.custom.input]
      : [one.function.name, one.function.arguments],
  )
const part = (index: unknown, id: unknown, name?: string, args?: unknown): JsonObject => ({
  ...(index !== undefined && { index }),
  ...(id !== undefined && { id, type: 'function' }),
  function: { ...(name !== undefined && { name }), ...(args !== undefined && { arguments: args }) },
})

describe('in the format of OpenAI', () => {
  it('a call is emitted with its first arguments and closed at the end', () => {
    const { chunks } = read([
      call(part(0, 'call_a', 'f', '')),
      call(part(0, undefined, undefined, '{"x"')),
      call(part(0, undefined, undefined, ':1}')),
      stop('tool_calls'),
      done,
    ])
    expect(chunks.slice(1, -1)).toEqual([
      { type: 'tool-call-start', index: 0, id: 'call_a', name: 'f' },
      { type: 'tool-call-delta', index: 0, arguments: '{"x"' },
      { type: 'tool-call-delta', index: 0, arguments: ':1}' },
      { type: 'tool-call-end', index: 0 },
    ])
  })

  it('parallel calls may be interleaved', () => {
    const calls = callsOf([
      call([part(0, 'a', 'f', ''), part(1, 'b', 'g', '')]),
      call(part(1, undefined, undefined, '{"y":')),
      call(part(0, undefined, undefined, '{"x":')),
      call([part(0, undefined, undefined, '1}'), part(1, undefined, undefined, '2}')]),
    ])
    expect(names(calls)).toEqual([
      ['f', '{"x":1}'],
      ['g', '{"y":2}'],
    ])
  })

  it('a custom tool receives free text', () => {
    const { answer, chunks } = read([
      call({ index: 0, id: 'a', type: 'custom', custom: { name: 'sql', input: '' } }),
      call({ index: 0, custom: { input: 'SELECT ' } }),
      call({ index: 0, custom: { input: '1' } }),
      stop('tool_calls'),
    ])
    expect(answer?.message.tool_calls).toEqual([
      { id: 'a', type: 'custom', custom: { name: 'sql', input: 'SELECT 1' } },
    ])
    expect(chunks).toContainEqual({
      type: 'tool-call-start',
      index: 0,
      id: 'a',
      name: 'sql',
      kind: 'custom',
    })
  })

  it('the legacy call before `tool_calls` is supported too', () => {
    const calls = callsOf([
      delta({ function_call: { name: 'f', arguments: '' } }),
      delta({ function_call: { arguments: '{}' } }),
    ])
    expect(names(calls)).toEqual([['f', '{}']])
    expect(calls?.[0]?.id).toMatch(/^call_.{24}$/)
  })
})

describe('indices', () => {
  const [f, g] = [part(undefined, 'a', 'f', '{"x":1}'), part(undefined, 'b', 'g', '{"y":2}')]
  const both = [
    ['f', '{"x":1}'],
    ['g', '{"y":2}'],
  ]
  test.each([
    ['missing, in two deltas', [call(f), call(g)]],
    ['missing, in one delta', [call([f, g])]],
    ['null', [call({ ...f, index: null }), call({ ...g, index: null })]],
    ['0 for each, told apart by id', [call({ ...f, index: 0 }), call({ ...g, index: 0 })]],
    [
      '0 for each, in one delta',
      [
        call([
          { ...f, index: 0 },
          { ...g, index: 0 },
        ]),
      ],
    ],
    ['with a gap', [call({ ...f, index: 3 }), call({ ...g, index: 7 })]],
    [
      'missing, without ids',
      [
        call([
          part(undefined, undefined, 'f', '{"x":1}'),
          part(undefined, undefined, 'g', '{"y":2}'),
        ]),
      ],
    ],
    [
      'missing, arguments in pieces behind the call',
      [
        call(part(undefined, 'a', 'f', '{"x"')),
        call(part(undefined, undefined, undefined, ':1}')),
        call(part(undefined, 'b', 'g', '{"y"')),
        call(part(undefined, 'b', undefined, ':2}')),
      ],
    ],
    [
      '0 for each, in pieces',
      [
        call(part(0, 'a', 'f', '{"x"')),
        call(part(0, undefined, undefined, ':1}')),
        call(part(0, 'b', 'g', '')),
        call(part(0, undefined, undefined, '{"y":2}')),
      ],
    ],
  ])('%s', (_, events) => {
    const { chunks, answer } = read([...events, stop('tool_calls')])
    expect(names(answer?.message.tool_calls)).toEqual(both)
    const indices = chunks.flatMap((chunk) =>
      chunk.type === 'tool-call-start' ? [chunk.index] : [],
    )
    expect(indices).toEqual([0, 1])
  })

  test.each(['__proto__', 'constructor', '0', 1024, 1e9, 0.5, Number.NaN, {}, true])(
    '%j is an error',
    (index) => {
      const { error } = read([call(part(index, 'a', 'f', '{}'))])
      expect(error).toBeInstanceOf(UnexpectedResponseError)
      expect(error).toMatchObject({ code: 'bad_index', provider: 'local', model: 'm-1' })
    },
  )

  it('below 0 is ignored: each whole call is one', () => {
    const calls = callsOf([
      call(part(-1, 'a', 'f', '{"x":1}')),
      call(part(-1, 'b', 'g', '{"y":2}')),
    ])
    expect(names(calls)).toEqual([
      ['f', '{"x":1}'],
      ['g', '{"y":2}'],
    ])
  })

  it('more calls than indices is an error too', () => {
    const many = Array.from({ length: 1025 }, (_, n) => call(part(undefined, `c${n}`, 'f', '{}')))
    expect(read(many).error).toMatchObject({ code: 'bad_index' })
  })
})

describe('ids', () => {
  it('one that arrives late, but before the arguments, is used', () => {
    const calls = callsOf([
      call(part(0, '', 'f')),
      call(part(0, 'a')),
      call(part(0, undefined, undefined, '{}')),
    ])
    expect(calls?.[0]?.id).toBe('a')
  })

  it('one that never arrives is generated, with at most 40 characters', () => {
    const calls = callsOf([call(part(0, undefined, 'f', '{}')), call(part(1, null, 'g', '{}'))])
    const ids = calls?.map(({ id }) => id) ?? []
    expect(new Set(ids).size).toBe(2)
    for (const id of ids) expect(id).toMatch(/^call_.{1,35}$/)
  })

  it('may be a number', () => {
    expect(callsOf([call(part(0, 7, 'f', '{}'))])?.[0]?.id).toBe('7')
  })

  it('the same for two calls is made unique', () => {
    const calls = callsOf([call(part(0, 'a', 'f', '{}')), call(part(1, 'a', 'g', '{}'))])
    expect(calls?.[0]?.id).toBe('a')
    expect(calls?.[1]?.id).not.toBe('a')
    expect(names(calls)).toEqual([
      ['f', '{}'],
      ['g', '{}'],
    ])
  })

  it('numbered from the start for each call, without an index', () => {
    const calls = callsOf([
      call(part(undefined, '0', 'f', '{"x":1}')),
      call(part(undefined, '0', 'g', '{"y":2}')),
    ])
    expect(names(calls)).toEqual([
      ['f', '{"x":1}'],
      ['g', '{"y":2}'],
    ])
  })

  it('repeated with every delta is one call', () => {
    const calls = callsOf([
      call(part(0, 'a', 'f', '')),
      call(part(0, 'a', 'f', '{"x"')),
      call(part(0, 'a', 'f', ':1}')),
    ])
    expect(names(calls)).toEqual([['f', '{"x":1}']])
  })
})

describe('names', () => {
  test.each([
    ['in pieces', ['get_', 'weather']],
    ['whole, again', ['get_weather', 'get_weather']],
    ['growing', ['get_', 'get_weather']],
    ['null behind the first', ['get_weather', '']],
  ])('%s', (_, pieces) => {
    const events = pieces.map((name, n) => call(part(0, n === 0 ? 'a' : undefined, name)))
    expect(names(callsOf([...events, call(part(0, undefined, undefined, '{}'))]))).toEqual([
      ['get_weather', '{}'],
    ])
  })
})

describe('arguments', () => {
  test.each([
    ['an object', { x: 1 }, '{"x":1}'],
    ['text', '{"x":1}', '{"x":1}'],
    ['empty text', '', '{}'],
    ['null', null, '{}'],
    ['blanks', '  ', '  {}'],
    ['nothing', undefined, '{}'],
    ['text that is not JSON, for the tool to judge', '{"x":', '{"x":'],
  ])('%s', (_, given, expected) => {
    expect(names(callsOf([call(part(0, 'a', 'f', given))]))).toEqual([['f', expected]])
  })

  it('an empty delta starts no call', () => {
    expect(callsOf([call(part(0, undefined)), call({ index: 1 })])).toBeUndefined()
  })

  it('above the limit are an error', () => {
    const { error } = read(
      [
        call(part(0, 'a', 'f', 'x'.repeat(60))),
        call(part(0, undefined, undefined, 'x'.repeat(60))),
      ],
      {
        maxArgumentsLength: 100,
      },
    )
    expect(error).toMatchObject({ name: 'UnexpectedResponseError', code: 'too_large' })
  })

  it('with a member __proto__ are unchanged', () => {
    const text = '{"__proto__":{"polluted":true}}'
    expect(names(callsOf([call(part(0, 'a', 'f', JSON.parse(text)))]))).toEqual([['f', text]])
    expect({}).not.toHaveProperty('polluted')
  })
})

describe('in any order', () => {
  const piecesOf = (text: string, cuts: readonly number[]) => {
    const at = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b)
    return [...at, text.length].map((end, n) => text.slice(at[n - 1] ?? 0, end))
  }
  const wireCalls = fc.array(
    fc.record({
      name: fc.stringMatching(/^[a-z]{3,8}$/),
      value: fc.string(),
      cuts: fc.array(fc.nat(40), { maxLength: 5 }),
    }),
    { minLength: 1, maxLength: 4 },
  )

  it('calls equal those that were sent', () => {
    fc.assert(
      fc.property(wireCalls, fc.infiniteStream(fc.nat()), (wire, picks) => {
        const queues = wire.map(({ name, value, cuts }, index) => [
          part(index, `id${index}`, name, ''),
          ...piecesOf(JSON.stringify({ value }), cuts).map((piece) =>
            part(index, undefined, undefined, piece),
          ),
        ])
        // calls start in order, their pieces may arrive in any
        const events = queues.map((queue) => call(queue.shift() ?? {}))
        for (const pick of picks) {
          const open = queues.filter((queue) => queue.length > 0)
          if (open.length === 0) break
          events.push(call(open[pick % open.length]?.shift() ?? {}))
        }
        expect(names(callsOf(events))).toEqual(
          wire.map(({ name, value }) => [name, JSON.stringify({ value })]),
        )
      }),
    )
  })

  it('every call that is started is ended, once, and numbered densely', () => {
    const loose = fc.record(
      {
        index: fc.option(fc.nat(5), { nil: undefined }),
        id: fc.option(fc.constantFrom('a', 'b', ''), { nil: undefined }),
        name: fc.option(fc.constantFrom('f', 'g', ''), { nil: undefined }),
        args: fc.option(fc.constantFrom('{', '}', '', '{}'), { nil: undefined }),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(fc.array(loose), (parts) => {
        const { chunks, error } = read([
          ...parts.map(({ index, id, name, args }) => call(part(index, id, name, args))),
          delta({}),
          stop(),
        ])
        expect(error).toBeUndefined()
        const of = (type: StreamChunk['type']) =>
          chunks.flatMap((chunk) => (chunk.type === type && 'index' in chunk ? [chunk.index] : []))
        const started = of('tool-call-start')
        expect(started).toEqual(started.map((_, n) => n))
        expect(of('tool-call-end')).toEqual(started)
      }),
    )
  })
})
