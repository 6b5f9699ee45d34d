/**
 * Input of a route: limits, empty messages, repeated questions, OpenAI clients, cross-origin pages.
 */
import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import express, { type Request as ExpressRequest, type NextFunction, type Response } from 'express'
import { Hono, type Context as HonoContext } from 'hono'
import OpenAI from 'openai'
import { describe, expect, it } from 'vitest'
import type { Message } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import { createSigner } from '../../src/http/input/signing.js'
import { handler as nodeHandler } from '../../src/http/node.js'
import { type BaseHandlerOptions, handler } from '../../src/http/web.js'
import { memoryStore } from '../../src/store/index.js'
import { fail, type ScriptedStep, say, scripted } from '../../src/testing/index.js'
import { codeOf, dataOf, gate, hello, post, setUp } from './requests.js'
import { listen, serve } from './support.js'

const user = (content: unknown) => ({ role: 'user', content })
const answer = (content = 'An answer.') => ({ role: 'assistant', content })
const picture = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }
const uiUser = (id: string, text: string) => ({ id, role: 'user', parts: [{ type: 'text', text }] })

const textsOf = (messages: readonly Message[] | undefined) =>
  messages?.map(({ content }) => (typeof content === 'string' ? content : 'parts'))

describe('limits apply to the new message', () => {
  it.each<[string, unknown[]]>([
    [
      'a ninth picture',
      Array(9)
        .fill([user([picture]), answer()])
        .flat(),
    ],
    [
      'a thousand questions',
      Array(1_000)
        .fill([user('q'), answer()])
        .flat(),
    ],
    [
      'pastes of 1 MB in all',
      Array(40)
        .fill([user('a'.repeat(30_000)), answer()])
        .flat(),
    ],
    ['a paste that was refused', [user('a'.repeat(40_000))]],
    ['a file that was refused', [user([{ type: 'file', file: { file_id: 'f' } }])]],
    ['too many pictures, refused', [user(Array(9).fill(picture))]],
  ])('%s does not end the conversation', async (_, before) => {
    for (const format of ['chunks', 'openai'] as const) {
      const { handle } = setUp(say('Hello'), { format })
      const body = { model: 'fast', messages: [...before, user('short')] }
      const response = await handle(post(body))
      // the openai format reads no file ids here
      expect(response.status, `${format}: ${await response.clone().text()}`).toBe(200)
    }
  })

  it('a page may keep an id and a name with each message, and null for what is absent', async () => {
    const { handle, provider } = setUp(say('Hello'))
    const absent = { tool_calls: null, audio: null, function_call: null, refusal: null }
    const said = { ...answer(), id: 'a1', name: 'bot', ...absent }
    const messages = [{ ...user('Hi'), id: 'u1' }, said, { ...user('And?'), id: 'u2' }]
    expect((await handle(post({ messages }))).status).toBe(200)
    expect(textsOf(provider.calls[0]?.request.messages)).toEqual(['Hi', 'An answer.', 'And?'])
    expect(JSON.stringify(provider.calls[0]?.request.messages)).not.toContain('"id"')
  })

  it('a message that was rejected when it was new is never sent to a provider', async () => {
    const { handle, provider } = setUp(say('Hello'))
    await handle(post({ messages: [user('a'.repeat(40_000)), answer(), user('short')] }))
    expect(textsOf(provider.calls[0]?.request.messages)).toEqual(['An answer.', 'short'])
  })

  it.each<[string, unknown, string, string]>([
    ['a long text', 'a'.repeat(40_000), 'text_too_long', '40000 characters, at most 32768'],
    ['nine pictures', Array(9).fill(picture), 'too_many_files', 'at most 8'],
    [
      'an address of the server',
      [{ type: 'image_url', image_url: 'file:///etc/passwd' }],
      'invalid_messages',
      'messages[0].content[0].image_url: ',
    ],
    ['an unknown member', [{ type: 'text', text: 'x', extra: 1 }], 'invalid_messages', '[0].extra'],
  ])('%s is rejected with its position and the limit', async (_, content, code, words) => {
    const { handle, provider } = setUp(say('Hello'))
    const { error } = await (await handle(post({ messages: [user(content)] }))).json()
    expect(error.code).toBe(code)
    expect(error.message).toContain(words)
    expect(provider.calls).toHaveLength(0)
  })

  const blank = [
    ['no text', ''],
    ['blanks', ' \n\t'],
    ['no part', []],
    ['parts without text', [{ type: 'text', text: '' }]],
  ] as const
  const asUi = (content: unknown) =>
    typeof content === 'string' ? [{ type: 'text', text: content }] : content
  const uiOf = (one: { role: string; content: unknown }) => ({
    id: one.role,
    role: one.role,
    parts: asUi(one.content),
  })

  it.each(blank)(
    'a message without content is rejected, and skipped in the history: %s',
    async (_, content) => {
      for (const format of ['chunks', 'openai', 'ui'] as const) {
        const { handle, provider } = setUp(say('Hello'), { format })
        const send = (...messages: { role: string; content: unknown }[]) =>
          handle(post({ model: 'fast', messages: format === 'ui' ? messages.map(uiOf) : messages }))
        const refused = await send(user('Hi'), answer(), user(content))
        expect([refused.status, await codeOf(refused)]).toEqual([400, 'invalid_messages'])
        expect(provider.calls).toHaveLength(0)
        // in the history of the page it is skipped
        const later = await send(user('Hi'), answer(), user(content), user('Hello?'))
        expect(later.status).toBe(200)
        expect(textsOf(provider.calls[0]?.request.messages)).toEqual(['Hi', 'An answer.', 'Hello?'])
      }
    },
  )

  it('ui: parts that only the page uses are left to the app', async () => {
    const { handle, provider } = setUp(say('Hello'))
    const own = { id: 'u', role: 'user', parts: [{ type: 'data-note', data: {} }] }
    expect((await handle(post({ messages: [uiUser('q', 'Hi'), own] }))).status).toBe(200)
    expect(textsOf(provider.calls[0]?.request.messages)).toEqual(['Hi'])
  })

  it.each([
    ['content', answer(`x;base64,${'A'.repeat(7_000_000)}`)],
    ['refusal', { role: 'assistant', content: 'x', refusal: `;base64,${'A'.repeat(7_000_000)}` }],
  ])('text that resembles a file of an assistant stays text: %s', async (_, message) => {
    const { handle, provider } = setUp(say('Hello'))
    const response = await handle(post({ messages: [user('Hi'), message, user('Go on')] }))
    expect([response.status, await codeOf(response)]).toEqual([413, 'conversation_too_long'])
    expect(provider.calls).toHaveLength(0)
  })
})

/** A route whose server stores the conversation, set up as in the docs. */
function keeping(script: ScriptedStep[]) {
  let kept: readonly Message[] = []
  const prompted: unknown[] = []
  const app = setUp(script, {
    history: (_, { trigger, messageId, body }) => {
      prompted.push([trigger, messageId, (body as { id: string }).id])
      return kept
    },
    onFinish: ({ messages = [] }, { request }) => {
      kept = [...request.messages, ...messages]
    },
  })
  const send = async (body: object) => (await app.handle(post({ id: 'room', ...body }))).text()
  return {
    ...app,
    prompted,
    send,
    asked: () => textsOf(app.provider.calls.at(-1)?.request.messages),
  }
}

describe('a tool that runs in the page, when the server stores the conversation', () => {
  const calls = [
    { id: 'c1', type: 'function', function: { name: 'locate', arguments: '{}' } },
    { id: 'c2', type: 'function', function: { name: 'pick', arguments: '{}' } },
  ] as const
  const ran = (tool_call_id: string, content: string) =>
    ({ role: 'tool', tool_call_id, content }) as const
  const part = (name: string, toolCallId: string, output: string) => ({
    type: `tool-${name}`,
    toolCallId,
    state: 'output-available',
    input: {},
    output,
  })
  const results = (first: string) => ({
    chunks: { messages: [user('Where?'), ran('c1', first), ran('c2', 'there')] },
    ui: {
      messages: [
        uiUser('u', 'Where?'),
        {
          id: 'a',
          role: 'assistant',
          parts: [{ type: 'step-start' }, part('locate', 'c1', first), part('pick', 'c2', 'there')],
        },
      ],
    },
  })
  const ask = (format: 'chunks' | 'ui', input: object, kept: Message[]) => {
    const app = setUp(say('Hello'), { format, input, history: () => kept })
    return { ...app, sent: app.handle(post({ id: 'room', ...results('here')[format] })) }
  }
  const open: Message[] = [
    { role: 'user', content: 'Where?' },
    { role: 'assistant', content: null, tool_calls: [...calls] },
  ]

  it.each(['chunks', 'ui'] as const)('%s: its result continues the response', async (format) => {
    const { sent, provider } = ask(format, { allowTools: true }, open)
    expect((await sent).status).toBe(200)
    const [, , ...news] = provider.calls[0]?.request.messages ?? []
    expect(news).toMatchObject([ran('c1', 'here'), ran('c2', 'there')])
  })

  it.each(['chunks', 'ui'] as const)(
    '%s: its result never replaces an existing one',
    async (format) => {
      const first = ask(format, { allowTools: true }, [...open, ran('c1', 'the server said so')])
      expect((await first.sent).status).toBe(200)
      const [, , ...news] = first.provider.calls[0]?.request.messages ?? []
      expect(textsOf(news)).toEqual(['the server said so', 'there'])
      const whole = [...open, ran('c1', 'x'), ran('c2', 'y'), { role: 'assistant', content: 'Ok' }]
      const again = ask(format, { allowTools: true }, whole as Message[])
      expect(await codeOf(await again.sent)).toBe('approval_used')
    },
  )

  it.each(['chunks', 'ui'] as const)(
    '%s: its result is ignored unless the app accepts it',
    async (format) => {
      const { sent, provider } = ask(format, {}, open)
      expect(await codeOf(await sent)).toBe('invalid_messages')
      expect(provider.calls).toHaveLength(0)
    },
  )
})

describe('a repeated question, when the server stores the conversation', () => {
  const three = [say('A1'), say('A2'), say('A3')]

  it('ui: a regenerated response replaces the old one, and the app is notified', async () => {
    const app = keeping(three)
    await app.send({ messages: [uiUser('u1', 'Q1')], trigger: 'submit-message' })
    const again = { messages: [uiUser('u1', 'Q1')], trigger: 'regenerate-message', messageId: 'a1' }
    await app.send(again)
    expect(app.asked()).toEqual(['Q1'])
    expect(app.prompted.at(-1)).toEqual(['regenerate-message', 'a1', 'room'])
  })

  it('ui: an edited question replaces itself and everything after it', async () => {
    const app = keeping(three)
    await app.send({ messages: [uiUser('u1', 'Q1')] })
    await app.send({ messages: [uiUser('u2', 'Q2')] })
    await app.send({ messages: [uiUser('u1', 'Q1, in other words')], messageId: 'u1' })
    expect(app.asked()).toEqual(['Q1, in other words'])
  })

  it.each(['ui', 'chunks'] as const)(
    '%s: a question that failed before it was stored is edited in its place',
    async (format) => {
      const one = (id: string, text: string) =>
        format === 'ui' ? uiUser(id, text) : { ...user(text), id }
      const page = (...messages: object[]) => ({ messages, trigger: 'submit-message' })
      const app = keeping([say('A1'), fail(500), say('A3'), say('A4'), say('A5')])
      await app.send(page(one('u1', 'Q1')))
      await app.send(page(one('u1', 'Q1'), one('u2', 'Q2')))
      await app.send(page(one('u1', 'Q1'), one('u2', 'Q2'), one('u3', 'Q3')))
      expect(app.asked()).toEqual(['Q1', 'A1', 'Q3'])
      const edited = one('u2', 'Q2, in other words')
      await app.send({ ...page(one('u1', 'Q1'), edited), messageId: 'u2' })
      expect(app.asked()).toEqual(['Q1', 'A1', 'Q2, in other words'])
      // a page whose ids nobody stored: nothing is dropped
      await app.send({ ...page(one('x1', 'Q1'), one('x2', 'Q5')), messageId: 'x2' })
      expect(app.asked()).toEqual(['Q1', 'A1', 'Q2, in other words', 'A4', 'Q5'])
    },
  )

  it('the same text under two ids is two questions', async () => {
    for (const one of [uiUser, (id: string, content: string) => ({ id, role: 'user', content })]) {
      const app = keeping(three)
      await app.send({ messages: [one('u1', 'Next')] })
      await app.send({ messages: [one('u2', 'Next')] })
      expect(app.asked()).toEqual(['Next', 'A1', 'Next'])
    }
  })

  it.each(['chunks', 'openai'])('%s: a retry removes an incomplete response', async (format) => {
    const app = keeping([say('Half an answer').failAfter(3, 'overloaded'), say('Whole')])
    const body = { model: 'fast', stream: true, messages: [user('Q')] }
    for (let times = 0; times < 2; times++)
      await (
        await app.handle(post({ id: 'room', ...body }, { path: `/api/chat?format=${format}` }))
      ).text()
    expect(app.asked()).toEqual(['Q'])
  })
})

describe('the app receives', () => {
  it('its own members of a body, in every format; no provider does', async () => {
    for (const format of ['chunks', 'ui', 'openai'] as const) {
      const seen: unknown[] = []
      const { handle, provider } = setUp(say('Hello'), {
        format,
        before: (request, { body }) => {
          seen.push((body as { selectedChatModel: string }).selectedChatModel)
          return request
        },
        onFinish: (_, { body }) => void seen.push(Object.keys(body as object).length > 1),
      })
      const messages = format === 'ui' ? [uiUser('u1', 'Hi')] : hello.messages
      await (await handle(post({ model: 'fast', messages, selectedChatModel: 'big' }))).text()
      expect(seen).toEqual(['big', true])
      expect(provider.calls[0]?.request).not.toHaveProperty('selectedChatModel')
    }
  })

  it.each<[string, string, unknown, 'chunks' | 'openai', object]>([
    ['unknown_param', 'temperature', [user('Hi')], 'chunks', { temperature: 1 }],
    ['unknown_param', 'temperature', [user('Hi')], 'openai', { temperature: 1 }],
    ['invalid_value', 'temperature', [user('Hi')], 'openai', { temperature: 'warm' }],
    ['invalid_value', 'messages[0].content', [user(7)], 'openai', {}],
    ['role_not_allowed', 'messages[0].role', [{ role: 'system', content: 'x' }], 'openai', {}],
    [
      'history_not_signed',
      'messages[1].native',
      [user('Hi'), { ...answer(), native: { v: 1 } }, user('And?')],
      'chunks',
      {},
    ],
    [
      'history_not_signed',
      'messages[1].role',
      [user('Hi'), { role: 'tool', tool_call_id: 'c', content: 'x' }, user('And?')],
      'openai',
      {},
    ],
  ])('the name of what was rejected: %s, %s', async (code, param, messages, format, more) => {
    const { handle, provider } = setUp(say('Hello'), { format })
    const response = await handle(post({ model: 'fast', messages, ...more }))
    expect((await response.json()).error).toMatchObject({ code, param })
    expect(provider.calls).toHaveLength(0)
  })

  it.each<[string, Partial<BaseHandlerOptions<{}>>]>([
    ['before', { before: () => undefined as never }],
    ['before', { before: async () => [] as never }],
    ['before', { before: ({ model }) => ({ model }) as never }],
    ['history', { history: () => undefined as never }],
    ['history', { history: async () => null as never }],
    ['history', { history: () => ({ messages: [] }) as never }],
    ['history', { history: () => [undefined] as never }],
  ])('a MisuseError that names %s if it returns something else (%#)', async (name, options) => {
    const errors: unknown[] = []
    const { handle, provider } = setUp(say('Hello'), {
      ...options,
      onError: (error) => errors.push(error),
    })
    expect((await handle(post({ ...hello, id: 'room' }))).status).toBe(500)
    expect(errors).toMatchObject([{ name: 'MisuseError' }])
    expect(String(errors[0])).toContain(`\`${name}\` must return`)
    expect(provider.calls).toHaveLength(0)
  })

  it('errors in a function that rejects, and its rejection ends no process', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown) => unhandled.push(reason)
    process.on('unhandledRejection', note)
    try {
      const { handle } = setUp([], { onError: () => Promise.reject(new Error('no network')) })
      expect((await handle(post('{'))).status).toBe(400)
      expect((await handle(post({ ...hello, stream: false }))).status).toBe(500)
      await new Promise((resolve) => setImmediate(resolve))
      expect(unhandled).toEqual([])
    } finally {
      process.off('unhandledRejection', note)
    }
  })

  it.each<[string, Partial<BaseHandlerOptions<{}>> & { authorize?: unknown }]>([
    ['authorize', { authorize: async (request: Request) => ({ is: await request.json() }) }],
    ['before', { before: async (_, { request }) => request.json() }],
  ])('a MisuseError if the body was already read: %s', async (_, options) => {
    const errors: unknown[] = []
    const { handle } = setUp(say('Hello'), { ...options, onError: (error) => errors.push(error) })
    const settings = options.authorize ? { ...options, public: undefined } : options
    const one = settings.authorize
      ? handler(createClient({ providers: [scripted(say('x'))] }), {
          models: ['scripted/any'],
          authorize: options.authorize as never,
          onError: (error) => errors.push(error),
        })
      : handle
    expect((await one(post(hello))).status).toBe(500)
    expect(errors[0]).toMatchObject({ name: 'MisuseError' })
    expect(String(errors[0])).toContain('clone()')
  })

  it('the session of the framework, and tags derived from its state', async () => {
    const provider = scripted(say('Hello'))
    const tags: unknown[] = []
    const ai = createClient<{ userId: number }>({
      providers: [provider],
      use: [
        function seen(ctx, next) {
          tags.push(ctx.options.tags)
          return next()
        },
      ],
    })
    type WithSession = ExpressRequest & { session?: { user: number } }
    const session = (request: WithSession, _: Response, next: NextFunction) => {
      request.session = { user: 7 }
      next()
    }
    const chat = nodeHandler<{ userId: number }>(ai, {
      models: ['scripted/any'],
      authorize: (_, native) => ({
        userId: (native as { req: WithSession }).req.session?.user ?? 0,
      }),
      tags: ({ userId }) => ({ user: String(userId) }),
    })
    const running = await serve(express().use(session).all('/api/chat', chat))
    const headers = { 'content-type': 'application/json' }
    const init = { method: 'POST', headers, body: JSON.stringify(hello) }
    const response = await fetch(`${running.url}/api/chat`, init)
    expect(dataOf(await response.text()).at(-1)).toBe('[DONE]')
    expect(tags).toEqual([{ user: '7' }])
    await running.close()
  })

  it("Hono's context, in each of its functions", async () => {
    type Env = { Variables: { userId: number } }
    const seen: unknown[] = []
    const userOf = (native: unknown) => (native as HonoContext<Env>).get('userId')
    const ai = createClient<{ userId: number }>({ providers: [scripted(say('Hello'))] })
    const chat = handler<{ userId: number }>(ai, {
      models: ['scripted/any'],
      authorize: (_, native) => ({ userId: userOf(native) }),
      before(request, { state, native }) {
        seen.push(state.userId, userOf(native))
        return request
      },
    })
    const app = new Hono<Env>()
      .use(async (context, next) => {
        context.set('userId', 7)
        await next()
      })
      .all('/api/chat/*', (context) => chat(context.req.raw, context))
    const running = await listen(
      // without options for HTTP/2 it is a node:http server
      createAdaptorServer({ fetch: app.fetch }) as Server,
    )
    const headers = { 'content-type': 'application/json' }
    const init = { method: 'POST', headers, body: JSON.stringify(hello) }
    const response = await fetch(`${running.url}/api/chat`, init)
    expect(dataOf(await response.text()).at(-1)).toBe('[DONE]')
    expect(seen).toEqual([7, 7])
    await running.close()
  })
})

describe('the owner of a response', () => {
  const secret = 'a secret of thirty-two characters'
  const route = (state: object, more: object = {}) => {
    const errors: unknown[] = []
    const ai = createClient<object>({ providers: [scripted(say('Hello'))] })
    const handle = handler<object>(ai, {
      ...{ models: ['scripted/any'], authorize: () => state },
      onError: (error) => errors.push(error),
      ...more,
    })
    return { errors, handle }
  }

  it.each([[{}], [{ userId: '' }], [{ userId: Number.NaN }], [{ userId: null }]])(
    'is required where something is signed or stored: %j',
    async (state) => {
      for (const more of [{ secret }, { store: memoryStore() }]) {
        const { errors, handle } = route(state, more)
        expect((await handle(post(hello))).status).toBe(500)
        expect(errors[0]).toMatchObject({ name: 'MisuseError' })
      }
    },
  )

  it('a numeric user differs from the string of the same digits', async () => {
    const body = { ...hello, id: 'room', stream: false }
    const one = await (await route({ userId: 1 }, { secret }).handle(post(body))).json()
    const messages = [...hello.messages, ...one.messages, user('And?')]
    const again = { id: 'room', messages }
    expect((await route({ userId: 1 }, { secret }).handle(post(again))).status).toBe(200)
    const other = await route({ userId: 2 }, { secret }).handle(post(again))
    expect(await codeOf(other)).toBe('history_not_signed')
  })

  it('a token in another spelling than issued is invalid', async () => {
    const signer = createSigner({ secret })
    const scope = { user: '1', conversation: 'room' }
    const token = await signer.issue({ id: 'a', tool_call_id: 'c' }, scope)
    expect(await signer.redeem(token, 'c', scope)).toMatchObject({ id: 'a' })
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const spellings = [
      token.replace('a.', 'a.0'),
      token.replace('a.', 'a.+'),
      token.replace('a.', 'a. '),
      `${token}=`,
      ...[...letters].map((letter) => token.slice(0, -1) + letter),
    ]
    for (const one of spellings)
      if (one !== token) expect(await signer.redeem(one, 'c', scope), one).toBeUndefined()
  })
})

describe('a Chat Completions client', () => {
  const get = (path: string) => new Request(`http://app.test${path}`)

  it.each(['responses', 'embeddings', 'completions', 'images/generations', 'moderations'])(
    'is told by a 404 that /v1/%s does not exist',
    async (path) => {
      const { handle, provider } = setUp(say('Hello'))
      const response = await handle(post(hello, { path: `/v1/${path}` }))
      expect([response.status, await codeOf(response)]).toEqual([404, 'not_found'])
      expect(provider.calls).toHaveLength(0)
    },
  )

  it('finds a model by its name, also with a slash', async () => {
    const { handle } = setUp(say('Hello'), {
      models: { fast: 'scripted/any', 'a/b': 'scripted/b' },
    })
    expect(await (await handle(get('/v1/models/fast'))).json()).toMatchObject({ id: 'fast' })
    expect(await (await handle(get('/v1/models/a/b'))).json()).toMatchObject({ id: 'a/b' })
    expect(await (await handle(get('/v1/models/a%2Fb'))).json()).toMatchObject({ id: 'a/b' })
    const unknown = await handle(get('/v1/models/other'))
    expect(unknown.status).toBe(404)
    expect((await unknown.json()).error).toMatchObject({ code: 'model_not_found', param: null })
  })

  it('may send harmless members, with its own library', async () => {
    const app = setUp(say('Hello'))
    const running = await serve(nodeHandler(app.ai, app.settings))
    const client = new OpenAI({ baseURL: `${running.url}/v1`, apiKey: 'none', maxRetries: 0 })
    const parts = [{ type: 'text', text: 'Hi', cache_control: { type: 'ephemeral' } }] as never
    const reply = await client.chat.completions.create({
      model: 'fast',
      tools: [],
      messages: [
        { role: 'user', content: parts, name: 'ann' },
        { role: 'assistant', content: 'Yes?', tool_calls: [], name: 'bot' },
        { role: 'user', content: 'Go on' },
      ],
    })
    expect(reply.choices[0]?.message.content).toBe('Hello')
    expect(await client.models.retrieve('fast')).toMatchObject({ id: 'fast' })
    await expect(client.responses.create({ model: 'fast', input: 'Hi' })).rejects.toMatchObject({
      status: 404,
    })
    await running.close()
  })

  it('receives a reason when its stream is stopped', async () => {
    const held = gate()
    const { handle } = setUp(say('One two').hold(2, held.opened))
    const body = { ...hello, model: 'fast', stream: true }
    const response = await handle(post(body, { path: '/v1/chat/completions' }))
    const name = response.headers.get('x-stream-id')
    await handle(post('{}', { path: `/v1/chat/completions/${name}/stop` }))
    held.open()
    const data = dataOf(await response.text())
    expect(data.at(-1)).toBe('[DONE]')
    expect(JSON.parse(data.at(-2) ?? '').choices[0].finish_reason).toBe('stop')
  })
})

describe('a cross-origin page', () => {
  const preflight = (origin: string, names: string) =>
    new Request('http://app.test/api/chat', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-headers': names },
    })

  it('from an allowed origin may send what its preflight requests, from any other it gets nothing', async () => {
    const { handle } = setUp(say('Hello'), { origins: ['https://app.example'] })
    const names = 'x-stainless-os,x-csrf-token'
    const named = await handle(preflight('https://app.example', names))
    expect(named.headers.get('access-control-allow-headers')).toContain(
      'x-stainless-os, x-csrf-token',
    )
    const other = await handle(preflight('https://evil.example', names))
    expect(other.status).toBe(403)
    expect(other.headers.get('access-control-allow-headers')).toBeNull()
  })
})
