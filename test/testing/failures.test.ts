/** Failures, as the official clients and as the wire show them. */
import Anthropic from '@anthropic-ai/sdk'
import { ApiError } from '@google/genai'
import OpenAI from 'openai'
import { afterEach, describe, expect, test } from 'vitest'
import {
  type FailureKind,
  fail,
  failAfter,
  html,
  jsonInPlaceOfStream,
  type MockServer,
  mockServer,
  nothing,
  type ProviderName,
  type Reply,
  raw,
  say,
} from '../../src/testing/index.js'
import { everyWire, modes, providers, run } from './official.js'
import { post } from './plain-http.js'

let server: MockServer

afterEach(() => server.close())

const serve = async (...script: Reply[]) => {
  server = await mockServer(script)
}

const failed = async (provider: ProviderName, mode: 'plain' | 'streamed') => {
  try {
    await run(server, provider, mode)
  } catch (error) {
    return error
  }
  throw new Error('it did not fail')
}

describe.each(modes)('official clients, %s', (mode) => {
  const openaiClasses = [
    ['bad_request', OpenAI.BadRequestError],
    ['auth', OpenAI.AuthenticationError],
    ['permission', OpenAI.PermissionDeniedError],
    ['not_found', OpenAI.NotFoundError],
    ['conflict', OpenAI.ConflictError],
    ['unprocessable', OpenAI.UnprocessableEntityError],
    ['rate_limit', OpenAI.RateLimitError],
    ['quota', OpenAI.RateLimitError],
    ['server_error', OpenAI.InternalServerError],
    ['overloaded', OpenAI.InternalServerError],
  ] as const

  test.each(openaiClasses)('OpenAI receives %s', async (kind, expected) => {
    for (const provider of ['openai', 'compatible'] as const) {
      await serve(fail(kind))
      const error = await failed(provider, mode)
      expect(error).toBeInstanceOf(expected)
      // the client builds it from the body and the header
      expect(error).toMatchObject({ error: { message: expect.any(String) } })
      expect((error as InstanceType<typeof OpenAI.APIError>).requestID).toBeTruthy()
      await server.close()
    }
  })

  const anthropicClasses = [
    ['bad_request', Anthropic.BadRequestError, 'invalid_request_error'],
    ['auth', Anthropic.AuthenticationError, 'authentication_error'],
    ['permission', Anthropic.PermissionDeniedError, 'permission_error'],
    ['not_found', Anthropic.NotFoundError, 'not_found_error'],
    ['rate_limit', Anthropic.RateLimitError, 'rate_limit_error'],
    ['server_error', Anthropic.InternalServerError, 'api_error'],
    ['overloaded', Anthropic.InternalServerError, 'overloaded_error'],
  ] as const

  test.each(anthropicClasses)('Anthropic receives %s', async (kind, expected, type) => {
    await serve(fail(kind))
    const error = await failed('anthropic', mode)
    expect(error).toBeInstanceOf(expected)
    const { requestID, error: body } = error as InstanceType<typeof Anthropic.APIError>
    expect(body).toMatchObject({ type: 'error', error: { type }, request_id: requestID })
  })

  test.each([
    ['bad_request', 400],
    ['auth', 400],
    ['permission', 403],
    ['not_found', 404],
    ['rate_limit', 429],
    ['overloaded', 503],
  ] as const)('Gemini receives %s', async (kind, status) => {
    await serve(fail(kind))
    const error = await failed('gemini', mode)
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({ status })
  })
})

describe('the body and the headers of an error response', () => {
  const refused = async (provider: ProviderName, reply: Reply) => {
    await serve(reply)
    const response = await post(server, provider)
    const body: unknown = await response.json()
    await server.close()
    return { status: response.status, headers: response.headers, body }
  }

  test('the retry time is where each provider has it', async () => {
    const reply = fail(429, { retryAfter: 2 })
    expect((await refused('openai', reply)).headers.get('retry-after')).toBe('2')
    expect((await refused('openai', reply)).headers.get('retry-after-ms')).toBe('2000')
    expect((await refused('anthropic', reply)).headers.get('retry-after')).toBe('2')
    const gemini = await refused('gemini', reply)
    expect(gemini.headers.has('retry-after')).toBe(false)
    expect(gemini.body).toMatchObject({
      error: {
        code: 429,
        status: 'RESOURCE_EXHAUSTED',
        details: [
          { violations: [{ quotaId: expect.stringContaining('PerMinute') }] },
          { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '2s' },
        ],
      },
    })
  })

  test('a quota is no rate limit', async () => {
    expect(await refused('openai', fail('quota'))).toMatchObject({
      status: 429,
      body: { error: { type: 'insufficient_quota', code: 'insufficient_quota' } },
    })
    expect(await refused('anthropic', fail('quota'))).toMatchObject({
      status: 402,
      body: { error: { type: 'billing_error' } },
    })
    expect(await refused('gemini', fail('quota'))).toMatchObject({
      body: {
        error: { details: [{ violations: [{ quotaId: expect.stringContaining('PerDay') }] }] },
      },
    })
    expect(await refused('xai', fail('quota'))).toMatchObject({
      status: 403,
      body: { code: 'permission-denied', error: expect.any(String) },
    })
  })

  test('xAI rejects an invalid key with 400 and a flat body', async () => {
    expect(await refused('xai', fail('auth'))).toMatchObject({
      status: 400,
      body: { code: 'invalid-argument', error: expect.stringContaining('Incorrect API key') },
    })
  })

  test('Anthropic sends whether to retry', async () => {
    const { headers } = await refused('anthropic', fail('overloaded'))
    expect(headers.get('x-should-retry')).toBe('true')
    expect(headers.get('request-id')).toMatch(/^req_01/)
    expect((await refused('anthropic', fail(400))).headers.get('x-should-retry')).toBe('false')
  })

  test.each(providers)(
    '%s: status, code, message and headers are those of the script',
    async (provider) => {
      const options = { code: 'my_code', message: 'My words.', headers: { 'x-mine': 'yes' } }
      const { status, headers, body } = await refused(provider, fail(418, options))
      expect(status).toBe(418)
      expect(headers.get('x-mine')).toBe('yes')
      expect(JSON.stringify(body)).toContain('"my_code"')
      expect(JSON.stringify(body)).toContain('"My words."')
    },
  )

  test.each(providers)('%s has a message for every kind', async (provider) => {
    const kinds: FailureKind[] = [
      'bad_request',
      'context_window',
      'content_policy',
      'auth',
      'permission',
      'not_found',
      'conflict',
      'too_large',
      'unprocessable',
      'rate_limit',
      'quota',
      'server_error',
      'bad_gateway',
      'overloaded',
      'timeout',
    ]
    for (const kind of kinds) {
      const { status, headers } = await refused(provider, fail(kind))
      expect(status).toBeGreaterThanOrEqual(400)
      expect(headers.get('content-type')).toMatch(/^application\/json/)
    }
  })
})

describe('a failure in the middle of a stream', () => {
  test.each(['openai', 'xai', 'compatible', 'anthropic'] as const)(
    'the official client of %s throws after it has read the first events',
    async (provider) => {
      await serve(failAfter(4, 'overloaded'))
      const error = await failed(provider, 'streamed')
      // the helper of the `openai` client itself rejects with xAI's flat event
      if (provider === 'xai')
        expect(error).toMatchObject({ type: 'error', code: expect.any(String) })
      else expect(error).toBeInstanceOf(Error)
      expect(server.requests[0]?.sent).toBeGreaterThanOrEqual(4)
      expect(await server.requests[0]?.closed).toBe(false)
    },
  )

  test.each(providers)('%s: a generate request fails with the status', async (provider) => {
    await serve(failAfter(4, 'overloaded'))
    const response = await post(server, provider)
    expect(response.status).toBe(provider === 'anthropic' ? 529 : 503)
  })

  test.each(providers)('%s: as the first event it has status 200', async (provider) => {
    await serve(failAfter(0, 'overloaded'))
    const response = await post(server, provider, { stream: true })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
    expect(await response.text()).toContain('error')
  })
})

describe('responses of another format', () => {
  test.each(everyWire)('$provider, $mode: an HTML page of a proxy', async ({ provider, mode }) => {
    await serve(html({ status: 502 }))
    const response = await post(server, provider, { stream: mode === 'streamed' })
    expect(response.status).toBe(502)
    expect(response.headers.get('content-type')).toMatch(/^text\/html/)
    expect(await response.text()).toMatch(/^<!DOCTYPE html>/)
  })

  test('JSON in place of a stream, an empty body, anything', async () => {
    await serve(
      jsonInPlaceOfStream(),
      nothing(),
      raw(new Uint8Array([0xff, 0xfe]), { status: 201, headers: { 'x-mine': 'yes' } }),
      say('Hello').asJson(),
    )
    const json = await post(server, 'xai', { stream: true })
    expect(json.headers.get('content-type')).toBe('application/json')
    expect(await json.json()).toEqual({ code: expect.any(String), error: expect.any(String) })

    const empty = await post(server, 'openai', { stream: true })
    expect(empty.status).toBe(200)
    expect(await empty.text()).toBe('')

    const bytes = await post(server, 'openai', { stream: true })
    expect(bytes.status).toBe(201)
    expect(bytes.headers.get('x-mine')).toBe('yes')
    expect(new Uint8Array(await bytes.arrayBuffer())).toEqual(new Uint8Array([0xff, 0xfe]))

    const plain = await post(server, 'openai', { stream: true })
    expect(plain.headers.get('content-type')).toBe('application/json')
    expect(await plain.json()).toMatchObject({ object: 'response', status: 'completed' })
  })
})
