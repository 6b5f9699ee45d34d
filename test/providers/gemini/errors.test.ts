/** Error responses by class. */
import { describe, expect, it } from 'vitest'
import {
  AuthenticationError,
  BadRequestError,
  ConflictError,
  ContentPolicyViolationError,
  ContextWindowExceededError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  QuotaExceededError,
  RateLimitError,
  ServiceUnavailableError,
  TimeoutError,
} from '../../../src/core/index.js'
import { toError } from '../../../src/providers/gemini/errors.js'

const rpc = (name: string, more: object) => ({
  '@type': `type.googleapis.com/google.rpc.${name}`,
  ...more,
})
const bodyOf = (code: number, status: string, message = 'no', details: readonly object[] = []) => ({
  error: { code, message, status, details },
})
const errorOf = (status: number, body: unknown) =>
  toError({ status, body, model: 'gemini-2.5-flash' })

describe('the status', () => {
  it.each([
    [400, 'INVALID_ARGUMENT', BadRequestError, false],
    [400, 'FAILED_PRECONDITION', BadRequestError, false],
    [401, 'UNAUTHENTICATED', AuthenticationError, false],
    [402, 'RESOURCE_EXHAUSTED', QuotaExceededError, false],
    [403, 'PERMISSION_DENIED', PermissionDeniedError, false],
    [404, 'NOT_FOUND', NotFoundError, false],
    [409, 'ABORTED', ConflictError, true],
    [429, 'RESOURCE_EXHAUSTED', RateLimitError, true],
    [500, 'INTERNAL', InternalServerError, true],
    [503, 'UNAVAILABLE', ServiceUnavailableError, true],
    [504, 'DEADLINE_EXCEEDED', TimeoutError, true],
  ])('%i %s', (status, name, Class, retryable) => {
    const error = errorOf(status, bodyOf(status, name))
    expect(error.constructor).toBe(Class)
    expect(error).toMatchObject({ status, code: name, retryable, provider: 'gemini' })
  })

  it('of an error in a 200 is the code of the body', () => {
    expect(errorOf(200, bodyOf(503, 'UNAVAILABLE'))).toMatchObject({ status: 503 })
    expect(errorOf(200, { error: { status: 'RESOURCE_EXHAUSTED' } })).toBeInstanceOf(RateLimitError)
  })

  it('is read from an error wrapped in an array', () => {
    expect(errorOf(429, [bodyOf(429, 'RESOURCE_EXHAUSTED', 'Slow down')])).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      message: expect.stringContaining('Slow down'),
    })
  })
})

describe('the error details', () => {
  it.each(['API_KEY_INVALID', 'API_KEY_EXPIRED'])(
    '%s is an authentication error, though a 400',
    (reason) => {
      const error = errorOf(
        400,
        bodyOf(400, 'INVALID_ARGUMENT', 'no', [rpc('ErrorInfo', { reason })]),
      )
      expect(error).toBeInstanceOf(AuthenticationError)
      expect(error).toMatchObject({ status: 400, code: reason })
    },
  )

  it.each([
    ['34.4s', 34_400],
    ['0s', 0],
    ['0.050s', 50],
    ['soon', undefined],
  ])('a wait of %s is %s ms', (retryDelay, retryAfterMs) => {
    const details = [rpc('RetryInfo', { retryDelay })]
    expect(errorOf(429, bodyOf(429, 'RESOURCE_EXHAUSTED', 'no', details))).toMatchObject({
      retryAfterMs,
      retryable: true,
    })
  })

  it.each([
    [{ quotaId: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier', quotaValue: '250' }],
    [{ quotaId: 'GenerateRequestsPerMinutePerProject', quotaValue: '0' }],
  ])('a quota without a short retry time is a QuotaExceededError: %j', (violation) => {
    const details = [
      rpc('QuotaFailure', { violations: [{ quotaId: 'PerMinute', quotaValue: '10' }, violation] }),
      rpc('RetryInfo', { retryDelay: '10s' }),
    ]
    const error = errorOf(429, bodyOf(429, 'RESOURCE_EXHAUSTED', 'no', details))
    expect(error).toBeInstanceOf(QuotaExceededError)
    expect(error.retryable).toBe(false)
  })

  it('a quota per minute is a rate limit', () => {
    const violations = [{ quotaId: 'GenerateRequestsPerMinutePerProject', quotaValue: '10' }]
    const details = [rpc('QuotaFailure', { violations })]
    const message = 'You exceeded your current quota, please check your plan and billing details.'
    const error = errorOf(429, bodyOf(429, 'RESOURCE_EXHAUSTED', message, details))
    expect(error.constructor).toBe(RateLimitError)
  })

  it('of unknown shape are ignored', () => {
    for (const details of [
      null,
      'x',
      [null, 1],
      [{ '@type': 7 }],
      [rpc('QuotaFailure', { violations: 'x' })],
    ])
      expect(errorOf(429, { error: { code: 429, details } })).toBeInstanceOf(RateLimitError)
  })
})

describe('the message, checked last', () => {
  it.each([
    [
      400,
      'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
      ContextWindowExceededError,
    ],
    [400, 'API key not valid. Please pass a valid API key.', AuthenticationError],
    [400, 'The prompt was blocked.', ContentPolicyViolationError],
    [429, 'Your prepayment credits are depleted.', QuotaExceededError],
    [400, 'Error 429 in your function', BadRequestError],
  ])('%i %s', (status, message, Class) => {
    expect(errorOf(status, bodyOf(status, 'X', message)).constructor).toBe(Class)
  })

  it('an HTML page in place of a message is not shown', () => {
    const body = { error: { code: 502, message: '<html>secret</html>', status: 'Bad Gateway' } }
    expect(errorOf(502, body).message).not.toContain('html')
  })
})
