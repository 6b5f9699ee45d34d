/** Histories, valid and broken, in a request body. */
import { describe, expect, it, test } from 'vitest'
import type {
  AssistantInput,
  FunctionCall,
  JsonObject,
  Message,
  UserPart,
} from '../../../src/chat/index.js'
import { BadRequestError } from '../../../src/core/index.js'
import { at, write } from './support.js'

const user: Message = { role: 'user', content: 'Hello' }
const fn = (id: string, name = 'f', args = '{}'): FunctionCall => ({
  id,
  type: 'function',
  function: { name, arguments: args },
})
const calling = (...tool_calls: readonly FunctionCall[]): AssistantInput => ({
  role: 'assistant',
  content: null,
  tool_calls,
})
const result = (tool_call_id: string, content: string | readonly UserPart[] = 'ok'): Message => ({
  role: 'tool',
  tool_call_id,
  content,
})
const sent = async (messages: readonly unknown[], options = {}) =>
  // histories may be anything
  write({ messages: messages as readonly Message[] }, options)
const idsOf = (messages: readonly JsonObject[]) =>
  messages.flatMap((message) =>
    Array.isArray(message.tool_calls)
      ? message.tool_calls.map((one: { id: string }) => one.id)
      : message.role === 'tool'
        ? [message.tool_call_id]
        : [],
  )

describe('roles', () => {
  it('a valid history is unchanged, without a warning', async () => {
    const history: readonly Message[] = [
      { role: 'system', content: 'Be brief.' },
      { ...user, name: 'ann' },
      calling(fn('a', 'f', '{"x":1}'), fn('b', 'g')),
      result('a'),
      result('b', 'fine'),
      { role: 'assistant', content: 'Done.' },
    ]
    const { messages, warnings } = await sent(history)
    expect(messages).toEqual(history)
    expect(warnings).toEqual([])
  })

  it('developer becomes system, except for OpenAI', async () => {
    const history = [{ role: 'developer', content: 'x' }, user]
    expect((await sent(history)).messages[0]?.role).toBe('system')
    expect((await sent(history, at('api.openai.com'))).messages[0]?.role).toBe('developer')
    expect((await sent(history, { developerRole: true })).messages[0]?.role).toBe('developer')
  })

  test.each([[{ role: 'wizard', content: 'x' }], [{ content: 'x' }]])(
    '%j is a bad request',
    async (message) => {
      await expect(sent([message])).rejects.toThrow(BadRequestError)
    },
  )

  test.each([[null], [{}], [[null]]])('content that is %j is a bad request', async (content) => {
    await expect(sent([{ role: 'user', content }])).rejects.toThrow(BadRequestError)
  })
})

describe('text', () => {
  it('in parts is one string wherever possible', async () => {
    const parts = [
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b' },
    ]
    const { messages } = await sent([
      { role: 'system', content: parts },
      { role: 'user', content: parts.slice(0, 1) },
      { role: 'assistant', content: parts },
      { role: 'user', content: parts },
    ])
    expect(messages.map(({ content }) => content)).toEqual(['a\nb', 'a', 'ab', parts])
  })

  it('cache marks are kept if supported, otherwise dropped with a warning', async () => {
    const cache_control = { type: 'ephemeral', ttl: '1h' }
    const history = [
      { role: 'system', content: 'long', cache_control },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a', cache_control },
          { type: 'text', text: 'b' },
        ],
      },
    ]
    const there = await sent(history, at('openrouter.ai'))
    expect(there.messages).toEqual([
      { role: 'system', content: [{ type: 'text', text: 'long', cache_control }] },
      history[1],
    ])
    expect(there.warnings).toEqual([])
    const here = await sent(history)
    expect(JSON.stringify(here.body)).not.toContain('cache_control')
    expect(here.warnings).toMatchObject([{ code: 'ignored', param: 'cache_control' }])
  })
})

describe('parts', () => {
  const userSent = async (part: object, options = {}) => {
    const { messages } = await sent(
      [{ role: 'user', content: [{ type: 'text', text: 'x' }, part] }],
      options,
    )
    const content = messages[0]?.content
    return Array.isArray(content) ? content[1] : undefined
  }
  const image_url = { url: 'https://a.test/x.png' }
  const pdf = 'JVBERi0xLjQK'

  test.each([
    [
      'an image by address',
      { type: 'image_url', image_url: image_url.url },
      { type: 'image_url', image_url },
    ],
    [
      'an image with its detail',
      { type: 'image_url', image_url: { ...image_url, detail: 'low', format: 'image/png' } },
      { type: 'image_url', image_url: { ...image_url, detail: 'low' } },
    ],
    [
      'sound',
      { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } },
      { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } },
    ],
    [
      'sound as a data URI',
      { type: 'input_audio', input_audio: { data: 'data:audio/wav;base64,AAAA', format: 'wav' } },
      { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } },
    ],
    [
      'a file by id',
      { type: 'file', file: { file_id: 'file-1' } },
      { type: 'file', file: { file_id: 'file-1' } },
    ],
    [
      'a file with its name',
      {
        type: 'file',
        file: { file_data: `data:application/pdf;base64,${pdf}`, filename: 'a.pdf' },
      },
      {
        type: 'file',
        file: { filename: 'a.pdf', file_data: `data:application/pdf;base64,${pdf}` },
      },
    ],
    [
      'a file as bare base64',
      { type: 'file', file: { file_data: pdf, format: 'application/pdf' } },
      {
        type: 'file',
        file: { filename: 'file.pdf', file_data: `data:application/pdf;base64,${pdf}` },
      },
    ],
    [
      'a file that shows its type',
      { type: 'file', file: { file_data: pdf } },
      {
        type: 'file',
        file: { filename: 'file.pdf', file_data: `data:application/pdf;base64,${pdf}` },
      },
    ],
    [
      'an image that came as a file',
      { type: 'file', file: { file_data: 'AAAA', format: 'image/png' } },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
    ],
    [
      'sound that came as a file',
      { type: 'file', file: { file_data: 'data:audio/mpeg;base64,AAAA' } },
      { type: 'input_audio', input_audio: { data: 'AAAA', format: 'mp3' } },
    ],
    [
      'an image that came as an address of a file',
      { type: 'file', file: { file_url: image_url.url, format: 'image/png' } },
      { type: 'image_url', image_url },
    ],
  ])('%s', async (_, part, expected) => {
    expect(await userSent(part)).toEqual(expected)
  })

  it("a URL is sent as a file's data if the server fetches it", async () => {
    const part = { type: 'file', file: { file_url: 'https://a.test/dir/x.pdf?y' } }
    const expected = {
      type: 'file',
      file: { filename: 'x.pdf', file_data: 'https://a.test/dir/x.pdf?y' },
    }
    expect(await userSent(part, at('openrouter.ai'))).toEqual(expected)
    expect(await userSent(part, { fileURLs: true })).toEqual(expected)
    await expect(userSent(part)).rejects.toThrow(BadRequestError)
  })

  test.each([
    [
      'a file that another provider knows',
      { type: 'file', file: { file_id: 'x' }, provider: 'openai' },
    ],
    ['a file that is nothing', { type: 'file', file: {} }],
    ['text without text', { type: 'text' }],
    ['an unknown part', { type: 'video_url', video_url: {} }],
  ])('%s is a bad request', async (_, part) => {
    await expect(userSent(part)).rejects.toThrow(BadRequestError)
  })
})

describe('calls and results', () => {
  const repaired = [{ code: 'repaired', param: 'messages', provider: 'local' }]

  test.each([
    [
      'a result that is missing',
      [user, calling(fn('a'), fn('b')), result('b'), user],
      ['a', 'b', 'a', 'b'],
    ],
    ['a result that comes too late', [user, calling(fn('a')), user, result('a')], ['a', 'a']],
    [
      'results in another order',
      [user, calling(fn('a'), fn('b')), result('b'), result('a')],
      ['a', 'b', 'a', 'b'],
      [],
    ],
    ['a result of nothing', [user, result('x'), { role: 'assistant', content: 'Hi' }], []],
    [
      'two results of one call',
      [user, calling(fn('a')), result('a', '1'), result('a', '2')],
      ['a', 'a'],
    ],
    [
      'an id that each turn uses again',
      [calling(fn('a')), result('a', '1'), calling(fn('a')), result('a', '2')],
      ['a', 'a', 'a', 'a'],
      [],
    ],
    [
      'the first turn of the two without its result',
      [calling(fn('a')), user, calling(fn('a')), result('a', '2')],
      ['a', 'a', 'a', 'a'],
    ],
    [
      'one id for two calls of a turn',
      [calling(fn('a'), fn('a')), result('a', '1'), result('a', '2')],
      ['a', 'a_2', 'a', 'a_2'],
      repaired,
    ],
    [
      'ids that are empty',
      [calling(fn(''), fn('')), result('', '1'), result('', '2')],
      ['call_0_0', 'call_0_1', 'call_0_0', 'call_0_1'],
      repaired,
    ],
    ['a call at the end', [user, calling(fn('a'))], ['a', 'a']],
  ])('%s', async (_, history, ids, warned: readonly object[] = repaired) => {
    const { messages, warnings } = await sent(history)
    expect(idsOf(messages)).toEqual(ids)
    expect(warnings).toMatchObject(warned)
    expect(warnings).toHaveLength(warned.length)
  })

  it('results are matched only with their own calls', async () => {
    const { messages } = await sent([calling(fn('a')), user, calling(fn('a')), result('a', '2')])
    const contents = messages.filter(({ role }) => role === 'tool').map(({ content }) => content)
    expect(contents[0]).toContain('not run')
    expect(contents[1]).toBe('2')
  })

  it('legacy histories, with functions, are converted', async () => {
    const { messages, warnings } = await sent([
      user,
      { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
      { role: 'function', name: 'f', content: 'ok' },
    ])
    expect(messages.slice(1)).toEqual([
      { role: 'assistant', content: null, tool_calls: [fn('call_1_0')] },
      { role: 'tool', tool_call_id: 'call_1_0', content: 'ok', name: 'f' },
    ])
    expect(warnings.map(({ code }) => code)).toEqual(['repaired', 'repaired', 'repaired'])
  })

  it("litellm's signatures are removed from ids, on both sides", async () => {
    const { messages } = await sent([calling(fn('a__thought__abc')), result('a__thought__abc')])
    expect(idsOf(messages)).toEqual(['a', 'a'])
  })

  it('ids that are too long are shortened alike on both sides, and stay unique', async () => {
    const [long, other] = [`toolu_${'x'.repeat(60)}1`, `toolu_${'x'.repeat(60)}2`]
    const { messages } = await sent([calling(fn(long), fn(other)), result(long), result(other)])
    const [a, b, ...results] = idsOf(messages)
    expect(results).toEqual([a, b])
    expect(a).not.toBe(b)
    for (const id of [a, b]) expect(String(id).length).toBeLessThanOrEqual(40)
  })

  it('Mistral gets ids of nine letters', async () => {
    const { messages } = await sent(
      [calling(fn('call_abc'), fn('D681PevKs')), result('call_abc'), result('D681PevKs')],
      at('api.mistral.ai'),
    )
    const [a, b, ...results] = idsOf(messages)
    expect(a).toMatch(/^[A-Za-z0-9]{9}$/)
    expect(b).toBe('D681PevKs')
    expect(results).toEqual([a, b])
  })

  test.each([
    ['empty', '', '{}', 0],
    ['cut', '{"x":', '{}', 1],
    ['an object', { x: 1 }, '{"x":1}', 1],
  ])('arguments that are %s', async (_, given, expected, count) => {
    const { messages, warnings } = await sent([
      {
        ...calling(),
        tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: given } }],
      },
      result('a'),
    ])
    expect(messages[0]?.tool_calls).toMatchObject([{ function: { arguments: expected } }])
    expect(warnings.filter(({ code }) => code === 'repaired')).toHaveLength(count)
  })

  it('a call without a function name is dropped', async () => {
    const { messages, warnings } = await sent([
      user,
      { ...calling(), content: 'a', tool_calls: [{ id: 'a', type: 'function' }] },
    ])
    expect(messages[1]).toEqual({ role: 'assistant', content: 'a' })
    expect(warnings).toMatchObject([{ code: 'repaired' }])
  })

  it('custom calls are unchanged', async () => {
    const custom = { id: 'a', type: 'custom', custom: { name: 'sql', input: 'SELECT' } }
    expect(
      (await sent([{ ...calling(), tool_calls: [custom] }, result('a')])).messages[0]?.tool_calls,
    ).toEqual([custom])
  })

  test.each([
    [
      'a failure is told in the text',
      { content: 'no such city', is_error: true },
      '{"error":"no such city"}',
    ],
    [
      'a failure that says so itself',
      { content: '{"error":"x"}', is_error: true },
      '{"error":"x"}',
    ],
    [
      'a refusal by a person',
      { content: undefined, approval: { id: 'p', approved: false, reason: 'too dear' } },
      '{"error":"too dear"}',
    ],
    ['nothing', { content: undefined }, ''],
    [
      'text in parts',
      {
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
      'a\nb',
    ],
  ])('%s', async (_, fields, expected) => {
    const { messages } = await sent([
      calling(fn('a')),
      { role: 'tool', tool_call_id: 'a', ...fields },
    ])
    expect(messages[1]?.content).toBe(expected)
  })

  it('images of results follow in one user message after the last result', async () => {
    const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } } as const
    const { messages, warnings } = await sent([
      calling(fn('a'), fn('b')),
      result('a', [{ type: 'text', text: 'a map' }, image]),
      result('b', [image]),
      user,
    ])
    expect(messages.map(({ role }) => role)).toEqual(['assistant', 'tool', 'tool', 'user', 'user'])
    expect(messages[1]?.content).toBe('a map')
    expect(messages[3]?.content).toMatchObject([{ type: 'text' }, image, { type: 'text' }, image])
    expect(warnings).toMatchObject([{ code: 'changed' }])
  })
})

describe('assistant turns', () => {
  it('an empty one is dropped', async () => {
    const { messages, warnings } = await sent([user, { role: 'assistant', content: '' }, user])
    expect(messages).toHaveLength(2)
    expect(warnings).toMatchObject([{ code: 'repaired' }])
  })

  it('a refusal is sent as text', async () => {
    const { messages } = await sent([user, { role: 'assistant', content: null, refusal: 'No.' }])
    expect(messages[1]).toEqual({ role: 'assistant', content: 'No.' })
    const parts = [{ type: 'refusal', refusal: 'No.' }]
    expect((await sent([{ role: 'assistant', content: parts }])).messages[0]?.content).toBe('No.')
  })

  it('audio is sent by the id known to the server, and as its transcript once it has expired', async () => {
    const audio = { id: 'audio_1', data: 'AAAA', transcript: 'Hello' }
    const later = Math.floor(Date.now() / 1000) + 1000
    const known = await sent([
      { role: 'assistant', content: null, audio: { ...audio, expires_at: later } },
    ])
    expect(known.messages[0]).toEqual({
      role: 'assistant',
      content: null,
      audio: { id: 'audio_1' },
    })
    const gone = await sent([
      { role: 'assistant', content: null, audio: { ...audio, expires_at: 1 } },
    ])
    expect(gone.messages[0]).toEqual({ role: 'assistant', content: 'Hello' })
  })

  test.each([
    [
      'thinking blocks',
      {
        content: [
          { type: 'thinking', thinking: 'hm', signature: 's' },
          { type: 'text', text: 'so' },
        ],
      },
    ],
    [
      'images',
      {
        content: 'so',
        images: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }],
      },
    ],
    ['files', { content: 'so', files: [{ media_type: 'application/pdf', file_id: 'f' }] }],
    [
      "litellm's thinking",
      { content: 'so', thinking_blocks: [{ type: 'thinking', thinking: 'hm' }] },
    ],
  ])('%s are dropped, with a warning', async (_, fields) => {
    const { messages, warnings } = await sent([{ role: 'assistant', ...fields }])
    expect(messages).toEqual([{ role: 'assistant', content: 'so' }])
    expect(warnings).toMatchObject([{ code: 'dropped' }])
  })

  it('reasoning text is not sent to a server that does not require it', async () => {
    const { messages } = await sent([{ role: 'assistant', content: 'so', reasoning_content: 'hm' }])
    expect(messages).toEqual([{ role: 'assistant', content: 'so' }])
  })
})

it('a defect of many messages causes one warning', async () => {
  const { warnings } = await sent([
    calling(fn('a')),
    user,
    calling(fn('b')),
    user,
    calling(fn('c')),
  ])
  expect(warnings).toHaveLength(1)
})
