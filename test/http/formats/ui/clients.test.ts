/** `Chat` and `DefaultChatTransport` of three majors, over a socket, against a handler. */
import { afterEach, describe, expect, it } from 'vitest'
import { tool, tools } from '../../../../middleware/tools.js'
import { createClient } from '../../../../src/client.js'
import { ui } from '../../../../src/http/formats/index.js'
import { type BaseHandlerOptions, handler } from '../../../../src/http/node.js'
import { callTool, fail, type Reply, say, scripted, think } from '../../../../src/testing/index.js'
import { serve } from '../../support.js'
import { type ChatInit, chatOf, majors, whenAnswered } from './clients.js'
import { contextOf, finish, start } from './support.js'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

const weather = tool({
  parameters: { type: 'object', properties: { city: { type: 'string' } } },
  execute: () => ({ degrees: 21 }),
})
const pay = tool({ parameters: { type: 'object' }, needsApproval: true, execute: () => 'paid' })
const broken = tool({
  parameters: { type: 'object' },
  execute: () => {
    throw new Error('no such city')
  },
})

async function setUp(
  major: string,
  script: Reply | readonly Reply[],
  { init, options }: { init?: ChatInit; options?: Partial<BaseHandlerOptions<{}>> } = {},
) {
  const provider = scripted(script)
  const ai = createClient({ providers: [provider], use: [tools({ weather, pay, broken })] })
  const answer = handler(ai, {
    public: true,
    models: { fast: 'scripted/any' },
    format: 'ui',
    input: { allowTools: true },
    ...options,
  })
  const { url, close } = await serve((request, response) => void answer(request, response))
  closers.push(close)
  return { provider, chat: await chatOf(major, `${url}/api/chat`, init) }
}

const partsOf = (chat: { readonly messages: readonly { readonly parts: readonly object[] }[] }) =>
  JSON.parse(JSON.stringify(chat.messages.at(-1)?.parts)) as Record<string, unknown>[]

describe.each(majors)('a chat of version %s', (_, major) => {
  it('shows a text that grows', async () => {
    const seen = new Set<string>()
    const { chat } = await setUp(major, say('Hello there, friend'), {
      init: {
        onMessages: (messages) => {
          const last = messages.at(-1)
          for (const part of last?.role === 'assistant' ? last.parts : [])
            if (part.type === 'text') seen.add(part.text)
        },
      },
    })
    await chat.sendMessage({ text: 'Hi' })
    expect(chat.error).toBeUndefined()
    expect(chat.status).toBe('ready')
    expect(partsOf(chat)).toEqual([
      { type: 'step-start' },
      { type: 'text', text: 'Hello there, friend', state: 'done' },
    ])
    expect([...seen].every((text) => 'Hello there, friend'.startsWith(text))).toBe(true)
    expect(chat.messages.at(-1)?.metadata).toMatchObject({ finish_reason: 'stop' })
  })

  it('shows thoughts, calls, what came of them, and the words after', async () => {
    const { chat } = await setUp(major, [
      think('Let me see.')
        .say('I look.')
        .callTool('weather', { city: 'Rome' }, { id: 'c1' })
        .callTool('broken', {}, { id: 'c2' }),
      say('Sunny.'),
    ])
    await chat.sendMessage({ text: 'Weather?' })
    expect(chat.error).toBeUndefined()
    expect(partsOf(chat)).toMatchObject([
      { type: 'step-start' },
      { type: 'reasoning', text: 'Let me see.', state: 'done' },
      { type: 'text', text: 'I look.' },
      {
        type: 'tool-weather',
        state: 'output-available',
        input: { city: 'Rome' },
        output: { degrees: 21 },
      },
      { type: 'tool-broken', state: 'output-error', errorText: 'no such city' },
      { type: 'step-start' },
      { type: 'text', text: 'Sunny.' },
    ])
  })

  it('sends the conversation back as it was', async () => {
    const { chat, provider } = await setUp(major, [
      callTool('weather', '{ "city": "Rome" }', { id: 'c1' }),
      say('Sunny.'),
      say('You are welcome.'),
    ])
    await chat.sendMessage({ text: 'Weather?' })
    await chat.sendMessage({ text: 'Thanks' })
    expect(provider.calls[2]?.request.messages).toEqual([
      { role: 'user', content: 'Weather?' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [
          {
            id: 'c1',
            type: 'function',
            function: { name: 'weather', arguments: '{ "city": "Rome" }' },
          },
        ],
      },
      { role: 'tool', tool_call_id: 'c1', name: 'weather', content: '{"degrees":21}' },
      { role: 'assistant', content: 'Sunny.' },
      { role: 'user', content: 'Thanks' },
    ])
  })

  it('takes files of the user, and shows those of the answer', async () => {
    const url = 'data:image/png;base64,iVBORw0KGgo='
    const { chat, provider } = await setUp(major, say('Here:').image('iVBORw0KGgo='))
    await chat.sendMessage({
      text: 'Look',
      files: [{ type: 'file', mediaType: 'image/png', url, filename: 'a.png' }],
    })
    expect(provider.calls[0]?.request.messages[0]?.content).toContainEqual({
      type: 'image_url',
      image_url: { url },
    })
    expect(partsOf(chat)).toContainEqual({ type: 'file', mediaType: 'image/png', url })
  })

  it('tells a failure before the first word by its body, one in the middle by an event', async () => {
    const data: unknown[] = []
    const { chat } = await setUp(
      major,
      [fail(503, { message: 'canary' }), say('One two three').failAfter(3, 'overloaded')],
      { init: { onData: ({ data: one }) => data.push(one) } },
    )
    await chat.sendMessage({ text: 'Hi' })
    expect(chat.status).toBe('error')
    expect(JSON.parse(chat.error?.message ?? '')).toMatchObject({
      error: { code: 'provider_unavailable' },
    })
    await chat.regenerate()
    expect(chat.status).toBe('error')
    expect(chat.error?.message).toBe('The model cannot be reached at the moment.')
    expect(partsOf(chat)[1]).toMatchObject({ type: 'text', state: 'done' })
    expect(data).toMatchObject([{ code: 'provider_unavailable' }])
  })

  it('closes the call when its user stops it', async () => {
    const { chat, provider } = await setUp(major, say('One two three').stall(3), {
      init: {
        onMessages: (messages) => {
          const last = messages.at(-1)
          if (last?.role === 'assistant' && last.parts.some(({ type }) => type === 'text'))
            void chat.stop()
        },
      },
    })
    await chat.sendMessage({ text: 'Hi' })
    expect(chat.status).toBe('ready')
    await expect.poll(() => provider.open).toBe(0)
  })
})

describe.each(majors)('a chat of version %s after a reload', (_, major) => {
  it('reads the answer again from its start, and nothing where there is none', async () => {
    const encoder = ui.encoder(contextOf())
    const data = [
      ...encoder.encode([start, { type: 'text-delta', text: 'Hel' }]),
      ...encoder.encode([{ type: 'text-delta', text: 'lo' }, finish()]),
      ...(await encoder.end()),
    ]
    const paths: string[] = []
    const { url, close } = await serve((request, response) => {
      paths.push(`${request.method} ${request.url}`)
      if (paths.length > 1) return void response.writeHead(204).end()
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end(data.map((one) => `id: 1\ndata: ${one}\n\n`).join(': \n\n'))
    })
    closers.push(close)
    const messages = [{ id: 'u', role: 'user', parts: [{ type: 'text', text: 'Hi' }] }]
    const chat = await chatOf(major, `${url}/api/chat`, { id: 'room', messages })
    await chat.resumeStream()
    expect(chat.error).toBeUndefined()
    expect(chat.messages.map(({ id }) => id)).toEqual(['u', 'answer-1'])
    expect(partsOf(chat)[1]).toEqual({ type: 'text', text: 'Hello', state: 'done' })
    await chat.resumeStream()
    expect(chat.error).toBeUndefined()
    expect(chat.messages).toHaveLength(2)
    // 5.0.0 itself stays at 'submitted' after a 204
    if (major !== 'ai5') expect(chat.status).toBe('ready')
    expect(paths).toEqual(['GET /api/chat/room/stream', 'GET /api/chat/room/stream'])
  })
})

describe.each(majors.slice(1))('a chat of version %s that is asked', (_, major) => {
  it.each([
    [true, 'paid', 'output-available'],
    [false, '', 'output-denied'],
  ])('goes on in the same message when the answer is %s', async (approved, output, state) => {
    const { chat, provider } = await setUp(
      major,
      [callTool('pay', '{ "usd": 5 }', { id: 'c1' }), say('Done.'), say('Bye.')],
      { init: { sendAutomaticallyWhen: await whenAnswered(major) } },
    )
    await chat.sendMessage({ text: 'Pay' })
    const [, part] = partsOf(chat)
    expect(part).toMatchObject({ type: 'tool-pay', state: 'approval-requested' })
    const id = (part?.approval as { id?: string } | undefined)?.id
    await chat.addToolApprovalResponse({ id, approved, reason: 'so be it' })
    await expect.poll(() => chat.status).toBe('ready')
    await expect.poll(() => partsOf(chat).length).toBe(4)
    expect(chat.error).toBeUndefined()
    expect(chat.messages).toHaveLength(2)
    expect(partsOf(chat)[1]).toMatchObject({ type: 'tool-pay', state, ...(output && { output }) })
    expect(partsOf(chat)[3]).toMatchObject({ type: 'text', text: 'Done.' })
    await chat.sendMessage({ text: 'Thanks' })
    const results = provider.calls[2]?.request.messages.filter(({ role }) => role === 'tool')
    expect(results).toMatchObject([
      { tool_call_id: 'c1', content: approved ? 'paid' : expect.stringContaining('so be it') },
    ])
  })
})
