/** Errors: their class, whether they are tried again, how long is waited, and what they tell. */
import { expect } from 'vitest'
import { deadline } from '../../middleware/deadline.js'
import { timeout } from '../../middleware/timeout.js'
import { createClient } from '../../src/client.js'
import {
  AuthenticationError,
  BadRequestError,
  ContextWindowExceededError,
  NotFoundError,
  PermissionDeniedError,
  QuotaExceededError,
  RateLimitError,
  ServiceUnavailableError,
  type TetradError,
  TimeoutError,
  UnprocessableEntityError,
  UnsupportedParamsError,
} from '../../src/core/index.js'
import { fail, mockServer, type Reply, say, stall } from '../../src/testing/index.js'
import { adapters, drain, models, names } from '../wire/support.js'
import { type CallCase, type HardeningCase, image, onServer, user } from './case.js'

const sonnet = models.anthropic
const gpt = 'openai/gpt-4.1'
const flash = models.gemini
const again = (reply: Reply, times = 3) => Array.from({ length: times }, () => reply)

const refused = (
  id: number,
  says: string,
  [model, reply, error]: readonly [string, Reply, CallCase['expects']['error'] & {}],
): CallCase => ({ id, says, model, script: again(reply), expects: { error, requests: 1 } })

const classes: readonly CallCase[] = [
  refused(136, 'a 400 that speaks of 429 is a 400', [
    gpt,
    fail(400, { message: 'error 429 in your text' }),
    BadRequestError,
  ]),
  {
    id: 137,
    says: 'an overload is tried again',
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
    says: 'a 504 of Gemini is a timeout',
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

const waits: readonly CallCase[] = [
  ...names.map(
    (name): CallCase => ({
      id: 141,
      says: `two failures that pass are three requests, each wait by the policy: ${name}`,
      model: models[name],
      script: [fail(429, { retryAfter: 2 }), fail(503), say('Fine.')],
      expects: { requests: 3, waits: [2_100, 1_050], answer: { text: 'Fine.' } },
    }),
  ),
  {
    id: 142,
    says: 'a wait that is too long is left to the caller, at once',
    model: gpt,
    script: again(fail(429, { retryAfter: 90 })),
    expects: { error: RateLimitError, requests: 1, waits: [], answer: { retryAfterMs: 90_000 } },
  },
  {
    id: 142,
    says: 'parts of a second count',
    model: gpt,
    script: [fail(429, { headers: { 'retry-after': '1.5' } }), say('Fine.')],
    expects: { requests: 2, waits: [1_500 * 1.05] },
  },
  {
    id: 142,
    says: 'so do milliseconds, before seconds',
    model: gpt,
    script: [
      fail(429, { headers: { 'retry-after': '9', 'retry-after-ms': '1200' } }),
      say('Fine.'),
    ],
    expects: { requests: 2, waits: [1_200 * 1.05] },
  },
  refused(143, '401 is asked once', [gpt, fail(401), AuthenticationError]),
  refused(143, '404 is asked once', [gpt, fail(404), NotFoundError]),
  refused(143, '422 is asked once', [gpt, fail(422), UnprocessableEntityError]),
  {
    id: 143,
    says: 'a parameter that is refused is not asked at all',
    model: sonnet,
    request: { seed: 1 },
    expects: { error: UnsupportedParamsError, requests: 0 },
  },
]

const told: readonly HardeningCase[] = names.map((name) => ({
  id: 144,
  says: `the last error tells all attempts and the request id, and neither prompt nor key: ${name}`,
  run: () =>
    onServer({ script: again(fail(503)) }, async ({ ai, server }) => {
      const { error } = await drain(
        ai.stream({
          model: models[name],
          messages: [{ role: 'user', content: 'a secret of the user' }],
        }),
      )
      expect(error).toBeInstanceOf(ServiceUnavailableError)
      expect(error?.attempts).toHaveLength(3)
      expect(server.requests).toHaveLength(3)
      if (name !== 'gemini') expect(error?.requestId).toBeTruthy()
      const said = JSON.stringify(error) + String(error)
      expect(said).not.toContain('a secret of the user')
      expect(said).not.toContain(server.options(name).apiKey)
    }),
}))

const timed = async (model: string, reply: Reply, layer: ReturnType<typeof timeout>) => {
  await using server = await mockServer([reply])
  const ai = createClient({ providers: adapters(server), use: [layer] })
  const { error } = await drain(ai.stream({ model, messages: [{ role: 'user', content: 'Hi' }] }))
  return error as TetradError
}

const silences: readonly HardeningCase[] = names.flatMap((name): readonly HardeningCase[] =>
  (
    [
      ['headers', stall(), timeout({ headersMs: 30 })],
      ['idle-bytes', say('One two three').splitEvents().stall(3), timeout({ idleBytesMs: 30 })],
      ['idle-events', say('One two three').splitEvents().stall(3), timeout({ idleEventsMs: 30 })],
      ['deadline', say('One two three').splitEvents().stall(3), deadline(60)],
    ] as const
  ).map(([phase, reply, layer]) => ({
    id: 145,
    says: `silence ends with its phase, in a stream too: ${name}, ${phase}`,
    run: async () => {
      const error = await timed(models[name], reply, layer)
      expect(error).toBeInstanceOf(TimeoutError)
      expect(error.phase).toBe(phase)
    },
  })),
)

const counts: readonly HardeningCase[] = [
  {
    id: 146,
    says: 'an image is counted without being fetched, and an estimate says that it is one',
    run: () =>
      onServer({}, async ({ ai, server }) => {
        const content = [{ type: 'text', text: 'What is it?' }, image('https://example.com/a.png')]
        const { tokens, estimated } = await ai.countTokens({
          model: 'compatible/m',
          messages: [user(content) as never],
        })
        expect(tokens).toBeGreaterThan(50)
        expect(estimated).toBe(true)
        expect(server.requests).toHaveLength(0)
      }),
  },
  {
    id: 146,
    says: 'where the provider fails to count, a history is trimmed by the estimate, with a warning',
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

export const failures: readonly HardeningCase[] = [
  ...classes,
  ...waits,
  ...told,
  ...silences,
  ...counts,
]
