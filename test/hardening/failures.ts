/** Errors: their class, whether and when they are retried, and their message. */
import { inspect } from 'node:util'
import { expect } from 'vitest'
import type { Message } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import {
  AuthenticationError,
  BadRequestError,
  ContextWindowExceededError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  QuotaExceededError,
  RateLimitError,
  ServiceUnavailableError,
  TimeoutError,
  UnprocessableEntityError,
  UnsupportedParamsError,
} from '../../src/core/index.js'
import { fail, mockServer, type Reply, raw, say } from '../../src/testing/index.js'
import { adapters, models, type Name, names } from '../wire/support.js'
import { type CallCase, failure, type HardeningCase, modes, onServer, user } from './case.js'

const sonnet = models.anthropic
const gpt = 'openai/gpt-4.1'
const flash = models.gemini
const again = <T>(reply: T, times = 3) => Array.from({ length: times }, () => reply)

const refused = (
  id: number,
  title: string,
  [model, reply, error]: readonly [string, Reply, CallCase['expects']['error'] & {}],
): CallCase => ({ id, title, model, script: again(reply), expects: { error, requests: 1 } })

const classes: readonly CallCase[] = [
  refused(136, 'a 400 that speaks of 429 is a 400', [
    gpt,
    fail(400, { message: 'error 429 in your text' }),
    BadRequestError,
  ]),
  {
    id: 137,
    title: 'an overload is tried again',
    model: sonnet,
    script: again(fail(529)),
    expects: {
      error: ServiceUnavailableError,
      answer: { status: 529, retryable: true },
      requests: 3,
    },
  },
  refused(137, 'a 403 of Claude is a permission', [sonnet, fail(403), PermissionDeniedError]),
  refused(137, 'a 403 of OpenAI is a permission', [gpt, fail(403), PermissionDeniedError]),
  refused(138, 'a bad key of Gemini comes with 400', [
    flash,
    fail(400, { message: 'API key not valid. Please pass a valid API key.' }),
    AuthenticationError,
  ]),
  {
    id: 138,
    title: 'a 504 of Gemini is a timeout',
    model: flash,
    script: again(fail(504)),
    expects: { error: TimeoutError, answer: { status: 504 }, requests: 3 },
  },
  refused(139, 'a prompt too long for Claude is told apart', [
    sonnet,
    fail(400, { message: 'prompt is too long: 215000 tokens > 200000 maximum' }),
    ContextWindowExceededError,
  ]),
  refused(139, 'and still a bad request', [
    sonnet,
    fail(400, { message: 'prompt is too long: 215000 tokens > 200000 maximum' }),
    BadRequestError,
  ]),
  refused(140, 'a spent quota is not tried again', [gpt, fail('quota'), QuotaExceededError]),
  refused(140, 'nor is a limit that the customer set', [
    sonnet,
    fail(400, {
      message:
        'You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.',
    }),
    QuotaExceededError,
  ]),
]

/** A parameter that the model does not support. */
const foreign = {
  [models.openai]: { seed: 1 },
  [models.anthropic]: { seed: 1 },
  [models.gemini]: { logit_bias: { 1: 1 } },
  [models.xai]: { stop: ['x'] },
  [models.compatible]: { n: 2 },
}

const waits: readonly CallCase[] = [
  ...names.map(
    (name): CallCase => ({
      id: 141,
      title: `two failures that pass are three requests, each wait by the policy: ${name}`,
      model: models[name],
      script: [fail(429, { retryAfter: 2 }), fail(503), say('Fine.')],
      expects: { requests: 3, waits: [2_100, 1_050], answer: { text: 'Fine.' } },
    }),
  ),
  {
    id: 142,
    title: 'a wait that is too long is left to the caller, at once',
    model: gpt,
    script: again(fail(429, { retryAfter: 90 })),
    expects: { error: RateLimitError, requests: 1, waits: [], answer: { retryAfterMs: 90_000 } },
  },
  {
    id: 142,
    title: 'parts of a second count',
    model: gpt,
    script: [fail(429, { headers: { 'retry-after': '1.5' } }), say('Fine.')],
    expects: { requests: 2, waits: [1_500 * 1.05] },
  },
  {
    id: 142,
    title: 'so do milliseconds, before seconds',
    model: gpt,
    script: [
      fail(429, { headers: { 'retry-after': '9', 'retry-after-ms': '1200' } }),
      say('Fine.'),
    ],
    expects: { requests: 2, waits: [1_200 * 1.05] },
  },
  ...names.flatMap((name): readonly CallCase[] => [
    refused(143, `401 is asked once: ${name}`, [models[name], fail(401), AuthenticationError]),
    refused(143, `404 is asked once: ${name}`, [models[name], fail(404), NotFoundError]),
    refused(143, `422 is asked once: ${name}`, [models[name], fail(422), UnprocessableEntityError]),
  ]),
  ...Object.entries(foreign).map(
    ([model, request]): CallCase => ({
      id: 143,
      title: `a parameter that is refused is not asked at all: ${model}`,
      model,
      request,
      script: again(say('Fine.')),
      expects: { error: UnsupportedParamsError, requests: 0 },
    }),
  ),
]

/** The request id on each wire; Gemini has no header for it, but a detail of an error. */
const identified = (name: Name): Reply =>
  name === 'gemini'
    ? raw(
        JSON.stringify({
          error: {
            code: 503,
            status: 'UNAVAILABLE',
            message: 'The model is overloaded.',
            details: [
              { '@type': 'type.googleapis.com/google.rpc.RequestInfo', requestId: 'req_7' },
            ],
          },
        }),
        { status: 503, headers: { 'content-type': 'application/json' } },
      )
    : fail(503, {
        headers: { [name === 'anthropic' ? 'request-id' : 'x-request-id']: 'req_7' },
      })

const messageRows: readonly HardeningCase[] = names.flatMap((name) =>
  modes.map((mode) => ({
    id: 144,
    title: `the last error tells all attempts and the request id, and neither prompt nor key: ${name} (${mode})`,
    run: () =>
      onServer({ script: again(identified(name)) }, async ({ ai, server }) => {
        const messages = [user('a secret of the user') as Message]
        const request = { model: models[name], messages }
        const pending = mode === 'generate' ? ai.generate(request) : ai.stream(request).response
        const error = await failure(pending)
        expect(error).toBeInstanceOf(ServiceUnavailableError)
        expect(error.attempts).toMatchObject(again({ status: 'failed' }))
        expect(server.requests).toHaveLength(3)
        expect(error.requestId).toBe('req_7')
        const prints = [JSON.stringify(error), String(error), inspect(error, { depth: Infinity })]
        expect(prints.join()).not.toContain('a secret of the user')
        expect(prints.join()).not.toContain(server.options(name).apiKey)
      }),
  })),
)

const counts: readonly HardeningCase[] = [
  ...names.map(
    (name): HardeningCase => ({
      id: 146,
      title: `a text beside messages, or in their place, is refused: ${name}`,
      run: () =>
        onServer({}, async ({ ai, server }) => {
          const asked = { model: models[name], messages: [user() as Message], text: 'Hi' }
          const { messages: _, ...alone } = asked
          for (const request of [asked, alone as typeof asked])
            expect(await failure(ai.countTokens(request))).toBeInstanceOf(BadRequestError)
          expect(server.requests).toEqual([])
        }),
    }),
  ),
  ...(['low', 'high', 'auto'] as const).map(
    (detail): HardeningCase => ({
      id: 146,
      title: `an image of ${detail} detail is counted without being fetched, and an estimate says that it is one`,
      run: () =>
        onServer({}, async ({ ai, server }) => {
          const image_url = { url: `${server.url}/a.png`, detail }
          const content = [
            { type: 'text', text: 'What is it?' },
            { type: 'image_url', image_url },
          ]
          const { tokens, estimated } = await ai.countTokens({
            model: 'compatible/m',
            messages: [user(content) as Message],
          })
          expect(tokens).toBeGreaterThan(50)
          expect(estimated).toBe(true)
          expect(server.requests).toHaveLength(0)
        }),
    }),
  ),
  ...(['openai', 'anthropic', 'gemini'] as const).map(
    (name): HardeningCase => ({
      id: 146,
      title: `where the provider fails to count, the count is ours and has the error: ${name}`,
      run: async () => {
        await using server = await mockServer([], { countTokens: () => fail(500) })
        const ai = createClient({ providers: adapters(server) })
        const request = { model: models[name], messages: [user('word '.repeat(100)) as Message] }
        const { tokens, estimated, error } = await ai.countTokens(request)
        expect(tokens).toBeGreaterThan(50)
        expect(estimated).toBe(true)
        expect(error).toBeInstanceOf(InternalServerError)
      },
    }),
  ),
  {
    id: 146,
    title:
      'where the provider fails to count, a history is trimmed by the estimate, with a warning',
    run: async () => {
      await using server = await mockServer([say('Fine.')], { countTokens: () => fail(500) })
      const { history } = await import('../../middleware/history.js')
      const ai = createClient({ providers: adapters(server), use: [history({ maxTokens: 60 })] })
      const long = { role: 'user', content: 'word '.repeat(200) } as const
      const reply = await ai.generate({
        model: sonnet,
        messages: [long, { role: 'assistant', content: 'ok' }, { role: 'user', content: 'Hi' }],
      })
      expect(reply.warnings.map(({ code }) => code)).toContain('other')
      expect(server.requests.at(-1)?.body.messages).toHaveLength(1)
    },
  },
]

export const failures: readonly HardeningCase[] = [...classes, ...waits, ...messageRows, ...counts]
