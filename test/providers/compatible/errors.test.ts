/** Errors by status and code, each of the class that names the remedy. */
import { describe, expect, it, test } from 'vitest'
import {
  AuthenticationError,
  BadRequestError,
  ContentPolicyViolationError,
  ContextWindowExceededError,
  NotFoundError,
  PermissionDeniedError,
  QuotaExceededError,
  RateLimitError,
  ServiceUnavailableError,
  UnprocessableEntityError,
} from '../../../src/core/index.js'
import { toError } from '../../../src/providers/compatible/errors.js'

const errorOf = (status: number, body: unknown, headers?: Headers) =>
  toError('local')({ status, body, model: 'm-1', ...(headers && { headers }) })

describe('classes', () => {
  test.each([
    [
      'OpenAI',
      401,
      { error: { message: 'Incorrect API key', code: 'invalid_api_key' } },
      AuthenticationError,
    ],
    [
      'OpenAI, a quota',
      429,
      { error: { message: 'x', type: 'insufficient_quota', code: 'insufficient_quota' } },
      QuotaExceededError,
    ],
    [
      'OpenAI, a context',
      400,
      { error: { message: 'x', code: 'context_length_exceeded' } },
      ContextWindowExceededError,
    ],
    [
      'DeepSeek, an empty account',
      402,
      { error: { message: 'Insufficient Balance', type: 'unknown_error' } },
      QuotaExceededError,
    ],
    [
      'Ollama',
      404,
      { error: { message: 'model "x" not found, try pulling it first', type: 'api_error' } },
      NotFoundError,
    ],
    ['Ollama, older', 400, { error: 'invalid message' }, BadRequestError],
    [
      'Groq',
      400,
      { error: { message: 'x', type: 'invalid_request_error', code: 'model_decommissioned' } },
      NotFoundError,
    ],
    [
      'Groq, a tool',
      400,
      { error: { message: 'x', code: 'tool_use_failed', failed_generation: 'y' } },
      UnprocessableEntityError,
    ],
    [
      'vLLM',
      400,
      {
        object: 'error',
        message: "This model's maximum context length is 4096 tokens",
        type: 'BadRequestError',
        code: 400,
      },
      ContextWindowExceededError,
    ],
    [
      'llama.cpp',
      400,
      {
        error: {
          code: 400,
          message: 'the request exceeds the available context size',
          type: 'exceed_context_size_error',
        },
      },
      ContextWindowExceededError,
    ],
    [
      'Moonshot',
      429,
      { error: { message: 'x', type: 'exceeded_current_quota_error' } },
      QuotaExceededError,
    ],
    [
      'Moonshot, busy',
      429,
      { error: { message: 'x', type: 'engine_overloaded_error' } },
      ServiceUnavailableError,
    ],
    [
      'Mistral',
      422,
      {
        object: 'error',
        message: { detail: [{ loc: ['body', 'x'], msg: 'Extra inputs are not permitted' }] },
      },
      UnprocessableEntityError,
    ],
    [
      'OpenRouter, moderation',
      403,
      { error: { code: 403, message: 'x', metadata: { reasons: ['violence'] } } },
      PermissionDeniedError,
    ],
    [
      'Azure',
      400,
      { error: { message: 'x', code: 'content_filter' } },
      ContentPolicyViolationError,
    ],
    ['a gateway', 529, '<html>', ServiceUnavailableError],
  ])('%s', (_, status, body, Class) => {
    const error = errorOf(status, body)
    expect(error.constructor).toBe(Class)
    expect(error).toMatchObject({ status, provider: 'local', model: 'm-1' })
  })
})

describe('messages', () => {
  it("OpenRouter's contains the message of its upstream provider", () => {
    const metadata = { raw: 'the prompt is 5 tokens too long', provider_name: 'Parasail' }
    const error = errorOf(400, {
      error: { message: 'Provider returned error', code: 400, metadata },
    })
    expect(error.message).toContain('Parasail: the prompt is 5 tokens too long')
  })

  it("FastAPI's names the member", () => {
    const detail = [{ loc: ['body', 'messages', 0, 'role'], msg: 'Field required' }]
    expect(errorOf(422, { detail }).message).toContain('body.messages.0.role: Field required')
    expect(errorOf(422, { object: 'error', message: { detail } }).message).toContain(
      'Field required',
    )
  })

  it("Cloudflare's is the first of its list", () => {
    const errors = [{ code: 7009, message: 'AiError: capacity exceeded' }]
    const body = { result: null, success: false, errors, messages: [] }
    expect(errorOf(400, body).message).toContain('capacity exceeded')
  })

  it('contains no key that the server echoed', () => {
    const key = 'sk-abcdefghijklmnopqrstuvwxyz'
    expect(errorOf(401, { error: { message: `no such key: ${key}` } }).message).not.toContain(key)
  })
})

describe('retries', () => {
  it('use the wait of the headers', () => {
    const error = errorOf(429, { error: { message: 'x' } }, new Headers({ 'retry-after': '2' }))
    expect(error).toBeInstanceOf(RateLimitError)
    expect(error).toMatchObject({ retryable: true, retryAfterMs: 2000 })
  })

  it('are off for an exhausted account', () => {
    expect(errorOf(402, { error: { message: 'x' } })).toMatchObject({ retryable: false })
  })
})
