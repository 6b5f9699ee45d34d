import { describe, expect, it } from 'vitest'
import type { ChatRequest, JsonObject } from '../../../src/chat/index.js'
import {
  InternalServerError,
  RateLimitError,
  ServiceUnavailableError,
  UnexpectedResponseError,
} from '../../../src/core/index.js'
import { fromWire } from '../../../src/providers/anthropic/stream.js'
import {
  answerOf,
  begin,
  block,
  delta,
  end,
  hello,
  read,
  sonnet,
  stop,
  text,
  tool,
  use,
} from './support.js'

const native = {
  v: 1,
  provider: 'anthropic',
  model: 'claude-sonnet-4-5-20250929',
  asked: sonnet,
}

const thrownBy = (act: () => unknown): unknown => {
  try {
    act()
  } catch (error) {
    return error
  }
  return undefined
}

const thinking = (value: string, { index = 0, signature = 'sig' } = {}): readonly JsonObject[] => [
  block({ type: 'thinking', thinking: '', signature: '' }, index),
  ...(value ? [delta({ type: 'thinking_delta', thinking: value }, index)] : []),
  delta({ type: 'signature_delta', signature }, index),
  stop(index),
]

describe('a stream', () => {
  it('emits text as it arrives, and skips pings and unknown events', () => {
    const { chunks, answer } = read([
      begin(),
      { type: 'ping' },
      block({ type: 'text', text: 'Hel' }),
      delta({ type: 'text_delta', text: 'lo' }),
      delta({ type: 'text_delta', text: '' }),
      delta({ type: 'sparkle_delta', sparkle: 1 }),
      { type: 'sparkle' },
      stop(),
      block({ type: 'sparkle', data: 1 }, 1),
      stop(1),
      ...end(),
    ])
    expect(chunks.map(({ type }) => type)).toEqual(['start', 'text-delta', 'text-delta', 'finish'])
    expect(chunks[0]).toMatchObject({
      id: 'msg_1',
      model: 'claude-sonnet-4-5-20250929',
      provider: 'anthropic',
      request_id: 'req_1',
    })
    expect(answer).toMatchObject({
      text: 'Hello',
      finish_reason: 'stop',
      native_finish_reason: 'end_turn',
    })
  })

  it('is incomplete without message_stop or message_start', () => {
    expect(read([begin(), ...text('Hi'), ...end().slice(0, 1)]).isWhole).toBe(false)
    expect(read([begin()]).isWhole).toBe(false)
    expect(read([...text('Hi'), ...end()]).chunks).toEqual([])
    expect(read([...text('Hi'), ...end()]).isWhole).toBe(false)
    expect(read([]).isWhole).toBe(false)
  })

  it('is complete without message_delta', () => {
    const { answer, isWhole } = read([begin(), ...text('Hi'), { type: 'message_stop' }])
    expect(isWhole).toBe(true)
    expect(answer).toMatchObject({
      text: 'Hi',
      finish_reason: 'stop',
      usage: { prompt_tokens: 10, completion_tokens: 1 },
    })
    expect(answer).not.toHaveProperty('native_finish_reason')
  })

  it('ignores a second message_start of the same message', () => {
    const { chunks, answer } = read([begin(), ...text('a'), begin(), ...text('b', 1), ...end()])
    expect(chunks.filter(({ type }) => type === 'start')).toHaveLength(1)
    expect(answer?.text).toBe('ab')
  })

  it('rejects another message in the middle of one', () => {
    const events = [begin(), ...use(['{"a":']).slice(0, 2), begin({ id: 'msg_2' })]
    const error = thrownBy(() => read(events))
    expect(error).toBeInstanceOf(UnexpectedResponseError)
    expect(error).toMatchObject({ code: 'spliced', model: sonnet })
  })

  it('joins consecutive messages of one body, with the usage of the last', () => {
    const again = begin({ id: 'msg_2', usage: { input_tokens: 20, output_tokens: 1 } })
    const answer = answerOf([
      begin(),
      ...text('one '),
      ...end('pause_turn'),
      again,
      ...text('two'),
      ...end(),
    ])
    expect(answer).toMatchObject({
      text: 'one two',
      native_finish_reason: 'end_turn',
      usage: { prompt_tokens: 20, completion_tokens: 7 },
    })
    expect(answer.messages).toHaveLength(1)
  })

  it('emits the content of message_start', () => {
    const content = [
      { type: 'text', text: 'Hi' },
      { type: 'tool_use', id: 'toolu_1', name: 'look', input: { a: 1 } },
    ]
    const { text: answerText, message } = answerOf([begin({ content }), ...end('tool_use')])
    expect(answerText).toBe('Hi')
    expect(message.tool_calls).toEqual([
      { id: 'toolu_1', type: 'function', function: { name: 'look', arguments: '{"a":1}' } },
    ])
  })

  it('closes a block that was left open', () => {
    const events = [
      begin(),
      ...use(['{}']).slice(0, -1),
      ...use(['{"b":2}'], { id: 'toolu_2' }).slice(0, -1),
      ...end('tool_use'),
    ]
    expect(answerOf(events).message.tool_calls).toHaveLength(2)
  })

  it('stays valid with hostile names, ids and indices', () => {
    const events = [
      begin({ id: '__proto__' }),
      ...use(['{"__proto__":{"x":1}}'], { id: '', name: '__proto__' }),
      ...end('tool_use'),
    ]
    const [first] =
      answerOf(events.map((one) => ('index' in one ? { ...one, index: '__proto__' } : one))).message
        .tool_calls ?? []
    expect(first).toMatchObject({
      function: { name: '__proto__', arguments: '{"__proto__":{"x":1}}' },
    })
    expect(first?.id).toMatch(/^toolu_[\w-]{1,34}$/)
    expect({}).not.toHaveProperty('x')
  })

  it('throws the typed error of an error event, and keeps the content before it', () => {
    const failing = (type: string) => [
      begin(),
      ...text('Hi'),
      { type: 'error', error: { type, message: 'Busy' }, request_id: 'req_2' },
    ]
    const error = thrownBy(() => read(failing('overloaded_error')))
    expect(error).toBeInstanceOf(ServiceUnavailableError)
    expect(error).toMatchObject({
      status: 529,
      retryable: true,
      provider: 'anthropic',
      model: sonnet,
    })
    expect(thrownBy(() => read(failing('rate_limit_error')))).toBeInstanceOf(RateLimitError)
    expect(thrownBy(() => read(failing('something_new')))).toBeInstanceOf(InternalServerError)
    expect(thrownBy(() => read(failing('overloaded_error').slice(2)))).toBeInstanceOf(
      ServiceUnavailableError,
    )
  })
})

describe('tool calls', () => {
  it.each([
    ['in pieces', use(['{"city":"S', '\\u00e3', 'o"}']), '{"city":"S\\u00e3o"}'],
    ['without pieces', use([]), '{}'],
    ['with an empty piece', use(['']), '{}'],
    ['with input in the start', use([], { input: { a: 1 } }), '{"a":1}'],
    ['with both: the pieces win', use(['{"b":', '2}'], { input: { a: 1 } }), '{"b":2}'],
    [
      'with numbers JavaScript cannot hold',
      use(['{"n":12345678901234567890}']),
      '{"n":12345678901234567890}',
    ],
    ['cut off', use(['{"a": "unfin']), '{"a": "unfin'],
  ])('arguments %s', (_, events, args) => {
    const { message } = answerOf([begin(), ...events, ...end('tool_use')])
    expect(message.tool_calls).toEqual([
      { id: 'toolu_1', type: 'function', function: { name: 'look', arguments: args } },
    ])
  })

  it('are numbered from 0, whatever the index of their block', () => {
    const { chunks, answer } = read([
      begin(),
      ...text('Hm'),
      ...use(['{}'], { index: 4 }),
      ...use(['{}'], { index: 7, id: 'toolu_2' }),
      ...end('tool_use'),
    ])
    expect(
      chunks.flatMap((chunk) => (chunk.type === 'tool-call-start' ? [chunk.index] : [])),
    ).toEqual([0, 1])
    expect(answer?.finish_reason).toBe('tool_calls')
  })

  it('may be interleaved', () => {
    const one = use(['{"a":', '1}'])
    const two = use(['{"b":', '2}'], { index: 1, id: 'toolu_2' })
    const mixed = one.flatMap((event, position) => [event, two[position] ?? {}])
    expect(answerOf([begin(), ...mixed, ...end('tool_use')]).message.tool_calls).toMatchObject([
      { function: { arguments: '{"a":1}' } },
      { function: { arguments: '{"b":2}' } },
    ])
  })

  it('of a custom tool contain free text', () => {
    const request: Partial<ChatRequest> = { tools: [{ type: 'custom', custom: { name: 'sql' } }] }
    const { message } = answerOf(
      [begin(), ...use(['{"input":"sel', 'ect 1"}'], { name: 'sql' }), ...end('tool_use')],
      request,
    )
    expect(message.tool_calls).toEqual([
      { id: 'toolu_1', type: 'custom', custom: { name: 'sql', input: 'select 1' } },
    ])
  })
})

describe('reasoning', () => {
  it('is emitted with a blank line between blocks, and kept with its signature', () => {
    const { message } = answerOf([
      begin(),
      ...thinking('One', { signature: 's1' }),
      ...text('a', 1),
      ...thinking('Two', { index: 2, signature: 's2' }),
      ...text('b', 3),
      ...end(),
    ])
    expect(message.reasoning_content).toBe('One\n\nTwo')
    expect(message.native?.content).toEqual([
      { type: 'thinking', thinking: 'One', signature: 's1' },
      { type: 'text', text: 'a' },
      { type: 'thinking', thinking: 'Two', signature: 's2' },
      { type: 'text', text: 'b' },
    ])
  })

  it('that is hidden or redacted is kept for the next turn', () => {
    const redacted = { type: 'redacted_thinking', data: 'xyz' }
    const { message } = answerOf([
      begin(),
      ...thinking(''),
      block(redacted, 1),
      stop(1),
      ...text('a', 2),
      ...end(),
    ])
    expect(message).not.toHaveProperty('reasoning_content')
    expect(message.native?.content?.slice(0, 2)).toEqual([
      { type: 'thinking', thinking: '', signature: 'sig' },
      redacted,
    ])
  })

  it('a signature on a text block is ignored', () => {
    const events = [
      begin(),
      ...text('a').slice(0, 2),
      delta({ type: 'signature_delta', signature: 's' }),
      stop(),
      ...end(),
    ]
    expect(answerOf(events).message).toEqual({ role: 'assistant', content: 'a', native })
  })
})

describe('the end of a response', () => {
  it.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['tool_use', 'tool_calls'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['compaction', 'length'],
    ['pause_turn', 'stop'],
    ['refusal', 'content_filter'],
    ['something_new', 'stop'],
  ])('%s is %s, with the native value', (native, reason) => {
    const { finish_reason, native_finish_reason } = answerOf([
      begin(),
      ...text('a'),
      ...(native === 'tool_use' ? use(['{"a":1}'], { index: 1 }) : []),
      ...end(native),
    ])
    expect([finish_reason, native_finish_reason]).toEqual([reason, native])
  })

  it.each([
    ['tool_use without a call is a stop', text('a'), 'tool_use', 'stop'],
    ['end_turn beside a call is tool_calls', use(['{"a":1}']), 'end_turn', 'tool_calls'],
    ['a call that was cut is a length', use(['{"a":1}']), 'max_tokens', 'length'],
  ])('%s', (_, events, native, reason) => {
    const { finish_reason, native_finish_reason } = answerOf([begin(), ...events, ...end(native)])
    expect([finish_reason, native_finish_reason]).toEqual([reason, native])
  })

  it('has the stop sequence and the service tier', () => {
    const usage = { input_tokens: 1, output_tokens: 1, service_tier: 'priority' }
    expect(
      answerOf([begin({ usage }), ...end('stop_sequence', { stop_sequence: 'END' })]),
    ).toMatchObject({ stop_sequence: 'END', service_tier: 'priority' })
  })

  it('a refusal without any block has its reason', () => {
    const stop_details = { type: 'refusal', category: 'cyber', explanation: 'Not this.' }
    const answer = answerOf([begin(), ...end('refusal', { stop_details })])
    expect(answer).toMatchObject({
      text: '',
      finish_reason: 'content_filter',
      usage: { completion_tokens: 7 },
    })
    expect(answer.message).toEqual({
      role: 'assistant',
      content: null,
      refusal: 'Not this.',
      native,
    })
    expect(answerOf([begin(), ...end('refusal')]).message).not.toHaveProperty('refusal')
  })
})

describe('citations', () => {
  it('have the position of their block in the joined text', () => {
    const cited = (citation: JsonObject, value: string, index: number) => [
      block({ type: 'text', text: '', citations: [] }, index),
      delta({ type: 'citations_delta', citation }, index),
      delta({ type: 'text_delta', text: value }, index),
      stop(index),
    ]
    const { message } = answerOf([
      begin(),
      ...text('See: '),
      ...cited(
        {
          type: 'web_search_result_location',
          url: 'https://a.example',
          title: 'A',
          cited_text: 'so',
          encrypted_index: 'e',
        },
        'so it is',
        1,
      ),
      ...cited(
        {
          type: 'page_location',
          document_index: 0,
          document_title: 'b.pdf',
          start_page_number: 2,
          end_page_number: 5,
          cited_text: 'x',
        },
        '!',
        2,
      ),
      ...cited(
        {
          type: 'char_location',
          document_index: 1,
          document_title: null,
          file_id: 'file_1',
          start_char_index: 0,
          end_char_index: 4,
          cited_text: 'y',
        },
        '?',
        3,
      ),
      ...cited(
        {
          type: 'search_result_location',
          source: 'https://c.example',
          title: 'C',
          cited_text: 'z',
        },
        '.',
        4,
      ),
      ...cited({ type: 'of_tomorrow' }, '', 5),
      ...end(),
    ])
    expect(message.annotations).toEqual([
      {
        type: 'url_citation',
        url_citation: {
          url: 'https://a.example',
          title: 'A',
          start_index: 5,
          end_index: 13,
          cited_text: 'so',
        },
      },
      {
        type: 'file_citation',
        file_citation: {
          filename: 'b.pdf',
          document_index: 0,
          page: 2,
          end_page: 4,
          start_index: 13,
          end_index: 14,
          cited_text: 'x',
        },
      },
      {
        type: 'file_citation',
        file_citation: {
          file_id: 'file_1',
          document_index: 1,
          start_index: 14,
          end_index: 15,
          cited_text: 'y',
        },
      },
      {
        type: 'url_citation',
        url_citation: {
          url: 'https://c.example',
          title: 'C',
          start_index: 15,
          end_index: 16,
          cited_text: 'z',
        },
      },
    ])
    expect(message.native?.content?.[1]).toMatchObject({
      type: 'text',
      text: 'so it is',
      citations: [{ encrypted_index: 'e' }],
    })
  })
})

describe('hosted tools', () => {
  const search = (index = 0) =>
    use(['{"query":"x"}'], { index, id: 'srvtoolu_1', name: 'web_search', type: 'server_tool_use' })
  const found = (content: unknown, index = 1) => [
    block({ type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content }, index),
    stop(index),
  ]

  it('are emitted from call to result, and are no tool calls', () => {
    const content = [
      { type: 'web_search_result', url: 'https://a.example', encrypted_content: 'secret' },
    ]
    const { chunks, answer } = read([
      begin(),
      ...search(),
      ...found(content),
      ...text('a', 2),
      ...end(),
    ])
    const statuses = chunks.flatMap((chunk) => (chunk.type === 'hosted-tool' ? [chunk.status] : []))
    expect(statuses).toEqual(['running', 'running', 'done'])
    expect(answer?.message.tool_calls).toBeUndefined()
    expect(answer?.message.hosted_tools).toEqual([
      {
        id: 'srvtoolu_1',
        name: 'web_search',
        status: 'done',
        input: { query: 'x' },
        output: [{ type: 'web_search_result', url: 'https://a.example' }],
      },
    ])
    expect(answer?.message.native?.content?.[1]).toEqual({
      type: 'web_search_tool_result',
      tool_use_id: 'srvtoolu_1',
      content,
    })
  })

  it('report their failure', () => {
    const { message } = answerOf([
      begin(),
      ...search(),
      ...found({ type: 'web_search_tool_result_error', error_code: 'unavailable' }),
      ...end(),
    ])
    expect(message.hosted_tools).toMatchObject([
      { status: 'failed', output: { error_code: 'unavailable' } },
    ])
  })

  it('a result whose call was in the previous response is emitted with its own name', () => {
    const { message } = answerOf([begin(), ...found([], 0), ...text('a', 1), ...end()])
    expect(message.hosted_tools).toMatchObject([
      { id: 'srvtoolu_1', name: 'web_search', status: 'done' },
    ])
  })

  it('files written by code are files of the response', () => {
    const content = {
      type: 'bash_code_execution_result',
      content: [{ type: 'bash_code_execution_output', file_id: 'file_1' }],
    }
    const { message } = answerOf([
      begin(),
      block({ type: 'bash_code_execution_tool_result', tool_use_id: 's', content }),
      stop(),
      ...end(),
    ])
    expect(message.files).toEqual([{ media_type: 'application/octet-stream', file_id: 'file_1' }])
  })

  it('keep the container if a call was made in code', () => {
    const container = { id: 'container_1', expires_at: '2026-01-01T00:00:00Z' }
    const caller = { type: 'code_execution_20260120', tool_id: 'srvtoolu_1' }
    const { message } = answerOf([
      begin(),
      ...use(['{}'], { caller }),
      ...end('tool_use', { container }),
    ])
    expect(message.native?.content?.at(-1)).toEqual({ ...container, type: 'container' })
  })
})

describe('usage', () => {
  it('of message_delta overrides each field, null overrides nothing', () => {
    const start = begin({
      usage: { input_tokens: 43, cache_read_input_tokens: 90, output_tokens: 1 },
    })
    const last = {
      type: 'message_delta',
      delta: { stop_reason: 'end_turn' },
      usage: { input_tokens: 61, cache_read_input_tokens: null, output_tokens: 7 },
    }
    const { answer, usages } = read([start, last, { type: 'message_stop' }])
    expect(answer?.usage).toEqual({
      prompt_tokens: 151,
      completion_tokens: 7,
      total_tokens: 158,
      prompt_tokens_details: { cached_tokens: 90 },
    })
    expect(usages.map(({ total_tokens }) => total_tokens)).toEqual([134, 158])
  })

  it('that was not reported is estimated by the core', () => {
    const { answer, usages } = read([begin({ usage: undefined }), { type: 'message_stop' }])
    expect(answer?.usage.estimated).toBe(true)
    expect(usages).toEqual([])
  })
})

describe('a response given as a tool call', () => {
  const schema = { type: 'object', properties: { a: { type: 'number' } } }
  const asked = (shape: JsonObject): Partial<ChatRequest> => ({
    model: 'claude-sonnet-4-0',
    tools: [tool('look')],
    response_format: { type: 'json_schema', json_schema: { name: 'x', schema: shape } },
  })
  const given = (pieces: readonly string[], index = 0) =>
    use(pieces, { name: 'json_tool_call', index })

  it('is text, with the finish reason stop', () => {
    const { chunks, answer } = read(
      [begin(), ...given(['{"a":', '1}']), ...end('tool_use')],
      asked(schema),
    )
    expect(chunks.flatMap((chunk) => (chunk.type === 'text-delta' ? [chunk.text] : []))).toEqual([
      '{"a":',
      '1}',
    ])
    expect(answer).toMatchObject({
      text: '{"a":1}',
      finish_reason: 'stop',
      native_finish_reason: 'tool_use',
    })
    expect(answer?.message).toEqual({
      role: 'assistant',
      content: '{"a":1}',
      native: { ...native, asked: 'claude-sonnet-4-0' },
    })
  })

  it('replaces the text before it', () => {
    const { answer, warnings } = read(
      [begin(), ...text('Sure: '), ...given(['{}'], 1), ...text('Done', 2), ...end('tool_use')],
      asked(schema),
    )
    expect(answer?.text).toBe('{}')
    expect(warnings).toMatchObject([{ code: 'dropped', param: 'response_format' }])
  })

  it('given as plain text is the text', () => {
    const answer = answerOf([begin(), ...text('{"a":'), ...text('1}', 1), ...end()], asked(schema))
    expect(answer).toMatchObject({ text: '{"a":1}', finish_reason: 'stop' })
  })

  it('is unwrapped if the schema is no object', () => {
    const list = { type: 'array', items: { type: 'number' } }
    expect(
      answerOf([begin(), ...given(['{"value":[1,', '2]}']), ...end('tool_use')], asked(list)).text,
    ).toBe('[1,2]')
    expect(answerOf([begin(), ...given(['[1,2]']), ...end('tool_use')], asked(list)).text).toBe(
      '[1,2]',
    )
  })

  it('is dropped if there is another tool call', () => {
    const answer = answerOf(
      [begin(), ...text('Hm'), ...use(['{}'], { index: 1 }), ...end('tool_use')],
      asked(schema),
    )
    expect(answer).toMatchObject({ text: 'Hm', finish_reason: 'tool_calls' })
    expect(answer.message.tool_calls).toHaveLength(1)
  })
})

describe('a response of generate', () => {
  const context = { model: sonnet, request: hello, request_id: 'req_1', warn: () => {} }

  it('equals the accumulated stream of the same blocks', () => {
    const events = [
      begin(),
      ...thinking('Hm'),
      ...text('Hi', 1),
      ...use(['{"a":1}'], { index: 2 }),
      ...end('tool_use'),
    ]
    const body = {
      ...(begin().message as JsonObject),
      content: [
        { type: 'thinking', thinking: 'Hm', signature: 'sig' },
        { type: 'text', text: 'Hi' },
        { type: 'tool_use', id: 'toolu_1', name: 'look', input: { a: 1 } },
      ],
      stop_reason: 'tool_use',
      usage: { input_tokens: 10, output_tokens: 7 },
    }
    const { created: _, ...whole } = fromWire({ body }, context)
    const { created: __, ...streamed } = answerOf(events)
    expect(whole).toEqual(streamed)
  })

  it('that is an error, or no message, is thrown', () => {
    const error = { type: 'error', error: { type: 'overloaded_error', message: 'Busy' } }
    expect(thrownBy(() => fromWire({ body: error }, context))).toBeInstanceOf(
      ServiceUnavailableError,
    )
    expect(thrownBy(() => fromWire({ body: { id: 'x' } }, context))).toBeInstanceOf(
      UnexpectedResponseError,
    )
    expect(thrownBy(() => fromWire({ body: [] }, context))).toBeInstanceOf(UnexpectedResponseError)
  })
})
