/** The adapter over a socket: requests, responses, and failures. */
import OpenAI from 'openai'
import { afterEach, describe, expect, it, test } from 'vitest'
import type { ChatRequest, StreamChunk } from '../../../src/chat/index.js'
import { createClient } from '../../../src/client.js'
import {
  AbortError,
  AuthenticationError,
  MisuseError,
  RateLimitError,
  ServiceUnavailableError,
  StreamInterruptedError,
  UnexpectedResponseError,
} from '../../../src/core/index.js'
import { type CompatibleOptions, compatible } from '../../../src/providers/compatible/index.js'
import {
  audio,
  callTool,
  fail,
  html,
  image,
  type MockServer,
  mockServer,
  nothing,
  raw,
  refuse,
  say,
  think,
} from '../../../src/testing/index.js'

type Script = Parameters<typeof mockServer>[0]

let server: MockServer
afterEach(() => server?.close())

const modes = ['generate', 'stream'] as const
const transports = ['fetch', 'official client'] as const
const everyWay = modes.flatMap((mode) => transports.map((transport) => [mode, transport] as const))
const request: ChatRequest = {
  model: 'local/m-1',
  messages: [{ role: 'user', content: 'Hello' }],
}

async function serve(script: Script, options: Partial<CompatibleOptions> = {}) {
  server = await mockServer(script)
  return createClient({
    providers: [compatible({ name: 'local', ...server.options('compatible'), ...options })],
  })
}

async function send(
  script: Script,
  [mode, transport]: (typeof everyWay)[number] = ['generate', 'fetch'],
  {
    more = {},
    options = {},
  }: { more?: Partial<ChatRequest>; options?: Partial<CompatibleOptions> } = {},
) {
  server = await mockServer(script)
  const given = server.options('compatible')
  const client = transport === 'fetch' ? undefined : new OpenAI(given)
  const ai = createClient({
    providers: [compatible({ name: 'local', ...given, client, ...options })],
  })
  const asked = { ...request, ...more }
  return mode === 'generate' ? ai.generate(asked) : ai.stream(asked).response
}

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

describe.each(everyWay)('%s over %s', (...way) => {
  it('returns text, reasoning, usage and the request id', async () => {
    const reply = await send(
      think('hm')
        .say('Hi there')
        .usage({
          prompt_tokens: 7,
          completion_tokens: 5,
          completion_tokens_details: { reasoning_tokens: 2 },
          prompt_tokens_details: { cached_tokens: 3 },
        }),
      way,
    )
    expect(reply).toMatchObject({
      text: 'Hi there',
      provider: 'local',
      message: { reasoning_content: 'hm' },
      finish_reason: 'stop',
      usage: {
        prompt_tokens: 7,
        completion_tokens: 5,
        total_tokens: 12,
        prompt_tokens_details: { cached_tokens: 3 },
        completion_tokens_details: { reasoning_tokens: 2 },
      },
    })
    expect(reply.request_id).toMatch(/^req_/)
    const [sent] = server.requests
    expect(sent).toMatchObject({
      method: 'POST',
      body: { model: 'm-1', messages: request.messages },
    })
    expect(sent?.headers.authorization).toMatch(/^Bearer /)
  })

  it('returns parallel calls and sends their results', async () => {
    const reply = await send([callTool('f', { x: 1 }).callTool('g', { y: 2 }), say('Done')], way)
    expect(reply.finish_reason).toBe('tool_calls')
    expect(reply.message.tool_calls).toMatchObject([
      { function: { name: 'f', arguments: '{"x":1}' } },
      { function: { name: 'g', arguments: '{"y":2}' } },
    ])
  })

  it.each([
    ['a refusal', refuse('No.'), { text: '', message: { refusal: 'No.' } }],
    [
      'a custom call',
      callTool('sql', 'SELECT 1', { custom: true }),
      { message: { tool_calls: [{ type: 'custom', custom: { input: 'SELECT 1' } }] } },
    ],
    [
      'probabilities',
      say('a b', { logprobs: true }),
      { logprobs: { content: [{ token: 'a' }, { token: ' b' }] } },
    ],
    [
      'sources',
      say('Hi').cite({ url: 'https://a.test', title: 'A' }),
      { message: { annotations: [{ url_citation: { url: 'https://a.test' } }] } },
    ],
    [
      'an image',
      image('AAAA'),
      { message: { images: [{ image_url: { url: 'data:image/png;base64,AAAA' } }] } },
    ],
    [
      'sound',
      audio('AAAA', { transcript: 'Hi' }),
      { message: { audio: { data: 'AAAA', transcript: 'Hi' } } },
    ],
    ['a cut at the limit', say('Hi').finish('length'), { finish_reason: 'length' }],
    ['a tier', say('Hi').serviceTier('flex'), { service_tier: 'flex' }],
  ])('returns %s', async (_, reply, expected) => {
    expect(await send(reply, way)).toMatchObject(expected)
  })

  it.each([
    ['auth', AuthenticationError],
    ['rate_limit', RateLimitError],
    ['overloaded', ServiceUnavailableError],
  ] as const)('throws the typed error of %s, sent once', async (kind, Class) => {
    const error = await failureOf(send(fail(kind), way))
    expect(error).toBeInstanceOf(Class)
    expect(error).toMatchObject({ provider: 'local', model: 'm-1' })
    expect(server.requests).toHaveLength(1)
  })

  it('throws for an HTML page of a proxy and for an empty body', async () => {
    expect(await failureOf(send(html(), way))).toMatchObject({
      name: 'UnexpectedResponseError',
      code: 'html',
    })
    await server.close()
    expect(await failureOf(send(nothing(), way))).toMatchObject({ name: 'UnexpectedResponseError' })
  })
})

describe('streams', () => {
  const words = say('one two three four five').splitEvents()

  it('that end anywhere before the finish reason are errors with the content so far', async () => {
    // a start, five words, the finish, the usage, [DONE]
    for (let events = 2; events <= 6; events++) {
      const error = await failureOf(send(words.cut(events, 'end'), ['stream', 'fetch']))
      expect(error, `after ${events} events`).toBeInstanceOf(StreamInterruptedError)
      const textSoFar = ['one', ' two', ' three', ' four', ' five'].slice(0, events - 1).join('')
      expect(error).toMatchObject({ partial: { text: textSoFar, finish_reason: null } })
      await server.close()
    }
  })

  it('that break off between finish reason and usage are complete', async () => {
    expect(await send(words.cut(7, 'end'), ['stream', 'fetch'])).toMatchObject({
      text: 'one two three four five',
      usage: { estimated: true },
    })
  })

  it('that fail midway throw the error, after the content so far', async () => {
    const error = await failureOf(send(words.failAfter(3, 'overloaded'), ['stream', 'fetch']))
    expect(error).toBeInstanceOf(ServiceUnavailableError)
    expect(error).toMatchObject({ partial: { text: 'one two' } })
  })

  it('of plain JSON are errors, not empty responses', async () => {
    const error = await failureOf(send(say('Hi').asJson(), ['stream', 'fetch']))
    expect(error).toBeInstanceOf(UnexpectedResponseError)
    expect(error).toMatchObject({ code: 'not_a_stream' })
  })

  it('require neither [DONE] nor event lines, and may have comments', async () => {
    const lines = [
      '{"choices":[{"delta":{"content":"Hi"}}]}',
      '{"choices":[{"delta":{},"finish_reason":"stop"}]}',
    ]
    const body = `\uFEFF: OPENROUTER PROCESSING\r\n\r\n${lines.map((line) => `data:${line}\r\n\r\n`).join(': ping\r\n\r\n')}`
    const reply = await send(raw(body, { headers: { 'content-type': 'text/event-stream' } }), [
      'stream',
      'fetch',
    ])
    expect(reply.text).toBe('Hi')
  })

  it('can be left at every chunk: the server sees the socket close', async () => {
    for (let kept = 1; kept <= 5; kept++) {
      const ai = await serve(words.stall(6))
      const abort = new AbortController()
      const seen: StreamChunk[] = []
      const reading = (async () => {
        for await (const chunk of ai.stream(request, { signal: abort.signal })) {
          seen.push(chunk)
          if (seen.length === kept) abort.abort(new Error('enough'))
        }
      })()
      expect(await failureOf(reading)).toBeInstanceOf(AbortError)
      expect(seen.some(({ type }) => type === 'finish')).toBe(false)
      expect(await (await server.request(0)).closed).toBe(true)
      await server.close()
    }
  })
})

describe('keys', () => {
  const { COMPATIBLE_TEST_KEY: _, ...environment } = process.env
  afterEach(() => {
    process.env = { ...environment }
  })

  it('are not required unless a variable is configured', async () => {
    const ai = await serve(say('Hi'), { apiKey: undefined })
    await ai.generate(request)
    expect(server.requests[0]?.headers).not.toHaveProperty('authorization')
  })

  it('missing from their variable are an error before any connection', async () => {
    const ai = await serve(say('Hi'), { apiKey: undefined, apiKeyVariable: 'COMPATIBLE_TEST_KEY' })
    const error = await failureOf(ai.generate(request))
    expect(error).toBeInstanceOf(AuthenticationError)
    expect(error).toMatchObject({
      code: 'missing_api_key',
      message: expect.stringContaining('COMPATIBLE_TEST_KEY'),
    })
    expect(server.requests).toHaveLength(0)
  })

  it('are read from it at the call', async () => {
    const ai = await serve(say('Hi'), { apiKey: undefined, apiKeyVariable: 'COMPATIBLE_TEST_KEY' })
    process.env.COMPATIBLE_TEST_KEY = 'key-from-the-environment'
    await ai.generate(request)
    expect(server.requests[0]?.headers.authorization).toBe('Bearer ****ment')
  })
})

describe('requests', () => {
  it('have headers of the provider, the request and the call', async () => {
    const ai = await serve(say('Hi'), { headers: { 'x-a': '1', 'x-b': '1' } })
    await ai.generate({ ...request, extra_headers: { 'X-B': '2' } }, { headers: { 'x-c': '3' } })
    expect(server.requests[0]?.headers).toMatchObject({ 'x-a': '1', 'x-b': '2', 'x-c': '3' })
  })

  it('of two servers are independent', async () => {
    server = await mockServer([say('one'), say('two')])
    const given = server.options('compatible')
    const ai = createClient({
      providers: [
        compatible({ name: 'a', ...given }),
        compatible({ name: 'b', ...given, models: /^llama/ }),
      ],
    })
    expect((await ai.generate({ ...request, model: 'a/org/model:free' })).provider).toBe('a')
    expect((await ai.generate({ ...request, model: 'llama-4' })).provider).toBe('b')
    expect(server.requests.map(({ model }) => model)).toEqual(['org/model:free', 'llama-4'])
  })

  it('report their warnings in the response', async () => {
    const reply = await send(say('Hi'), undefined, { more: { tool_choice: 'required' } })
    expect(reply.warnings).toMatchObject([{ code: 'dropped', param: 'tool_choice' }])
  })
})

test.each(['', 'a/b', 'a b'])('the name %j is a MisuseError', (name) => {
  expect(() => compatible({ name, baseURL: 'http://localhost/v1' })).toThrow(MisuseError)
})
