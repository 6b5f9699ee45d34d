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
import { toError } from '../../../src/providers/anthropic/errors.js'
import { sonnet } from './support.js'

const body = (type: string, message: string, more = {}) => ({
  type: 'error',
  error: { type, message, ...more },
  request_id: 'req_1',
})
const spent = { details: { error_code: 'enforced_spend_limit_reached' } }
const contracted = { details: { error_code: 'contract_spend_limit_reached' } }

describe('an error response', () => {
  it.each([
    [400, body('invalid_request_error', 'bad'), BadRequestError, false],
    [
      400,
      body('invalid_request_error', 'prompt is too long: 210000 tokens > 200000 maximum'),
      ContextWindowExceededError,
      false,
    ],
    [
      400,
      body(
        'invalid_request_error',
        'input length and `max_tokens` exceed context limit: 1 + 2 > 2',
      ),
      ContextWindowExceededError,
      false,
    ],
    [
      400,
      body('invalid_request_error', 'Your credit balance is too low to access the Anthropic API'),
      QuotaExceededError,
      false,
    ],
    [
      400,
      body('invalid_request_error', 'Output blocked by content filtering policy'),
      ContentPolicyViolationError,
      false,
    ],
    [400, body('invalid_request_error', 'Error 429: rate limit words'), BadRequestError, false],
    [401, body('authentication_error', 'invalid x-api-key'), AuthenticationError, false],
    [402, body('billing_error', 'pay'), QuotaExceededError, false],
    [403, body('permission_error', 'no'), PermissionDeniedError, false],
    [404, body('not_found_error', 'model: x'), NotFoundError, false],
    [409, body('conflict_error', 'again'), ConflictError, true],
    [413, body('request_too_large', 'too big'), BadRequestError, false],
    [429, body('rate_limit_error', 'slow'), RateLimitError, true],
    [429, body('rate_limit_error', 'spent', spent), QuotaExceededError, false],
    [429, body('rate_limit_error', 'spent', contracted), QuotaExceededError, false],
    [500, body('api_error', 'oops'), InternalServerError, true],
    [504, body('timeout_error', 'long'), TimeoutError, true],
    [529, body('overloaded_error', 'Busy'), ServiceUnavailableError, true],
    [200, body('overloaded_error', 'Busy'), ServiceUnavailableError, true],
    [200, body('api_error', 'oops'), InternalServerError, true],
    [200, body('invalid_request_error', 'bad'), BadRequestError, false],
  ])('%d %j', (status, wire, kind, retryable) => {
    const error = toError({ status, body: wire, model: sonnet })
    expect(error.constructor).toBe(kind)
    expect(error).toMatchObject({
      provider: 'anthropic',
      model: sonnet,
      retryable,
      requestId: 'req_1',
    })
    expect(error.message).toContain(wire.error.message)
  })

  it('gives the retry time, and when not to retry', () => {
    const headers = new Headers({ 'retry-after': '30', 'x-should-retry': 'false' })
    expect(
      toError({ status: 429, headers, body: body('rate_limit_error', 'slow'), model: sonnet }),
    ).toMatchObject({ retryAfterMs: 30_000, retryable: false })
  })
})
