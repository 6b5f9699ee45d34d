/** The scripted provider behind a client: the same script without a wire. */
import { describe, expect, test } from 'vitest'
import { createClient } from '../../src/client.js'
import {
  AbortError,
  MisuseError,
  QuotaExceededError,
  RateLimitError,
  ServiceUnavailableError,
  StreamInterruptedError,
  UnexpectedResponseError,
} from '../../src/core/index.js'
import {
  type Clock,
  fail,
  hostedTool,
  html,
  image,
  type ScriptedStep,
  say,
  scripted,
  think,
} from '../../src/testing/index.js'

const request = { model: 'scripted/m', messages: [{ role: 'user', content: 'Hi' }] } as const

const serve = (script: ScriptedStep | readonly ScriptedStep[]) => {
  const provider = scripted(script)
  return { provider, ai: createClient({ providers: [provider] }) }
}

const thrown = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

test('a reply matches the script, whole and streamed', async () => {
  const reply = think(['One.', 'Two.'])
    .say('Rome, it is.', { logprobs: true })
    .cite({ url: 'https://a.example', title: 'A' })
    .callTool('get_weather', { city: 'Rome' }, { id: 'call-1' })
    .callTool('free', 'any text', { custom: true })
    .usage({ prompt_tokens: 9, completion_tokens: 4 })
  const { ai } = serve([reply, reply])
  const plain = await ai.generate(request)
  const { id: _, created: __, attempts: ___, ...streamed } = await ai.stream(request).response
  expect(plain).toMatchObject({
    ...streamed,
    message: expect.any(Object),
    messages: expect.any(Array),
  })
  expect(plain).toMatchObject({
    text: 'Rome, it is.',
    finish_reason: 'tool_calls',
    usage: { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 },
    message: {
      reasoning_content: 'One.\n\nTwo.',
      tool_calls: [
        { id: 'call-1', function: { name: 'get_weather', arguments: '{"city":"Rome"}' } },
        { type: 'custom', custom: { name: 'free', input: 'any text' } },
      ],
      annotations: [{ type: 'url_citation', url_citation: { url: 'https://a.example' } }],
    },
  })
  expect(plain.logprobs?.content.map(({ token }) => token)).toEqual(['Rome,', ' it', ' is.'])
})

test('hosted tools and images are chunks of their own', async () => {
  const { ai } = serve(
    hostedTool('web_search', { input: { query: 'a' }, output: ['b'] })
      .image('AAAA')
      .refuse('No.'),
  )
  const { message, finish_reason } = await ai.generate(request)
  expect(message.hosted_tools).toMatchObject([
    { name: 'web_search', status: 'done', output: ['b'] },
  ])
  expect(message.images).toHaveLength(1)
  expect(message.refusal).toBe('No.')
  expect(finish_reason).toBe('content_filter')
})

test('requests are recorded', async () => {
  const { provider, ai } = serve([
    say('a'),
    (asked) => say(`You said ${JSON.stringify(asked.messages[0]?.content)}`),
  ])
  await ai.generate(request)
  expect((await ai.generate(request)).text).toBe('You said "Hi"')
  expect(provider.calls).toHaveLength(2)
  expect(provider.calls[0]?.request).toMatchObject({ model: 'm' })
  expect(provider).toMatchObject({ left: 0, open: 0 })
})

test('its end is a MisuseError that says so', async () => {
  const { provider, ai } = serve([])
  expect(await thrown(ai.generate(request))).toBeInstanceOf(MisuseError)
  provider.script(image('AAAA'))
  provider.reply(say('ever after'))
  await ai.generate(request)
  expect((await ai.generate(request)).text).toBe('ever after')
})

describe('failures', () => {
  test.each([
    [fail(503), ServiceUnavailableError],
    [fail('quota'), QuotaExceededError],
    [html(), UnexpectedResponseError],
    [say('a b c').cut(2), StreamInterruptedError],
    [say('a b c').cut(99), StreamInterruptedError],
    [say('a b c').failAfter(2, 'overloaded'), ServiceUnavailableError],
  ])('case %#', async (reply, expected) => {
    const { ai, provider } = serve([reply, reply])
    expect(await thrown(ai.generate(request))).toBeInstanceOf(expected)
    expect(await thrown(ai.stream(request).response)).toBeInstanceOf(expected)
    expect(provider.open).toBe(0)
  })

  test('have their retry time', async () => {
    const error = await thrown(serve(fail(429, { retryAfter: 2 })).ai.generate(request))
    expect(error).toBeInstanceOf(RateLimitError)
    expect(error).toMatchObject({ retryAfterMs: 2_000, status: 429 })
  })

  test('keep the content before them', async () => {
    const stream = serve(say('one two three').failAfter(3, 500)).ai.stream(request)
    let text = ''
    const reading = async () => {
      for await (const piece of stream.textStream) text += piece
    }
    expect(await thrown(reading())).toMatchObject({ partial: { text: 'one two' } })
    expect(text).toBe('one two')
  })

  test.each([undefined, 2])('a stall lasts until the caller leaves', async (after) => {
    const { ai, provider } = serve(say('one two').stall(after))
    const leaving = new AbortController()
    const call = thrown(ai.generate(request, { signal: leaving.signal }))
    provider.reply(say('never'))
    await new Promise((resolve) => setImmediate(resolve))
    leaving.abort()
    expect(await call).toBeInstanceOf(AbortError)
    expect(provider.open).toBe(0)
  })

  test('delays use the injected clock, holds end when they are released', async () => {
    const waits: number[] = []
    const clock: Clock = { now: () => 5_000, wait: async (ms) => void waits.push(ms) }
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const reply = say('one').delay({ firstMs: 9, eachMs: 1 }).hold(2, held)
    const ai = createClient({ providers: [scripted(reply, { clock })] })
    const chunks = []
    for await (const chunk of ai.stream(request)) {
      chunks.push(chunk)
      release()
    }
    expect(waits).toEqual([9, 1, 1, 1])
    expect(chunks[0]).toMatchObject({ type: 'start', created: 5 })
  })
})
