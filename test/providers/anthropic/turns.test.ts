import { describe, expect, it } from 'vitest'
import { BadRequestError } from '../../../src/core/index.js'
import { anthropic } from '../../../src/providers/anthropic/index.js'
import { called, codes, frozen, sonnet, tool, write, writeMessages } from './support.js'

const user = (content: unknown) => ({ role: 'user', content })
const result = (id: string, content: unknown = 'ok', more = {}) => ({
  role: 'tool',
  tool_call_id: id,
  content,
  ...more,
})
const calls = (...ids: readonly string[]) => ({
  role: 'assistant',
  content: null,
  tool_calls: ids.map((id) => called(id)),
})
const userTurn = (text: string) => ({ role: 'user', content: [{ type: 'text', text }] })
const refusalOf = (act: () => unknown) => {
  try {
    act()
  } catch (error) {
    return error
  }
  return undefined
}

describe('system messages', () => {
  it('at the start become `system`, one block each, without empty ones', () => {
    const { body, warnings } = writeMessages([
      { role: 'system', content: 'One' },
      {
        role: 'developer',
        content: [{ type: 'text', text: 'Two', cache_control: { type: 'ephemeral' } }],
      },
      { role: 'system', content: ' ' },
      { role: 'system', content: 'Three', cache_control: { type: 'ephemeral', ttl: '1h' } },
      user('Hi'),
    ])
    expect(body.system).toEqual([
      { type: 'text', text: 'One' },
      { type: 'text', text: 'Two', cache_control: { type: 'ephemeral' } },
      { type: 'text', text: 'Three', cache_control: { type: 'ephemeral' } },
    ])
    expect(body.messages).toEqual([userTurn('Hi')])
    expect(codes({ warnings })).toEqual(['repaired', 'changed'])
  })

  const late = [
    user('Hi'),
    { role: 'assistant', content: 'Yes?' },
    user('Go'),
    { role: 'system', content: 'Be brief.' },
  ]

  it('later become turns of their own if the model supports them', () => {
    const { body, headers, warnings } = writeMessages(late, 'claude-opus-5')
    expect(body.messages.at(-1)).toEqual({
      role: 'system',
      content: [{ type: 'text', text: 'Be brief.' }],
    })
    expect(headers['anthropic-beta']).toBe('mid-conversation-system-2026-04-07')
    expect(warnings).toEqual([])
  })

  it('later become user notes elsewhere, after the assistant turn', () => {
    const { body, warnings } = writeMessages(late)
    expect(body.messages.at(-1)).toEqual({
      role: 'user',
      content: [
        { type: 'text', text: 'Go' },
        { type: 'text', text: '[System note: Be brief.]' },
      ],
    })
    expect(codes({ warnings })).toEqual(['changed'])
    const behind = [...late.slice(0, 2), { role: 'system', content: 'Be brief.' }, user('Go')]
    expect(writeMessages(behind, 'claude-opus-5').body.messages.at(-1)).toEqual({
      role: 'user',
      content: [
        { type: 'text', text: '[System note: Be brief.]' },
        { type: 'text', text: 'Go' },
      ],
    })
  })

  it('keep their position when the history grows', () => {
    const longer = [...late, { role: 'assistant', content: 'Done.' }, user('More')]
    for (const model of [sonnet, 'claude-opus-5']) {
      const { messages } = writeMessages(late, model).body
      expect(writeMessages(longer, model).body.messages.slice(0, messages.length)).toEqual(messages)
    }
  })

  it('between a call and its result are moved after the result', () => {
    const { body } = write({
      model: 'claude-opus-5',
      tools: [tool('look')],
      messages: [
        user('Hi'),
        calls('a'),
        { role: 'system', content: 'Be brief.' },
        result('a'),
      ] as never,
    })
    expect(body.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'system'])
  })

  it('of tool changes pass unchanged', () => {
    const change = { type: 'tool_addition', tool: { type: 'tool_reference', name: 'look' } }
    const { body, headers } = writeMessages(
      [user('Hi'), { role: 'system', content: [change] }],
      'claude-opus-5',
    )
    expect(body.messages.at(-1)).toEqual({ role: 'system', content: [change] })
    expect(headers['anthropic-beta']).toContain('mid-conversation-tool-changes-2026-07-01')
  })
})

describe('turns', () => {
  it('of one role are joined, empty text is dropped', () => {
    const { body, warnings } = writeMessages([
      user('a'),
      user(''),
      user([
        { type: 'text', text: ' ' },
        { type: 'text', text: 'b' },
      ]),
    ])
    expect(body.messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
    ])
    expect(codes({ warnings })).toEqual(['repaired', 'repaired'])
  })

  it.each([
    [[]],
    [[user(null)]],
    [[user([{ type: 'text' }])]],
    [[{ role: 'system', content: 'Be brief.' }]],
    [[user('')]],
    [[user('  '), { role: 'assistant', content: '' }]],
  ])('without a user message are rejected: %j', (messages) => {
    expect(refusalOf(() => writeMessages(messages))).toBeInstanceOf(BadRequestError)
  })

  it('that start with the assistant get a user turn before', () => {
    const { body, warnings } = writeMessages([
      { role: 'assistant', content: 'Welcome' },
      user('Hi'),
    ])
    expect(body.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user'])
    expect(codes({ warnings })).toEqual(['repaired'])
  })

  it('that end with the assistant prefill the response, without trailing white space', () => {
    const { body, warnings } = writeMessages([
      user('Hi'),
      { role: 'assistant', content: 'The answer is \n' },
    ])
    expect(body.messages.at(-1)).toEqual({
      role: 'assistant',
      content: [{ type: 'text', text: 'The answer is' }],
    })
    expect(warnings).toEqual([])
    expect(writeMessages([user('Hi'), { role: 'assistant', content: '  ' }]).body.messages).toEqual(
      [userTurn('Hi')],
    )
  })

  it('that end with the assistant get a request to continue if the model supports no prefill', () => {
    const { body, warnings } = writeMessages(
      [user('Hi'), { role: 'assistant', content: 'The answer ' }],
      'claude-opus-5',
    )
    expect(body.messages.slice(1)).toEqual([
      { role: 'assistant', content: [{ type: 'text', text: 'The answer ' }] },
      userTurn('Continue.'),
    ])
    expect(codes({ warnings })).toEqual(['repaired'])
  })

  it('of an unknown role are rejected', () => {
    expect(refusalOf(() => writeMessages([{ role: 'narrator', content: 'x' }]))).toBeInstanceOf(
      BadRequestError,
    )
    expect(refusalOf(() => writeMessages([{ content: 'x' }]))).toBeInstanceOf(BadRequestError)
  })

  it('put a mark of the whole message on their last block', () => {
    const cache_control = { type: 'ephemeral', ttl: '5m' }
    const { body } = writeMessages([
      {
        ...user([
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ]),
        cache_control,
      },
      { role: 'assistant', content: 'c', cache_control },
      user('d'),
    ])
    expect(body.messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b', cache_control },
        ],
      },
      { role: 'assistant', content: [{ type: 'text', text: 'c', cache_control }] },
      userTurn('d'),
    ])
  })
})

describe('content', () => {
  const partOf = (part: unknown) => writeMessages([user([part])]).body.messages[0]?.content[0]
  const pdf = 'JVBERi0='

  it.each([
    [
      'an address',
      { type: 'image_url', image_url: 'https://a.example/b.png' },
      { type: 'image', source: { type: 'url', url: 'https://a.example/b.png' } },
    ],
    [
      'a data URI',
      { type: 'image_url', image_url: { url: 'data:image/jpg;base64,aaaa', detail: 'low' } },
      { type: 'image', source: { type: 'base64', media_type: 'image/jpeg', data: 'aaaa' } },
    ],
    [
      'a data URI of a PDF',
      { type: 'image_url', image_url: `data:application/pdf;base64,${pdf}` },
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: pdf } },
    ],
    [
      'an address of a PDF',
      { type: 'image_url', image_url: 'https://a.example/b.pdf?x=1' },
      { type: 'document', source: { type: 'url', url: 'https://a.example/b.pdf?x=1' } },
    ],
    [
      'a PDF',
      { type: 'file', file: { file_data: pdf, filename: 'b.pdf' } },
      {
        type: 'document',
        source: { type: 'base64', media_type: 'application/pdf', data: pdf },
        title: 'b.pdf',
      },
    ],
    [
      'a file of text',
      { type: 'file', file: { file_data: 'data:text/markdown;base64,IyBIw6k=' } },
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data: '# Hé' } },
    ],
    [
      'text in a data URI',
      { type: 'file', file: { file_data: 'data:text/plain,Caf%C3%A9' } },
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'Café' } },
    ],
    [
      'an image in a file',
      { type: 'file', file: { file_data: 'aaaa', format: 'image/png' } },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'aaaa' } },
    ],
    [
      'the address of a file',
      { type: 'file', file: { file_url: 'https://a.example/report' } },
      { type: 'document', source: { type: 'url', url: 'https://a.example/report' } },
    ],
    [
      'a stored PDF',
      { type: 'file', file: { file_id: 'file_1' } },
      { type: 'document', source: { type: 'file', file_id: 'file_1' } },
    ],
    [
      'a stored image',
      { type: 'file', file: { file_id: 'file_1', format: 'image/png' }, provider: 'anthropic' },
      { type: 'image', source: { type: 'file', file_id: 'file_1' } },
    ],
    [
      'a stored table',
      { type: 'file', file: { file_id: 'file_1', filename: 'a.csv' } },
      { type: 'container_upload', file_id: 'file_1' },
    ],
    [
      'a document with citations',
      { type: 'file', file: { file_data: pdf }, citations: { enabled: true }, context: 'old' },
      {
        type: 'document',
        source: { type: 'base64', media_type: 'application/pdf', data: pdf },
        context: 'old',
        citations: { enabled: true },
      },
    ],
    [
      'a block of the API itself',
      { type: 'search_result', source: 's', title: 't', content: [] },
      { type: 'search_result', source: 's', title: 't', content: [] },
    ],
  ])('accepts %s', (_, part, block) => {
    expect(partOf(part)).toEqual(block)
    const cache_control = { type: 'ephemeral' }
    expect(partOf({ ...part, cache_control })).toEqual({ ...block, cache_control })
  })

  it.each([
    ['audio', { type: 'input_audio', input_audio: { data: 'aaaa', format: 'wav' } }],
    ['an unknown type', { type: 'hologram' }],
    ['no part', null],
    ['an image without an address', { type: 'image_url', image_url: {} }],
    [
      'a file of a kind that is not read',
      { type: 'file', file: { file_data: 'UEsDBA==', filename: 'a.docx' } },
    ],
    ['an image of another kind', { type: 'image_url', image_url: 'data:image/tiff;base64,aaaa' }],
    ['a bucket', { type: 'image_url', image_url: 'gs://bucket/a.png' }],
    ['an empty image', { type: 'image_url', image_url: 'data:image/png;base64,' }],
    ['a file without anything', { type: 'file', file: { filename: 'a.pdf' } }],
    [
      'a file of another provider',
      { type: 'file', file: { file_id: 'file_1' }, provider: 'openai' },
    ],
    ['broken base64', { type: 'file', file: { file_data: 'data:text/plain;base64,%%%' } }],
  ])('rejects %s', (_, part) => {
    expect(refusalOf(() => partOf(part))).toBeInstanceOf(BadRequestError)
  })

  it('with a wrong media type is read by its bytes', () => {
    const url = 'data:image/jpeg;base64,iVBORw0KGgoAAAA='
    expect(partOf({ type: 'image_url', image_url: url })).toMatchObject({
      source: { media_type: 'image/png' },
    })
    const file = { file_data: `data:application/octet-stream;base64,${pdf}` }
    expect(partOf({ type: 'file', file })).toMatchObject({
      source: { media_type: 'application/pdf' },
    })
  })

  it('of the Files API adds its beta header', () => {
    expect(
      writeMessages([user([{ type: 'file', file: { file_id: 'file_1' } }])]).headers[
        'anthropic-beta'
      ],
    ).toBe('files-api-2025-04-14')
  })
})

describe('tool calls of a history', () => {
  const history = (...messages: readonly unknown[]) =>
    write({ tools: [tool('look')], messages: [user('Hi'), ...messages] as never })
  const contentAt = (written: ReturnType<typeof history>, position: number) =>
    written.body.messages[position]?.content
  const filler = (id: string) => ({
    type: 'tool_result',
    tool_use_id: id,
    content: expect.any(String),
    is_error: true,
  })

  it('are answered in the next turn, results first, in the order of the calls', () => {
    const written = history(
      calls('a', 'b'),
      result('b', 'two'),
      result('a', 'one', { is_error: true }),
      user('And?'),
    )
    expect(written.body.messages.slice(1)).toEqual([
      {
        role: 'assistant',
        content: ['a', 'b'].map((id) => ({ type: 'tool_use', id, name: 'look', input: {} })),
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'a', content: 'one', is_error: true },
          { type: 'tool_result', tool_use_id: 'b', content: 'two' },
          { type: 'text', text: 'And?' },
        ],
      },
    ])
    expect(written.warnings).toEqual([])
  })

  it('results contain text, JSON, images, documents and cache marks', () => {
    const cache_control = { type: 'ephemeral' }
    const image = { type: 'image_url', image_url: 'https://a.example/b.png' }
    const written = history(
      calls('a', 'b', 'c', 'd'),
      result('a', '{"x":1}'),
      result('b', [{ type: 'text', text: 'See', cache_control }, image]),
      result('c', '', { cache_control }),
      result('d', { x: 1 }),
    )
    expect(contentAt(written, 2)).toEqual([
      { type: 'tool_result', tool_use_id: 'a', content: '{"x":1}' },
      {
        type: 'tool_result',
        tool_use_id: 'b',
        content: [
          { type: 'text', text: 'See' },
          { type: 'image', source: { type: 'url', url: 'https://a.example/b.png' } },
        ],
        cache_control,
      },
      { type: 'tool_result', tool_use_id: 'c', cache_control },
      { type: 'tool_result', tool_use_id: 'd', content: '{"x":1}' },
    ])
  })

  it('a file for the container is beside the result', () => {
    const written = history(
      calls('a'),
      result('a', [{ type: 'file', file: { file_id: 'file_1', format: 'text/csv' } }]),
    )
    expect(contentAt(written, 2)).toEqual([
      { type: 'tool_result', tool_use_id: 'a' },
      { type: 'container_upload', file_id: 'file_1' },
    ])
  })

  it('without a result get one, wherever they are', () => {
    const written = history(calls('a', 'b'), result('b'))
    expect(contentAt(written, 2)).toMatchObject([filler('a'), { tool_use_id: 'b', content: 'ok' }])
    expect(codes(written)).toEqual(['repaired'])
    expect(contentAt(history(calls('a'), user('Never mind')), 2)).toEqual([
      filler('a'),
      { type: 'text', text: 'Never mind' },
    ])
    expect(contentAt(history(calls('a')), 2)).toEqual([filler('a')])
  })

  it('a denial of the user is an error result', () => {
    const approval = { id: 'p', approved: false, reason: 'Too dear.' }
    const written = history(calls('a'), { role: 'tool', tool_call_id: 'a', approval })
    expect(contentAt(written, 2)).toEqual([
      { type: 'tool_result', tool_use_id: 'a', content: 'Too dear.', is_error: true },
    ])
  })

  it('results without a call are dropped, of two the last is used, a late one is moved', () => {
    const written = history(
      calls('a'),
      user('Wait'),
      result('a', 'old'),
      result('a', 'new'),
      result('z'),
    )
    expect(contentAt(written, 2)).toEqual([
      { type: 'tool_result', tool_use_id: 'a', content: 'new' },
      { type: 'text', text: 'Wait' },
    ])
    expect(written.warnings.length).toBeGreaterThanOrEqual(3)
    expect(new Set(codes(written))).toEqual(new Set(['repaired']))
  })

  it('get unique ids that the API accepts, on both sides', () => {
    const written = history(
      {
        role: 'assistant',
        tool_calls: [
          called('call:1/2'),
          called('call:1_2'),
          called('x__thought__c2ln'),
          called(''),
        ],
      },
      result('call:1_2', 'b'),
      result('call:1/2', 'a'),
      result('x__thought__c2ln', 'c'),
      result('', 'd'),
    )
    const ids = (contentAt(written, 1) ?? []).map(({ id }) => String(id))
    expect(ids.every((id) => /^[a-zA-Z0-9_-]{1,64}$/.test(id))).toBe(true)
    expect(new Set(ids).size).toBe(4)
    expect(ids[2]).toBe('x')
    expect(contentAt(written, 2)).toEqual(
      ['a', 'b', 'c', 'd'].map((content, i) => ({
        type: 'tool_result',
        tool_use_id: ids[i],
        content,
      })),
    )
  })

  it('with one id in several turns are distinguished', () => {
    const written = history(
      calls('call_1'),
      result('call_1', 'one'),
      calls('call_1'),
      result('call_1', 'two'),
    )
    const [first, second] = [1, 3].map((at) => contentAt(written, at)?.[0]?.id)
    expect(first).not.toBe(second)
    expect(contentAt(written, 2)).toMatchObject([{ tool_use_id: first, content: 'one' }])
    expect(contentAt(written, 4)).toMatchObject([{ tool_use_id: second, content: 'two' }])
  })

  it('repeated in one message are sent once', () => {
    const written = history(calls('a', 'a'), result('a'))
    expect(contentAt(written, 1)).toHaveLength(1)
    expect(contentAt(written, 2)).toHaveLength(1)
    expect(codes(written)).toContain('repaired')
  })

  it('of consecutive messages are one turn', () => {
    const written = history(
      calls('a'),
      { role: 'assistant', content: 'and' },
      calls('b'),
      result('a'),
      result('b'),
    )
    expect(contentAt(written, 1)).toMatchObject([
      { type: 'text', text: 'and' },
      { id: 'a' },
      { id: 'b' },
    ])
    expect(contentAt(written, 2)).toMatchObject([{ tool_use_id: 'a' }, { tool_use_id: 'b' }])
  })

  it.each([
    ['', {}],
    ['{"a":1}', { a: 1 }],
    ['{"a": [1', { a: [1] }],
    ['{"a": "unfin', { a: 'unfin' }],
    ['{"a":1,}', { a: 1 }],
    ['{"a":1,"b', { a: 1 }],
    ['{"a":1,"b":', { a: 1 }],
    ['{"a":tru', {}],
    ['[1,2]', { input: [1, 2] }],
    ['"x"', { input: 'x' }],
    ['not json', { input: 'not json' }],
  ])('arguments %j are sent as an object', (args, input) => {
    const written = history(
      { role: 'assistant', tool_calls: [called('a', 'look', args)] },
      result('a'),
    )
    expect(contentAt(written, 1)).toMatchObject([{ input }])
    const isFine = args === '' || args === '{"a":1}'
    expect(codes(written)).toEqual(isFine ? [] : ['repaired'])
  })

  it('in the format before tools are paired', () => {
    const written = history(
      { role: 'assistant', content: null, function_call: { name: 'look', arguments: '{}' } },
      { role: 'function', name: 'look', content: 'ok' },
    )
    const [use] = contentAt(written, 1) ?? []
    expect(contentAt(written, 2)).toEqual([
      { type: 'tool_result', tool_use_id: use?.id, content: 'ok' },
    ])
  })

  it('of custom tools are sent as the conversion defines', () => {
    const custom = { id: 'a', type: 'custom', custom: { name: 'sql', input: 'select 1' } }
    expect(
      contentAt(history({ role: 'assistant', tool_calls: [custom] }, result('a')), 1),
    ).toMatchObject([{ name: 'sql', input: { input: 'select 1' } }])
  })

  it('without a tool name are dropped', () => {
    const odd = { id: 'a', type: 'telepathy' }
    const written = history({ role: 'assistant', content: 'Hm', tool_calls: [odd] })
    expect(contentAt(written, 1)).toEqual([{ type: 'text', text: 'Hm' }])
    expect(codes(written)).toEqual(['repaired'])
  })

  it('without tools in the request add declarations that cannot be called', () => {
    const written = writeMessages([user('Hi'), calls('a'), result('a')])
    expect(written.body.tools).toEqual([
      { name: 'look', input_schema: { type: 'object', properties: {} } },
    ])
    expect(written.body.tool_choice).toEqual({ type: 'none' })
    expect(codes(written)).toEqual(['repaired'])
  })
})

describe('messages of other providers and libraries', () => {
  it('thinking in the format of litellm is sent first, with its signature', () => {
    const thinking = { type: 'thinking', thinking: 'Hm', signature: 'sig' }
    const redacted = { type: 'redacted_thinking', data: 'xyz' }
    const { body, warnings } = write({
      tools: [tool('look')],
      messages: [
        user('Hi'),
        {
          role: 'assistant',
          content: 'Look',
          reasoning_content: 'Hm',
          thinking_blocks: [thinking, redacted],
          tool_calls: [called('a')],
        },
        result('a'),
      ] as never,
    })
    expect(body.messages[1]?.content).toMatchObject([
      thinking,
      redacted,
      { type: 'text' },
      { type: 'tool_use' },
    ])
    expect(warnings).toEqual([])
  })

  it('unsigned reasoning is never sent', () => {
    const written = writeMessages([
      user('Hi'),
      {
        role: 'assistant',
        content: 'a',
        reasoning_content: 'secret thoughts',
        thinking_blocks: [{ type: 'thinking', thinking: 'secret thoughts' }],
      },
      user('b'),
    ])
    expect(JSON.stringify(written.body)).not.toContain('secret thoughts')
    expect(codes(written)).toEqual(['dropped'])
  })

  it('native content of another provider is dropped', () => {
    const native = {
      provider: 'openai',
      model: 'gpt-5',
      content: [{ type: 'reasoning', encrypted_content: 'foreign' }],
    }
    const written = writeMessages([
      user('Hi'),
      {
        role: 'assistant',
        content: 'a',
        native,
        hosted_tools: [{ id: 'ws', name: 'web_search', status: 'done' }],
      },
      user('b'),
    ])
    expect(written.body.messages[1]?.content).toEqual([{ type: 'text', text: 'a' }])
    expect(codes(written)).toEqual(['dropped'])
  })

  it('images of an assistant are sent by the user', () => {
    const images = [{ type: 'image_url', image_url: { url: 'data:image/png;base64,aaaa' } }]
    const written = writeMessages([
      user('Draw'),
      { role: 'assistant', content: 'Here', images },
      user('Nice'),
    ])
    expect(written.body.messages[2]?.content).toMatchObject([
      { type: 'image' },
      { type: 'text', text: 'Nice' },
    ])
    expect(codes(written)).toEqual(['repaired'])
    expect(
      codes(writeMessages([user('Draw'), { role: 'assistant', content: 'Here', images }])),
    ).toEqual(['dropped'])
  })

  it('parts, refusals and transcripts of an assistant are sent as text', () => {
    const texts = (message: object) =>
      writeMessages([user('Hi'), { role: 'assistant', ...message }, user('b')]).body.messages[1]
        ?.content
    expect(
      texts({
        content: [
          { type: 'text', text: 'a' },
          { type: 'refusal', refusal: 'No.' },
        ],
      }),
    ).toMatchObject([{ text: 'a' }, { text: 'No.' }])
    expect(texts({ content: null, refusal: 'No.' })).toMatchObject([{ text: 'No.' }])
    expect(texts({ content: null, audio: { transcript: 'Spoken' } })).toMatchObject([
      { text: 'Spoken' },
    ])
  })
})

it('convertMessages converts the conversation without a warning', () => {
  const messages = frozen([
    { role: 'system' as const, content: 'Be brief.' },
    { role: 'user' as const, content: 'Hi' },
  ])
  expect(anthropic().convertMessages?.(messages, sonnet)).toMatchObject({
    system: [{ text: 'Be brief.' }],
    messages: [userTurn('Hi')],
  })
})
