/** Generate responses, usage, errors, and model facts. */
import { describe, expect, it, test } from 'vitest'
import type { ChatRequest } from '../../../src/chat/index.js'
import {
  AuthenticationError,
  BadRequestError,
  ContextWindowExceededError,
  InternalServerError,
  NotFoundError,
  QuotaExceededError,
  RateLimitError,
  ServiceUnavailableError,
  UnexpectedResponseError,
} from '../../../src/core/index.js'
import { toError } from '../../../src/providers/openai/errors.js'
import { capabilities, models, nearestEffort } from '../../../src/providers/openai/models.js'
import { toUsage } from '../../../src/providers/openai/usage.js'
import { body, functionCall, hello, message, readWhole, recording } from './support.js'

describe('a generate response', () => {
  it('has id, time, model, text and finish reason', () => {
    const assistant = {
      role: 'assistant',
      content: 'Hi',
      native: {
        v: 1,
        provider: 'openai',
        model: 'gpt-5-mini-2025-08-07',
        asked: 'gpt-5-mini',
        content: [message('Hi')],
      },
    }
    expect(readWhole(body([message('Hi')], { service_tier: 'default' }))).toEqual({
      id: 'resp_1',
      created: 1_700_000_000,
      model: 'gpt-5-mini-2025-08-07',
      provider: 'openai',
      text: 'Hi',
      message: assistant,
      messages: [assistant],
      attempts: [],
      finish_reason: 'stop',
      native_finish_reason: 'completed',
      usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
      service_tier: 'default',
      request_id: 'req_1',
      warnings: [],
    })
  })

  it('joins texts and calls of all items into one message', () => {
    const { message: one, finish_reason } = readWhole(
      body([
        message('One. '),
        functionCall('{}'),
        { ...message('Two.'), id: 'msg_2' },
        functionCall('{}', { call_id: 'call_2' }),
      ]),
    )
    expect(one.content).toBe('One. Two.')
    expect(one.tool_calls?.map(({ id }) => id)).toEqual(['call_1', 'call_2'])
    expect(finish_reason).toBe('tool_calls')
  })

  test.each([
    ['no object', 'text', 'bad_json'],
    ['of Chat Completions', { choices: [{ message: { content: 'Hi' } }] }, 'wrong_api'],
    ['without an output', { id: 'resp_1' }, 'no_output'],
    ['that was cancelled', body([], { status: 'cancelled' }), 'cancelled'],
    ['that is not done', body([], { status: 'in_progress' }), 'incomplete'],
  ])('%s is an error', (_, wire, code) => {
    const call = () => readWhole(wire)
    expect(call).toThrow(UnexpectedResponseError)
    expect(call).toThrow(expect.objectContaining({ code, requestId: 'req_1' }))
  })

  it('that failed is the error it contains', () => {
    const error = { code: 'server_error', message: 'Oops' }
    expect(() => readWhole(body([], { status: 'failed', error }))).toThrow(InternalServerError)
    expect(() => readWhole({ error: { type: 'insufficient_quota', message: 'Pay' } })).toThrow(
      QuotaExceededError,
    )
  })

  it('of a background call is a handle, with a warning', () => {
    const { id, warnings } = readWhole(
      body([], { status: 'queued', background: true, usage: null }),
    )
    expect(id).toBe('resp_1')
    expect(warnings).toHaveLength(1)
  })

  it('of a file search names the cited file', () => {
    const { message: one } = readWhole(recording('openai', 'file-search').body)
    expect(one.annotations).toEqual([
      {
        type: 'file_citation',
        file_citation: expect.objectContaining({ filename: expect.any(String), start_index: 137 }),
      },
    ])
  })
})

describe('usage', () => {
  it('has every detail', () => {
    expect(
      toUsage({
        input_tokens: 100,
        input_tokens_details: {
          cached_tokens: 40,
          cache_write_tokens: 30,
          cache_write_tokens_details: { ttl_30m_tokens: 20, ttl_12h_tokens: 10 },
        },
        output_tokens: 50,
        output_tokens_details: { reasoning_tokens: 20 },
        total_tokens: 999,
        tool_usage: { web_search: { num_requests: 2 }, image_gen: { input_tokens: 1 } },
      }),
    ).toEqual({
      prompt_tokens: 100,
      completion_tokens: 50,
      total_tokens: 150,
      prompt_tokens_details: {
        cached_tokens: 40,
        cache_creation_tokens: 30,
        cache_creation: { '30m': 20, '12h': 10 },
      },
      completion_tokens_details: { reasoning_tokens: 20 },
      server_tool_use: { web_search: 2 },
    })
  })

  test.each([null, undefined, {}, { input_tokens: null }, 'many'])('of %j is unknown', (wire) => {
    expect(toUsage(wire)).toBeUndefined()
  })

  it('that was not reported is absent, not 0', () => {
    expect(toUsage({ input_tokens: 1, output_tokens: 2, input_tokens_details: null })).toEqual({
      prompt_tokens: 1,
      completion_tokens: 2,
      total_tokens: 3,
    })
  })
})

describe('error responses', () => {
  const at = (status: number, error: object, headers: Record<string, string> = {}) =>
    toError({ status, body: { error }, model: 'gpt-5', headers: new Headers(headers) })

  test.each([
    [401, { code: 'invalid_api_key', message: 'Incorrect' }, AuthenticationError, false],
    [404, { code: 'model_not_found', message: 'No' }, NotFoundError, false],
    [400, { code: 'model_not_found', message: 'No' }, NotFoundError, false],
    [400, { code: null, message: 'Bad', param: 'temperature' }, BadRequestError, false],
    [400, { message: 'error 429 in your text' }, BadRequestError, false],
    [400, { code: 'context_length_exceeded', message: 'x' }, ContextWindowExceededError, false],
    [429, { code: 'rate_limit_exceeded', message: 'x' }, RateLimitError, true],
    [429, { code: 'slow_down', message: 'x' }, RateLimitError, true],
    [429, { type: 'insufficient_quota', message: 'x' }, QuotaExceededError, false],
    [429, { code: 'credit_balance_exhausted', message: 'x' }, QuotaExceededError, false],
    [500, { code: 'server_error', message: 'x' }, InternalServerError, true],
    [503, { code: 'slow_down', message: 'x' }, ServiceUnavailableError, true],
  ])('%d %j', (status, error, Class, retryable) => {
    const typed = at(status, error)
    expect(typed).toBeInstanceOf(Class)
    expect(typed.constructor).toBe(Class)
    expect(typed).toMatchObject({ status, retryable, provider: 'openai', model: 'gpt-5' })
  })

  it("keep the provider's message and its retry time", () => {
    const typed = at(
      429,
      { code: 'rate_limit_exceeded', message: 'Slow down.' },
      { 'retry-after': '2' },
    )
    expect(typed.message).toContain('Slow down.')
    expect(typed.retryAfterMs).toBe(2000)
  })
})

describe('models', () => {
  const rulesOf = (model: string, param: keyof ChatRequest, request: Partial<ChatRequest> = {}) =>
    capabilities(model).rules.filter(
      (rule) => rule.param === param && rule.when?.({ ...hello, model, ...request }) !== false,
    )

  it('are found by their bare names', () => {
    for (const name of ['gpt-5', 'o3-mini', 'chatgpt-4o-latest', 'ft:gpt-4o:org::id'])
      expect(models.test(name)).toBe(true)
    for (const name of ['claude-sonnet-4-5', 'gemini-2.5-pro', 'grok-4', 'open-model'])
      expect(models.test(name)).toBe(false)
  })

  test.each([
    ['gpt-4.1', false, 1_047_576],
    ['gpt-4o-2024-08-06', false, 128_000],
    ['ft:gpt-4o-mini-2024-07-18:org::id', false, 128_000],
    ['gpt-5', true, 400_000],
    ['gpt-5-mini-2025-08-07', true, 400_000],
    ['gpt-5-chat-latest', false, 128_000],
    ['gpt-5.2-chat-latest', false, 128_000],
    ['gpt-5.1-codex-max', true, 400_000],
    ['gpt-5.4-mini', true, 400_000],
    ['gpt-5.6-sol', true, 1_050_000],
    ['gpt-6-astra', true, 1_050_000],
    ['gpt-6-sol', true, 1_050_000],
    ['o4-mini', true, 200_000],
    ['o3-pro', true, 200_000],
  ])('%s: reasoning %s, %d tokens', (model, reasoning, contextTokens) => {
    expect(capabilities(model)).toMatchObject({ known: true, reasoning, contextTokens })
  })

  it('of an unknown generation count as reasoning models, and reject nothing', () => {
    const { known, reasoning, rules } = capabilities('gpt-9')
    expect([known, reasoning]).toEqual([false, true])
    expect(rules).toEqual(capabilities('my-own-model').rules)
  })

  it('that are unknown accept every parameter of the API', () => {
    const { known, reasoning, rules } = capabilities('my-own-model')
    expect([known, reasoning]).toEqual([false, undefined])
    expect(rules.some(({ param }) => param === 'reasoning_effort')).toBe(false)
    expect(rules.filter(({ unmapped }) => unmapped).map(({ param }) => param)).toContain('stop')
  })

  test.each([
    ['gpt-5', {}, true],
    ['gpt-5.2', {}, false],
    ['gpt-5.2', { reasoning_effort: 'low' }, true],
    ['gpt-5.2', { reasoning_effort: 'none' }, false],
    ['gpt-5.5', {}, true],
    ['gpt-5.5', { reasoning_effort: 'none' }, false],
    ['gpt-5.5', { thinking: { type: 'disabled' } }, false],
    ['gpt-6-astra', { thinking: { type: 'disabled' } }, true],
    ['o3', {}, true],
    ['gpt-4.1', {}, false],
  ] as const)('%s with %j: temperature is restricted %s', (model, request, isBound) => {
    const bound = rulesOf(model, 'temperature', { temperature: 0.2, ...request }).some(
      ({ values }) => values !== undefined,
    )
    expect(bound).toBe(isBound)
  })

  test.each([
    ['gpt-5', ['minimal', 'low', 'medium', 'high']],
    ['gpt-5-pro', ['high']],
    ['gpt-5.1', ['none', 'low', 'medium', 'high']],
    ['gpt-5.4', ['none', 'low', 'medium', 'high', 'xhigh']],
    ['gpt-5.6-luna', ['none', 'low', 'medium', 'high', 'xhigh', 'max']],
    ['gpt-6.1-sol', ['low', 'medium', 'high', 'xhigh', 'max']],
    ['gpt-6.1-terra', ['none', 'low', 'medium', 'high', 'xhigh', 'max']],
    ['gpt-6-sol', undefined],
    ['o3', ['low', 'medium', 'high']],
  ])('%s supports the efforts %j', (model, efforts) => {
    expect(rulesOf(model, 'reasoning_effort')[0]?.values).toEqual(efforts)
  })

  it('an unsupported effort becomes the nearest, the weaker of two', () => {
    expect(nearestEffort('none', ['low', 'medium'])).toBe('low')
    expect(nearestEffort('max', ['low', 'high'])).toBe('high')
    expect(nearestEffort('medium', ['low', 'high'])).toBe('low')
  })

  it('have longer timeouts if their responses take long', () => {
    expect(capabilities('o3-pro').timeouts?.headersMs).toBeGreaterThan(
      capabilities('gpt-5').timeouts?.headersMs ?? 0,
    )
    expect(capabilities('gpt-4o').timeouts).toBeUndefined()
  })
})
