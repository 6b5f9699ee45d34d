import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  AuthenticationError,
  BadGatewayError,
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
  TetradError,
  TimeoutError,
  UnprocessableEntityError,
} from '../../src/core/index.js'
import { type ErrorTable, errorOf, type Failure } from '../../src/transport/index.js'

const fail = (failure: Partial<Failure>, table: Partial<ErrorTable> = {}) =>
  errorOf({ status: 400, body: undefined, model: 'm', ...failure }, { provider: 'acme', ...table })

const header = (headers: Readonly<Record<string, string>>) => new Headers(headers)

describe('the class of an API error', () => {
  it.each([
    [400, BadRequestError, false, false],
    [401, AuthenticationError, false, false],
    [402, QuotaExceededError, false, false],
    [403, PermissionDeniedError, false, false],
    [404, NotFoundError, false, false],
    [405, BadRequestError, false, false],
    [408, TimeoutError, true, false],
    [409, ConflictError, true, false],
    [413, BadRequestError, false, false],
    [415, BadRequestError, false, false],
    [422, UnprocessableEntityError, false, false],
    [425, ServiceUnavailableError, true, false],
    [429, RateLimitError, true, false],
    [499, BadRequestError, false, false],
    [500, InternalServerError, true, true],
    [501, InternalServerError, false, true],
    [502, BadGatewayError, true, true],
    [503, ServiceUnavailableError, true, false],
    [504, TimeoutError, true, true],
    [520, BadGatewayError, true, true],
    [524, BadGatewayError, true, true],
    [529, ServiceUnavailableError, true, false],
    [599, InternalServerError, true, true],
  ])('%d is %s, retryable %s, maybe billed %s', (status, Class, retryable, maybeBilled) => {
    const error = fail({ status })
    expect(error.constructor).toBe(Class)
    expect(error).toMatchObject({ status, retryable, maybeBilled, provider: 'acme', model: 'm' })
  })

  it.each([
    [429, { error: { type: 'insufficient_quota', code: null } }, QuotaExceededError],
    [429, { error: { code: 'organization_spend_limit_exceeded' } }, QuotaExceededError],
    [
      429,
      { error: { details: { error_code: 'enforced_spend_limit_reached' } } },
      QuotaExceededError,
    ],
    [400, { error: { code: 'context_length_exceeded' } }, ContextWindowExceededError],
    [400, { error: { code: 'content_policy_violation' } }, ContentPolicyViolationError],
    [400, { error: { code: 'model_not_found' } }, NotFoundError],
    [
      401,
      { error: { type: 'invalid_request_error', code: 'invalid_api_key' } },
      AuthenticationError,
    ],
  ])('follows a code that is more specific than the status: %d %j', (status, body, Class) => {
    const error = fail({ status, body })
    expect(error.constructor).toBe(Class)
    expect(error.status).toBe(status)
  })

  it("follows the provider's own table first", () => {
    const body = { error: { code: 'rate_limit_exceeded' } }
    expect(fail({ body }, { codes: { rate_limit_exceeded: ConflictError } })).toBeInstanceOf(
      ConflictError,
    )
  })

  it('follows the message only where the status is ambiguous', () => {
    const body = { error: { message: 'prompt is too long: 215000 tokens > 200000 maximum' } }
    expect(fail({ status: 400, body })).toBeInstanceOf(ContextWindowExceededError)
    expect(fail({ status: 500, body })).toBeInstanceOf(InternalServerError)
    const limit = { error: { message: 'rate limit 429 reached' } }
    expect(fail({ status: 400, body: limit }).constructor).toBe(BadRequestError)
  })

  it("checks the provider's message rules before the common ones, for the statuses they name", () => {
    const texts = [{ pattern: /credits/, error: QuotaExceededError, statuses: [403] }]
    const body = { error: 'no credits' }
    expect(fail({ status: 403, body }, { texts })).toBeInstanceOf(QuotaExceededError)
    expect(fail({ status: 400, body }, { texts }).constructor).toBe(BadRequestError)
  })

  it.each(['constructor', '__proto__', 'toString'])(
    'ignores a code that is a member of every object: %s',
    (code) => {
      const error = fail({ body: { error: { code } } }, { codes: {} })
      expect(error.constructor).toBe(BadRequestError)
      expect(error.code).toBe(code)
    },
  )
})

describe('an error in a 200 response', () => {
  it.each([
    [{ type: 'error', error: { type: 'overloaded_error' } }, 529, ServiceUnavailableError],
    [{ error: { code: 503, status: 'UNAVAILABLE' } }, 503, ServiceUnavailableError],
    [{ type: 'error', code: 'rate_limit_exceeded', message: 'm' }, 429, RateLimitError],
    [{ response: { error: { code: 'server_error', message: 'm' } } }, 500, InternalServerError],
    [{ error: { type: 'insufficient_quota' } }, 429, QuotaExceededError],
    [{ code: 'own_code' }, 400, ContentPolicyViolationError],
    [{ error: 'what' }, 500, InternalServerError],
    [undefined, 500, InternalServerError],
  ])('%j has status %d', (body, status, Class) => {
    const error = fail({ status: 200, body }, { codes: { own_code: ContentPolicyViolationError } })
    expect(error.constructor).toBe(Class)
    expect(error.status).toBe(status)
  })
})

describe('the message', () => {
  it.each([
    [{ error: { message: 'told' } }],
    [{ type: 'error', error: { type: 't', message: 'told' }, request_id: 'r' }],
    [{ code: 'c', error: 'told' }],
    [{ error: 'told' }],
    [{ message: 'told' }],
    [{ detail: 'told' }],
    [{ detail: [{ loc: ['body'], msg: 'told' }] }],
    [[{ error: { message: 'told' } }]],
    [{ response: { error: { message: 'told' } } }],
  ])("is the provider's, wherever it is in the body: %j", (body) => {
    expect(fail({ body }).message).toBe('acme/m: told')
  })

  it('is the status where the body has no message or is an HTML page', () => {
    for (const body of [
      undefined,
      null,
      'text',
      7,
      {},
      [],
      { error: { message: '<html>x</html>' } },
    ])
      expect(fail({ status: 503, body }).message).toBe('acme/m answered 503')
  })

  it('is truncated at 500 characters, and names the parameter', () => {
    expect(fail({ body: { error: { message: 'x'.repeat(9000) } } }).message).toHaveLength(508)
    const body = { error: { message: 'Invalid value', param: 'messages[3]' } }
    expect(fail({ body }).message).toBe('acme/m: Invalid value (messages[3])')
  })

  it('shows no key', () => {
    const body = { error: { message: 'key sk-ant-0123456789abcdefghij is wrong' } }
    expect(fail({ body }).message).toBe('acme/m: key [key] is wrong')
  })

  it('reads request ids from the header, then from the body', () => {
    const body = { request_id: 'body', error: {} }
    expect(fail({ body, request_id: 'header' }).requestId).toBe('header')
    expect(fail({ body }).requestId).toBe('body')
  })

  it('never throws, whatever the body', () => {
    fc.assert(
      fc.property(fc.anything(), fc.integer({ min: 0, max: 700 }), (body, status) => {
        expect(fail({ status, body })).toBeInstanceOf(TetradError)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('x-should-retry', () => {
  it('takes precedence', () => {
    const yes = header({ 'x-should-retry': 'true' })
    const no = header({ 'x-should-retry': 'false' })
    expect(fail({ status: 400, headers: yes }).retryable).toBe(true)
    expect(fail({ status: 500, headers: no }).retryable).toBe(false)
    expect(fail({ status: 500, headers: header({ 'x-should-retry': 'maybe' }) }).retryable).toBe(
      true,
    )
  })

  it('does not make a spent quota retryable', () => {
    const headers = header({ 'x-should-retry': 'true' })
    expect(fail({ status: 402, headers }).retryable).toBe(false)
  })
})

describe('retryAfterMs', () => {
  const date = 'Wed, 21 Oct 2026 07:28:00 GMT'
  const wait = (headers: Readonly<Record<string, string>>, status = 429, bodyMs?: number) =>
    fail(
      { status, headers: header(headers), body: { error: {} } },
      { hints: () => ({ retryAfterMs: bodyMs }) },
    ).retryAfterMs

  it.each([
    [{ 'retry-after-ms': '150' }, 150],
    [{ 'retry-after-ms': '0', 'retry-after': '9' }, 0],
    [{ 'retry-after-ms': 'x', 'retry-after': '2' }, 2000],
    [{ 'retry-after': '1.5' }, 1500],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after': '3600' }, 3_600_000],
    [{ 'retry-after': 'Wed, 21 Oct 2026 07:28:05 GMT', date }, 5000],
    [{ 'retry-after': 'Wed, 21 Oct 2026 07:27:00 GMT', date }, 0],
    [{ 'retry-after': '-5' }, undefined],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': 'Infinity' }, undefined],
    [{ 'retry-after': '1e3' }, undefined],
    [{ 'retry-after': '' }, undefined],
    [{ 'retry-after-ms': '-1' }, undefined],
    [{}, undefined],
  ])('of %j is %s', (headers, ms) => {
    expect(wait(headers as Readonly<Record<string, string>>)).toBe(ms)
  })

  it('of the body comes after the headers', () => {
    expect(wait({}, 429, 34_400)).toBe(34_400)
    expect(wait({ 'retry-after': '2' }, 429, 34_400)).toBe(2000)
    expect(wait({ 'retry-after': 'x' }, 429, 34_400)).toBe(34_400)
    expect(wait({}, 429, Number.NaN)).toBeUndefined()
    expect(wait({}, 429, -1)).toBeUndefined()
  })

  it.each([
    [{ 'x-ratelimit-reset-requests': '6m0s', 'x-ratelimit-remaining-requests': '0' }, 360_000],
    [
      {
        'x-ratelimit-reset-requests': '1h2m3s',
        'x-ratelimit-remaining-requests': '5',
        'x-ratelimit-reset-tokens': '120ms',
        'x-ratelimit-remaining-tokens': '0',
      },
      120,
    ],
    [{ 'x-ratelimit-reset-requests': '7m', 'x-ratelimit-reset-tokens': '6s' }, 6000],
    [{ 'x-ratelimit-reset-tokens': 'never' }, undefined],
    [{ 'anthropic-ratelimit-tokens-reset': '2026-10-21T07:28:30Z', date }, 30_000],
    [{ 'x-ratelimit-reset': String(Date.parse(date) + 4000), date }, 4000],
    [{ 'x-ratelimit-reset': String(Date.parse(date) / 1000 + 4), date }, 4000],
  ])('of rate limit reset headers comes last: %j is %s', (headers, ms) => {
    expect(wait(headers as Readonly<Record<string, string>>)).toBe(ms)
    expect(wait(headers as Readonly<Record<string, string>>, 500)).toBeUndefined()
  })
})
