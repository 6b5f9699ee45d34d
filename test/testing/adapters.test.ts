/** The adapters of this package read exactly what a script specifies, on every wire. */
import { afterEach, describe, expect, test } from 'vitest'
import { createClient } from '../../src/client.js'
import {
  AuthenticationError,
  BadGatewayError,
  BadRequestError,
  ConflictError,
  ContentPolicyViolationError,
  ContextWindowExceededError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  type ProviderAdapter,
  QuotaExceededError,
  RateLimitError,
  ServiceUnavailableError,
  StreamInterruptedError,
  TimeoutError,
  UnprocessableEntityError,
} from '../../src/core/index.js'
import { anthropic } from '../../src/providers/anthropic/index.js'
import { compatible } from '../../src/providers/compatible/index.js'
import { gemini } from '../../src/providers/gemini/index.js'
import { openai } from '../../src/providers/openai/index.js'
import { xai } from '../../src/providers/xai/index.js'
import {
  type FailureKind,
  fail,
  hostedTool,
  type MockServer,
  mockServer,
  type ProviderName,
  type Reply,
  refuse,
  say,
  think,
} from '../../src/testing/index.js'
import { everyWire, type Mode, models } from './official.js'

let server: MockServer

afterEach(() => server.close())

const adapters: Readonly<Record<ProviderName, (server: MockServer) => ProviderAdapter>> = {
  openai: (server) => openai(server.options('openai')),
  anthropic: (server) => anthropic(server.options('anthropic')),
  gemini: (server) => gemini(server.options('gemini')),
  xai: (server) => xai(server.options('xai')),
  compatible: (server) => compatible({ name: 'compatible', ...server.options('compatible') }),
}

async function send(provider: ProviderName, mode: Mode, reply: Reply) {
  server = await mockServer(reply)
  const ai = createClient({ providers: [adapters[provider](server)] })
  const request = {
    model: `${provider}/${models[provider]}`,
    messages: [{ role: 'user', content: 'Hello?' }],
  } as const
  return mode === 'plain' ? ai.generate(request) : ai.stream(request).response
}

async function failing(provider: ProviderName, mode: Mode, reply: Reply) {
  const error = await send(provider, mode, reply).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  await server.close()
  return error
}

const classes = {
  bad_request: BadRequestError,
  context_window: ContextWindowExceededError,
  content_policy: ContentPolicyViolationError,
  auth: AuthenticationError,
  permission: PermissionDeniedError,
  not_found: NotFoundError,
  conflict: ConflictError,
  too_large: BadRequestError,
  unprocessable: UnprocessableEntityError,
  rate_limit: RateLimitError,
  quota: QuotaExceededError,
  server_error: InternalServerError,
  bad_gateway: BadGatewayError,
  overloaded: ServiceUnavailableError,
  timeout: TimeoutError,
} satisfies Record<FailureKind, unknown>

describe.each(everyWire)('$provider, $mode', ({ provider, mode }) => {
  test('text, thoughts and calls', async () => {
    const reply = think(['One.', 'Two.'])
      .say('Roma 🏛️.')
      .callTool('get_weather', { city: 'Rome' })
      .callTool('now')
    const { message, text, finish_reason } = await send(provider, mode, reply)
    expect(text).toBe('Roma 🏛️.')
    expect(message.reasoning_content).toBe('One.\n\nTwo.')
    expect(message.tool_calls).toMatchObject([
      { function: { name: 'get_weather', arguments: '{"city":"Rome"}' } },
      { function: { name: 'now', arguments: '{}' } },
    ])
    expect(finish_reason).toBe('tool_calls')
  })

  test('usage with every detail of the wire', async () => {
    const reply = think('hm')
      .say('Hi')
      .usage({
        prompt_tokens: 1_000,
        completion_tokens: 300,
        prompt_tokens_details: { cached_tokens: 600 },
        completion_tokens_details: { reasoning_tokens: 250 },
      })
    const { usage } = await send(provider, mode, reply)
    expect(usage).toMatchObject({
      prompt_tokens: 1_000,
      completion_tokens: 300,
      total_tokens: 1_300,
      prompt_tokens_details: { cached_tokens: 600 },
      completion_tokens_details: { reasoning_tokens: 250 },
    })
    expect(usage.estimated).toBeUndefined()
  })

  test('a limit, a filter, a refusal', async () => {
    expect((await send(provider, mode, say('a').finish('length'))).finish_reason).toBe('length')
    await server.close()
    const filtered = await send(provider, mode, say('a').finish('content_filter'))
    expect(filtered.finish_reason).toBe('content_filter')
    await server.close()
    const refused = await send(provider, mode, refuse('I cannot.'))
    expect(refused.text).toBe('')
    if (provider !== 'gemini') expect(refused.message.refusal).toBe('I cannot.')
  })

  test('sources', async () => {
    const reply = say('È Roma.').cite({
      url: 'https://a.example',
      title: 'A',
      start_index: 2,
      end_index: 7,
    })
    const { message } = await send(provider, mode, reply)
    expect(message.annotations).toMatchObject([
      { type: 'url_citation', url_citation: { url: 'https://a.example', title: 'A' } },
    ])
    const place = message.annotations?.[0]
    if (provider !== 'anthropic')
      expect(place).toMatchObject({ url_citation: { start_index: 2, end_index: 7 } })
  })

  test('hosted tools and generated images', async () => {
    if (provider === 'compatible')
      return expect(send(provider, mode, hostedTool('a'))).rejects.toThrow()
    const reply = hostedTool('web_search', { input: { query: 'Rome' } })
      .hostedTool('code_execution', { input: { code: '1+1' }, output: '2' })
      .say('Done.')
    const { message, text, finish_reason } = await send(provider, mode, reply)
    expect(text).toBe('Done.')
    expect(finish_reason).toBe('stop')
    expect(message.hosted_tools).toHaveLength(2)
    expect(message.hosted_tools).toMatchObject([{ status: 'done' }, { status: 'done' }])
    expect(message.tool_calls).toBeUndefined()
  })

  test('a generated image', async () => {
    const asked = send(provider, mode, say('Look: ').image('iVBORw0KGgo='))
    if (provider === 'anthropic') return expect(asked).rejects.toThrow()
    const { message } = await asked
    expect(message.images).toEqual([
      { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
    ])
  })

  test('logprobs', async () => {
    const { logprobs } = await send(provider, mode, say('one two', { logprobs: true }))
    if (provider === 'anthropic') expect(logprobs).toBeUndefined()
    else
      expect(logprobs?.content).toMatchObject([
        { token: 'one', logprob: -0.125 },
        { token: ' two', logprob: -0.25 },
      ])
  })

  test('every kind of failure has the class of its name', async () => {
    const seen: Record<string, string> = {}
    const expected: Record<string, string> = {}
    for (const [kind, expectedClass] of Object.entries(classes)) {
      const error = await failing(provider, mode, fail(kind as FailureKind))
      seen[kind] = error instanceof Error ? error.name : String(error)
      expected[kind] = error instanceof expectedClass ? seen[kind] : expectedClass.name
    }
    expect(seen).toEqual(expected)
  })

  test('the retry time is read', async () => {
    expect(await failing(provider, mode, fail(429, { retryAfter: 2 }))).toMatchObject({
      retryAfterMs: 2_000,
    })
  })
})

test.each(Object.keys(adapters) as ProviderName[])(
  '%s: a stream that fails or is cut in the middle is an error',
  async (provider) => {
    const reply = say('one two three four')
    expect(await failing(provider, 'streamed', reply.failAfter(4, 'overloaded'))).toBeInstanceOf(
      ServiceUnavailableError,
    )
    for (const how of ['destroy', 'end', 'reset'] as const) {
      expect(await failing(provider, 'streamed', reply.cut(3, how))).toBeInstanceOf(
        StreamInterruptedError,
      )
    }
  },
)
