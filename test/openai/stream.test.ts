/** A stream as chat.completion.chunk objects, read directly and by the official client. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import OpenAI from 'openai'
import { afterEach, describe, expect, it } from 'vitest'
import type { StreamChunk, Usage } from '../../src/chat/index.js'
import {
  type AsOpenAIStreamOptions,
  asOpenAIStream,
  type ChatCompletionChunk,
} from '../../src/openai/index.js'

const usage: Usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
const start = (id = 'msg_1'): StreamChunk => ({
  type: 'start',
  id,
  model: 'claude-x',
  provider: 'anthropic',
  created: 1_700_000_000,
})
const text = (value: string): StreamChunk => ({ type: 'text-delta', text: value })
const finish = (finish_reason: 'stop' | 'length' | 'tool_calls' = 'stop'): StreamChunk => ({
  type: 'finish',
  finish_reason,
  usage,
})
const calling = (index: number, id: string, args = '{"x":1}'): readonly StreamChunk[] => [
  { type: 'tool-call-start', index, id, name: 'f' },
  ...[...args].map((piece) => ({ type: 'tool-call-delta', index, arguments: piece }) as const),
  { type: 'tool-call-end', index },
]
const result = (tool_call_id: string): StreamChunk => ({
  type: 'tool-result',
  tool_call_id,
  name: 'f',
  content: 'ok',
})

async function* streamOf(chunks: readonly StreamChunk[]) {
  yield* chunks
}

async function encode(chunks: readonly StreamChunk[], options?: AsOpenAIStreamOptions) {
  const objects: ChatCompletionChunk[] = []
  for await (const object of asOpenAIStream(streamOf(chunks), options)) objects.push(object)
  return objects
}

const deltas = (objects: readonly ChatCompletionChunk[]) =>
  objects.flatMap(({ choices }) => choices.map(({ delta }) => delta))
const reasons = (objects: readonly ChatCompletionChunk[]) =>
  objects.flatMap(({ choices }) => choices.flatMap(({ finish_reason }) => finish_reason ?? []))
const calls = (objects: readonly ChatCompletionChunk[]) =>
  deltas(objects).flatMap(({ tool_calls }) => tool_calls ?? [])

describe('one turn', () => {
  it('is a role, the text, and a finish reason', async () => {
    const head = {
      id: 'msg_1',
      object: 'chat.completion.chunk',
      created: 1_700_000_000,
      model: 'claude-x',
    }
    const choice = { index: 0, logprobs: null, finish_reason: null }
    expect(await encode([start(), text('H'), text('i'), finish('length')])).toEqual([
      { ...head, choices: [{ ...choice, delta: { role: 'assistant', content: '' } }] },
      { ...head, choices: [{ ...choice, delta: { content: 'H' } }] },
      { ...head, choices: [{ ...choice, delta: { content: 'i' } }] },
      { ...head, choices: [{ ...choice, delta: {}, finish_reason: 'length' }] },
    ])
  })

  it('has usage in one more chunk, only if requested', async () => {
    const withUsage = await encode([start(), text('Hi'), finish()], { includeUsage: true })
    expect(withUsage.slice(0, -1).map((object) => object.usage)).toEqual([null, null, null])
    expect(withUsage.at(-1)).toMatchObject({ choices: [], usage })
    const withoutUsage = await encode([start(), text('Hi'), finish()])
    expect(withoutUsage.every((object) => !('usage' in object))).toBe(true)
  })

  it('passes reasoning, refusal, sources, media and logprobs on', async () => {
    const annotation = { type: 'url_citation', url_citation: { url: 'https://a.test' } } as const
    const content = [{ token: 'Hi', logprob: -1 }]
    const objects = await encode([
      start(),
      { type: 'reasoning-delta', text: 'hm' },
      { type: 'refusal-delta', text: 'No.' },
      { type: 'annotation', annotation },
      { type: 'file', media_type: 'image/png', data: 'AAAA' },
      { type: 'file', media_type: 'audio/wav', data: 'AAAA', transcript: 'Hi' },
      { type: 'file', media_type: 'text/csv', data: 'AAAA' },
      { type: 'logprobs', content },
      finish(),
    ])
    expect(deltas(objects)).toEqual([
      { role: 'assistant', content: '' },
      { reasoning_content: 'hm' },
      { refusal: 'No.' },
      { annotations: [annotation] },
      { images: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }] },
      { audio: { data: 'AAAA', transcript: 'Hi' } },
      { files: [{ media_type: 'text/csv', data: 'AAAA' }] },
      {},
      {},
    ])
    expect(objects.at(-2)?.choices[0]?.logprobs).toEqual({ content, refusal: null })
  })

  it('omits what the wire cannot represent', async () => {
    const objects = await encode([
      { type: 'warning', warning: { code: 'dropped', message: 'x' } },
      start(),
      { type: 'data', name: 'mine', data: 1 },
      { type: 'hosted-tool', id: 'h', name: 'web_search', status: 'done' },
      text('Hi'),
      finish(),
    ])
    expect(deltas(objects)).toEqual([{ role: 'assistant', content: '' }, { content: 'Hi' }, {}])
  })
})

describe('calls', () => {
  it('that wait for the client are emitted at the end, complete', async () => {
    const objects = await encode([
      start(),
      ...calling(0, 'a'),
      ...calling(1, 'b', '{}'),
      finish('tool_calls'),
    ])
    expect(calls(objects)).toEqual([
      { index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '' } },
      { index: 0, function: { arguments: '{"x":1}' } },
      { index: 1, id: 'b', type: 'function', function: { name: 'f', arguments: '' } },
      { index: 1, function: { arguments: '{}' } },
    ])
    expect(reasons(objects)).toEqual(['tool_calls'])
  })

  it('that were executed here are never emitted: a client would execute them again', async () => {
    const objects = await encode([
      start(),
      text('Let me look. '),
      ...calling(0, 'a'),
      finish('tool_calls'),
      result('a'),
      start('msg_2'),
      text('Sunny.'),
      finish(),
    ])
    expect(calls(objects)).toEqual([])
    expect(
      deltas(objects)
        .map(({ content }) => content ?? '')
        .join(''),
    ).toBe('Let me look. Sunny.')
    expect(reasons(objects)).toEqual(['stop'])
    expect(new Set(objects.map(({ id }) => id))).toEqual(new Set(['msg_1']))
  })

  it('that were all executed, without a turn after them, are no finish reason', async () => {
    const objects = await encode([start(), ...calling(0, 'a'), finish('tool_calls'), result('a')])
    expect([calls(objects), reasons(objects)]).toEqual([[], ['stop']])
  })

  it('of which some were executed: the others are numbered from 0', async () => {
    const objects = await encode([
      start(),
      ...calling(0, 'a'),
      ...calling(1, 'b'),
      finish('tool_calls'),
      result('a'),
    ])
    expect(calls(objects).map(({ index, id }) => [index, id])).toEqual([
      [0, 'b'],
      [0, undefined],
    ])
    expect(reasons(objects)).toEqual(['tool_calls'])
  })

  it('are emitted as they arrive if that is enabled, and keep separate indices', async () => {
    const objects = await encode(
      [
        start(),
        ...calling(0, 'a', '{}'),
        finish('tool_calls'),
        result('a'),
        start(),
        ...calling(0, 'b', '{}'),
        finish('tool_calls'),
      ],
      { toolCalls: 'live' },
    )
    expect(calls(objects).map(({ index, id }) => [index, id])).toEqual([
      [0, 'a'],
      [0, undefined],
      [0, undefined],
      [1, 'b'],
      [1, undefined],
      [1, undefined],
    ])
  })

  it('of custom tools contain text', async () => {
    const objects = await encode([
      start(),
      { type: 'tool-call-start', index: 0, id: 'a', name: 'sql', kind: 'custom' },
      { type: 'tool-call-delta', index: 0, arguments: 'SELECT' },
      { type: 'tool-call-end', index: 0 },
      finish('tool_calls'),
    ])
    expect(calls(objects)).toEqual([
      { index: 0, id: 'a', type: 'custom', custom: { name: 'sql', input: '' } },
      { index: 0, custom: { input: 'SELECT' } },
    ])
  })

  it('usage is the sum of all turns', async () => {
    const objects = await encode(
      [
        start(),
        ...calling(0, 'a'),
        finish('tool_calls'),
        result('a'),
        start(),
        text('Hi'),
        finish(),
      ],
      { includeUsage: true },
    )
    expect(objects.at(-1)?.usage).toEqual({
      prompt_tokens: 6,
      completion_tokens: 4,
      total_tokens: 10,
    })
  })
})

describe('an incomplete end', () => {
  it('a failure is thrown, without a finish reason', async () => {
    async function* broken() {
      yield start()
      yield text('Hi')
      throw new Error('cut')
    }
    const objects: ChatCompletionChunk[] = []
    const reading = (async () => {
      for await (const object of asOpenAIStream(broken())) objects.push(object)
    })()
    await expect(reading).rejects.toThrow('cut')
    expect(reasons(objects)).toEqual([])
  })

  it('an early return ends the source stream', async () => {
    let isClosed = false
    async function* endless() {
      try {
        yield start()
        for (;;) yield text('x')
      } finally {
        isClosed = true
      }
    }
    for await (const _ of asOpenAIStream(endless())) break
    expect(isClosed).toBe(true)
  })
})

describe('the official client', () => {
  let server: Server
  afterEach(() => new Promise((done) => server.close(done)))

  it('accumulates the same response', async () => {
    const objects = await encode(
      [
        start(),
        text('Hi '),
        text('there'),
        ...calling(0, 'a'),
        ...calling(1, 'b', '{}'),
        finish('tool_calls'),
      ],
      { includeUsage: true },
    )
    server = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (const object of objects) response.write(`data: ${JSON.stringify(object)}\n\n`)
      response.end('data: [DONE]\n\n')
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as AddressInfo
    const client = new OpenAI({
      apiKey: 'k',
      baseURL: `http://127.0.0.1:${port}/v1`,
      maxRetries: 0,
    })
    const completion = await client.chat.completions
      .stream({ model: 'm', messages: [], stream_options: { include_usage: true } })
      .finalChatCompletion()
    expect(completion).toMatchObject({
      id: 'msg_1',
      choices: [
        {
          finish_reason: 'tool_calls',
          message: {
            content: 'Hi there',
            tool_calls: [
              { id: 'a', function: { name: 'f', arguments: '{"x":1}' } },
              { id: 'b', function: { name: 'f', arguments: '{}' } },
            ],
          },
        },
      ],
      usage,
    })
  })
})
