/** Messages to input items: roles, parts, repairs. Every message is frozen. */
import { describe, expect, it, test } from 'vitest'
import type { AssistantInput, Message, UserPart } from '../../../src/chat/index.js'
import { BadRequestError } from '../../../src/core/index.js'
import { openai } from '../../../src/providers/openai/index.js'
import { codes, writeMessages } from './support.js'

const user: Message = { role: 'user', content: 'Hello' }
const parts = (...content: readonly UserPart[]) =>
  (writeMessages([{ role: 'user', content }]).input[0] as { content: unknown[] }).content
const part = (one: UserPart) => parts(one)[0]

describe('roles', () => {
  it('instructions are developer messages for a reasoning model, unchanged for others', () => {
    const messages: readonly Message[] = [
      { role: 'system', content: 'Be brief.' },
      user,
      { role: 'developer', content: [{ type: 'text', text: 'Be kind.' }] },
    ]
    const roles = (model: string) =>
      writeMessages(messages, { model }).input.map(({ role }) => role)
    expect(roles('gpt-5')).toEqual(['developer', 'user', 'developer'])
    expect(roles('gpt-4.1')).toEqual(['system', 'user', 'developer'])
    expect(roles('model-of-tomorrow')).toEqual(['system', 'user', 'developer'])
    expect(writeMessages(messages).input[2]).toEqual({
      role: 'developer',
      content: [{ type: 'input_text', text: 'Be kind.' }],
    })
  })

  it('an assistant turn is output text, then its calls, then their results', () => {
    const { input, warnings } = writeMessages([
      user,
      {
        role: 'assistant',
        content: 'Let me see.',
        tool_calls: [
          { id: 'call_1', type: 'function', function: { name: 'a', arguments: '{"x":1}' } },
          { id: 'call_2', type: 'custom', custom: { name: 'b', input: 'ls' } },
        ],
      },
      { role: 'tool', tool_call_id: 'call_2', content: 'two' },
      { role: 'tool', tool_call_id: 'call_1', content: 'one' },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'Do' },
          { type: 'text', text: 'ne' },
        ],
      },
    ])
    expect(input.slice(1)).toEqual([
      { role: 'assistant', content: [{ type: 'output_text', text: 'Let me see.' }] },
      { type: 'function_call', call_id: 'call_1', name: 'a', arguments: '{"x":1}' },
      { type: 'custom_tool_call', call_id: 'call_2', name: 'b', input: 'ls' },
      { type: 'function_call_output', call_id: 'call_1', output: 'one' },
      { type: 'custom_tool_call_output', call_id: 'call_2', output: 'two' },
      { role: 'assistant', content: [{ type: 'output_text', text: 'Done' }] },
    ])
    expect(warnings).toEqual([])
  })

  it('a refusal stays one', () => {
    const { input } = writeMessages([
      user,
      { role: 'assistant', content: null, refusal: 'No.' },
      user,
    ])
    expect(input[1]).toEqual({ role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] })
  })

  test.each([undefined, 'moderator', 7])('the role %j is rejected', (role) => {
    expect(() => writeMessages([{ role, content: 'x' } as never])).toThrow(BadRequestError)
  })

  it('names are dropped, with one warning', () => {
    const { input, warnings } = writeMessages([
      { role: 'user', content: 'a', name: 'Ada' },
      { role: 'user', content: 'b', name: 'Bob' },
    ])
    expect(input).toEqual([
      { role: 'user', content: 'a' },
      { role: 'user', content: 'b' },
    ])
    expect(codes(warnings)).toEqual(['ignored messages'])
  })
})

describe('parts', () => {
  const pdf = 'JVBERi0xLjQK'

  test.each<[string, UserPart, object]>([
    ['text', { type: 'text', text: 'Hi' }, { type: 'input_text', text: 'Hi' }],
    [
      'an image by address',
      { type: 'image_url', image_url: { url: 'https://a.example/a.png', detail: 'low' } },
      { type: 'input_image', image_url: 'https://a.example/a.png', detail: 'low' },
    ],
    [
      'an image by address alone',
      { type: 'image_url', image_url: 'https://a.example/a.png' },
      { type: 'input_image', image_url: 'https://a.example/a.png', detail: 'auto' },
    ],
    [
      'an image as data URI',
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
      { type: 'input_image', image_url: 'data:image/png;base64,AAAA', detail: 'auto' },
    ],
    [
      'an image as base64',
      { type: 'image_url', image_url: { url: 'AAAA', format: 'image/png' } },
      { type: 'input_image', image_url: 'data:image/png;base64,AAAA', detail: 'auto' },
    ],
    [
      'an image as file',
      { type: 'file', file: { file_data: 'data:image/png;base64,AAAA' } },
      { type: 'input_image', image_url: 'data:image/png;base64,AAAA', detail: 'auto' },
    ],
    [
      'an image by id',
      { type: 'file', file: { file_id: 'file_1', format: 'image/png' } },
      { type: 'input_image', file_id: 'file_1', detail: 'auto' },
    ],
    [
      'a PDF as data URI',
      {
        type: 'file',
        file: { file_data: `data:application/pdf;base64,${pdf}`, filename: 'a.pdf' },
      },
      {
        type: 'input_file',
        filename: 'a.pdf',
        file_data: `data:application/pdf;base64,${pdf}`,
      },
    ],
    [
      'a PDF as base64, known by its first bytes',
      { type: 'file', file: { file_data: pdf } },
      {
        type: 'input_file',
        filename: 'file.pdf',
        file_data: `data:application/pdf;base64,${pdf}`,
      },
    ],
    [
      'a table, known by its name',
      { type: 'file', file: { file_data: 'YSxi', filename: 'a.csv' } },
      { type: 'input_file', filename: 'a.csv', file_data: 'data:text/csv;base64,YSxi' },
    ],
    [
      'a file by id',
      { type: 'file', file: { file_id: 'file_1' }, provider: 'openai' },
      { type: 'input_file', file_id: 'file_1' },
    ],
    [
      'a file by address',
      { type: 'file', file: { file_url: 'https://a.example/a.pdf' } },
      { type: 'input_file', file_url: 'https://a.example/a.pdf' },
    ],
    [
      'an image that is a PDF, as the file that it is',
      { type: 'image_url', image_url: 'data:application/pdf;base64,AA' },
      {
        type: 'input_file',
        filename: 'file.pdf',
        file_data: 'data:application/pdf;base64,AA',
      },
    ],
  ])('%s', (_, given, sent) => {
    expect(part(given)).toEqual(sent)
  })

  test.each<[string, unknown]>([
    [
      'a file known to another provider',
      { type: 'file', file: { file_id: 'f' }, provider: 'gemini' },
    ],
    ['a file of nothing', { type: 'file', file: {} }],
    ['a file of no bytes', { type: 'file', file: { file_data: 'data:application/pdf;base64,' } }],
    ['a file of no type', { type: 'file', file: { file_data: 'AAAA' } }],
    ['a file at no http address', { type: 'file', file: { file_url: 'gs://bucket/a' } }],
    ['an image of no bytes', { type: 'image_url', image_url: 'data:image/png;base64,' }],
    ['an image without address', { type: 'image_url', image_url: {} }],
    ['an image at no http address', { type: 'image_url', image_url: 'ftp://a.example/a.png' }],
    ['sound', { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }],
    ['a part of tomorrow', { type: 'hologram' }],
    ['nothing', null],
  ])('%s is rejected before the request', (_, given) => {
    expect(() => part(given as UserPart)).toThrow(BadRequestError)
  })

  it('audio is sent to models that support it', () => {
    const sound: UserPart = { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }
    const { input } = writeMessages([{ role: 'user', content: [sound] }], { model: 'gpt-audio' })
    expect(input[0]).toEqual({
      role: 'user',
      content: [{ type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }],
    })
    expect(() =>
      writeMessages(
        [
          {
            role: 'user',
            content: [{ type: 'input_audio', input_audio: { data: 'AA', format: 'ogg' } }],
          },
        ],
        { model: 'gpt-audio' },
      ),
    ).toThrow(BadRequestError)
  })
})

describe('cache marks', () => {
  const mark = { type: 'ephemeral' } as const
  const marked = { prompt_cache_breakpoint: { mode: 'explicit' } }

  it('are breakpoints if the model supports them', () => {
    const { input } = writeMessages(
      [
        { role: 'system', content: 'Long.', cache_control: mark },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'a', cache_control: mark },
            { type: 'text', text: 'b' },
          ],
        },
      ],
      { model: 'gpt-5.6-sol' },
    )
    expect(input).toEqual([
      { role: 'developer', content: [{ type: 'input_text', text: 'Long.', ...marked }] },
      {
        role: 'user',
        content: [
          { type: 'input_text', text: 'a', ...marked },
          { type: 'input_text', text: 'b' },
        ],
      },
    ])
  })

  it('are dropped for others, with one warning', () => {
    const messages: readonly Message[] = [
      { role: 'system', content: 'Long.', cache_control: mark },
      { role: 'user', content: [{ type: 'text', text: 'a', cache_control: mark }] },
    ]
    const { input, warnings } = writeMessages(messages, { model: 'gpt-5' })
    expect(JSON.stringify(input)).not.toContain('cache')
    expect(codes(warnings)).toEqual(['ignored cache_control'])
  })

  it('beyond four the first ones are dropped', () => {
    const messages = [1, 2, 3, 4, 5, 6].map(
      (n): Message => ({ role: 'user', content: String(n), cache_control: mark }),
    )
    const { input, warnings } = writeMessages(messages, { model: 'gpt-6-luna' })
    const kept = input.map((item) => JSON.stringify(item).includes('breakpoint'))
    expect(kept).toEqual([false, false, true, true, true, true])
    expect(codes(warnings)).toEqual(['dropped messages'])
  })
})

describe('tool results', () => {
  const call = (id: string): AssistantInput => ({
    role: 'assistant',
    tool_calls: [{ id, type: 'function', function: { name: 'f', arguments: '{}' } }],
  })
  const output = (result: Partial<Extract<Message, { role: 'tool' }>>) =>
    writeMessages([user, call('call_1'), { role: 'tool', tool_call_id: 'call_1', ...result }])
      .input[2]?.output

  it('are text, JSON text, or parts', () => {
    expect(output({ content: 'ok' })).toBe('ok')
    expect(output({ content: '{"a":1}' })).toBe('{"a":1}')
    expect(output({})).toBe('')
    expect(
      output({
        content: [
          { type: 'text', text: 'See' },
          { type: 'image_url', image_url: 'data:image/png;base64,AAAA' },
          { type: 'file', file: { file_url: 'https://a.example/a.pdf' } },
        ],
      }),
    ).toEqual([
      { type: 'input_text', text: 'See' },
      { type: 'input_image', image_url: 'data:image/png;base64,AAAA', detail: 'auto' },
      { type: 'input_file', file_url: 'https://a.example/a.pdf' },
    ])
  })

  it('that are errors have a text that says so', () => {
    expect(output({ content: 'boom', is_error: true })).toBe('{"error":"boom"}')
    expect(output({ content: '{"error":"boom"}', is_error: true })).toBe('{"error":"boom"}')
    expect(output({ content: [{ type: 'text', text: 'boom' }], is_error: true })).toEqual([
      { type: 'input_text', text: '{"error":"boom"}' },
    ])
  })

  it('of a call that the user denied have the reason', () => {
    expect(output({ approval: { id: 'a', approved: false, reason: 'Never.' } })).toBe(
      '{"error":"Never."}',
    )
  })
})

describe('repairs', () => {
  const fn = (id: string, args: unknown = '{}', name = 'f') =>
    ({ id, type: 'function', function: { name, arguments: args } }) as never
  const turn = (...tool_calls: never[]): AssistantInput => ({
    role: 'assistant',
    content: null,
    tool_calls,
  })
  const result = (tool_call_id: string, content = 'ok'): Message => ({
    role: 'tool',
    tool_call_id,
    content,
  })

  it('a call without a result gets one that reports it', () => {
    const { input, warnings } = writeMessages([user, turn(fn('a'), fn('b')), result('b'), user])
    expect(input.map(({ type, call_id }) => [type, call_id])).toEqual([
      [undefined, undefined],
      ['function_call', 'a'],
      ['function_call', 'b'],
      ['function_call_output', 'a'],
      ['function_call_output', 'b'],
      [undefined, undefined],
    ])
    expect(input[3]?.output).toMatch(/no result/i)
    expect(codes(warnings)).toEqual(['repaired messages'])
  })

  it('a result without a call is dropped', () => {
    const { input, warnings } = writeMessages([user, result('nobody')])
    expect(input).toHaveLength(1)
    expect(codes(warnings)).toEqual(['repaired messages'])
  })

  it('the last of two results for one call is used', () => {
    const { input, warnings } = writeMessages([
      user,
      turn(fn('a')),
      result('a', '1'),
      result('a', '2'),
    ])
    expect(input.filter(({ type }) => type === 'function_call_output')).toEqual([
      { type: 'function_call_output', call_id: 'a', output: '2' },
    ])
    expect(codes(warnings)).toEqual(['repaired messages'])
  })

  it('a late result is moved after its call', () => {
    const { input } = writeMessages([turn(fn('a')), user, result('a')])
    expect(input.map(({ type, role }) => type ?? role)).toEqual([
      'function_call',
      'function_call_output',
      'user',
    ])
  })

  it('ids that are missing, duplicate or too long are made unique on both sides', () => {
    const long = 'x'.repeat(100)
    const { input } = writeMessages([
      turn(fn('a'), fn('a')),
      result('a', '1'),
      result('a', '2'),
      turn(fn('a')),
      result('a', '3'),
      turn(fn('')),
      result('', '4'),
      turn(fn(long)),
      result(long, '5'),
    ])
    const ids = input.flatMap(({ type, call_id }) => (type === 'function_call' ? [call_id] : []))
    expect(new Set(ids).size).toBe(5)
    for (const id of ids) expect(String(id).length).toBeLessThanOrEqual(64)
    const outputs = input.flatMap(({ type, call_id, output }) =>
      type === 'function_call_output' ? [[call_id, output]] : [],
    )
    expect(outputs).toEqual(ids.map((id, index) => [id, String(index + 1)]))
  })

  it("litellm's thought signatures are removed from ids", () => {
    const { input } = writeMessages([
      turn(fn('call_1__thought__c2ln')),
      result('call_1__thought__c2ln'),
    ])
    expect(input.map(({ call_id }) => call_id)).toEqual(['call_1', 'call_1'])
  })

  test.each([
    ['', '{}'],
    [undefined, '{}'],
    [{ a: 1 }, '{"a":1}'],
    ['{"a":1', '{"a":1}'],
    ['[1]', '{"input":[1]}'],
  ])('arguments %j are sent as %s', (args, sent) => {
    expect(writeMessages([turn(fn('a', args)), result('a')]).input[0]?.arguments).toBe(sent)
  })

  it('a name that the API rejects is changed', () => {
    // the adapter changes names in a request and in its history alike
    const history = [turn(fn('a', '{}', 'my.tool:x')), result('a')] as never
    const input = openai().convertMessages?.(history, 'gpt-5')
    const [call] = input as readonly { readonly name?: string }[]
    expect(call?.name).toBe('my_tool_x')
  })

  it('an empty assistant turn is dropped', () => {
    const { input, warnings } = writeMessages([user, { role: 'assistant', content: null }, user])
    expect(input).toHaveLength(2)
    expect(codes(warnings)).toEqual(['repaired messages'])
  })

  it('a legacy call before tool_calls is paired with its result', () => {
    const { input } = writeMessages([
      { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
      { role: 'function', name: 'f', content: 'ok' } as never,
    ])
    expect(input).toMatchObject([
      { type: 'function_call', name: 'f' },
      { type: 'function_call_output', output: 'ok' },
    ])
    expect(input[0]?.call_id).toBe(input[1]?.call_id)
  })

  it('a call without a function is rejected', () => {
    expect(() => writeMessages([turn({ id: 'a', type: 'function' } as never)])).toThrow(
      BadRequestError,
    )
  })

  it('assistant parts that the wire does not support are dropped, with a warning', () => {
    const { input, warnings } = writeMessages([
      user,
      {
        role: 'assistant',
        content: 'Here.',
        reasoning_content: 'Hm.',
        images: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }],
        hosted_tools: [{ id: 'x', name: 'web_search', status: 'done' }],
      },
    ])
    expect(input[1]).toEqual({
      role: 'assistant',
      content: [{ type: 'output_text', text: 'Here.' }],
    })
    expect(codes(warnings)).toEqual(['dropped messages', 'dropped messages', 'dropped messages'])
  })
})

describe('previous_response_id', () => {
  it('replaces all messages up to the last response; only its results and later messages are sent', () => {
    const { input, warnings } = writeMessages(
      [
        { role: 'system', content: 'Be brief.' },
        user,
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }],
        },
        { role: 'tool', tool_call_id: 'a', content: 'ok' },
        { role: 'user', content: 'And?' },
      ],
      { previous_response_id: 'resp_1' },
    )
    expect(input).toEqual([
      { type: 'function_call_output', call_id: 'a', output: 'ok' },
      { role: 'user', content: 'And?' },
    ])
    expect(codes(warnings)).toEqual(['ignored previous_response_id'])
  })

  it('may refer to a call that the history does not have', () => {
    const { input, warnings } = writeMessages(
      [{ role: 'tool', tool_call_id: 'a', content: 'ok' }],
      { previous_response_id: 'resp_1' },
    )
    expect(input).toEqual([{ type: 'function_call_output', call_id: 'a', output: 'ok' }])
    expect(warnings).toEqual([])
  })
})
