/** Over a socket: URLs, headers, keys, token counts; by fetch and by the official client alike. */
import Anthropic from '@anthropic-ai/sdk'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { StreamChunk } from '../../../src/chat/index.js'
import {
  AbortError,
  APIConnectionError,
  AuthenticationError,
  accumulate,
  BadGatewayError,
  type ProviderAdapter,
  RateLimitError,
  ServiceUnavailableError,
  StreamInterruptedError,
  UnexpectedResponseError,
} from '../../../src/core/index.js'
import { type AnthropicOptions, anthropic } from '../../../src/providers/anthropic/index.js'
import {
  begin,
  callOf,
  end,
  hello,
  json,
  type Received,
  type Reply,
  serve,
  sonnet,
  sse,
  text,
  use,
} from './support.js'

const whole = [begin(), ...text('Hi'), ...use(['{"a":1}'], { index: 1 }), ...end('tool_use')]
const message = {
  ...(begin().message as object),
  content: [{ type: 'text', text: 'Hi' }],
  stop_reason: 'end_turn',
}

const closers: (() => Promise<void>)[] = []
const serving = async (reply: Reply | (() => Reply)) => {
  const server = await serve(reply)
  closers.push(server.close)
  return server
}

const streamOf = async (adapter: ProviderAdapter, call = callOf().call, request = hello) => {
  const chunks: StreamChunk[] = []
  for await (const some of adapter.generateStream(request, call)) chunks.push(...[some].flat())
  return chunks
}

const errorOf = (work: Promise<unknown> | undefined) =>
  Promise.resolve(work).catch((error: unknown) => error)

const transports: Readonly<
  Record<string, (baseURL: string, more?: AnthropicOptions) => ProviderAdapter>
> = {
  fetch: (baseURL, more) => anthropic({ apiKey: 'test-key', baseURL, ...more }),
  'the official client': (baseURL, more) =>
    anthropic({ client: new Anthropic({ apiKey: 'test-key', baseURL }), ...more }),
}

beforeEach(() => {
  vi.stubEnv('ANTHROPIC_API_KEY', undefined)
  vi.stubEnv('ANTHROPIC_BASE_URL', undefined)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  for (const close of closers.splice(0)) await close()
})

describe.each(Object.entries(transports))('over %s', (_, make) => {
  it('streams and generates', async () => {
    const streaming = await serving(sse(whole))
    const chunks = await streamOf(make(streaming.baseURL))
    expect(accumulate(chunks)).toMatchObject({
      text: 'Hi',
      finish_reason: 'tool_calls',
      request_id: 'req_9',
    })
    expect(streaming.received).toMatchObject([
      { url: '/v1/messages', body: { model: sonnet, stream: true } },
    ])

    const plain = await serving(json(message))
    const recorded = callOf()
    expect(await make(plain.baseURL).generate?.(hello, recorded.call)).toMatchObject({
      message: { content: 'Hi' },
      request_id: 'req_9',
    })
    expect(recorded.responses).toEqual([{ status: 200, request_id: 'req_9' }])
    expect(plain.received[0]?.body).not.toHaveProperty('stream')
  })

  it('sets version, beta and other headers', async () => {
    const server = await serving(json(message))
    const request = {
      ...hello,
      extra_headers: { 'anthropic-beta': 'of-the-request' },
      provider_options: { anthropic: { speed: 'fast' } },
    }
    await make(server.baseURL, {
      headers: { 'anthropic-beta': 'of-the-client', 'x-team': 't' },
    }).generate?.(
      request,
      callOf({ headers: { 'x-call': 'c', 'Anthropic-Beta': 'of-the-call' } }).call,
    )
    expect(server.received[0]?.headers).toMatchObject({
      'anthropic-version': '2023-06-01',
      'anthropic-beta': 'fast-mode-2026-02-01,of-the-client,of-the-request,of-the-call',
      'x-team': 't',
      'x-call': 'c',
      'content-type': 'application/json',
    })
  })

  it('sends only the key of the call', async () => {
    const server = await serving(json(message))
    const adapter = make(server.baseURL)
    await adapter.generate?.(hello, callOf({ apiKey: 'key-of-call' }).call)
    await adapter.generate?.(hello, callOf({ apiKey: 'sk-ant-oat01-x' }).call)
    const keys = ({ headers }: Received) => [headers['x-api-key'], headers.authorization]
    expect(server.received.map(keys)).toEqual([
      ['key-of-call', undefined],
      [undefined, 'Bearer sk-ant-oat01-x'],
    ])
  })

  it.each([
    [
      'a refusal',
      json({ type: 'error', error: { type: 'rate_limit_error', message: 'Slow down' } }, 429),
      RateLimitError,
    ],
    [
      'an error with status 200',
      json({ type: 'error', error: { type: 'overloaded_error', message: 'Busy' } }),
      ServiceUnavailableError,
    ],
    [
      'a page of a proxy',
      { status: 502, headers: { 'content-type': 'text/html' }, body: '<html>Bad gateway</html>' },
      BadGatewayError,
    ],
    [
      'a page with status 200',
      { headers: { 'content-type': 'text/html' }, body: '<html>Hello</html>' },
      UnexpectedResponseError,
    ],
    ['nothing', { body: '' }, UnexpectedResponseError],
  ])('%s is a typed error, sent once, in both modes', async (_, reply, kind) => {
    const server = await serving(reply)
    const adapter = make(server.baseURL)
    expect(await errorOf(adapter.generate?.(hello, callOf().call))).toBeInstanceOf(kind)
    expect(await errorOf(streamOf(adapter))).toBeInstanceOf(kind)
    expect(server.received).toHaveLength(2)
  })

  it('an error event, and a truncated body, are errors after the content so far', async () => {
    for (const [last, kind] of [
      [
        [{ type: 'error', error: { type: 'overloaded_error', message: 'Busy' } }],
        ServiceUnavailableError,
      ],
      [[], StreamInterruptedError],
    ] as const) {
      const server = await serving(sse([begin(), ...text('Hi'), ...last]))
      const chunks: StreamChunk[] = []
      const work = async () => {
        for await (const some of make(server.baseURL).generateStream(hello, callOf().call))
          chunks.push(...[some].flat())
      }
      expect(await errorOf(work())).toBeInstanceOf(kind)
      expect(chunks.map(({ type }) => type)).toEqual(['start', 'text-delta'])
    }
  })

  it.each(['stall', 'reset'] as const)(
    'the response is complete with its terminal event, though the connection does %s',
    async (ending) => {
      const server = await serving({ ...sse(whole), ending })
      expect(accumulate(await streamOf(make(server.baseURL)))).toMatchObject({
        text: 'Hi',
        finish_reason: 'tool_calls',
      })
    },
  )

  it('distinguishes a closed port and an abort', async () => {
    const server = await serve(json(message))
    await server.close()
    expect(await errorOf(make(server.baseURL).generate?.(hello, callOf().call))).toBeInstanceOf(
      APIConnectionError,
    )
    const aborted = callOf({ signal: AbortSignal.abort() }).call
    expect(await errorOf(make(server.baseURL).generate?.(hello, aborted))).toBeInstanceOf(
      AbortError,
    )
  })

  it('counts tokens with the parameters that the endpoint accepts', async () => {
    const server = await serving(json({ input_tokens: 42 }))
    const request = {
      ...hello,
      max_tokens: 10,
      temperature: 0.5,
      user: 'u',
      tools: [{ type: 'web_search' }],
    }
    expect(await make(server.baseURL).countTokens?.(request, callOf().call)).toBe(42)
    expect(server.received).toMatchObject([{ url: '/v1/messages/count_tokens' }])
    expect(Object.keys(server.received[0]?.body ?? {}).sort()).toEqual([
      'messages',
      'model',
      'tools',
    ])
  })

  it('an invalid token count is an error', async () => {
    const server = await serving(json({ tokens: 1 }))
    expect(await errorOf(make(server.baseURL).countTokens?.(hello, callOf().call))).toBeInstanceOf(
      UnexpectedResponseError,
    )
  })
})

it('both transports send the same body and emit the same chunks', async () => {
  const server = await serving(sse(whole))
  const [one, two] = await Promise.all(
    Object.values(transports).map((make) => streamOf(make(server.baseURL))),
  )
  const timeless = (chunks: readonly StreamChunk[] = []) =>
    chunks.map((chunk) => (chunk.type === 'start' ? { ...chunk, created: 0 } : chunk))
  expect(timeless(two)).toEqual(timeless(one))
  expect(server.received[1]?.body).toEqual(server.received[0]?.body)
})

describe('the base URL', () => {
  it.each(['', '/', '/v1', '/v1/', '/v1/messages'])('may end with %j', async (suffix) => {
    const server = await serving(json(message))
    await anthropic({ apiKey: 'k', baseURL: server.baseURL + suffix }).generate?.(
      hello,
      callOf().call,
    )
    expect(server.received[0]?.url).toBe('/v1/messages')
  })

  it('comes from the environment at the call, and so does the key', async () => {
    const server = await serving(json(message))
    const adapter = anthropic()
    vi.stubEnv('ANTHROPIC_BASE_URL', `${server.baseURL}/proxy`)
    vi.stubEnv('ANTHROPIC_API_KEY', 'from-env')
    await adapter.generate?.(hello, callOf().call)
    expect(server.received).toMatchObject([
      { url: '/proxy/v1/messages', headers: { 'x-api-key': 'from-env' } },
    ])
  })

  it('a missing key is an error that names the variable, before any connection', async () => {
    const server = await serving(json(message))
    const error = await errorOf(
      anthropic({ baseURL: server.baseURL }).generate?.(hello, callOf().call),
    )
    expect(error).toBeInstanceOf(AuthenticationError)
    expect(String(error)).toContain('ANTHROPIC_API_KEY')
    expect(server.received).toEqual([])
  })

  it('the version of the headers applies if no option sets one', async () => {
    const server = await serving(json(message))
    const request = { ...hello, temperature: 0.5 }
    await anthropic({
      apiKey: 'k',
      baseURL: server.baseURL,
      headers: { 'Anthropic-Version': '2026-10-21' },
    }).generate?.(request, callOf().call)
    expect(server.received[0]?.headers['anthropic-version']).toBe('2026-10-21')
    expect(server.received[0]?.body).not.toHaveProperty('temperature')
  })
})
