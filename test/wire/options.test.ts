/** User input of a call, valid or not: options, keys, schemas, and what is never shown. */
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { standard } from '../../middleware/standard.js'
import type { ChatRequest, Message } from '../../src/chat/index.js'
import {
  BadRequestError,
  type Context,
  isTetradError,
  MisuseError,
  type TetradError,
  UnexpectedResponseError,
  UnsupportedParamsError,
} from '../../src/core/index.js'
import { fail, type MockServer, mockServer } from '../../src/testing/index.js'
import { clientOf, four, models, type Name, names, requestFor, say } from './support.js'

let server: MockServer
beforeEach(async () => {
  server = await mockServer()
})
afterEach(() => server.close())

const modes = ['generate', 'stream'] as const
const failure = async (promise: Promise<unknown>): Promise<TetradError> =>
  promise.then(
    () => {
      throw new Error('nothing was thrown')
    },
    (error) => error,
  )
// values an untyped caller may pass
const loose = (name: Name, more: object) => ({ ...requestFor(name), ...more }) as ChatRequest
const body = () => server.requests.at(-1)?.body ?? {}

describe('a Standard Schema', () => {
  const schema = z.object({ city: z.string(), rivers: z.array(z.string()) })
  const value = { city: 'Rome', rivers: ['Tiber'] }

  it.each(names.flatMap((name) => modes.map((mode) => [name, mode] as const)))(
    'types the response of %s, %s',
    async (name, mode) => {
      server.script(say(JSON.stringify(value)))
      const request = { ...requestFor(name), response_format: schema }
      const ai = clientOf(server)
      const { parsed } =
        mode === 'stream' ? await ai.stream(request).response : await ai.generate(request)
      expect(parsed).toEqual(value)
      expect(parsed.rivers[0]).toBe('Tiber')
    },
  )

  it.each(names)('types .partial while it grows on %s', async (name) => {
    server.script(say(JSON.stringify(value), { chunks: 12 }).splitEvents())
    const seen: unknown[] = []
    const spelled: string[] = []
    const { partial } = clientOf(server).stream({ ...requestFor(name), response_format: schema })
    for await (const part of partial) {
      // as a page that compares by identity
      expect(Object.is(part, seen.at(-1))).toBe(false)
      seen.push(part)
      spelled.push(JSON.stringify(part))
    }
    expect(spelled.at(-1)).toBe(JSON.stringify(value))
    expect(seen.length).toBeGreaterThan(2)
    // earlier values are unchanged, and none is emitted twice
    expect(seen.map((part) => JSON.stringify(part))).toEqual(spelled)
    expect(new Set(spelled).size).toBe(spelled.length)
  })

  it.each(modes)('that the response does not match is an error with the text, %s', async (mode) => {
    server.script(say('{"city":1}'))
    const request = { ...requestFor('openai'), response_format: schema }
    const ai = clientOf(server)
    const error = await failure(
      mode === 'stream' ? ai.stream(request).response : ai.generate(request),
    )
    expect(error).toBeInstanceOf(UnexpectedResponseError)
    expect(error.code).toBe('schema_mismatch')
    expect(error.partial?.text).toBe('{"city":1}')
    expect(error.usage?.total_tokens).toBeGreaterThan(0)
  })
})

describe('an option in the wrong place', () => {
  it.each([
    ['stream', true],
    ['timeout', 5],
    ['max_retries', 2],
    ['num_retries', 2],
    ['api_key', 'sk-x'],
    ['api_base', 'https://x'],
    ['base_url', 'https://x'],
    ['headers', {}],
    ['fallbacks', []],
    ['mock_response', 'x'],
  ])('%s is rejected by name', async (key, value) => {
    const error = await failure(clientOf(server).generate(loose('openai', { [key]: value })))
    expect(error).toBeInstanceOf(BadRequestError)
    expect(error.status).toBe(400)
    expect(error.message).toContain(key)
    expect(server.requests).toEqual([])
  })

  it('stream_options is ignored', async () => {
    server.script(say('Hi'))
    await clientOf(server).generate(
      loose('compatible', { stream_options: { include_usage: false } }),
    )
    expect(body()).not.toHaveProperty('stream_options')
  })

  it.each(names)('n other than 1 is rejected by %s', async (name) => {
    const error = await failure(clientOf(server).generate(requestFor(name, { n: 2 })))
    expect(error).toBeInstanceOf(UnsupportedParamsError)
    expect(error.status).toBe(400)
  })

  it('null for an omitted argument counts as omitted', async () => {
    server.script(say('Hi'))
    const request = loose('openai', { n: null, response_format: null, stream: null })
    expect((await clientOf(server).generate(request)).text).toBe('Hi')
  })

  it.each(['json', 7, [], {}])(
    'an invalid response_format is a BadRequestError: %j',
    async (response_format) => {
      const error = await failure(clientOf(server).generate(loose('openai', { response_format })))
      expect(error).toBeInstanceOf(BadRequestError)
      expect(server.requests).toEqual([])
    },
  )

  it.each([undefined, null, 'hi', {}, { model: 7, messages: [] }, { model: 'openai/gpt-5' }])(
    'an invalid request is a BadRequestError: %j',
    async (request) => {
      const error = await failure(clientOf(server).generate(request as never))
      expect(error).toBeInstanceOf(BadRequestError)
      expect(error.status).toBe(400)
    },
  )

  it('an unknown provider is an error that lists the known ones', async () => {
    const error = await failure(
      clientOf(server).generate({ ...requestFor('openai'), model: 'who/x' }),
    )
    expect(error).toBeInstanceOf(BadRequestError)
    for (const name of names) expect(error.message).toContain(name)
  })
})

describe('unknown members and options', () => {
  it.each(names)('reach the body and the headers of %s', async (name) => {
    server.script(say('Hi'))
    await clientOf(server).generate(
      loose(name, {
        new_key: 1,
        extra_body: { other_key: 2, third: 'extra' },
        extra_headers: { 'x-request': 'a' },
        provider_options: {
          [name]: { third: 'own' },
          [name === 'openai' ? 'gemini' : 'openai']: { foreign: true },
        },
      }),
      { headers: { 'x-call': 'b' } },
    )
    expect(body()).toMatchObject({ new_key: 1, other_key: 2, third: 'own' })
    expect(JSON.stringify(body())).not.toMatch(/foreign|extra_|provider_options/)
    expect(server.requests[0]?.headers).toMatchObject({ 'x-request': 'a', 'x-call': 'b' })
  })

  it.each(four)('a file of another provider is not sent to %s', async (name) => {
    const provider = name === 'openai' ? 'anthropic' : 'openai'
    const error = await failure(
      clientOf(server).generate(
        requestFor(name, {
          messages: [
            { role: 'user', content: [{ type: 'file', file: { file_id: 'f_1' }, provider }] },
          ],
        }),
      ),
    )
    expect(error).toBeInstanceOf(BadRequestError)
    expect(server.requests).toEqual([])
  })
})

describe('inspection never shows', () => {
  const canary = 'sk-canary-0123456789abcdefghij'
  const prompt = 'CANARY-PROMPT'
  const looks = (value: unknown) => [
    inspect(value, { depth: Infinity, showHidden: true }),
    JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? String(inner) : inner)) ?? '',
    String(value),
  ]

  it.each(names)('the key of a call, in client, ctx and error of %s', async (name) => {
    server.reply((request) =>
      fail('auth', { message: `Wrong key ${canary} for ${request.headers.host}` }),
    )
    const spies = (['log', 'info', 'warn', 'error', 'debug'] as const).map((level) =>
      vi.spyOn(console, level).mockImplementation(() => {}),
    )
    const shown: string[] = []
    const ai = clientOf(server, async function nosy(ctx: Context, next) {
      shown.push(...looks(ctx), ...looks(ctx.options))
      await next().catch((error) => {
        shown.push(...looks(ctx), ...looks(error), ...looks(ctx.attempts))
        throw error
      })
    })
    const request = requestFor(name)
    const stream = ai.stream(request, { apiKeys: { [name]: canary } })
    const plain = await failure(ai.generate(request, { apiKeys: { [name]: canary } }))
    const streamed = await failure(stream.response)
    for (const value of [ai, stream, plain, streamed]) shown.push(...looks(value))
    expect(shown.filter((text) => text.includes(canary))).toEqual([])
    expect(spies.flatMap((spy) => spy.mock.calls)).toEqual([])
    for (const spy of spies) spy.mockRestore()
  })

  it.each(names)('the headers of a call, in stream, ctx and error of %s', async (name) => {
    server.reply(fail('auth'))
    const shown: string[] = []
    const ai = clientOf(server, async function nosy(ctx: Context, next) {
      shown.push(...looks(ctx), ...looks(ctx.options), ...looks(ctx.request))
      // a copy with one more header keeps the others hidden
      const extra_headers = { ...ctx.request.extra_headers, 'x-more': 'more' }
      ctx.request = { ...ctx.request, extra_headers }
      await next()
    })
    const request = requestFor(name, { extra_headers: { 'x-request-key': canary } })
    const stream = ai.stream(request, { headers: { 'x-tenant-key': canary } })
    const error = await failure(stream.response)
    shown.push(...looks(stream), ...looks(error))
    expect(shown.filter((text) => text.includes(canary))).toEqual([])
    expect(shown.join()).toContain('x-tenant-key')
    expect(server.requests[0]?.headers).toMatchObject({
      'x-request-key': canary,
      'x-tenant-key': canary,
      'x-more': 'more',
    })
  })

  it.each(names)('the prompt, in an error of %s', async (name) => {
    server.script(fail(500))
    const messages = [{ role: 'user' as const, content: prompt }]
    const error = await failure(clientOf(server).generate(requestFor(name, { messages })))
    expect(looks(error).filter((text) => text.includes(prompt))).toEqual([])
  })

  it.each(names)('the request, in a stream and in ctx of %s', async (name) => {
    server.reply(say('Hi'))
    const shown: string[] = []
    const ai = clientOf(server, async function nosy(ctx: Context, next) {
      shown.push(...looks(ctx), ...looks({ ctx, again: [ctx] }))
      await next()
      shown.push(...looks(ctx))
    })
    const messages = [{ role: 'user' as const, content: prompt }]
    const stream = ai.stream(requestFor(name, { messages }))
    shown.push(...looks(stream), ...looks({ stream }))
    // inspect without customInspect does not reveal it either
    shown.push(inspect(stream, { depth: Infinity, showHidden: true, customInspect: false }))
    for await (const _ of stream) shown.push(...looks(stream))
    shown.push(...looks(stream), ...looks(await stream.response), JSON.stringify({ ...stream }))
    expect(shown.filter((text) => text.includes(prompt))).toEqual([])
    // the id finds the call in a log
    expect(shown.join()).toContain(models[name])
  })
})

describe('the API keys of a call', () => {
  it.each(names)('replace the configured key of %s, also in a nested call', async (name) => {
    server.reply(say('Hi'))
    const ai = clientOf(server, async function nested(ctx, next) {
      await ctx.client.generate(ctx.request)
      await ctx.client.generate(ctx.request, { apiKeys: ctx.options.apiKeys })
      return next()
    })
    await ai.generate(requestFor(name), { apiKeys: { [name]: 'key-of-the-tenant-WXYZ' } })
    expect(server.requests).toHaveLength(3)
    for (const { headers } of server.requests) expect(JSON.stringify(headers)).toContain('WXYZ')
  })
})

describe('the client', () => {
  it('an added layer applies to later calls, inside the existing ones', async () => {
    server.reply(say('Hi'))
    const order: string[] = []
    const note = (name: string) => (_: Context, next: () => Promise<unknown>) => {
      order.push(name)
      return next()
    }
    const ai = clientOf(server, note('outer'))
    const before = ai.stream(requestFor('openai'))
    expect(ai.use(note('inner'))).toBe(ai)
    await before.response
    expect(order).toEqual(['outer'])
    await ai.generate(requestFor('openai'))
    expect(order).toEqual(['outer', 'outer', 'inner'])
    expect(() => ai.use(undefined as never)).toThrow(MisuseError)
  })

  it('nested calls inherit the options of the call and override those they are given', async () => {
    server.reply(say('Hi'))
    const seen: unknown[] = []
    const ai = clientOf(
      server,
      async function outer(ctx, next) {
        await ctx.client.generate(ctx.request, { tags: { feature: 'inner' } })
        return next()
      },
      function inner(ctx, next) {
        seen.push([ctx.options.tags, ctx.options.headers])
        return next()
      },
    )
    await ai.generate(requestFor('openai'), { tags: { tenant: 't' }, headers: { 'x-a': '1' } })
    expect(seen).toEqual([
      [{ feature: 'inner' }, { 'x-a': '1' }],
      [{ tenant: 't' }, { 'x-a': '1' }],
    ])
  })

  it.each([0, -1, Number.NaN, 'many'])(
    'a highWaterMark of %s is rejected',
    async (highWaterMark) => {
      server.script(say('One two three'))
      const options = { highWaterMark: highWaterMark as number }
      const error = await failure(clientOf(server).stream(requestFor('openai'), options).response)
      expect(error).toBeInstanceOf(MisuseError)
      expect(server.requests).toEqual([])
    },
  )

  it('an error of another copy of the package is recognised by its brand', () => {
    const foreign = Object.defineProperty(new Error('x'), Symbol.for('tetrad.error'), {
      value: true,
    })
    expect(isTetradError(foreign)).toBe(true)
    expect([new Error('x'), null, 'x', {}].some(isTetradError)).toBe(false)
  })

  it.each(names)('prototype names are names like others, on %s', async (name) => {
    const { callTool } = await import('./support.js')
    server.script(
      callTool('__proto__', JSON.parse('{"__proto__":{"polluted":1},"constructor":2}')).callTool(
        'constructor',
        {},
        { id: '__proto__' },
      ),
    )
    const answer = await clientOf(server).stream(requestFor(name)).response
    expect(answer.message.tool_calls).toHaveLength(2)
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })

  it('model names that are new', async () => {
    server.reply(say('Hi'))
    for (const name of names) {
      const model = `${models[name]}-9.9-preview-20991231`
      expect((await clientOf(server).generate({ ...requestFor(name), model })).text).toBe('Hi')
    }
  })
})

it.each([
  ['gpt-9-ultra', 'openai'],
  ['claude-opus-9', 'anthropic'],
  ['gemini-9-flash', 'gemini'],
  ['grok-9', 'xai'],
] as const)(
  '%s, an unknown name, is sent with every requested parameter and no warning',
  async (model, provider) => {
    server.script(say('ok'))
    const messages = [{ role: 'user' as const, content: 'Hi' }]
    const ai = clientOf(server, ...standard())
    const reply = await ai.generate({ model, messages, temperature: 0.3, max_tokens: 50 })
    const [request] = server.requests
    expect(request?.provider).toBe(provider)
    expect(request?.text).toMatch(/"temperature":0\.3/)
    expect(reply.warnings).toEqual([])
  },
)

/** Values of no type that a member of a request has, or of a type that only one of them has. */
const odd: readonly unknown[] = [
  0,
  true,
  'x',
  [],
  [null],
  ['x'],
  [{}],
  {},
  { type: 'function', function: null },
  [{ type: 'function', function: null }],
  [{ type: 'custom', custom: {} }],
  { type: 'allowed_tools', allowed_tools: null },
  { type: 'json_schema' },
  { type: 'json_schema', json_schema: { name: 'x', schema: [] } },
]

const members =
  'stop tools tool_choice response_format modalities user thinking logit_bias metadata web_search_options extra_body extra_headers provider_options additional_drop_params allowed_openai_params reasoning_effort verbosity service_tier'.split(
    ' ',
  )

describe.each(names)('values of another type for %s', (name) => {
  /** The error is about the request, not about the code that read it. */
  const isClear = (error: unknown) =>
    isTetradError(error) &&
    (error.status ?? 500) < 500 &&
    !/adapter of .* failed/.test(error.message)

  it('in a member of the request is rejected by name, or sent', async () => {
    server.reply(say('Hello'))
    const ai = clientOf(server, ...standard({ retry: false, params: { dropParams: true } }))
    for (const member of members)
      for (const value of odd) {
        const error = await ai.generate(loose(name, { [member]: value })).catch((error) => error)
        const what = `${member}: ${JSON.stringify(value)}: ${error}`
        if (error instanceof Error) expect(isClear(error), what).toBe(true)
      }
    for (const member of ['tools', 'stop', 'user', 'modalities', 'metadata', 'tool_choice']) {
      const error = await failure(ai.generate(loose(name, { [member]: 0 })))
      expect([error.name, error.message]).toEqual([
        'BadRequestError',
        expect.stringMatching(member),
      ])
    }
  })

  it('in a member of a turn is dropped and reported', async () => {
    server.reply(say('Hello'))
    const ai = clientOf(server, ...standard({ retry: false }))
    const lists = 'tool_calls images files annotations hosted_tools thinking_blocks native'.split(
      ' ',
    )
    for (const member of lists)
      for (const value of [0, true, 'x', {}, { content: 0 }]) {
        if (member === 'native' && JSON.stringify(value) === '{}') continue
        const turn = { role: 'assistant', content: 'Before.', [member]: value }
        const messages = [
          ...requestFor(name).messages,
          turn,
          ...requestFor(name).messages,
        ] as Message[]
        const { text, warnings } = await ai.generate({ ...requestFor(name), messages })
        expect(text).toBe('Hello')
        expect(warnings.map(({ code }) => code)).toContain('repaired')
      }
  })
})
