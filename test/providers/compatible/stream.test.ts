/** Streams in all the formats that servers use. */
import { describe, expect, it, test } from 'vitest'
import {
  BadGatewayError,
  InternalServerError,
  RateLimitError,
  ServiceUnavailableError,
  StreamInterruptedError,
  UnexpectedResponseError,
} from '../../../src/core/index.js'
import { delta, done, read, stop } from './support.js'

const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
const types = (events: Parameters<typeof read>[0]) => read(events).chunks.map(({ type }) => type)

describe('text', () => {
  it('is emitted between a start and a finish', () => {
    const { chunks, isWhole } = read([
      delta({ role: 'assistant', content: '' }),
      delta({ content: 'Hi' }),
      stop(),
      done,
    ])
    expect(isWhole).toBe(true)
    expect(chunks).toEqual([
      {
        type: 'start',
        id: 'chatcmpl-1',
        model: 'm-1-large',
        provider: 'local',
        created: 1_700_000_000,
        request_id: 'req_1',
      },
      { type: 'text-delta', text: 'Hi' },
      {
        type: 'finish',
        finish_reason: 'stop',
        native_finish_reason: 'stop',
        usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0, estimated: true },
        native: { v: 1, provider: 'local', model: 'm-1-large', asked: 'm-1' },
      },
    ])
  })

  it('is emitted if its finish reason is in the same chunk', () => {
    expect(read([delta({ content: 'Hi' }, { finish_reason: 'stop' })]).answer?.text).toBe('Hi')
  })

  it('may be a list of parts, with thoughts among them', () => {
    const { answer } = read([
      delta({
        content: [
          { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] },
          { type: 'text', text: 'so' },
          { type: 'reference', reference_ids: [1] },
        ],
      }),
      stop(),
    ])
    expect(answer?.message).toMatchObject({ content: 'so', reasoning_content: 'hm' })
  })

  it('is read from a whole message in place of a delta', () => {
    const event = {
      data: { id: 'x', choices: [{ message: { content: 'Hi' }, finish_reason: 'stop' }] },
    }
    expect(read([event]).answer?.text).toBe('Hi')
  })
})

describe('chunks without content', () => {
  test.each([
    [
      'null fields',
      delta({ content: null, refusal: null, tool_calls: null, function_call: null, audio: null }),
    ],
    ['a role alone', delta({ role: 'assistant' })],
    ['no choices', { data: { id: '', choices: [], prompt_filter_results: [{}] } }],
    ['choices that are null', { data: { choices: null } }],
    ['an unknown event', { event: 'keepalive', data: { type: 'ping' } }],
    ['data that is no object', { data: 7 }],
    [
      'fields of a wrong type',
      delta({ content: 7, refusal: {}, tool_calls: 'x', images: {}, annotations: 1 }),
    ],
    ['a choice without delta', { data: { choices: [{ index: 0 }] } }],
  ])('%s: skipped', (_, event) => {
    const { answer } = read([event, delta({ content: 'Hi' }), event, stop()])
    expect(answer?.text).toBe('Hi')
    const { native, ...message } = answer?.message ?? {}
    expect(message).toEqual({ role: 'assistant', content: 'Hi' })
    expect(native).not.toHaveProperty('content')
  })

  it('do not start the response: the id is that of the first choice', () => {
    const { answer } = read([
      { data: { id: '', model: '', choices: [] } },
      delta({ content: 'Hi' }),
      stop(),
    ])
    expect(answer?.id).toBe('chatcmpl-1')
  })
})

describe('id, model and time', () => {
  it('are generated if the server sends none', () => {
    const { answer } = read([
      { data: { choices: [{ delta: { content: 'Hi' }, finish_reason: 'stop' }] } },
    ])
    expect(answer?.id).toMatch(/^chatcmpl-.{36}$/)
    expect(answer?.model).toBe('m-1')
    expect(answer?.created).toBeGreaterThan(1_700_000_000)
  })
})

describe('reasoning', () => {
  test.each([
    ['reasoning_content', { reasoning_content: 'hm' }],
    ['reasoning', { reasoning: 'hm' }],
    ['reasoning_text', { reasoning_text: 'hm' }],
    ['both at once', { reasoning_content: 'hm', reasoning: 'hm' }],
    ['an empty name before the one that counts', { reasoning_content: '', reasoning: 'hm' }],
    ['details alone', { reasoning_details: [{ type: 'reasoning.text', text: 'hm' }] }],
    ['a summary', { reasoning_details: [{ type: 'reasoning.summary', summary: 'hm' }] }],
    [
      'details beside the text',
      { reasoning: 'hm', reasoning_details: [{ type: 'reasoning.text', text: 'hm' }] },
    ],
  ])('%s', (_, fields) => {
    const { answer } = read([delta(fields), delta({ content: 'so' }), stop()])
    expect(answer?.message).toMatchObject({ content: 'so', reasoning_content: 'hm' })
  })

  it('in tags is text: whose tags they are is unknown', () => {
    expect(read([delta({ content: '<think>hm</think>so' }), stop()]).answer?.text).toBe(
      '<think>hm</think>so',
    )
  })

  it('is emitted before the text of its delta', () => {
    expect(types([delta({ content: 'so', reasoning: 'hm' }), stop()])).toEqual([
      'start',
      'reasoning-delta',
      'text-delta',
      'finish',
    ])
  })
})

describe('refusals, sources, media, logprobs', () => {
  it("a refusal is no text, and ends with the server's finish reason", () => {
    const { answer } = read([delta({ refusal: "I can't" }), delta({ refusal: ' do that' }), stop()])
    expect(answer).toMatchObject({
      text: '',
      message: { content: null, refusal: "I can't do that" },
      finish_reason: 'stop',
    })
  })

  it('an annotation is emitted once, however often it is sent', () => {
    const annotations = [
      {
        type: 'url_citation',
        url_citation: { url: 'https://a.test', title: 'A', start_index: 0, end_index: 2 },
      },
      { type: 'file', file: { hash: 'x' } },
    ]
    const { answer } = read([
      delta({ content: 'Hi' }),
      delta({ annotations }),
      delta({ annotations }),
      stop(),
    ])
    expect(answer?.message.annotations).toEqual([annotations[0]])
  })

  it('bare citations become annotations, unless their source was already emitted', () => {
    const cited = (event: ReturnType<typeof delta>) => ({
      data: { ...(event.data as object), citations: ['https://a.test', 'https://b.test'] },
    })
    const { answer } = read([
      delta({ annotations: [{ type: 'url_citation', url_citation: { url: 'https://a.test' } }] }),
      cited(delta({ content: 'Hi' })),
      cited(delta({ content: '!' })),
      stop(),
    ])
    expect(
      answer?.message.annotations?.map(
        (one) => one.type === 'url_citation' && one.url_citation.url,
      ),
    ).toEqual(['https://a.test', 'https://b.test'])
  })

  it('images are data or URLs', () => {
    const image = (url: string) => ({ type: 'image_url', image_url: { url } })
    const images = [image('data:image/webp;base64,AAAA'), image('https://a.test/x.png')]
    expect(read([delta({ images }), stop()]).answer?.message.images).toEqual(images)
  })

  it('audio is joined from its pieces, in the requested format', () => {
    const { answer } = read(
      [
        delta({ audio: { id: 'audio_1', transcript: 'Hel' } }),
        delta({ audio: { data: 'AA==' } }),
        delta({ audio: { data: 'AQ==', transcript: 'lo' } }),
        delta({ audio: { expires_at: 9 } }),
        stop(),
      ],
      // `audio` is a key of the wire
      {
        request: { model: 'm-1', messages: [], ...{ audio: { voice: 'alloy', format: 'pcm16' } } },
      },
    )
    expect(answer?.message.audio).toEqual({
      id: 'audio_1',
      data: 'AAE=',
      format: 'pcm16',
      transcript: 'Hello',
      expires_at: 9,
    })
  })

  it('logprobs keep the members of each token', () => {
    const content = [{ token: 'Hi', logprob: -0.5, bytes: [72, 105], top_logprobs: [] }]
    const { answer } = read([
      delta({ content: 'Hi' }, { logprobs: { content, refusal: null } }),
      delta({}, { logprobs: { content: null } }),
      stop(),
    ])
    expect(answer?.logprobs).toEqual({ content })
  })

  it('the tier is that of the last chunk that has one', () => {
    const tier = (service_tier: string) => ({ data: { service_tier, choices: [] } })
    expect(
      read([tier('auto'), delta({ content: 'Hi' }), stop(), tier('flex')]).answer?.service_tier,
    ).toBe('flex')
  })
})

describe('usage', () => {
  const dataEvent = (where: object) => ({ data: where })

  test.each([
    ['in the last chunk, without choices', [stop(), dataEvent({ choices: [], usage })]],
    ['with the finish', [{ data: { ...(stop().data as object), usage } }]],
    ['in x_groq', [stop(), dataEvent({ choices: [], x_groq: { id: 'req', usage } })]],
    ['in the choice', [delta({}, { finish_reason: 'stop', usage })]],
    [
      'after [DONE] it is too late, before it is not',
      [stop(), dataEvent({ usage }), done, dataEvent({ usage: { ...usage, prompt_tokens: 9 } })],
    ],
  ])('%s', (_, last) => {
    const { answer, usages } = read([delta({ content: 'Hi' }), ...last])
    expect(answer?.usage).toEqual(usage)
    expect(usages.at(-1)).toEqual(usage)
  })

  it('sent with every chunk: the last one counts', () => {
    const growing = [1, 2, 3].map((completion_tokens) => ({
      data: {
        ...(delta({ content: 'x' }).data as object),
        usage: { prompt_tokens: 3, completion_tokens },
      },
    }))
    const { answer, usages } = read([...growing, stop()])
    expect(usages).toHaveLength(3)
    expect(answer?.usage).toEqual({ prompt_tokens: 3, completion_tokens: 3, total_tokens: 6 })
  })

  it('null is ignored', () => {
    const { usages } = read([
      { data: { choices: [], usage: null } },
      delta({ content: 'Hi' }),
      stop(),
    ])
    expect(usages).toEqual([])
  })
})

describe('the end', () => {
  it('is a finish reason, with or without [DONE]', () => {
    expect(read([delta({ content: 'Hi' }), stop()]).isWhole).toBe(true)
    expect(read([delta({ content: 'Hi' }), stop(), done]).isWhole).toBe(true)
  })

  test.each([
    ['nothing', []],
    ['text alone', [delta({ content: 'Hi' })]],
    ['[DONE] alone', [delta({ content: 'Hi' }), done]],
    ['a finish reason that is empty', [delta({ content: 'Hi' }), stop('')]],
    ['usage alone', [delta({ content: 'Hi' }), { data: { choices: [], usage } }]],
  ])('%s is not one', (_, events) => {
    const { isWhole, chunks } = read(events)
    expect(isWhole).toBe(false)
    expect(chunks.some(({ type }) => type === 'finish')).toBe(false)
  })

  it('is emitted once, whatever follows it', () => {
    const { chunks } = read([
      delta({ content: 'Hi' }),
      stop(),
      done,
      delta({ content: 'more' }),
      stop(),
      done,
    ])
    expect(chunks.filter(({ type }) => type === 'finish')).toHaveLength(1)
    expect(chunks.at(-1)?.type).toBe('finish')
  })

  it('the last of several finish reasons counts', () => {
    const textDelta = (content: string, finish_reason: string) =>
      delta({ content }, { finish_reason })
    const { answer } = read([
      textDelta('a', 'stop'),
      textDelta('b', 'stop'),
      textDelta('c', 'length'),
    ])
    expect(answer).toMatchObject({ text: 'abc', finish_reason: 'length' })
  })

  test.each([
    ['stop', 'stop'],
    ['length', 'length'],
    ['content_filter', 'content_filter'],
    ['model_length', 'length'],
    ['max_tokens', 'length'],
    ['sensitive', 'content_filter'],
    ['eos', 'stop'],
    ['tool_calls', 'stop'],
    ['__proto__', 'stop'],
  ])('%s without calls is %s', (native, reason) => {
    expect(read([delta({ content: 'Hi' }), stop(native)]).answer).toMatchObject({
      finish_reason: reason,
      native_finish_reason: native,
    })
  })

  test.each([
    ['stop', 'tool_calls'],
    ['tool_calls', 'tool_calls'],
    ['function_call', 'tool_calls'],
    ['eos', 'tool_calls'],
    ['length', 'length'],
    ['content_filter', 'content_filter'],
  ])('%s with calls is %s', (native, reason) => {
    const called = delta({
      tool_calls: [{ index: 0, id: 'a', function: { name: 'f', arguments: '{}' } }],
    })
    expect(read([called, stop(native)]).answer?.finish_reason).toBe(reason)
  })

  it("OpenRouter's own reason and vLLM's stop sequence are kept", () => {
    const { answer } = read([
      delta({ content: 'Hi' }),
      stop('stop', { native_finish_reason: 'end_turn', stop_reason: '###' }),
    ])
    expect(answer).toMatchObject({ native_finish_reason: 'end_turn', stop_sequence: '###' })
  })
})

describe('errors in a stream', () => {
  const message = 'Overloaded, come back later'
  test.each([
    [
      'an error object',
      { data: { error: { message, type: 'server_error' } } },
      InternalServerError,
      undefined,
    ],
    ['a numeric code', { data: { error: { message, code: 502 } } }, BadGatewayError, 502],
    ['a code', { data: { error: { message, code: 'rate_limit_exceeded' } } }, RateLimitError, 429],
    ['an error that is text', { data: { error: message } }, InternalServerError, 500],
    ['an error event', { event: 'error', data: { message } }, InternalServerError, 500],
    [
      'an object that calls itself an error',
      { data: { object: 'error', message, code: 503 } },
      ServiceUnavailableError,
      503,
    ],
    ['x_groq', { data: { choices: [], x_groq: { error: message } } }, InternalServerError, 500],
    [
      'an error in the choice',
      { data: { choices: [{ delta: {}, error: { code: 502, message } }] } },
      BadGatewayError,
      502,
    ],
    [
      'an error beside a choice that gives up',
      {
        data: {
          error: { code: 503, message },
          choices: [{ delta: { content: '' }, finish_reason: 'error' }],
        },
      },
      ServiceUnavailableError,
      503,
    ],
    [
      'xAI in a 200',
      { data: { code: 'The service is currently unavailable', error: message } },
      ServiceUnavailableError,
      503,
    ],
    ['a code and a message', { data: { code: 429, message } }, RateLimitError, 429],
  ])('%s is thrown, and the content before it is kept', (_, event, Class, status) => {
    const { error, chunks } = read([delta({ content: 'Hi' }), event, stop()])
    expect(error).toBeInstanceOf(Class)
    expect(error).toMatchObject({ provider: 'local', model: 'm-1', requestId: 'req_1' })
    if (status) expect(error).toMatchObject({ status })
    expect((error as Error).message).toContain(message)
    expect(chunks).toContainEqual({ type: 'text-delta', text: 'Hi' })
    expect(chunks.some(({ type }) => type === 'finish')).toBe(false)
  })

  test.each([
    ['error', InternalServerError],
    ['abort', StreamInterruptedError],
    ['insufficient_system_resource', ServiceUnavailableError],
    ['network_error', BadGatewayError],
  ])('the finish reason %s is an error', (reason, Class) => {
    const { error, chunks } = read([delta({ content: 'Hi' }), stop(reason)])
    expect(error).toBeInstanceOf(Class)
    expect(chunks).toContainEqual({ type: 'text-delta', text: 'Hi' })
  })

  it('text and usage in the chunk of an error count', () => {
    const { chunks, usages } = read([
      {
        data: {
          id: 'x',
          choices: [{ delta: { content: 'Hi' } }],
          usage,
          error: { code: 502, message },
        },
      },
    ])
    expect(chunks).toContainEqual({ type: 'text-delta', text: 'Hi' })
    expect(usages).toEqual([usage])
  })
})

describe('choices', () => {
  it('the first one that arrives is the response', () => {
    const other = { index: 1, delta: { content: 'other' } }
    const event = { data: { id: 'x', choices: [{ index: 0, delta: { content: 'Hi' } }, other] } }
    const { answer } = read([event, { data: { choices: [other] } }, stop()])
    expect(answer?.text).toBe('Hi')
  })

  test.each(['__proto__', 'constructor', -1, 1024, 1.5, {}, [0]])(
    'an index of %j is an error',
    (index) => {
      const { error } = read([{ data: { choices: [{ index, delta: { content: 'Hi' } }] } }])
      expect(error).toBeInstanceOf(UnexpectedResponseError)
      expect(error).toMatchObject({ code: 'bad_index' })
      expect(Object.prototype).not.toHaveProperty('content')
    },
  )
})
