/** Generate responses: their content, and that both modes agree. */
import { describe, expect, it, test } from 'vitest'
import type { JsonObject } from '../../../src/chat/index.js'
import {
  BadGatewayError,
  InternalServerError,
  ServiceUnavailableError,
  UnexpectedResponseError,
} from '../../../src/core/index.js'
import { completion, delta, read, readWhole, stop } from './support.js'

const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
const fn = { name: 'f', arguments: '{"x":1}' }

const messages: readonly (readonly [string, JsonObject, string])[] = [
  ['text', { content: 'Hi', refusal: null }, 'stop'],
  ['an empty answer', { content: '' }, 'stop'],
  ['a refusal', { content: null, refusal: 'No.' }, 'stop'],
  [
    'calls',
    { content: null, tool_calls: [{ id: 'a', type: 'function', function: fn }] },
    'tool_calls',
  ],
  [
    'calls beside text',
    { content: 'Hm', tool_calls: [{ id: 'a', type: 'function', function: fn }] },
    'stop',
  ],
  [
    'a custom call',
    { tool_calls: [{ id: 'a', type: 'custom', custom: { name: 'f', input: 'x' } }] },
    'tool_calls',
  ],
  [
    'arguments as an object',
    { tool_calls: [{ id: 'a', function: { name: 'f', arguments: { x: 1 } } }] },
    'stop',
  ],
  ['reasoning', { content: 'So.', reasoning_content: 'hm' }, 'stop'],
  ['parts', { content: [{ type: 'text', text: 'Hi' }] }, 'length'],
  [
    'images',
    {
      content: 'Hi',
      images: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }],
    },
    'stop',
  ],
  [
    'sound',
    { content: null, audio: { id: 'a', data: 'AAAA', transcript: 'Hi', expires_at: 9 } },
    'stop',
  ],
  [
    'sources',
    {
      content: 'Hi',
      annotations: [
        {
          type: 'url_citation',
          url_citation: { url: 'https://a.test', title: 'A', start_index: 0, end_index: 2 },
        },
      ],
    },
    'stop',
  ],
]

describe('both modes', () => {
  test.each(messages)('%s', (_, message, finish_reason) => {
    const { answer } = read([
      delta(message),
      stop(finish_reason),
      { data: { service_tier: 'default', usage, choices: [] } },
    ])
    const whole = readWhole({
      ...completion(message, { finish_reason }),
      service_tier: 'default',
      usage,
    })
    expect(whole).toEqual(answer)
  })
})

describe('a generate response', () => {
  it('is complete, with or without a finish reason', () => {
    for (const finish_reason of [null, '', undefined])
      expect(readWhole(completion({ content: 'Hi' }, { finish_reason })).finish_reason).toBe('stop')
  })

  it('with calls has the finish reason tool_calls, whatever it reports', () => {
    const message = { tool_calls: [{ id: 'a', type: 'function', function: fn }] }
    for (const finish_reason of [null, '', 'stop', 'function_call'])
      expect(readWhole(completion(message, { finish_reason })).finish_reason).toBe('tool_calls')
  })

  it('keeps logprobs, tier and request id', () => {
    const content = [{ token: 'Hi', logprob: -1, bytes: null, top_logprobs: [] }]
    const body = {
      ...completion({ content: 'Hi' }, { logprobs: { content } }),
      service_tier: 'flex',
    }
    expect(readWhole(body)).toMatchObject({
      logprobs: { content },
      service_tier: 'flex',
      request_id: 'req_1',
    })
  })

  it('without usage has none', () => {
    expect(readWhole(completion({ content: 'Hi' })).usage).toMatchObject({
      estimated: true,
      total_tokens: 0,
    })
  })
})

describe('an invalid response', () => {
  test.each([
    ['an error', { error: { message: 'x', code: 502 } }, BadGatewayError],
    [
      'an error beside choices',
      { error: { message: 'x', code: 503 }, choices: [] },
      ServiceUnavailableError,
    ],
    [
      'an error in the choice',
      { choices: [{ error: { message: 'x', code: 502 }, message: { content: '' } }] },
      BadGatewayError,
    ],
    [
      'an answer that was given up',
      completion({ content: 'H' }, { finish_reason: 'error' }),
      InternalServerError,
    ],
    ['no choices', { id: 'x', object: 'chat.completion', choices: [] }, UnexpectedResponseError],
    ['another API', { id: 'resp_1', object: 'response', output: [] }, UnexpectedResponseError],
    ['a list', [], UnexpectedResponseError],
    ['text', 'Hi', UnexpectedResponseError],
    ['null', null, UnexpectedResponseError],
  ])('%s', (_, body, Class) => {
    expect(() => readWhole(body)).toThrow(Class)
  })
})
