import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { StreamChunk } from '../../../../src/chat/index.js'
import { accumulate } from '../../../../src/core/index.js'
import { ui } from '../../../../src/http/formats/ui/index.js'
import { call, contextOf, deepFreeze, encode, finish, parse, start, toMessage } from './support.js'

const typesOf = (events: readonly { readonly type: string }[]) => events.map(({ type }) => type)

describe('the ui encoder', () => {
  it('wraps the deltas of a text in start and end of a part', async () => {
    const events = await encode([
      start,
      { type: 'text-delta', text: 'Hel' },
      { type: 'text-delta', text: 'lo' },
      finish(),
    ])
    expect(typesOf(events)).toEqual([
      'start',
      'start-step',
      'text-start',
      'text-delta',
      'text-delta',
      'text-end',
      'finish-step',
      'finish',
    ])
    expect(events[0]).toEqual({ type: 'start', messageId: 'answer-1' })
    expect(events.at(-1)).toEqual({
      type: 'finish',
      messageMetadata: {
        finish_reason: 'stop',
        usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
      },
    })
  })

  it('ends its stream with [DONE], even an empty one', async () => {
    const encoder = ui.encoder(contextOf())
    const data = await encoder.end()
    expect(data.at(-1)).toBe('[DONE]')
    expect(typesOf(parse(data))).toEqual(['start', 'finish'])
  })

  it('joins the deltas of one network read into one event', async () => {
    const pieces = ['a', 'b', 'c'].map((text): StreamChunk => ({ type: 'text-delta', text }))
    const args = ['{"a"', ':1}'].map(
      (text): StreamChunk => ({ type: 'tool-call-delta', index: 0, arguments: text }),
    )
    const data = await ui
      .encoder(contextOf())
      .encode([
        start,
        ...pieces,
        { type: 'tool-call-start', index: 0, id: 'c1', name: 'f' },
        ...args,
      ])
    const events = parse(data)
    expect(events.filter(({ type }) => type === 'text-delta')).toEqual([
      { type: 'text-delta', id: 'text-1', delta: 'abc' },
    ])
    expect(events.filter(({ type }) => type === 'tool-input-delta')).toEqual([
      { type: 'tool-input-delta', toolCallId: 'c1', inputTextDelta: '{"a":1}' },
    ])
  })

  it('does not join deltas of two interleaved calls', async () => {
    const data = await ui
      .encoder(contextOf())
      .encode([
        start,
        { type: 'tool-call-start', index: 0, id: 'a', name: 'f' },
        { type: 'tool-call-start', index: 1, id: 'b', name: 'f' },
        { type: 'tool-call-delta', index: 0, arguments: '{' },
        { type: 'tool-call-delta', index: 1, arguments: '{' },
        { type: 'tool-call-delta', index: 0, arguments: '}' },
      ])
    const deltas = parse(data).filter(({ type }) => type === 'tool-input-delta')
    expect(deltas.map(({ toolCallId }) => toolCallId)).toEqual(['a', 'b', 'a'])
  })

  it('keeps the order of thoughts, text, calls and text', async () => {
    const message = await toMessage(
      await encode([
        start,
        { type: 'reasoning-delta', text: 'Hm.' },
        { type: 'text-delta', text: 'I look.' },
        ...call(0, 'c1', 'look', '{"at":"it"}'),
        { type: 'text-delta', text: 'Now.' },
        finish('tool_calls'),
        { type: 'tool-result', tool_call_id: 'c1', name: 'look', content: '{"seen":true}' },
        start,
        { type: 'text-delta', text: 'Seen.' },
        finish(),
      ]),
    )
    expect(message.parts).toEqual([
      { type: 'step-start' },
      { type: 'reasoning', id: 'reasoning-1', text: 'Hm.', state: 'done' },
      { type: 'text', text: 'I look.', state: 'done' },
      {
        type: 'tool-look',
        toolCallId: 'c1',
        state: 'output-available',
        input: { at: 'it' },
        output: { seen: true },
      },
      { type: 'text', text: 'Now.', state: 'done' },
      { type: 'step-start' },
      { type: 'text', text: 'Seen.', state: 'done' },
    ])
  })

  it('sums the usage of all turns', async () => {
    const events = await encode([start, finish('tool_calls'), start, finish()])
    expect(events.at(-1)).toMatchObject({ messageMetadata: { usage: { total_tokens: 14 } } })
  })

  it('emits results as the tools returned them, and text as text', async () => {
    const contents = ['{"a":[1,null]}', '[1]', '42', 'null', 'true', '"quoted"', '{ "a": 1 }', 'so']
    const chunks = contents.flatMap((content, index): StreamChunk[] => [
      { type: 'tool-result', tool_call_id: `c${index}`, name: 'f', content },
    ])
    const calls = contents.flatMap((_, index) => call(index, `c${index}`, 'f', '{}'))
    const events = await encode([start, ...calls, finish('tool_calls'), ...chunks])
    const outputs = events.flatMap((event) =>
      event.type === 'tool-output-available' ? [event.output] : [],
    )
    expect(outputs).toEqual([{ a: [1, null] }, [1], 42, null, true, '"quoted"', '{ "a": 1 }', 'so'])
  })

  it('reports a failed tool', async () => {
    const message = await toMessage(
      await encode([
        start,
        ...call(0, 'c1', 'f', '{}'),
        finish('tool_calls'),
        { type: 'tool-result', tool_call_id: 'c1', name: 'f', content: 'broken', is_error: true },
      ]),
    )
    expect(message.parts[1]).toMatchObject({ state: 'output-error', errorText: 'broken' })
  })

  it('emits arguments that are no JSON object, and the input of a custom tool, as text', async () => {
    const events = await encode([
      start,
      ...call(0, 'c1', 'f', '{"a": tru'),
      { type: 'tool-call-start', index: 1, id: 'c2', name: 'shell', kind: 'custom' },
      { type: 'tool-call-delta', index: 1, arguments: 'ls -l' },
      { type: 'tool-call-end', index: 1 },
      finish('tool_calls'),
    ])
    const inputs = events.filter(({ type }) => type === 'tool-input-available')
    expect(inputs.map(({ input }) => input)).toEqual(['{"a": tru', 'ls -l'])
  })

  it('emits an empty input for a call without arguments', async () => {
    const events = await encode([
      start,
      { type: 'tool-call-start', index: 0, id: 'c1', name: 'f' },
      { type: 'tool-call-end', index: 0 },
      finish('tool_calls'),
    ])
    expect(events.find(({ type }) => type === 'tool-input-available')).toEqual({
      type: 'tool-input-available',
      toolCallId: 'c1',
      toolName: 'f',
      input: {},
    })
    expect(events.some(({ type }) => type === 'message-metadata')).toBe(false)
  })

  it('keeps call ids unique where a server numbers calls from the start in each turn', async () => {
    const result = (content: string): StreamChunk => ({
      type: 'tool-result',
      tool_call_id: 'call_0',
      name: 'f',
      content,
    })
    const message = await toMessage(
      await encode([
        start,
        ...call(0, 'call_0', 'f', '{"n":1}'),
        finish('tool_calls'),
        result('one'),
        start,
        ...call(0, 'call_0', 'f', '{"n":2}'),
        finish('tool_calls'),
        result('two'),
      ]),
    )
    const tools = message.parts.filter(({ type }) => type === 'tool-f')
    expect(tools.map(({ output }) => output)).toEqual(['one', 'two'])
  })

  it('skips a result whose call the client does not have', async () => {
    const orphan: StreamChunk = { type: 'tool-result', tool_call_id: 'x', name: 'f', content: '' }
    const approval: StreamChunk = { type: 'tool-approval', id: 'a', tool_call_id: 'x' }
    expect(typesOf(await encode([orphan, approval, start, finish()]))).toEqual([
      'start',
      'start-step',
      'finish-step',
      'finish',
    ])
  })

  it('emits the result of an approved call before the next turn, in the continued message', async () => {
    const events = await encode(
      [
        { type: 'tool-result', tool_call_id: 'c1', name: 'f', content: 'done' },
        start,
        { type: 'text-delta', text: 'So.' },
        finish(),
      ],
      { incoming: { messages: [], isStream: true, rest: {}, continues: 'old', continuesAt: 1 } },
    )
    expect(events.slice(0, 3)).toEqual([
      { type: 'start', messageId: 'old' },
      { type: 'tool-output-available', toolCallId: 'c1', output: 'done' },
      { type: 'start-step' },
    ])
  })

  it('reports a rejected call as denied', async () => {
    const events = await encode(
      [{ type: 'tool-result', tool_call_id: 'c1', name: 'f', content: 'no', is_error: true }],
      {
        incoming: {
          messages: [{ role: 'tool', tool_call_id: 'c1', approval: { id: 'a', approved: false } }],
          isStream: true,
          rest: {},
          continues: 'old',
        },
      },
    )
    expect(events[1]).toEqual({ type: 'tool-output-denied', toolCallId: 'c1' })
  })

  it('requests approval', async () => {
    const message = await toMessage(
      await encode([
        start,
        ...call(0, 'c1', 'pay', '{"usd":5}'),
        finish('tool_calls'),
        { type: 'tool-approval', id: 'a1', tool_call_id: 'c1' },
      ]),
    )
    expect(message.parts[1]).toMatchObject({ state: 'approval-requested', approval: { id: 'a1' } })
  })

  it.each([
    ['all at once', [{ status: 'done', input: { q: 1 }, output: [2] }]],
    [
      'input later',
      [
        { status: 'running' },
        { status: 'running', input: { q: 1 } },
        { status: 'done', output: [2] },
      ],
    ],
    ['input at the end', [{ status: 'running' }, { status: 'done', input: { q: 1 }, output: [2] }]],
    [
      'told twice',
      [
        { status: 'running', input: { q: 1 } },
        { status: 'done', output: [2] },
        { status: 'done', output: [3] },
      ],
    ],
  ] as const)('emits what the provider executed: %s', async (_, steps) => {
    const chunks = steps.map(
      (step): StreamChunk => ({ type: 'hosted-tool', id: 'h', name: 'web_search', ...step }),
    )
    const message = await toMessage(await encode([start, ...chunks, finish()]))
    expect(message.parts[1]).toEqual({
      type: 'tool-web_search',
      toolCallId: 'h',
      state: 'output-available',
      providerExecuted: true,
      input: { q: 1 },
      output: [2],
    })
  })

  it('emits provider-executed calls that failed or never finished', async () => {
    const message = await toMessage(
      await encode([
        start,
        { type: 'hosted-tool', id: 'h', name: 'mcp', status: 'failed', output: { why: 1 } },
        { type: 'hosted-tool', id: 'i', name: 'mcp', status: 'running', input: { a: 1 } },
        finish(),
      ]),
    )
    expect(message.parts[1]).toMatchObject({ state: 'output-error', errorText: '{"why":1}' })
    expect(message.parts[2]).toMatchObject({ state: 'input-available', input: { a: 1 } })
  })

  it('emits each source once', async () => {
    const web = { url: 'https://a.test', title: 'A' }
    const cite = (more: object): StreamChunk => ({
      type: 'annotation',
      annotation: { type: 'url_citation', url_citation: { ...web, ...more } },
    })
    const file: StreamChunk = {
      type: 'annotation',
      annotation: { type: 'file_citation', file_citation: { filename: 'b.pdf', page: 2 } },
    }
    const document: StreamChunk = {
      type: 'annotation',
      annotation: { type: 'file_citation', file_citation: { document_index: 1 } },
    }
    const events = await encode([
      start,
      cite({ start_index: 0 }),
      cite({ start_index: 9 }),
      file,
      document,
      finish(),
    ])
    expect(events.filter(({ type }) => type.startsWith('source'))).toEqual([
      { type: 'source-url', sourceId: 'answer-1-1', ...web },
      {
        type: 'source-document',
        sourceId: 'answer-1-2',
        mediaType: 'application/pdf',
        title: 'b.pdf',
        filename: 'b.pdf',
      },
      {
        type: 'source-document',
        sourceId: 'answer-1-3',
        mediaType: 'text/plain',
        title: 'Document 2',
      },
    ])
  })

  it('emits files, joins the pieces of an audio part, and names files stored by the provider', async () => {
    const sound = (data: string): StreamChunk => ({ type: 'file', media_type: 'audio/wav', data })
    const events = await encode([
      start,
      { type: 'file', media_type: 'image/png', data: 'AAAA' },
      { type: 'file', media_type: 'image/*', url: 'https://a.test/b.png' },
      { type: 'file', media_type: 'text/csv', file_id: 'f1', name: 'a.csv' },
      sound('AAAA'),
      sound('BBBB'),
      finish(),
    ])
    expect(events.filter(({ type }) => type === 'file' || type === 'data-file')).toEqual([
      { type: 'file', url: 'data:image/png;base64,AAAA', mediaType: 'image/png' },
      { type: 'file', url: 'https://a.test/b.png', mediaType: 'image/*' },
      { type: 'data-file', data: { media_type: 'text/csv', file_id: 'f1', name: 'a.csv' } },
      { type: 'file', url: 'data:audio/wav;base64,AAAABBBB', mediaType: 'audio/wav' },
    ])
  })

  it('emits the data of the app, undefined as null', async () => {
    const events = await encode([
      { type: 'data', name: 'progress', data: { percent: 10 }, id: 'p' },
      { type: 'data', name: 'toast', data: undefined, transient: true },
      start,
      finish(),
    ])
    expect(events.slice(1, 3)).toEqual([
      { type: 'data-progress', data: { percent: 10 }, id: 'p' },
      { type: 'data-toast', data: null, transient: true },
    ])
  })

  it('omits members that the parser of the client rejects', async () => {
    const hostile = JSON.parse(
      '{"__proto__":{"a":1},"constructor":{"prototype":1},"b":{"constructor":null,"c":2}}',
    )
    const events = await encode([
      start,
      ...call(0, 'c1', 'f', JSON.stringify(hostile)),
      { type: 'hosted-tool', id: 'h', name: 'g', status: 'done', input: hostile, output: hostile },
      finish('tool_calls'),
      { type: 'tool-result', tool_call_id: 'c1', name: 'f', content: JSON.stringify(hostile) },
      { type: 'data', name: 'x', data: hostile },
    ])
    const values = events.flatMap((event) => [event.input, event.output, event.data])
    expect(values.filter((value) => value !== undefined)).toEqual(
      Array.from({ length: 5 }, () => ({ b: { c: 2 } })),
    )
  })

  it('closes open parts when a call fails, then emits the code and the message', () => {
    const encoder = ui.encoder(contextOf())
    encoder.encode([start, { type: 'text-delta', text: 'Half' }])
    const data = encoder.error({
      status: 429,
      code: 'rate_limited',
      message: 'Too many requests.',
      request_id: 'r',
      retryAfterMs: 5,
    })
    expect(parse(data)).toEqual([
      { type: 'text-end', id: 'text-1' },
      {
        type: 'data-error',
        data: { code: 'rate_limited', request_id: 'r', retryAfterMs: 5 },
        transient: true,
      },
      { type: 'error', errorText: 'Too many requests.' },
    ])
    expect(data.at(-1)).toBe('[DONE]')
  })

  it('reports an abort', () => {
    const encoder = ui.encoder(contextOf())
    encoder.encode([start, { type: 'reasoning-delta', text: 'Half' }])
    expect(typesOf(parse(encoder.aborted()))).toEqual(['reasoning-end', 'abort'])
  })

  it('emits warnings and request ids if the handler exposes them', async () => {
    const events = await encode([
      { type: 'warning', warning: { code: 'other', message: 'w' } },
      { ...start, request_id: 'r1' } as StreamChunk,
      finish(),
    ])
    expect(events.at(-1)).toMatchObject({
      messageMetadata: { warnings: [{ code: 'other', message: 'w' }], request_id: 'r1' },
    })
  })

  it('emits the same text however it is split', async () => {
    const word = fc.oneof(
      fc.record({ type: fc.constant('text-delta' as const), text: fc.string({ unit: 'binary' }) }),
      fc.record({ type: fc.constant('reasoning-delta' as const), text: fc.string() }),
      fc.record({ type: fc.constant('refusal-delta' as const), text: fc.string() }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(word), async (words) => {
        const chunks = deepFreeze([start, ...words, finish()])
        const message = await toMessage(await encode(chunks))
        const textOf = (type: string) =>
          message.parts.map((part) => (part.type === type ? part.text : '')).join('')
        const answer = accumulate(chunks)?.message
        const texts = words.map(({ type, text }) => (type === 'reasoning-delta' ? '' : text))
        expect(textOf('text')).toBe(texts.join(''))
        expect(textOf('reasoning')).toBe(answer?.reasoning_content ?? '')
        expect(message.parts.every(({ state }) => state === undefined || state === 'done')).toBe(
          true,
        )
      }),
      { numRuns: 100 },
    )
  })
})

describe('a response that is not streamed', () => {
  it('is the message that a client builds from the stream', async () => {
    const chunks = [
      start,
      { type: 'reasoning-delta', text: 'Hm.' },
      { type: 'text-delta', text: 'Look.' },
      {
        type: 'annotation',
        annotation: { type: 'url_citation', url_citation: { url: 'https://a.test' } },
      },
      {
        type: 'hosted-tool',
        id: 'h',
        name: 'web_search',
        status: 'done',
        input: { q: 1 },
        output: 'x',
      },
      { type: 'file', media_type: 'image/png', data: 'AAAA' },
      ...call(0, 'c1', 'f', '{"a": 1}'),
      ...call(1, 'c2', 'g', '{}'),
      ...call(2, 'c3', 'h', '{}'),
      finish('tool_calls'),
      { type: 'tool-result', tool_call_id: 'c1', name: 'f', content: 'one' },
      { type: 'tool-result', tool_call_id: 'c2', name: 'g', content: 'bad', is_error: true },
      { type: 'tool-approval', id: 'a', tool_call_id: 'c3' },
    ] as StreamChunk[]
    const response = accumulate(chunks)
    if (!response) throw new Error('no answer')
    const json = JSON.parse(JSON.stringify(await ui.toJson(response, contextOf())))
    expect(json).toEqual(await toMessage(await encode(chunks)))
    expect(json.metadata.turns).toEqual({ 1: { calls: { c1: { arguments: '{"a": 1}' } } } })
  })
})
