import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { alias } from '../../middleware/alias.js'
import { fallback } from '../../middleware/fallback.js'
import { retry } from '../../middleware/retry.js'
import { type StandardOptions, standard } from '../../middleware/standard.js'
import { tool } from '../../middleware/tools.js'
import type { ChatRequest } from '../../src/chat/index.js'
import { type Client, createClient } from '../../src/client.js'
import * as errors from '../../src/core/errors.js'
import {
  AbortError,
  BudgetExceededError,
  type Layers,
  layer,
  type Middleware,
  MisuseError,
  RateLimitError,
  ServiceUnavailableError,
  TetradError,
  UnsupportedParamsError,
} from '../../src/core/index.js'
import {
  callTool,
  fail,
  type MockServer,
  mockServer,
  refuse,
  type Step,
  say,
  think,
} from '../../src/testing/index.js'
import { middlewareContract } from '../contract/middleware.js'
import { deepFreeze, scripted, say as words } from '../contract/scripted.js'
import { fakeClock } from './fake-clock.js'
import { collect, thrown } from './script.js'
import { adapters, models } from './wires.js'

middlewareContract('fallback', () => fallback('scripted/model-2'))

const modes = ['generate', 'stream'] as const
type Mode = (typeof modes)[number]

const send = (ai: Client, mode: Mode, request: ChatRequest) =>
  mode === 'generate' ? ai.generate(request) : ai.stream(request).response

async function onServer(
  script: readonly Step[],
  policy: Layers,
  run: (ai: Client, server: MockServer) => Promise<void>,
  options: StandardOptions = {},
): Promise<void> {
  await using server = await mockServer(script)
  const use = standard({
    retry: { attempts: 2, clock: fakeClock({ jumps: true }) },
    with: [policy],
    ...options,
  })
  await run(createClient({ providers: adapters(server), use }), server)
}

const question = (model: string, more: Partial<ChatRequest> = {}) =>
  deepFreeze({ model, messages: [{ role: 'user', content: 'Hi' }], ...more } satisfies ChatRequest)

const requestedModels = (server: MockServer) => server.requests.map(({ model }) => model)

describe.each(modes)('%s', (mode) => {
  it.each(models.flatMap((from) => models.filter((to) => to !== from).map((to) => [from, to])))(
    '%s is down: its retries are used up, then %s responds',
    async (from, to) => {
      await onServer([fail(503), fail(503), say('Hello')], fallback(to), async (ai, server) => {
        const reply = await send(ai, mode, question(from))
        expect(reply.text).toBe('Hello')
        expect(server.requests).toHaveLength(3)
        expect(reply.attempts.map(({ status }) => status)).toEqual(['failed', 'failed', 'ok'])
        expect(`${reply.attempts.at(-1)?.provider}/${reply.attempts.at(-1)?.model}`).toBe(to)
        expect(reply.warnings.filter(({ code }) => code === 'fallback')).toEqual([
          {
            code: 'fallback',
            message: `${from} failed (ServiceUnavailableError): falling back to ${to}`,
          },
        ])
      })
    },
  )

  it('tries one model after another; the last error has all attempts', async () => {
    const policy = fallback('anthropic/claude-sonnet-4-5', 'gemini/gemini-2.5-flash')
    const script = [fail(401), fail(404), fail(429), fail(429)]
    await onServer(script, policy, async (ai, server) => {
      const error = await thrown(send(ai, mode, question('openai/gpt-5')))
      expect(error).toBeInstanceOf(RateLimitError)
      expect(error).toMatchObject({ provider: 'gemini', attempts: { length: 4 } })
      expect(server.requests).toHaveLength(4)
    })
  })

  it.each([
    ['a bad request', fail(400)],
    ['a request that is too long', fail('context_window')],
    ['a body that is too large', fail(413)],
    ['a request that cannot be processed', fail(422)],
  ])('%s is called once', async (_, reply) => {
    await onServer([reply], fallback('openai/gpt-5'), async (ai, server) => {
      await thrown(send(ai, mode, question('anthropic/claude-sonnet-4-5')))
      expect(server.requests).toHaveLength(1)
    })
  })

  it('a refusal is a response and is returned', async () => {
    await onServer([refuse('No.')], fallback('openai/gpt-5'), async (ai, server) => {
      const reply = await send(ai, mode, question('anthropic/claude-sonnet-4-5'))
      expect(reply.warnings).toEqual([])
      expect(server.requests).toHaveLength(1)
    })
  })

  it.each([new BudgetExceededError('spent'), new AbortError(), new MisuseError('wrong')])(
    '%s of an inner layer is rethrown',
    async (failure) => {
      const provider = scripted([words('never')])
      const cap = layer('cap', () => Promise.reject(failure))
      const ai = createClient({ providers: [provider], use: [fallback('scripted/b'), cap] })
      expect(await thrown(send(ai, mode, question('scripted/a')))).toBe(failure)
    },
  )

  it('`when` sends a long prompt to a model with a larger context, and skips others', async () => {
    const isTooLong = (error: unknown) =>
      error instanceof Error && error.name === 'ContextWindowExceededError'
    const policy = fallback({ models: ['gemini/gemini-2.5-flash'], when: isTooLong })
    await onServer([fail('context_window'), say('Read.')], policy, async (ai) => {
      expect((await send(ai, mode, question('openai/gpt-5'))).text).toBe('Read.')
    })
    await onServer([fail(500), fail(500)], policy, async (ai, server) => {
      await thrown(send(ai, mode, question('openai/gpt-5')))
      expect(server.requests).toHaveLength(2)
    })
  })

  it('an undefined result of `when` leaves the decision to the default', async () => {
    const policy = fallback({ models: ['xai/grok-4.3'], when: () => undefined })
    await onServer([fail(401), say('Yes')], policy, async (ai) => {
      expect((await send(ai, mode, question('openai/gpt-5'))).text).toBe('Yes')
    })
  })

  it('parameters that only the first model accepts are dropped with a warning', async () => {
    const request = question('local/model', { seed: 7, logit_bias: { 50256: -1 } })
    const to = 'anthropic/claude-sonnet-4-5'
    await onServer([fail(401), say('Hello')], fallback(to), async (ai, server) => {
      const reply = await send(ai, mode, request)
      expect(reply.text).toBe('Hello')
      expect(reply.warnings.map(({ param }) => param)).toEqual(
        expect.arrayContaining(['seed', 'logit_bias']),
      )
      expect(server.requests.at(-1)?.body).not.toHaveProperty('seed')
    })
  })

  it('the first model rejects unsupported parameters, and so does each with drop_params: false', async () => {
    await onServer([], fallback('local/model'), async (ai, server) => {
      const error = await thrown(
        send(ai, mode, question('anthropic/claude-sonnet-4-5', { seed: 7 })),
      )
      expect(error).toBeInstanceOf(UnsupportedParamsError)
      expect(server.requests).toHaveLength(0)
    })
    await onServer([fail(401)], fallback('anthropic/claude-sonnet-4-5'), async (ai) => {
      const request = question('local/model', { seed: 7, drop_params: false })
      expect(await thrown(send(ai, mode, request))).toBeInstanceOf(UnsupportedParamsError)
    })
  })

  it('works without params() too', async () => {
    await using server = await mockServer([fail(401), say('Hello')])
    const use = [fallback('anthropic/claude-sonnet-4-5'), retry()]
    const ai = createClient({ providers: adapters(server), use })
    expect((await send(ai, mode, question('local/model', { seed: 7 }))).text).toBe('Hello')
  })

  it('a later step of a loop starts with the model that responded, and sends its thoughts back', async () => {
    const weather = tool({ execute: () => 'clear' })
    const script = [fail(401), think('A city.').callTool('weather', {}), say('Clear.')]
    const policy = fallback('anthropic/claude-sonnet-4-5')
    const asked = async (ai: Client, server: MockServer) => {
      const reply = await send(ai, mode, question('openai/gpt-5'))
      expect(reply.text).toBe('Clear.')
      expect(requestedModels(server).map((model) => model.replace(/-\d.*/, ''))).toEqual([
        'gpt',
        'claude-sonnet',
        'claude-sonnet',
      ])
      expect(reply.warnings.filter(({ code }) => code === 'fallback')).toHaveLength(1)
      expect(JSON.stringify(server.requests[2]?.body)).toContain('A city.')
    }
    await onServer(script, policy, asked, { tools: { weather } })
  })

  it('step 2 of a loop may fall back; the tools of step 1 are not run again', async () => {
    let runs = 0
    const count = tool({ execute: () => ++runs })
    const script = [callTool('count', {}), fail(401), say('One.')]
    const run = async (ai: Client, server: MockServer) => {
      const reply = await send(ai, mode, question('openai/gpt-5'))
      expect([reply.text, runs, server.requests.length]).toEqual(['One.', 1, 3])
      expect(reply.messages.map(({ role }) => role)).toEqual(['assistant', 'tool', 'assistant'])
    }
    await onServer(script, fallback('xai/grok-4.3'), run, { tools: { count } })
  })

  it('a conversation stored by the provider stays with that provider', async () => {
    const request = question('openai/gpt-5', { previous_response_id: 'resp_1' })
    const policy = fallback('gemini/gemini-2.5-flash', 'openai/gpt-4.1')
    await onServer([fail(404), say('Hello')], policy, async (ai, server) => {
      expect((await send(ai, mode, request)).text).toBe('Hello')
      expect(requestedModels(server)).toEqual(['gpt-5', 'gpt-4.1'])
    })
  })

  it('an abort during the first model ends the call', async () => {
    const controller = new AbortController()
    const script = [
      () => {
        controller.abort()
        return fail(503)
      },
    ]
    await using server = await mockServer(script)
    const ai = createClient({ providers: adapters(server), use: [fallback('xai/grok-4.3')] })
    const options = { signal: controller.signal }
    const request = question('openai/gpt-5')
    const call =
      mode === 'generate' ? ai.generate(request, options) : ai.stream(request, options).response
    expect(await thrown(call)).toBeInstanceOf(AbortError)
    expect(server.requests).toHaveLength(1)
  })
})

describe.each(modes)('any scripted outage, %s', (mode) => {
  const outages = {
    503: { reply: () => fail(503), tries: 2, isOfModel: true },
    429: { reply: () => fail(429), tries: 2, isOfModel: true },
    401: { reply: () => fail(401), tries: 1, isOfModel: true },
    404: { reply: () => fail(404), tries: 1, isOfModel: true },
    400: { reply: () => fail(400), tries: 1, isOfModel: false },
    422: { reply: () => fail(422), tries: 1, isOfModel: false },
    cut: { reply: () => say('One two three four five').cut(6.5), tries: 1, isOfModel: true },
    ok: { reply: () => say('One two three four five'), tries: 1, isOfModel: false },
  } as const
  type Outage = keyof typeof outages
  const list = ['openai/gpt-5', 'anthropic/claude-sonnet-4-5', 'xai/grok-4.3'] as const

  /**
   * The rule in docs/policies.md: each model with its two attempts, until one responds or the
   * request is at fault.
   */
  function promised(script: readonly Outage[]) {
    let requests = 0
    const next = () => script[requests++] ?? 'ok'
    for (const _ of list)
      for (let attempt = 1; ; attempt++) {
        const outage = next()
        if (outage === 'ok') return { requests, isAnswered: true }
        // emitted content is not requested again; in generate nothing is emitted
        if (outage === 'cut' && mode === 'stream') return { requests, isAnswered: false }
        const { tries, isOfModel } = outages[outage]
        if (!isOfModel) return { requests, isAnswered: false }
        if (attempt >= (outage === 'cut' ? 2 : tries)) break
      }
    return { requests, isAnswered: false }
  }

  it('makes the documented attempts, and no text is emitted twice', async () => {
    const scripts = fc.array(fc.constantFrom(...(Object.keys(outages) as Outage[])), {
      minLength: 1,
      maxLength: 7,
    })
    await fc.assert(
      fc.asyncProperty(scripts, async (names) => {
        const script = [...names, ...Array<Outage>(7).fill('ok')]
        const replies = script.map((name) => outages[name].reply())
        await onServer(replies, fallback(list[1], list[2]), async (ai, server) => {
          const wanted = promised(script)
          const asked = question(list[0])
          if (mode === 'generate') {
            const answer = await ai.generate(asked).catch(() => undefined)
            expect(answer?.text).toBe(wanted.isAnswered ? 'One two three four five' : undefined)
          } else {
            const { chunks, error } = await collect(ai.stream(asked))
            const emitted = chunks.flatMap((chunk) =>
              chunk.type === 'text-delta' ? chunk.text : [],
            )
            expect('One two three four five'.startsWith(emitted.join(''))).toBe(true)
            expect(error === undefined).toBe(wanted.isAnswered)
            expect(chunks.filter(({ type }) => type === 'start').length).toBeLessThanOrEqual(1)
          }
          expect(server.requests).toHaveLength(wanted.requests)
        })
      }),
      { numRuns: 40 },
    )
  })
})

it('one start is streamed, and no text twice', async () => {
  await onServer([fail(503), fail(503), say('Hello')], fallback('xai/grok-4.3'), async (ai) => {
    const { chunks } = await collect(ai.stream(question('openai/gpt-5')))
    expect(chunks.filter(({ type }) => type === 'start')).toHaveLength(1)
    expect(chunks.filter(({ type }) => type === 'warning')).toHaveLength(1)
  })
})

it.each(models)(
  'a stream interrupted after its first words on %s is not repeated',
  async (model) => {
    const policy = fallback(model === 'xai/grok-4.3' ? 'openai/gpt-5' : 'xai/grok-4.3')
    await onServer([say('One two three four').failAfter(6, 503)], policy, async (ai, server) => {
      const { error } = await collect(ai.stream(question(model)))
      expect(error).toMatchObject({ partial: { text: expect.stringMatching(/^One/) } })
      expect(server.requests).toHaveLength(1)
    })
  },
)

it('in generate nothing has been emitted, so an interrupted response falls back', async () => {
  const broken = [scripted([[new ServiceUnavailableError('down', { retryable: true })]])]
  const ai = createClient({
    providers: [...broken, scripted([words('Hello')], { name: 'other' })],
    use: [fallback('other/b')],
  })
  expect((await ai.generate(question('scripted/a'))).text).toBe('Hello')
})

it('two calls at once keep their own model', async () => {
  const ai = createClient({
    providers: [
      scripted(({ user }) =>
        user === 'bad' ? [new ServiceUnavailableError('down')] : words('first'),
      ),
      scripted([words('second')], { name: 'other' }),
    ],
    use: [fallback('other/b')],
  })
  const calls = ['bad', 'good', 'bad'].map((user) => ai.generate(question('scripted/a', { user })))
  expect((await Promise.all(calls)).map(({ text }) => text)).toEqual(['second', 'first', 'second'])
})

describe('a model without a provider', () => {
  const providers = [scripted([[new ServiceUnavailableError('down')], words('Hello')])]
  const unknown = /'fallback'.*"scriptd\/b".*write "provider\/model" with one of scripted/

  it('is a MisuseError when the client is created, or the layer added', () => {
    const options = { models: ['scripted/a', 'scriptd/b'] }
    for (const policy of [fallback('scriptd/b'), fallback(options)]) {
      expect(() => createClient({ providers, use: [policy] })).toThrow(unknown)
      expect(() => createClient({ providers, use: standard({ with: [policy] }) })).toThrow(unknown)
      const ai = createClient({ providers })
      expect(() => ai.use(policy)).toThrow(MisuseError)
      expect(ai.layers).toEqual([])
    }
  })

  it('is legal if a layer inside resolves the name', async () => {
    const small = alias({ small: 'scripted/s' })
    const route: Middleware = (ctx, next) => {
      if (ctx.request.model === 'small') ctx.request = { ...ctx.request, model: 'scripted/s' }
      return next()
    }
    for (const inside of [small, route]) {
      const provider = scripted([[new ServiceUnavailableError('down')], words('Hello')])
      const ai = createClient({ providers: [provider], use: [fallback('small'), inside] })
      expect((await ai.generate(question('scripted/a'))).text).toBe('Hello')
    }
    expect(() => createClient({ providers, use: [small, fallback('small')] })).toThrow(MisuseError)
  })

  it('is not one that its provider does not list', () => {
    const create = () => createClient({ providers, use: [fallback('scripted/of-tomorrow')] })
    expect(create).not.toThrow()
  })
})

describe('which error a second model answers', () => {
  const ofRequest = [
    'BadRequestError',
    'UnsupportedParamsError',
    'ContextWindowExceededError',
    'ContentPolicyViolationError',
    'ConflictError',
    'UnprocessableEntityError',
    'AbortError',
    'BudgetExceededError',
    'MisuseError',
  ]
  class ContextCacheError extends TetradError {
    override readonly name = 'ContextCacheError'
  }
  const classes = Object.values(errors).filter(
    ({ prototype }) => prototype instanceof TetradError,
    // of the exports these are classes
  ) as readonly (new (
    message: string,
  ) => TetradError)[]
  const named = [...classes, ContextCacheError].map(
    (Class) => [new Class('no').name, Class] as const,
  )

  it('has all classes', () => {
    expect(named.map(([name]) => name)).toEqual(expect.arrayContaining(ofRequest))
    expect(named.length).toBeGreaterThan(ofRequest.length + 8)
  })

  it.each(named)('%s', async (name, Class) => {
    const fails = layer('fails', async (ctx, next) => {
      if (ctx.request.model === 'scripted/a') throw new Class('no')
      return next()
    })
    const providers = [scripted([words('Hello')])]
    const ai = createClient({ providers, use: [fallback('scripted/b'), fails] })
    const outcome = await ai.generate(question('scripted/a')).then(
      ({ text }) => text,
      (error: Error) => error.name,
    )
    expect(outcome).toBe(ofRequest.includes(name) ? name : 'Hello')
  })
})

it('no model is a MisuseError', () => {
  expect(() => fallback()).toThrow(MisuseError)
  expect(() => fallback({ models: [] })).toThrow(MisuseError)
  expect(() => fallback('')).toThrow(MisuseError)
})
