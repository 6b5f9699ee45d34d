/** Errors for clients of OpenAI: client errors in detail, server errors in general words. */
import { describe, expect, it, test } from 'vitest'
import {
  AbortError,
  APIConnectionError,
  AuthenticationError,
  BadRequestError,
  BudgetExceededError,
  ContextWindowExceededError,
  InternalServerError,
  MisuseError,
  NotFoundError,
  PermissionDeniedError,
  QuotaExceededError,
  RateLimitError,
  ServiceUnavailableError,
  StreamInterruptedError,
  TimeoutError,
  UnexpectedResponseError,
} from '../../src/core/index.js'
import { asOpenAIError } from '../../src/openai/index.js'

const providerMessage = 'openai/gpt: the words of the provider'

describe('client errors are described', () => {
  test.each([
    [BadRequestError, 400, 'invalid_request_error'],
    [ContextWindowExceededError, 400, 'invalid_request_error'],
    [NotFoundError, 404, 'invalid_request_error'],
    [RateLimitError, 429, 'rate_limit_error'],
    [BudgetExceededError, 429, 'insufficient_quota'],
  ])('%o', (Class, status, type) => {
    expect(asOpenAIError(new Class(providerMessage, { code: 'c' }))).toEqual({
      status,
      headers: {},
      body: { error: { message: providerMessage, type, param: null, code: 'c' } },
    })
  })
})

describe('server errors are not', () => {
  test.each([
    [AuthenticationError, 500],
    [PermissionDeniedError, 500],
    [QuotaExceededError, 500],
    [MisuseError, 500],
    [InternalServerError, 500],
    [ServiceUnavailableError, 503],
    [APIConnectionError, 502],
    [StreamInterruptedError, 502],
    [UnexpectedResponseError, 502],
    [TimeoutError, 504],
    [AbortError, 499],
  ])('%o', (Class, status) => {
    const error = asOpenAIError(new Class(providerMessage, { code: 'secret_code' }))
    expect(error.status).toBe(status)
    expect(error.body.error.type).toBe('server_error')
    expect(JSON.stringify(error)).not.toMatch(/words of the provider|secret_code/)
  })

  test.each([
    [new Error('at /srv/app.js, key sk-1')],
    ['text'],
    [undefined],
    [null],
    [{ message: 'x' }],
  ])('nor is %o', (thrown) => {
    const { status, body } = asOpenAIError(thrown)
    expect(status).toBe(500)
    expect(body.error.message).not.toContain('sk-1')
  })
})

it('a wait is given in whole seconds, rounded up', () => {
  const { headers } = asOpenAIError(new RateLimitError(providerMessage, { retryAfterMs: 1200 }))
  expect(headers).toEqual({ 'retry-after': '2' })
})
