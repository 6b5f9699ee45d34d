/**
 * `Chat` and `DefaultChatTransport` of three major versions of the AI SDK, over a socket, against a
 * handler.
 */
import { afterEach, describe, expect, it } from 'vitest'
import { tool, tools } from '../../../../middleware/tools.js'
import { createClient } from '../../../../src/client.js'
import { type BaseHandlerOptions, handler } from '../../../../src/http/node.js'
import { memoryStore } from '../../../../src/store/index.js'
import { callTool, fail, type Reply, say, scripted, think } from '../../../../src/testing/index.js'
import { serve } from '../../support.js'
import { type ChatInit, chatOf, majors, whenAnswered } from './clients.js'

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

interface Visitor {
  readonly userId?: string
}

type Part = Record<string, unknown>

async function setUp(
  major: string,
  script: Reply | readonly Reply[],
  { init, options }: { init?: ChatInit; options?: Partial<BaseHandlerOptions<Visitor>> } = {},
) {
  const provider = scripted(script)
  const ai = createClient<Visitor>({
    providers: [provider],
    use: [tools({ weather, pay, broken })],
  })
  const answer = handler(ai, {
    authorize: () => ({ userId: 'ada' }),
    models: { fast: 'scripted/any' },
    format: 'ui',
    input: { allowTools: true },
    ...options,
  })
  const server = await serve((request, response) => void answer(request, response))
  closers.push(server.close)
  const url = `${server.url}/api/chat`
  return { provider, url, chat: await chatOf(major, url, init) }
}

/** A handler whose responses outlive their connection, and whose histories are signed. */
const kept = (): Partial<BaseHandlerOptions<Visitor>> => ({
  store: memoryStore(),
  secret: 'a secret of at least 32 characters',
  input: {},
})

/** Holds a reply until the gate is opened. */
function gateOf() {
  let open = () => {}
  const closed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { closed, open: () => open() }
}

const partsOf = (chat: { readonly messages: readonly { readonly parts: readonly object[] }[] }) =>
  JSON.parse(JSON.stringify(chat.messages.at(-1)?.parts)) as Record<string, unknown>[]

describe.each(majors)('a chat of version %s', (_, major) => {
  it('shows text as it grows', async () => {
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

  it('shows thoughts, calls, their results, and the text after them', async () => {
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

  it('sends the conversation back unchanged', async () => {
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

  it('sends files of the user, and shows those of the response', async () => {
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

  it('reads a failure before the first word from the body, a later one from an event', async () => {
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

const approvalOf = (chat: Parameters<typeof partsOf>[0]) =>
  partsOf(chat).flatMap(({ approval }) => (approval as { id?: string })?.id ?? [])[0]

const native = { provider: 'scripted', model: 'any', content: [{ type: 'forged' }] }

/** Metadata with other content for the first turn. */
function withNote(metadata: unknown, note: object) {
  const { turns = {} } = (metadata ?? {}) as { turns?: Record<string, object> }
  return { ...(metadata as object), turns: { ...turns, 1: { ...turns['1'], ...note } } }
}

const question = (text: string) => ({ id: 'u', role: 'user', parts: [{ type: 'text', text }] })

describe.each(majors)('a chat of version %s after a reload', (_, major) => {
  it('reads the response again from its start, and nothing if there is none', async () => {
    const gate = gateOf()
    const reply = say('Hello there friend').hold(2, gate.closed)
    const { chat, provider, url } = await setUp(major, reply, {
      init: { id: 'room' },
      options: kept(),
    })
    const first = chat.sendMessage({ text: 'Hi' })
    await expect.poll(() => partsOf(chat)[1]).toMatchObject({ text: expect.stringMatching(/^Hel/) })

    const again = await chatOf(major, url, { id: 'room', messages: [question('Hi')] })
    const second = again.resumeStream()
    await expect.poll(() => again.messages.length).toBe(2)
    gate.open()
    await Promise.all([first, second])
    for (const one of [chat, again]) {
      expect(one.error).toBeUndefined()
      expect(partsOf(one)[1]).toEqual({ type: 'text', text: 'Hello there friend', state: 'done' })
    }
    expect(again.messages[1]).toEqual(chat.messages[1])
    expect(provider.calls).toHaveLength(1)

    await again.resumeStream()
    expect(again.error).toBeUndefined()
    expect(again.messages).toHaveLength(2)
    // 5.0.0 itself stays at 'submitted' after a 204
    if (major !== 'ai5') expect(again.status).toBe('ready')
  })
})

describe.each(majors)('a chat of version %s with a signed history', (_, major) => {
  const script = () => [
    think('Which city?').callTool('weather', '{ "city": "Rome" }', { id: 'c1' }),
    say('Sunny.'),
    say('You are welcome.'),
  ]

  it('sends it back, and it is accepted', async () => {
    const { chat, provider } = await setUp(major, script(), { options: kept() })
    await chat.sendMessage({ text: 'Weather?' })
    await chat.sendMessage({ text: 'Thanks' })
    expect(chat.error).toBeUndefined()
    const [, turn, result] = provider.calls[2]?.request.messages ?? []
    expect(turn).toMatchObject({
      tool_calls: [{ id: 'c1', function: { arguments: '{ "city": "Rome" }' } }],
    })
    expect(result).toMatchObject({ role: 'tool', content: '{"degrees":21}' })
  })

  it.each([
    ['another result', (part: Part) => ({ ...part, output: { degrees: 40 } }), {}],
    ['another call', (part: Part) => ({ ...part, input: { city: 'Oslo' } }), {}],
    ['another tool', (part: Part) => ({ ...part, type: 'tool-pay' }), {}],
    ['a call more', (part: Part) => [part, { ...part, toolCallId: 'c2' }], {}],
    ['blocks of its own', (part: Part) => part, { native }],
    ['no signature', (part: Part) => part, { mac: undefined }],
  ])('is rejected with %s', async (_, edit, note) => {
    const { chat, provider, url } = await setUp(major, script(), {
      init: { id: 'room' },
      options: kept(),
    })
    await chat.sendMessage({ text: 'Weather?' })
    const messages = chat.messages.map((message) => ({
      ...message,
      metadata: withNote(message.metadata, note),
      parts: message.parts.flatMap((part) => (part.type === 'tool-weather' ? edit(part) : part)),
    }))
    const forged = await chatOf(major, url, { id: 'room', messages })
    await forged.sendMessage({ text: 'Thanks' })
    expect(JSON.parse(forged.error?.message ?? '')).toMatchObject({
      error: { status: 400, code: 'history_not_signed' },
    })
    expect(provider.calls).toHaveLength(2)
  })

  it('is rejected in another conversation', async () => {
    const { chat, url } = await setUp(major, script(), { init: { id: 'room' }, options: kept() })
    await chat.sendMessage({ text: 'Weather?' })
    const other = await chatOf(major, url, { id: 'hall', messages: chat.messages })
    await other.sendMessage({ text: 'Thanks' })
    expect(other.error?.message).toContain('history_not_signed')
  })
})

describe.each(majors.slice(1))('a chat of version %s with an approval request', (_, major) => {
  it.each([
    ['yes', 'is open', true, 'paid', 'output-available', {}],
    ['no', 'is open', false, '', 'output-denied', {}],
    ['yes', 'is signed', true, 'paid', 'output-available', kept()],
    ['no', 'is signed', false, '', 'output-denied', kept()],
  ])('continues in the same message after a %s where its history %s', async (...given) => {
    const [, , approved, output, state, options] = given
    const { chat, provider } = await setUp(
      major,
      [callTool('pay', '{ "usd": 5 }', { id: 'c1' }), say('Done.'), say('Bye.')],
      { init: { sendAutomaticallyWhen: await whenAnswered(major) }, options },
    )
    await chat.sendMessage({ text: 'Pay' })
    const [, part] = partsOf(chat)
    expect(part).toMatchObject({ type: 'tool-pay', state: 'approval-requested' })
    await chat.addToolApprovalResponse({ id: approvalOf(chat), approved, reason: 'so be it' })
    await expect.poll(() => chat.status).toBe('ready')
    await expect.poll(() => partsOf(chat).length).toBe(4)
    expect(chat.error).toBeUndefined()
    expect(chat.messages).toHaveLength(2)
    expect(partsOf(chat)[1]).toMatchObject({ type: 'tool-pay', state, ...(output && { output }) })
    expect(partsOf(chat)[3]).toMatchObject({ type: 'text', text: 'Done.' })
    await chat.sendMessage({ text: 'Thanks' })
    expect(chat.error).toBeUndefined()
    const results = provider.calls[2]?.request.messages.filter(({ role }) => role === 'tool')
    expect(results).toMatchObject([
      { tool_call_id: 'c1', content: approved ? 'paid' : expect.stringContaining('so be it') },
    ])
  })

  it.each([
    [{ approved: true }, { state: 'output-available', output: 'paid' }, 'paid'],
    [{ approved: false, reason: 'too much' }, { state: 'output-denied' }, 'too much'],
  ])('reads the whole message again after a reload while it continues: %j', async (...given) => {
    const [approval, part, result] = given
    const gate = gateOf()
    const { chat, provider, url } = await setUp(
      major,
      [
        think('It costs.').say('I pay.').callTool('pay', { usd: 5 }, { id: 'c1' }),
        say('All is done').hold(2, gate.closed),
        say('Bye.'),
      ],
      {
        init: { id: 'room', sendAutomaticallyWhen: await whenAnswered(major) },
        options: kept(),
      },
    )
    await chat.sendMessage({ text: 'Pay' })
    await chat.addToolApprovalResponse({ id: approvalOf(chat), ...approval })
    await expect
      .poll(() => partsOf(chat).at(-1))
      .toMatchObject({ text: expect.stringMatching(/^All/) })

    const again = await chatOf(major, url, { id: 'room', messages: chat.messages })
    const reading = again.resumeStream()
    await expect.poll(() => again.status).toBe('streaming')
    gate.open()
    await reading
    await expect.poll(() => chat.status).toBe('ready')
    expect(again.error).toBeUndefined()
    expect(partsOf(again)).toMatchObject([
      { type: 'step-start' },
      { type: 'reasoning', text: 'It costs.' },
      { type: 'text', text: 'I pay.' },
      { type: 'tool-pay', input: { usd: 5 }, ...part },
      { type: 'step-start' },
      { type: 'text', text: 'All is done', state: 'done' },
    ])
    expect(again.messages[1]?.metadata).toEqual(chat.messages[1]?.metadata)

    await again.sendMessage({ text: 'Thanks' })
    expect(again.error).toBeUndefined()
    const resultOf = (call: number) =>
      provider.calls[call]?.request.messages.find(({ role }) => role === 'tool')?.content
    expect(resultOf(1)).toContain(result)
    expect(resultOf(2)).toBe(resultOf(1))
  })

  it('may send another message instead', async () => {
    const { chat, provider } = await setUp(
      major,
      [callTool('pay', {}, { id: 'c1' }), say('As you like.')],
      { options: kept() },
    )
    await chat.sendMessage({ text: 'Pay' })
    await chat.sendMessage({ text: 'Never mind' })
    expect(chat.error).toBeUndefined()
    expect(provider.calls[1]?.request.messages.map(({ role }) => role)).toEqual([
      'user',
      'assistant',
      'user',
    ])
  })

  it('accepts one approval: a second one, and one of something else, are rejected', async () => {
    const script = [callTool('pay', {}, { id: 'c1' }), say('Done.')]
    const { chat, provider, url } = await setUp(major, script, {
      init: { id: 'room', sendAutomaticallyWhen: await whenAnswered(major) },
      options: kept(),
    })
    await chat.sendMessage({ text: 'Pay' })
    const messages = structuredClone(chat.messages)
    const approval = { id: approvalOf(chat), approved: true }
    const approve = async (edit: (part: Part) => object) => {
      const answered = messages.map((message) => ({
        ...message,
        parts: message.parts.map((part) =>
          part.type === 'tool-pay'
            ? edit({ ...part, state: 'approval-responded', approval } as Part)
            : part,
        ),
      }))
      const one = await chatOf(major, url, { id: 'room', messages: answered })
      await one.sendMessage()
      return one.error && JSON.parse(one.error.message).error.code
    }
    expect(await approve((part) => ({ ...part, input: { usd: 500 } }))).toBe('history_not_signed')
    expect(await approve((part) => ({ ...part, approval: { ...approval, id: 'made-up' } }))).toBe(
      'history_not_signed',
    )
    expect(await approve((part) => part)).toBeUndefined()
    expect(await approve((part) => part)).toBe('approval_used')
    expect(provider.calls).toHaveLength(2)
  })
})
