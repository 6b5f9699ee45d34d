/**
 * generate and stream return one response: what the official clients accumulate from our events is
 * our body.
 */
import * as fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { isObject } from '../../src/chat/index.js'
import { chunksOf } from '../../src/testing/chunks.js'
import {
  type Clock,
  callTool,
  events,
  hostedTool,
  type MockServer,
  mockServer,
  type ProviderName,
  type Reply,
  say,
  think,
} from '../../src/testing/index.js'
import { anthropicClient, models, openaiClient, providers } from './official.js'

let server: MockServer

afterEach(() => server?.close())

const clock: Clock = { now: () => 1_700_000_000_000, wait: async () => {} }

/** One server each, so that both responses have the same ids. */
async function onNewServer<Answer>(reply: Reply, ask: (server: MockServer) => Promise<Answer>) {
  server = await mockServer(reply, { clock })
  const answer = await ask(server)
  await server.close()
  return JSON.parse(JSON.stringify(answer))
}

const everything = think(['First.', 'Then.'])
  .say('È Roma, ', { chunks: 3 })
  .say('since 753 BC.')
  .cite({ url: 'https://a.example', title: 'A', start_index: 0, end_index: 5 })
  .callTool('get_weather', { city: 'Rome', days: [1, 2] })
  .callTool('now')
  .usage({
    prompt_tokens: 100,
    completion_tokens: 40,
    prompt_tokens_details: { cached_tokens: 20 },
    completion_tokens_details: { reasoning_tokens: 10 },
  })

const hosted = hostedTool('web_search', {
  input: { query: 'Rome' },
  output: [{ type: 'web_search_result', url: 'https://a.example', title: 'A' }],
}).hostedTool('code_execution', { input: { code: '1+1' }, failed: true })

test.each([everything, hosted.say('Done.')])('Anthropic, reply %#', async (reply) => {
  const params = {
    model: models.anthropic,
    max_tokens: 100,
    messages: [{ role: 'user' as const, content: 'Hello?' }],
  }
  const plain = await onNewServer(reply, (server) =>
    anthropicClient(server).messages.create(params),
  )
  const { parsed_output: _, ...streamed } = await onNewServer(reply, (server) =>
    anthropicClient(server).messages.stream(params).finalMessage(),
  )
  const { usage, ...rest } = plain
  expect({ ...streamed, usage: undefined }).toEqual({ ...rest, usage: undefined })
  // a prompt that requests a stream is longer
  expect(streamed.usage).toMatchObject({ output_tokens: usage.output_tokens })
})

test.each([
  everything,
  hosted.say('Done.'),
  say('Look: ').image('iVBORw0KGgo='),
  think('hm', { full: true }).callTool('free', 'any text', { custom: true }),
  say('half').finish('length'),
  // the helper of `@anthropic-ai/sdk` does not accumulate the input of an MCP call
  hostedTool('ask', { input: { question: 'why?' }, output: 'because' }).say('Done.'),
])('Responses, reply %#', async (reply) => {
  for (const provider of ['openai', 'xai'] as const) {
    const params = { model: models[provider], input: 'Hello?' }
    const plain = await onNewServer(reply, (server) =>
      openaiClient(server, provider).responses.create(params),
    )
    const gathered: unknown[] = []
    const ended = await onNewServer(reply, async (server) => {
      const stream = await openaiClient(server, provider).responses.create({
        ...params,
        stream: true,
      })
      let response: unknown
      for await (const event of stream) {
        if (event.type === 'response.output_item.done') gathered[event.output_index] = event.item
        if ('response' in event) response = event.response
      }
      return response
    })
    expect(gathered).toEqual(plain.output)
    expect({ ...ended, usage: undefined }).toMatchObject({ output: plain.output, id: plain.id })
    expect(ended.status).toBe(plain.status)
  }
})

test('Chat Completions', async () => {
  const params = {
    model: models.compatible,
    messages: [{ role: 'user' as const, content: 'Hello?' }],
  }
  const reply = say('one two', { logprobs: true }).callTool('a', { b: 1 }).callTool('c')
  const plain = await onNewServer(reply, (server) =>
    openaiClient(server, 'compatible').chat.completions.create(params),
  )
  const streamed = await onNewServer(reply, (server) =>
    openaiClient(server, 'compatible').chat.completions.stream(params).finalChatCompletion(),
  )
  const { annotations: _, ...message } = plain.choices[0].message
  expect(streamed.choices[0]).toMatchObject({
    finish_reason: plain.choices[0].finish_reason,
    logprobs: plain.choices[0].logprobs,
    message,
  })
})

test('the pieces of any text are the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(12), (text, count) => {
      expect(chunksOf(text).join('')).toBe(text)
      expect(chunksOf(text, count).join('')).toBe(text)
      expect(chunksOf(text, count).length).toBeLessThanOrEqual(Math.max(1, count))
    }),
  )
})

test('pieces that differ from the text are an error', () => {
  expect(() => say('Rome', { chunks: ['Ro', 'm'] })).toThrow(RangeError)
  expect(() => callTool('a').cite({ url: 'https://a.example' })).toThrow(RangeError)
})

/** All strings under these keys, in order. */
function stringsAt(keys: ReadonlySet<string>, value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item) => stringsAt(keys, item))
  if (!isObject(value)) return []
  return Object.entries(value).flatMap(([key, member]) =>
    keys.has(key) && typeof member === 'string' ? [member] : stringsAt(keys, member),
  )
}

const deltaKeys: Readonly<Record<ProviderName, ReadonlySet<string>>> = {
  openai: new Set(['delta']),
  xai: new Set(['delta']),
  anthropic: new Set(['text']),
  gemini: new Set(['text']),
  compatible: new Set(['content']),
}

test.each(providers)('%s: any text arrives whole, and is emitted once', (provider) => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(5), (text, count) => {
      const sent = events(provider, say(text, { chunks: count })).map(({ data }) => data)
      expect(stringsAt(deltaKeys[provider], sent).join('')).toBe(text)
    }),
  )
})
