import { describe, expect, it } from 'vitest'
import type { Message, StreamChunk } from '../../../../src/chat/index.js'
import { accumulate, BadRequestError } from '../../../../src/core/index.js'
import { ui } from '../../../../src/http/formats/ui/index.js'
import { call, contextOf, deepFreeze, encode, finish, start, toMessage } from './support.js'

const read = (...messages: readonly object[]) => ui.read(deepFreeze({ id: 'chat', messages }))
const user = (...parts: readonly object[]) => ({ id: 'u', role: 'user', parts })
const assistant = (parts: readonly object[], metadata?: unknown) => ({
  id: 'a',
  role: 'assistant',
  parts,
  ...(metadata !== undefined && { metadata }),
})
const text = (text: string) => ({ type: 'text', text })

describe('the ui format reader', () => {
  it('reads the conversation, the model and the other members of the body', () => {
    const body = {
      id: 'chat',
      messages: [user(text('Hi'))],
      trigger: 'submit-message',
      messageId: 'm',
      model: 'fast',
      temperature: 1,
    }
    expect(ui.read(body)).toMatchObject({
      id: 'chat',
      model: 'fast',
      messages: [{ role: 'user', content: 'Hi' }],
      isStream: true,
      rest: { temperature: 1 },
    })
  })

  it('reads only the last message if the server stores the conversation', () => {
    expect(ui.read({ id: 'chat', message: user(text('Hi')) }).messages).toEqual([
      { role: 'user', content: 'Hi' },
    ])
  })

  it('returns plain JSON if the client requests no stream', () => {
    expect(ui.read({ messages: [user(text('Hi'))], stream: false }).isStream).toBe(false)
  })

  it.each<readonly [string, unknown]>([
    ['no object', 'hello'],
    ['no messages', {}],
    ['messages that are no list', { messages: {} }],
    ['a message that is no object', { messages: [1] }],
    ['a role of its own', { messages: [{ id: 'a', role: 'tool', parts: [] }] }],
    ['the role of a prototype', { messages: [{ id: 'a', role: 'constructor', parts: [] }] }],
    ['no parts', { messages: [{ id: 'a', role: 'user', content: 'Hi' }] }],
    ['a part without a type', { messages: [user({ text: 'Hi' })] }],
    ['a text that is none', { messages: [user({ type: 'text', text: {} })] }],
    ['no id', { messages: [{ role: 'user', parts: [text('Hi')] }] }],
    ['a stream that is no boolean', { messages: [], stream: 'yes' }],
    ['a model that is no string', { messages: [], model: {} }],
    ['an id without end', { messages: [], id: 'x'.repeat(201) }],
  ])('rejects %s', (_, body) => {
    expect(() => ui.read(body)).toThrow(BadRequestError)
  })

  it("reads the text and files of a user, and none of the page's own parts", () => {
    const png = 'data:image/png;base64,AAAA'
    const { messages } = read(
      user(
        text('Look:'),
        text(''),
        { type: 'file', mediaType: 'image/png', url: png, filename: 'a.png' },
        { type: 'file', mediaType: 'image/jpeg', url: 'https://a.test/b.jpg' },
        { type: 'file', mediaType: 'audio/mpeg', url: 'data:audio/mpeg;base64,BBBB' },
        { type: 'file', mediaType: 'audio/x-wav', url: 'data:audio/x-wav;base64,CCCC' },
        {
          type: 'file',
          mediaType: 'application/pdf',
          url: 'data:application/pdf;base64,DDDD',
          filename: 'd.pdf',
        },
        { type: 'file', mediaType: 'application/pdf', url: 'https://a.test/e.pdf' },
        { type: 'file', mediaType: '', url: png },
        { type: 'data-note', data: { secret: 1 } },
        { type: 'unheard-of' },
      ),
    )
    expect(messages).toEqual([
      {
        role: 'user',
        content: [
          text('Look:'),
          { type: 'image_url', image_url: { url: png } },
          { type: 'image_url', image_url: { url: 'https://a.test/b.jpg', format: 'image/jpeg' } },
          { type: 'input_audio', input_audio: { data: 'BBBB', format: 'mp3' } },
          { type: 'input_audio', input_audio: { data: 'CCCC', format: 'wav' } },
          {
            type: 'file',
            file: {
              file_data: 'data:application/pdf;base64,DDDD',
              filename: 'd.pdf',
              format: 'application/pdf',
            },
          },
          { type: 'file', file: { file_url: 'https://a.test/e.pdf', format: 'application/pdf' } },
          { type: 'image_url', image_url: { url: png } },
        ],
      },
    ])
  })

  it('drops messages without content', () => {
    const { messages } = read(user({ type: 'data-x', data: 1 }), assistant([]), user(text('Hi')))
    expect(messages).toEqual([{ role: 'user', content: 'Hi' }])
  })

  it('reads system messages as such, for the handler to reject', () => {
    const { messages } = read({ id: 's', role: 'system', parts: [text('Be '), text('kind')] })
    expect(messages).toEqual([{ role: 'system', content: 'Be kind' }])
  })

  it('splits a response into its turns, each with the results of its calls', () => {
    const tool = (toolCallId: string, more: object) => ({ type: 'tool-look', toolCallId, ...more })
    const { messages } = read(
      assistant([
        { type: 'step-start' },
        { type: 'reasoning', text: 'Hm.' },
        text('I look.'),
        tool('c1', { state: 'output-available', input: { at: 1 }, output: { seen: true } }),
        tool('c2', { state: 'output-error', rawInput: '{"at', errorText: 'broken' }),
        tool('c3', { state: 'output-available', input: { at: 3 }, output: 'text' }),
        { type: 'step-start' },
        text('Seen.'),
      ]),
    )
    const call = (id: string, args: string) => ({
      id,
      type: 'function',
      function: { name: 'look', arguments: args },
    })
    expect(messages).toEqual([
      {
        role: 'assistant',
        content: 'I look.',
        reasoning_content: 'Hm.',
        tool_calls: [call('c1', '{"at":1}'), call('c2', '{"at'), call('c3', '{"at":3}')],
      },
      { role: 'tool', tool_call_id: 'c1', name: 'look', content: '{"seen":true}' },
      { role: 'tool', tool_call_id: 'c2', name: 'look', content: 'broken', is_error: true },
      { role: 'tool', tool_call_id: 'c3', name: 'look', content: 'text' },
      { role: 'assistant', content: 'Seen.' },
    ])
  })

  it('reads every state of a call', () => {
    const part = (state: string, more: object = {}) => ({
      type: 'dynamic-tool',
      toolName: 'pay',
      toolCallId: state,
      state,
      input: {},
      ...more,
    })
    const { messages } = read(
      assistant([
        part('input-streaming', { input: { half: 'a' } }),
        part('input-available'),
        part('approval-requested', { approval: { id: 'x' } }),
        part('approval-responded', { approval: { id: 'y', approved: true, reason: 'fine' } }),
        part('output-denied', { approval: { id: 'z', approved: false, reason: 'too much' } }),
        part('unheard-of'),
      ]),
    )
    const [turn, ...results] = messages as [{ tool_calls: { id: string }[] }, ...Message[]]
    expect(turn.tool_calls.map(({ id }) => id)).toEqual([
      'input-available',
      'approval-requested',
      'approval-responded',
      'output-denied',
      'unheard-of',
    ])
    expect(results).toEqual([
      {
        role: 'tool',
        tool_call_id: 'approval-responded',
        approval: { id: 'y', approved: true, reason: 'fine' },
      },
      {
        role: 'tool',
        tool_call_id: 'output-denied',
        name: 'pay',
        content: 'The user did not allow this call. Reason: too much',
        is_error: true,
      },
    ])
  })

  it('accepts only true as an approval', () => {
    const part = {
      type: 'tool-pay',
      toolCallId: 'c',
      state: 'approval-responded',
      input: {},
      approval: { id: 'y', approved: 'true' },
    }
    expect(read(assistant([part])).messages[1]).toMatchObject({ approval: { approved: false } })
  })

  it('continues the last message if it is the assistant’s', () => {
    const parts = [{ type: 'step-start' }, text('a'), { type: 'step-start' }, text('b')]
    expect(read(user(text('Hi')), assistant(parts))).toMatchObject({
      continues: 'a',
      continuesAt: 2,
    })
    expect(read(user(text('Hi')))).not.toHaveProperty('continues')
  })

  it('accepts generated files only with a signature', () => {
    const file = (type: string, data: string) => ({
      type: 'file',
      mediaType: type,
      url: `data:${type};base64,${data}`,
    })
    const parts = [
      text('Here.'),
      file('image/png', 'AAAA'),
      file('audio/wav', 'BBBB'),
      file('text/csv', 'CCCC'),
      { type: 'source-url', sourceId: 's', url: 'https://a.test', title: 'A' },
      { type: 'source-document', sourceId: 't', mediaType: 'text/plain', title: 'b.txt' },
    ]
    const annotations = [
      { type: 'url_citation', url_citation: { url: 'https://a.test', title: 'A' } },
      { type: 'file_citation', file_citation: { filename: 'b.txt' } },
    ]
    const words = { role: 'assistant', content: 'Here.', annotations }
    expect(read(assistant(parts)).messages).toEqual([words])
    expect(read(assistant(parts, { turns: { 0: { mac: 'm' } } })).messages).toEqual([
      {
        ...words,
        images: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }],
        audio: { data: 'BBBB', format: 'wav' },
        files: [{ media_type: 'text/csv', data: 'CCCC' }],
      },
    ])
  })

  it('accepts hosted tools only with a signature', () => {
    const part = {
      type: 'tool-web_search',
      toolCallId: 'h',
      state: 'output-available',
      providerExecuted: true,
      input: { q: 1 },
      output: ['x'],
    }
    const parts = [text('Found.'), part]
    expect(read(assistant(parts)).messages).toEqual([{ role: 'assistant', content: 'Found.' }])
    const signed = read(assistant(parts, { turns: { 0: { mac: 'm' } } }))
    expect(signed.messages[0]).toMatchObject({
      hosted_tools: [
        { id: 'h', name: 'web_search', status: 'done', input: { q: 1 }, output: ['x'] },
      ],
    })
    expect([...(signed.macs ?? [])]).toEqual([[0, 'm']])
  })

  it.each([
    'text',
    7,
    null,
    [],
    { turns: null },
    { turns: { 0: 'x' } },
    { turns: { 0: { mac: 1, native: 'x', calls: [], results: 3 } } },
    { turns: { 0: { native: { provider: 1, model: 'm', content: [] } } } },
    { turns: { 0: { calls: { c: { arguments: 7 } } } } },
  ])('ignores metadata of the app: %j', (metadata) => {
    const part = {
      type: 'tool-f',
      toolCallId: 'c',
      state: 'output-available',
      input: {},
      output: 1,
    }
    const { messages, macs } = read(assistant([part], metadata))
    expect(messages).toHaveLength(2)
    expect(messages[0]).not.toHaveProperty('native')
    expect(macs?.size).toBe(0)
  })
})

describe('a response that the client sends back', () => {
  const native = (n: number) => ({ provider: 'p', model: 'm', content: [{ block: n }] })
  const chunks: readonly StreamChunk[] = deepFreeze([
    start,
    { type: 'reasoning-delta', text: 'Hm.\n\n' },
    { type: 'reasoning-delta', text: 'Ha.' },
    { type: 'text-delta', text: 'I look' },
    ...call(0, 'c1', 'look', '{ "at": "it",\n "big": 12345678901234567890 }'),
    { type: 'text-delta', text: ' twice.' },
    ...call(1, 'c2', 'look', '{"at"'),
    { type: 'tool-call-start', index: 2, id: 'c3', name: 'shell', kind: 'custom' },
    { type: 'tool-call-delta', index: 2, arguments: '{"a":1}' },
    { type: 'tool-call-end', index: 2 },
    finish('tool_calls', { native: native(1) }),
    { type: 'tool-result', tool_call_id: 'c1', name: 'look', content: '{"seen":[1]}' },
    { type: 'tool-result', tool_call_id: 'c2', name: 'look', content: 'bad', is_error: true },
    { type: 'tool-result', tool_call_id: 'c3', name: 'shell', content: '"quoted"' },
    start,
    {
      type: 'hosted-tool',
      id: 'h',
      name: 'web_search',
      status: 'done',
      input: { q: 1 },
      output: [2],
    },
    { type: 'text-delta', text: 'Seen.' },
    finish('stop', { native: native(2) }),
  ])

  /** The signature is the text itself, so that a test sees what was signed. */
  const sign = async (message: Message) => JSON.stringify([message])

  it('equals the original, native blocks and exact arguments included', async () => {
    const message = await toMessage(await encode(chunks, { sign }))
    const { messages } = ui.read(deepFreeze({ messages: [message] }))
    expect(messages).toEqual(accumulate(chunks)?.messages)
  })

  it('has for each message the signature created for it', async () => {
    const message = await toMessage(await encode(chunks, { sign }))
    const { messages, macs } = ui.read({ messages: [user(text('Hi')), message] })
    expect(macs?.size).toBe(5)
    for (const [index, mac] of macs ?? []) expect(mac).toBe(JSON.stringify([messages[index]]))
  })

  it('has the signatures of both responses if one continued the other', async () => {
    const first = chunks.slice(
      0,
      chunks.findIndex(({ type }) => type === 'tool-result'),
    )
    const message = await toMessage(await encode(first, { sign }))
    const went = ui.read({ messages: [message] })
    const rest = chunks.slice(first.length)
    const events = await encode(rest, { sign, incoming: went })
    const whole = await toMessage(events, structuredClone(message) as never)
    const { messages, macs } = ui.read({ messages: [whole] })
    expect(messages).toEqual(accumulate(chunks)?.messages)
    expect(
      [...(macs ?? [])].map(([index, mac]) => mac === JSON.stringify([messages[index]])),
    ).toEqual([true, true, true, true, true])
    const ids = whole.parts.flatMap(({ id }) => (id === undefined ? [] : [id]))
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('keeps what was signed before a failure', async () => {
    const encoder = ui.encoder(contextOf({ sign }))
    const data = [...(await encoder.encode(chunks.slice(0, -2)))]
    data.push(...encoder.error({ status: 502, code: 'x', message: 'x', request_id: 'r' }))
    const events = data.flatMap((one) => (one === '[DONE]' ? [] : [JSON.parse(one)]))
    const message = await toMessage(events.filter(({ type }) => type !== 'error'))
    const { messages, macs } = ui.read({ messages: [message] })
    expect(messages.slice(0, 4)).toEqual(accumulate(chunks)?.messages.slice(0, 4))
    expect([...(macs?.keys() ?? [])]).toEqual([0, 1, 2, 3])
  })

  it('reports that it could not be signed', async () => {
    const encoder = ui.encoder(contextOf({ sign: () => Promise.reject(new Error('no key')) }))
    await expect(encoder.encode(chunks)).rejects.toThrow('no key')
  })

  it('prefers an edited input to the stored arguments', async () => {
    const message = await toMessage(await encode(chunks, { sign }))
    const edited = message.parts.map((part) =>
      part.toolCallId === 'c1' ? { ...part, input: { at: 'else' } } : part,
    )
    const [turn] = ui.read({ messages: [{ ...message, parts: edited }] }).messages
    expect(turn).toMatchObject({
      tool_calls: [{ function: { arguments: '{"at":"else"}' } }, {}, {}],
    })
  })

  it('exposes no native blocks without a secret or with hidden reasoning', async () => {
    const hidden = contextOf().expose
    for (const context of [{}, { sign, expose: { ...hidden, reasoning: false } }])
      expect(JSON.stringify(await encode(chunks, context))).not.toContain('"native"')
  })
})
