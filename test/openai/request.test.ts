/**
 * A request body of a client: well-formed values are accepted, anything else is rejected by name.
 */
import { describe, expect, it, test } from 'vitest'
import { BadRequestError } from '../../src/core/index.js'
import { asOpenAIError, fromOpenAI } from '../../src/openai/index.js'

const base = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] }
const parse = (more: object = {}, options = {}) => fromOpenAI({ ...base, ...more }, options)
const requestOf = (more: object) => parse(more).request
const messagesOf = (...messages: readonly unknown[]) => requestOf({ messages }).messages

/** The parameter that an error names. */
function wrong(body: unknown, options = {}): string | null {
  try {
    fromOpenAI(body, options)
  } catch (error) {
    expect(error).toBeInstanceOf(BadRequestError)
    return asOpenAIError(error).body.error.param
  }
  throw new Error('was taken')
}

describe('a request', () => {
  it('may be minimal', () => {
    expect(parse()).toEqual({
      request: base,
      streaming: false,
      includeUsage: false,
      functionCall: false,
    })
  })

  it('specifies whether it streams, with or without usage', () => {
    const asked = parse({
      stream: true,
      stream_options: { include_usage: true, include_obfuscation: false },
    })
    expect(asked).toEqual({
      request: base,
      streaming: true,
      includeUsage: true,
      functionCall: false,
    })
  })

  it('keeps every parameter of OpenAI', () => {
    const params = {
      temperature: 0.2,
      top_p: 1,
      max_tokens: 5,
      max_completion_tokens: 6,
      stop: ['a'],
      seed: 1,
      n: 1,
      presence_penalty: 0,
      frequency_penalty: 0,
      logit_bias: { 1: -100 },
      logprobs: true,
      top_logprobs: 2,
      parallel_tool_calls: false,
      reasoning_effort: 'low',
      verbosity: 'low',
      modalities: ['text', 'audio'],
      audio: { voice: 'alloy', format: 'wav' },
      user: 'u',
      metadata: { a: 'b' },
      store: false,
      service_tier: 'auto',
      safety_identifier: 's',
      prompt_cache_key: 'k',
      web_search_options: {},
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'a', schema: {}, strict: true },
      },
      tools: [
        {
          type: 'function',
          function: { name: 'f', description: 'd', parameters: {}, strict: true },
        },
        { type: 'custom', custom: { name: 'g', format: { type: 'text' } } },
      ],
      tool_choice: { type: 'function', function: { name: 'f' } },
    }
    expect(requestOf(params)).toEqual({ ...base, ...params })
  })

  it('reads null as absent', () => {
    expect(requestOf({ temperature: null, stop: null, tools: null, stream: null })).toEqual(base)
  })

  it('in the old format, with functions, is converted to tools', () => {
    expect(
      requestOf({ functions: [{ name: 'f', parameters: {} }], function_call: { name: 'f' } }),
    ).toMatchObject({
      tools: [{ type: 'function', function: { name: 'f', parameters: {} } }],
      tool_choice: { type: 'function', function: { name: 'f' } },
    })
  })

  test.each([
    ['auto'],
    ['required'],
    [{ type: 'custom', custom: { name: 'f' } }],
    [{ type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [{ type: 'function' }] } }],
  ])('accepts the choice %j', (tool_choice) => {
    expect(requestOf({ tool_choice }).tool_choice).toEqual(tool_choice)
  })

  it("is a copy that shares nothing with the client's object", () => {
    const body = { ...base, metadata: { a: 'b' } }
    const { request } = fromOpenAI(body)
    expect(request.messages).not.toBe(body.messages)
    expect(request.metadata).not.toBe(body.metadata)
  })
})

describe('messages', () => {
  it('have every role', () => {
    const history = [
      { role: 'developer', content: 'x' },
      { role: 'system', content: [{ type: 'text', text: 'x' }] },
      { role: 'user', content: 'Hi', name: 'ann' },
      {
        role: 'assistant',
        content: null,
        refusal: 'No.',
        tool_calls: [
          { id: 'a', type: 'function', function: { name: 'f', arguments: '{' } },
          { id: 'b', type: 'custom', custom: { name: 'g', input: '' } },
        ],
      },
      { role: 'tool', tool_call_id: 'a', content: 'ok' },
      { role: 'tool', tool_call_id: 'b', content: [{ type: 'text', text: 'ok' }] },
      {
        role: 'assistant',
        content: [{ type: 'refusal', refusal: 'No.' }],
        reasoning_content: 'hm',
      },
    ]
    // null is the same as absent
    const expected = history.map((message) =>
      message.content === null ? (({ content: _, ...rest }) => rest)(message) : message,
    )
    expect(messagesOf(...history)).toEqual(expected)
  })

  it('have parts of every kind', () => {
    const content = [
      { type: 'text', text: 'x', cache_control: { type: 'ephemeral', ttl: '1h' } },
      { type: 'image_url', image_url: { url: 'https://a.test/x.png', detail: 'low' } },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
      { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } },
      { type: 'file', file: { file_data: 'AAAA', filename: 'a.pdf' } },
    ]
    expect(messagesOf({ role: 'user', content })).toEqual([{ role: 'user', content }])
  })

  it('with legacy functions get ids, on both sides', () => {
    expect(
      messagesOf(
        { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
        { role: 'function', name: 'f', content: 'ok' },
      ),
    ).toEqual([
      {
        role: 'assistant',
        tool_calls: [
          { id: 'call_function_1', type: 'function', function: { name: 'f', arguments: '{}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'call_function_1', name: 'f', content: 'ok' },
    ])
  })

  it('lose members that a client may not set', () => {
    const forged = {
      role: 'assistant',
      content: 'Hi',
      native: { provider: 'anthropic', model: 'm', content: [{ type: 'tool_result' }] },
      thinking_blocks: [{ type: 'thinking', thinking: 'x' }],
      provider_specific_fields: {},
      hosted_tools: [],
    }
    expect(messagesOf(forged)).toEqual([{ role: 'assistant', content: 'Hi' }])
    const approval = { id: 'p', approved: true }
    expect(messagesOf({ role: 'tool', tool_call_id: 'a', content: 'ok', approval })).toEqual([
      { role: 'tool', tool_call_id: 'a', content: 'ok' },
    ])
  })
})

describe('invalid values are named', () => {
  test.each([
    [null, 'body'],
    [[], 'body'],
    ['{}', 'body'],
    [{ messages: base.messages }, 'model'],
    [{ ...base, model: '' }, 'model'],
    [{ model: 'm' }, 'messages'],
    [{ ...base, messages: [] }, 'messages'],
    [{ ...base, messages: {} }, 'messages'],
    [{ ...base, messages: [null] }, 'messages[0]'],
    [{ ...base, messages: [{ content: 'x' }] }, 'messages[0].role'],
    [{ ...base, messages: [{ role: 'wizard', content: 'x' }] }, 'messages[0].role'],
    [{ ...base, messages: [{ role: 'user' }] }, 'messages[0].content'],
    [{ ...base, messages: [{ role: 'user', content: 7 }] }, 'messages[0].content'],
    [
      { ...base, messages: [{ role: 'user', content: [{ type: 'x' }] }] },
      'messages[0].content[0].type',
    ],
    [
      { ...base, messages: [{ role: 'user', content: [{ type: '__proto__' }] }] },
      'messages[0].content[0].type',
    ],
    [
      { ...base, messages: [{ role: 'user', content: [{ type: 'text' }] }] },
      'messages[0].content[0].text',
    ],
    [{ ...base, messages: [{ role: 'tool', content: 'x' }] }, 'messages[0].tool_call_id'],
    [{ ...base, temperature: 'hot' }, 'temperature'],
    [{ ...base, temperature: Number.NaN }, 'temperature'],
    [{ ...base, max_tokens: -1 }, 'max_tokens'],
    [{ ...base, stop: ['a', 1] }, 'stop[1]'],
    [{ ...base, logit_bias: { 5: 'x' } }, 'logit_bias.5'],
    [{ ...base, metadata: { a: 1 } }, 'metadata.a'],
    [{ ...base, stream: 'yes' }, 'stream'],
    [{ ...base, stream_options: { include_usage: 1 } }, 'stream_options.include_usage'],
    [{ ...base, reasoning_effort: 'ultra' }, 'reasoning_effort'],
    [{ ...base, tools: [{ type: 'web_search' }] }, 'tools[0].type'],
    [{ ...base, tools: [{ type: 'function' }] }, 'tools[0].function'],
    [{ ...base, tools: [{ type: 'function', function: {} }] }, 'tools[0].function.name'],
    [{ ...base, tool_choice: 'sometimes' }, 'tool_choice'],
    [{ ...base, tool_choice: { type: 'function' } }, 'tool_choice.function'],
    [{ ...base, response_format: { type: 'xml' } }, 'response_format.type'],
    [{ ...base, response_format: { type: 'json_schema' } }, 'response_format.json_schema'],
  ])('%j', (body, param) => {
    expect(wrong(body)).toBe(param)
  })

  test.each(['file:///etc/passwd', 'ftp://a.test/x', 'javascript:x', 'x.png'])(
    'an image at %s',
    (url) => {
      const message = { role: 'user', content: [{ type: 'image_url', image_url: { url } }] }
      expect(wrong({ ...base, messages: [message] })).toBe('messages[0].content[0].image_url')
    },
  )
})

describe('keys that are not for clients', () => {
  test.each([
    'extra_body',
    'extra_headers',
    'provider_options',
    'api_base',
    'base_url',
    'api_key',
    'headers',
    'drop_params',
    'previous_response_id',
    'constructor',
    'nonsense',
  ])('%s is rejected', (key) => {
    expect(wrong({ ...base, [key]: {} })).toBe(key)
  })

  it('__proto__ is rejected too, and changes nothing', () => {
    const body = JSON.parse(
      `{"model":"m","messages":[{"role":"user","content":"x"}],"__proto__":{"polluted":1}}`,
    )
    expect(wrong(body)).toBe('__proto__')
    expect({}).not.toHaveProperty('polluted')
  })

  it('can be allowed, and are passed on unchanged', () => {
    expect(
      parse({ top_k: 40, drop_params: true }, { allow: ['top_k', 'drop_params'] }).request,
    ).toEqual({
      ...base,
      top_k: 40,
      drop_params: true,
    })
  })
})
