/** The chunks of a response, one by one and accumulated. */
import { describe, expect, it } from 'vitest'
import type { StreamChunk } from '../../../src/chat/index.js'
import {
  RateLimitError,
  ServiceUnavailableError,
  UnexpectedResponseError,
} from '../../../src/core/index.js'
import { answerOf, chunk, flash3, frozen, read, readWhole, stop } from './support.js'

const types = (chunks: readonly StreamChunk[]) => chunks.map(({ type }) => type)
const usage = { promptTokenCount: 9, candidatesTokenCount: 28, totalTokenCount: 37 }

describe('text and thoughts', () => {
  it('text is emitted as it arrives', () => {
    const { chunks } = read([chunk([{ text: 'Hel' }]), chunk([{ text: 'lo' }]), stop()])
    expect(chunks.slice(1, -1)).toEqual([
      { type: 'text-delta', text: 'Hel' },
      { type: 'text-delta', text: 'lo' },
    ])
  })

  it('thoughts are reasoning, and a block that follows text is separated by a blank line', () => {
    const { message } = answerOf([
      chunk([{ text: 'First ', thought: true }]),
      chunk([{ text: 'thought.', thought: true }]),
      chunk([{ text: 'Answer.' }]),
      chunk([{ text: 'Second.', thought: true }]),
      stop([{ text: ' More.' }]),
    ])
    expect(message.reasoning_content).toBe('First thought.\n\nSecond.')
    expect(message.content).toBe('Answer. More.')
  })

  it('an empty text with a signature is no delta and is kept', () => {
    const { chunks, answer } = read([
      chunk([{ text: 'Hi' }]),
      stop([{ text: '', thoughtSignature: 'c2ln' }]),
    ])
    expect(types(chunks)).toEqual(['start', 'text-delta', 'finish'])
    expect(answer?.message.native).toEqual({
      v: 1,
      provider: 'gemini',
      model: flash3,
      content: [{ text: 'Hi' }, { text: '', thoughtSignature: 'c2ln' }],
    })
  })

  it('text that was split is one part of native again, apart from thoughts', () => {
    const { message } = answerOf([
      chunk([{ text: 'a', thought: true }]),
      chunk([{ text: 'b', thought: true }]),
      chunk([{ text: 'c' }]),
      stop([{ text: 'd' }]),
    ])
    expect(message.native?.content).toEqual([{ text: 'ab', thought: true }, { text: 'cd' }])
  })

  it('two parts of one chunk stay two', () => {
    const { message } = answerOf([
      stop([{ text: 'a' }, { text: 'b' }, { text: 'c', thoughtSignature: 'cw==' }]),
    ])
    expect(message.native?.content).toHaveLength(3)
    expect(message.content).toBe('abc')
  })

  it('text beside a call is a part of its own in native', () => {
    const functionCall = { name: 'f', args: {} }
    const { answer } = read([stop([{ text: 'Hi', functionCall, thoughtSignature: 's' }])])
    expect(answer?.message.native?.content).toEqual([
      { text: 'Hi' },
      { functionCall, thoughtSignature: 's' },
    ])
  })

  it('plain text has no native copy', () => {
    expect(answerOf([stop([{ text: 'Hi' }])]).message.native).not.toHaveProperty('content')
  })

  it('a chunk without content, parts or candidates is skipped', () => {
    const { answer } = read([
      { candidates: [] },
      { candidates: [{}] },
      { candidates: [{ content: { role: 'model' } }] },
      { candidates: [null] },
      {},
      null,
      'text',
      stop([{ text: 'Hi' }, null as never, { newKind: {} }]),
    ])
    expect(answer?.text).toBe('Hi')
  })

  it('text after the finishReason still counts', () => {
    expect(answerOf([stop([{ text: 'a' }]), chunk([{ text: 'b' }])]).text).toBe('ab')
  })

  it('only the first of several candidates is read', () => {
    const first = { content: { parts: [{ text: 'one' }] }, finishReason: 'STOP' }
    const second = { content: { parts: [{ text: 'two' }] }, finishReason: 'SAFETY', index: 1 }
    expect(answerOf([{ candidates: [second, first] }, { candidates: [second] }])).toMatchObject({
      text: 'one',
      finish_reason: 'stop',
    })
  })

  it('a JSON array in place of an event stream is read chunk by chunk', () => {
    expect(answerOf([[chunk([{ text: 'a' }]), stop([{ text: 'b' }])]]).text).toBe('ab')
  })
})

describe('the start', () => {
  it('has id, model and time of the response', () => {
    const { chunks } = read([{ ...stop(), createTime: '2026-01-02T03:04:05.678Z' }])
    expect(chunks[0]).toEqual({
      type: 'start',
      id: 'resp-1',
      model: flash3,
      provider: 'gemini',
      created: 1_767_323_045,
      request_id: 'req-1',
    })
  })

  it('has a generated id if there is none', () => {
    const { id } = answerOf([{ candidates: [{ finishReason: 'STOP' }] }])
    expect(id).toMatch(/^resp_\w{32}$/)
  })
})

describe('function calls', () => {
  it('a call is start, one delta and end', () => {
    const { chunks, answer } = read([
      chunk([{ functionCall: { name: 'look', args: { a: 1 } }, thoughtSignature: 'c2ln' }]),
      stop(),
    ])
    expect(chunks.slice(1, 4)).toEqual([
      {
        type: 'tool-call-start',
        index: 0,
        id: expect.stringMatching(/^call_\w{32}$/),
        name: 'look',
      },
      { type: 'tool-call-delta', index: 0, arguments: '{"a":1}' },
      { type: 'tool-call-end', index: 0 },
    ])
    expect(answer?.finish_reason).toBe('tool_calls')
    expect(answer?.message.native?.content).toEqual([
      { functionCall: { name: 'look', args: { a: 1 } }, thoughtSignature: 'c2ln' },
    ])
  })

  it('a generated id has at most 40 characters, a given one is kept', () => {
    const { message } = answerOf([
      stop([{ functionCall: { name: 'a', id: '' } }, { functionCall: { name: 'b', id: 'own' } }]),
    ])
    const [made, given] = message.tool_calls ?? []
    expect(made?.id.length).toBeLessThanOrEqual(40)
    expect(given?.id).toBe('own')
  })

  it('an id shared by two calls is made unique', () => {
    const call = (args: object) => ({ functionCall: { name: 'a', id: 'same', args } })
    const { message } = answerOf([stop([call({ n: 1 }), call({ n: 2 })])])
    const ids = message.tool_calls?.map(({ id }) => id)
    expect(new Set(ids).size).toBe(2)
  })

  it('missing arguments are an empty object', () => {
    const { message } = answerOf([stop([{ functionCall: { name: 'a' } }])])
    expect(message.tool_calls?.[0]).toMatchObject({ function: { arguments: '{}' } })
  })

  it('a call before a chunk that only ends has the finish reason tool_calls', () => {
    expect(answerOf([chunk([{ functionCall: { name: 'a' } }]), stop()]).finish_reason).toBe(
      'tool_calls',
    )
  })

  it('a call cut off by the limit has the finish reason length', () => {
    const events = [chunk([{ functionCall: { name: 'a' } }], { finishReason: 'MAX_TOKENS' })]
    expect(answerOf(events).finish_reason).toBe('length')
  })

  it('the free text of a custom tool is its only argument', () => {
    const request = { tools: [{ type: 'custom', custom: { name: 'shell' } }] } as const
    const { message } = answerOf(
      [stop([{ functionCall: { name: 'shell', args: { input: 'ls "a"' } } }])],
      { request },
    )
    expect(message.tool_calls).toEqual([
      { id: expect.any(String), type: 'custom', custom: { name: 'shell', input: 'ls "a"' } },
    ])
  })

  it('arguments named __proto__ stay data', () => {
    const args = JSON.parse('{"__proto__":{"polluted":true}}')
    const { message } = answerOf([stop([{ functionCall: { name: 'a', args } }])])
    expect(message.tool_calls?.[0]).toMatchObject({
      function: { arguments: '{"__proto__":{"polluted":true}}' },
    })
    expect({}).not.toHaveProperty('polluted')
  })

  it('arguments longer than the limit are rejected', () => {
    const events = [stop([{ functionCall: { name: 'a', args: { text: 'x'.repeat(100) } } }])]
    expect(() => read(events, { maxArgumentsLength: 50 })).toThrow(UnexpectedResponseError)
  })
})

describe('arguments in pieces', () => {
  const piece = (partialArgs: readonly object[], more: object = { willContinue: true }) =>
    chunk([{ functionCall: { partialArgs, ...more } }])
  const begin = chunk([
    { functionCall: { name: 'weather', willContinue: true }, thoughtSignature: 'c2ln' },
  ])
  const argumentsOf = (events: readonly unknown[]) => {
    const call = answerOf(events).message.tool_calls?.[0]
    return call?.type === 'function' ? call.function.arguments : undefined
  }

  it('a string continues until its piece says otherwise', () => {
    expect(
      argumentsOf([
        begin,
        piece([{ jsonPath: '$.location', stringValue: 'Bos', willContinue: true }]),
        piece([{ jsonPath: '$.location', stringValue: 'to', willContinue: true }]),
        piece([{ jsonPath: '$.location', stringValue: 'n' }]),
        chunk([{ functionCall: {} }]),
        stop(),
      ]),
    ).toBe('{"location":"Boston"}')
  })

  it('paths lead into objects and lists', () => {
    expect(
      argumentsOf([
        begin,
        piece([{ jsonPath: '$.operations[0].name', stringValue: 'buy' }]),
        piece([{ jsonPath: '$.operations[1].price', numberValue: 0.3 }]),
        piece([{ jsonPath: "$.operations[1]['in stock']", boolValue: false }]),
        piece([{ jsonPath: '$.note', nullValue: 'NULL_VALUE' }], {}),
        stop(),
      ]),
    ).toBe('{"operations":[{"name":"buy"},{"price":0.3,"in stock":false}],"note":null}')
  })

  it('an open call is closed by the end, and native contains it whole', () => {
    const { message } = answerOf([begin, piece([{ jsonPath: '$.a', numberValue: 1 }]), stop()])
    expect(message.native?.content).toEqual([
      { functionCall: { name: 'weather', args: { a: 1 } }, thoughtSignature: 'c2ln' },
    ])
  })

  it('the next call closes the previous one', () => {
    const { message } = answerOf([
      begin,
      chunk([{ functionCall: { name: 'other', args: { b: 2 } } }]),
      stop([{ text: 'done' }]),
    ])
    expect(message.tool_calls).toMatchObject([
      { function: { name: 'weather', arguments: '{}' } },
      { function: { name: 'other', arguments: '{"b":2}' } },
    ])
  })

  it('an end without a call is ignored', () => {
    expect(
      answerOf([chunk([{ functionCall: { willContinue: true } }]), stop()]).message.tool_calls,
    ).toBe(undefined)
  })

  it('a path named __proto__ stays data, a list with a gap is rejected', () => {
    expect(
      argumentsOf([begin, piece([{ jsonPath: '$.__proto__.x', numberValue: 1 }]), stop()]),
    ).toBe('{"__proto__":{"x":1}}')
    expect({}).not.toHaveProperty('x')
    expect(() => read([begin, piece([{ jsonPath: '$.a[4294967295]', numberValue: 1 }])])).toThrow(
      UnexpectedResponseError,
    )
  })

  it('pieces that exceed the limit together are rejected', () => {
    const long = piece([{ jsonPath: '$.a', stringValue: 'x'.repeat(30), willContinue: true }])
    expect(() => read([begin, long, long], { maxArgumentsLength: 50 })).toThrow(
      UnexpectedResponseError,
    )
  })
})

describe('the end', () => {
  it('a stream without finishReason is incomplete, whatever its content', () => {
    const { isWhole, chunks } = read([chunk([{ text: 'Half an ans' }])])
    expect(isWhole).toBe(false)
    expect(types(chunks)).not.toContain('finish')
  })

  it('a blocked prompt is a content_filter and complete', () => {
    const { answer, warnings } = read([
      { promptFeedback: { blockReason: 'SAFETY', blockReasonMessage: 'no' }, usageMetadata: usage },
    ])
    expect(answer).toMatchObject({
      text: '',
      finish_reason: 'content_filter',
      native_finish_reason: 'SAFETY',
      usage: { prompt_tokens: 9 },
    })
    expect(warnings).toHaveLength(1)
  })

  it.each([
    ['STOP', 'stop'],
    ['MAX_TOKENS', 'length'],
    ['CONTINUATION', 'length'],
    ['SAFETY', 'content_filter'],
    ['RECITATION', 'content_filter'],
    ['BLOCKLIST', 'content_filter'],
    ['PROHIBITED_CONTENT', 'content_filter'],
    ['SPII', 'content_filter'],
    ['IMAGE_SAFETY', 'content_filter'],
    ['MALFORMED_FUNCTION_CALL', 'stop'],
    ['UNEXPECTED_TOOL_CALL', 'stop'],
    ['OTHER', 'stop'],
    ['A_NEW_REASON', 'stop'],
  ])('%s is %s, with the native reason', (finishReason, finish_reason) => {
    const { answer } = read([chunk([{ text: 'a' }], { finishReason })])
    expect(answer).toMatchObject({ text: 'a', finish_reason, native_finish_reason: finishReason })
  })

  it('an unreadable call is a warning with Google’s message', () => {
    const { answer, warnings } = read([
      chunk([], { finishReason: 'MALFORMED_FUNCTION_CALL', finishMessage: 'Malformed: print(1)' }),
    ])
    expect(answer?.message.tool_calls).toBeUndefined()
    expect(warnings).toEqual([
      expect.objectContaining({ code: 'other', message: expect.stringContaining('print(1)') }),
    ])
  })

  it('an ordinary end causes no warning', () => {
    const events = [stop([{ text: 'a' }], { finishMessage: 'Model generated function call(s).' })]
    expect(read(events).warnings).toEqual([])
  })

  it('an error between chunks is thrown by its code, after the content before it', () => {
    const error = (code: number, status: string) => ({ error: { code, message: 'no', status } })
    expect(() => read([chunk([{ text: 'a' }]), error(503, 'UNAVAILABLE')])).toThrow(
      ServiceUnavailableError,
    )
    expect(() => read([[error(429, 'RESOURCE_EXHAUSTED')]])).toThrow(RateLimitError)
  })
})

describe('usage', () => {
  const usageOf = (usageMetadata: object) => answerOf([{ ...stop(), usageMetadata }]).usage

  it('thoughts are part of the completion', () => {
    expect(usageOf({ ...usage, thoughtsTokenCount: 244, totalTokenCount: 281 })).toEqual({
      prompt_tokens: 9,
      completion_tokens: 272,
      total_tokens: 281,
      completion_tokens_details: { reasoning_tokens: 244 },
    })
  })

  it('thoughts reported only in the total are found', () => {
    expect(
      usageOf({ promptTokenCount: 54, candidatesTokenCount: 74, totalTokenCount: 249 }),
    ).toMatchObject({
      completion_tokens: 195,
      completion_tokens_details: { reasoning_tokens: 121 },
    })
  })

  it('thoughts included in the candidates are not counted twice', () => {
    const counts = { promptTokenCount: 100, candidatesTokenCount: 10, thoughtsTokenCount: 5 }
    expect(usageOf({ ...counts, totalTokenCount: 115 }).completion_tokens).toBe(15)
    expect(usageOf({ ...counts, totalTokenCount: 110 }).completion_tokens).toBe(10)
  })

  it('the input of hosted tools is part of the prompt', () => {
    expect(usageOf({ ...usage, toolUsePromptTokenCount: 100, totalTokenCount: 137 })).toMatchObject(
      { prompt_tokens: 109, total_tokens: 137 },
    )
  })

  it('cached tokens and modalities are reported as Google reports them', () => {
    expect(
      usageOf({
        ...usage,
        cachedContentTokenCount: 4,
        promptTokensDetails: [
          { modality: 'TEXT', tokenCount: 3 },
          { modality: 'IMAGE', tokenCount: 5 },
          { modality: 'AUDIO', tokenCount: 1 },
        ],
        candidatesTokensDetails: [{ modality: 'IMAGE', tokenCount: 20 }],
      }),
    ).toEqual({
      prompt_tokens: 9,
      completion_tokens: 28,
      total_tokens: 37,
      prompt_tokens_details: { cached_tokens: 4, audio_tokens: 1, image_tokens: 5 },
      completion_tokens_details: { image_tokens: 20 },
    })
  })

  it('a snapshot with fewer members keeps earlier ones', () => {
    const { usages, answer } = read([
      { ...chunk([{ text: 'a' }]), usageMetadata: usage },
      { ...stop(), usageMetadata: { trafficType: 'ON_DEMAND', serviceTier: 'flex' } },
    ])
    expect(usages).toHaveLength(2)
    expect(answer).toMatchObject({ usage: { total_tokens: 37 }, service_tier: 'flex' })
  })

  it('missing usage is counted by the core', () => {
    expect(answerOf([stop([{ text: 'a' }])]).usage).toMatchObject({ estimated: true })
  })
})

describe('hosted tools and files', () => {
  it('code and its output are one tool, by id or by position', () => {
    const { message } = answerOf([
      chunk([{ executableCode: { language: 'PYTHON', code: '1+1' } }]),
      chunk([{ codeExecutionResult: { outcome: 'OUTCOME_OK', output: '2' } }]),
      chunk([{ executableCode: { id: 'b', language: 'PYTHON', code: '1/0' } }]),
      stop([{ codeExecutionResult: { id: 'b', outcome: 'OUTCOME_FAILED', output: 'error' } }]),
    ])
    expect(message.hosted_tools).toEqual([
      {
        id: expect.any(String),
        name: 'code_execution',
        status: 'done',
        input: { language: 'PYTHON', code: '1+1' },
        output: '2',
      },
      expect.objectContaining({ id: 'b', status: 'failed', output: 'error' }),
    ])
    expect(message.native?.content).toHaveLength(4)
  })

  it('a tool that Google executed is emitted from its parts, which are native', () => {
    const parts = [
      {
        toolCall: { id: 't', toolType: 'GOOGLE_SEARCH_WEB', args: { queries: ['x'] } },
        thoughtSignature: 'YQ==',
      },
      {
        toolResponse: { id: 't', toolType: 'GOOGLE_SEARCH_WEB', response: { a: 1 } },
        thoughtSignature: 'Yg==',
      },
      { text: 'found' },
    ]
    const { message, finish_reason } = answerOf([stop(parts)])
    expect(finish_reason).toBe('stop')
    expect(message.hosted_tools).toEqual([
      {
        id: 't',
        name: 'google_search_web',
        status: 'done',
        input: { queries: ['x'] },
        output: { a: 1 },
      },
    ])
    expect(message.native?.content).toEqual(parts)
  })

  it('an image is a file, a draft within the thoughts is none', () => {
    const { message } = answerOf([
      chunk([{ inlineData: { mimeType: 'image/png', data: 'ZHJhZnQ=' }, thought: true }]),
      stop([{ inlineData: { mimeType: 'image/png', data: 'cG5n' }, thoughtSignature: 'c2ln' }]),
    ])
    expect(message.images).toEqual([
      { type: 'image_url', image_url: { url: 'data:image/png;base64,cG5n' } },
    ])
  })

  it('pieces of audio are one audio part', () => {
    const sound = (data: string) => ({
      inlineData: { mimeType: 'audio/L16;codec=pcm;rate=24000', data },
    })
    const { message } = answerOf([chunk([sound('AAAA')]), stop([sound('BBBB')])])
    expect(message.audio).toEqual({ data: 'AAAABBBB', format: 'L16;codec=pcm;rate=24000' })
  })

  it('logprobs have their alternatives', () => {
    const { logprobs } = answerOf([
      stop([{ text: 'a' }], {
        avgLogprobs: -0.1,
        logprobsResult: {
          chosenCandidates: [{ token: 'a', logProbability: -0.1, tokenId: 7 }],
          topCandidates: [{ candidates: [{ token: 'b', logProbability: -2 }] }],
        },
      }),
    ])
    expect(logprobs).toEqual({
      content: [{ token: 'a', logprob: -0.1, top_logprobs: [{ token: 'b', logprob: -2 }] }],
    })
  })
})

describe('a whole body', () => {
  it('equals a stream of it', () => {
    const body = {
      ...stop([
        { text: 'Thought.', thought: true },
        { text: 'Text.', thoughtSignature: 'c2ln' },
        { functionCall: { id: 'x', name: 'look', args: { a: [1, 'zwei'] } } },
      ]),
      createTime: '2026-01-02T03:04:05Z',
      usageMetadata: usage,
    }
    expect(readWhole(body)).toEqual(answerOf([body]))
  })

  it.each([
    ['no candidate', {}],
    ['no candidate in the list', { candidates: [] }],
    ['a candidate without finishReason', chunk([{ text: 'a' }])],
    ['text', 'ok'],
    ['nothing', undefined],
  ])('that contains %s is an error', (_, body) => {
    expect(() => readWhole(body)).toThrow(UnexpectedResponseError)
  })

  it('that contains an error is that error', () => {
    expect(() =>
      readWhole([{ error: { code: 503, message: 'busy', status: 'UNAVAILABLE' } }]),
    ).toThrow(ServiceUnavailableError)
  })
})

it('a chunk costs the same however long the response is', () => {
  const events = frozen(Array.from({ length: 20_000 }, () => chunk([{ text: 'word ' }])))
  const { answer } = read([...events, stop()])
  expect(answer?.text).toHaveLength(100_000)
})
