import { describe, expect, it } from 'vitest'
import { type RetryBudget, type RetryOptions, retry, retryBudget } from '../../middleware/retry.js'
import { createClient } from '../../src/client.js'
import {
  AbortError,
  APIConnectionError,
  AuthenticationError,
  BadGatewayError,
  BadRequestError,
  ConflictError,
  ContentPolicyViolationError,
  ContextWindowExceededError,
  InternalServerError,
  type Middleware,
  MisuseError,
  NotFoundError,
  PermissionDeniedError,
  QuotaExceededError,
  RateLimitError,
  ServiceUnavailableError,
  StreamInterruptedError,
  TimeoutError,
  UnexpectedResponseError,
  UnprocessableEntityError,
  UnsupportedParamsError,
} from '../../src/core/index.js'
import { type Step, say, scripted, start, untilAborted } from '../contract/scripted.js'
import { fakeClock } from './fake-clock.js'

const request = { model: 'scripted/m', messages: [{ role: 'user', content: 'Hi' }] } as const

/** The error of a call that must fail. */
/** An untyped error of an adapter is the cause of one that names it. */
const thrownBelow = (error: unknown) => [error, (error as Error).cause]

const failure = (call: Promise<unknown>) =>
  call.then(
    () => expect.unreachable(),
    (error: unknown) => error,
  )

function setUp(replies: readonly (readonly Step[])[], options: RetryOptions = {}) {
  const clock = fakeClock({ jumps: true })
  const provider = scripted(replies)
  const layer = retry({ clock, random: () => 0.5, ...options })
  const ai = createClient({ providers: [provider], use: [layer] })
  return { ai, clock, provider, requests: () => provider.calls.length }
}

/** A seeded generator, the same in each run. */
const seeded = (seed: number) => {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

const tick = () => new Promise<void>((resolve) => setImmediate(resolve))

const coded = (code: string, extra: object = {}) =>
  Object.assign(new Error(code), { code, ...extra })
const lost = (cause: unknown, details = {}) =>
  new APIConnectionError('lost', { cause: new TypeError('fetch failed', { cause }), ...details })

const busy = () => new ServiceUnavailableError('busy', { status: 503 })
const stall = (): Step => untilAborted

describe('which failures retry repeats', () => {
  it.each<[string, number, Error]>([
    ['408', 3, new TimeoutError('', { status: 408 })],
    ['409, once', 2, new ConflictError('', { status: 409 })],
    ['429', 3, new RateLimitError('', { status: 429 })],
    ['500', 3, new InternalServerError('', { status: 500 })],
    ['502', 3, new BadGatewayError('', { status: 502 })],
    ['503', 3, busy()],
    ['529', 3, new ServiceUnavailableError('', { status: 529 })],
    ['headers that do not come', 3, new TimeoutError('', { phase: 'headers' })],
    ['an idle stream', 3, new TimeoutError('', { phase: 'idle-bytes' })],
    ['a refused connection', 3, lost(coded('ECONNREFUSED'))],
    ['a name server that is busy', 3, lost(coded('EAI_AGAIN'))],
    ['a name that is not found, once', 2, lost(coded('ENOTFOUND'))],
    ['a slow connection', 3, lost(coded('UND_ERR_CONNECT_TIMEOUT'))],
    ['an interrupted stream', 3, new StreamInterruptedError('', { code: 'reset' })],
    ['a truncated stream, once', 2, new StreamInterruptedError('', { code: 'truncated' })],
    ['a page in place of a stream, once', 2, new UnexpectedResponseError('', { code: 'html' })],
    ['what the provider wants tried again', 3, new BadRequestError('', { retryable: true })],
    ['a broken socket of an adapter that types no errors', 3, coded('ECONNRESET')],
  ])('%s', async (_, requests, error) => {
    const { ai, provider } = setUp([[error]])
    expect(thrownBelow(await failure(ai.generate(request)))).toContain(error)
    expect(provider.calls).toHaveLength(requests)
    provider.calls.length = 0
    expect(thrownBelow(await failure(ai.stream(request).response))).toContain(error)
    expect(provider.calls).toHaveLength(requests)
  })

  it.each<[string, Error]>([
    ['400', new BadRequestError('', { status: 400 })],
    ['401', new AuthenticationError('', { status: 401 })],
    ['403', new PermissionDeniedError('', { status: 403 })],
    ['404', new NotFoundError('', { status: 404 })],
    ['422', new UnprocessableEntityError('', { status: 422 })],
    ['a spent quota', new QuotaExceededError('', { status: 429 })],
    ['a spent quota, whatever else is said', new QuotaExceededError('', { retryable: true })],
    ['too many tokens', new ContextWindowExceededError('', { status: 400 })],
    ['a policy', new ContentPolicyViolationError('', { status: 400 })],
    ['a parameter', new UnsupportedParamsError('', { status: 400 })],
    [
      'what the provider does not want tried again',
      new InternalServerError('', { retryable: false }),
    ],
    ['a certificate', lost(coded('CERT_HAS_EXPIRED'))],
    ['a certificate of its own making', lost(coded('DEPTH_ZERO_SELF_SIGNED_CERT'))],
    ['a chain that cannot be verified', lost(coded('UNABLE_TO_VERIFY_LEAF_SIGNATURE'))],
    ['another protocol', lost(coded('ERR_SSL_WRONG_VERSION_NUMBER'))],
    ['a bad address', lost(coded('ERR_INVALID_URL'))],
    ['a misuse', new MisuseError('')],
    ['an abort', new AbortError()],
    ['an error of the program', new TypeError('x is not a function')],
  ])('but not %s', async (_, error) => {
    const { ai, requests, clock } = setUp([[error], say('Hello')])
    expect(thrownBelow(await failure(ai.generate(request)))).toContain(error)
    expect(requests()).toBe(1)
    expect(clock.waits).toEqual([])
  })

  it('counts each reason separately where it is retried once', async () => {
    const conflict = new ConflictError('')
    const page = new UnexpectedResponseError('', { code: 'html' })
    const { ai, requests } = setUp([[conflict], [page], say('Hello')], { attempts: 5 })
    expect((await ai.generate(request)).text).toBe('Hello')
    expect(requests()).toBe(3)
    const again = setUp([[conflict], [busy()], [conflict], say('Hello')], { attempts: 5 })
    expect(await failure(again.ai.generate(request))).toBe(conflict)
    expect(again.requests()).toBe(3)
  })

  it('checks every failure anew', async () => {
    const key = new AuthenticationError('', { status: 401 })
    const { ai, requests } = setUp([[busy()], [key], say('Hello')])
    expect(await failure(ai.generate(request))).toBe(key)
    expect(requests()).toBe(2)
  })

  it('finds a cause at any depth, and ends in a cycle of causes', async () => {
    const circle = coded('E_ODD')
    Object.assign(circle, { cause: circle })
    const { ai, requests } = setUp([[circle]])
    expect(thrownBelow(await failure(ai.generate(request)))).toContain(circle)
    expect(requests()).toBe(1)
  })

  it('calls the predicate of the app first, which may decide', async () => {
    const odd = new BadRequestError('odd', { status: 400 })
    const seen: unknown[] = []
    const shouldRetry: RetryOptions['shouldRetry'] = (error) => {
      seen.push(error)
      return error === odd ? true : undefined
    }
    const { ai, requests } = setUp([[odd], [busy()], say('Hello')], { shouldRetry })
    expect((await ai.generate(request)).text).toBe('Hello')
    expect(requests()).toBe(3)
    const none = setUp([[busy()], say('Hello')], { shouldRetry: () => false })
    await failure(none.ai.generate(request))
    expect(none.requests()).toBe(1)
  })
})

describe('a stale idle connection', () => {
  const stale = () => new APIConnectionError('closed', { code: 'stale_socket' })

  it('is replaced at once, at no cost', async () => {
    const { ai, clock, requests } = setUp([[stale()], say('Hello')], {
      attempts: 1,
      budget: retryBudget({ capacity: 0 }),
    })
    expect((await ai.generate(request)).text).toBe('Hello')
    expect(requests()).toBe(2)
    expect(clock.waits).toEqual([])
  })

  it('once per call; later it is a failure like any other', async () => {
    const { ai, clock, requests } = setUp([[stale()], [stale()], [stale()], say('Hello')])
    expect((await ai.generate(request)).text).toBe('Hello')
    expect(requests()).toBe(4)
    expect(clock.waits).toHaveLength(2)
  })

  it('not if the predicate rejects it', async () => {
    const { ai, requests } = setUp([[stale()], say('Hello')], { shouldRetry: () => false })
    await failure(ai.generate(request))
    expect(requests()).toBe(1)
  })
})

describe('waits between attempts', () => {
  const waits = async (errors: readonly Error[], options?: RetryOptions) => {
    const { ai, clock } = setUp([...errors.map((error) => [error]), say('Hello')], {
      attempts: 5,
      random: () => 0.999_999,
      ...options,
    })
    await ai.generate(request)
    return clock.waits.map((ms) => Math.round(ms))
  }
  const full = (ms: number) => Math.round(ms * 1.1)

  it('double their span for each attempt, with jitter over all of it', async () => {
    const errors = [1, 2, 3, 4].map(() => new InternalServerError('', { status: 500 }))
    expect(await waits(errors)).toEqual([500, 1_000, 2_000, 4_000].map(full))
    expect(await waits(errors, { random: () => 0 })).toEqual([50, 50, 50, 50])
    expect(await waits(errors, { random: () => 0.5 })).toEqual([263, 525, 1_050, 2_100])
  })

  it('take a longer span if the provider is overloaded', async () => {
    expect(await waits([1, 2, 3, 4].map(busy))).toEqual([1_000, 2_000, 4_000, 8_000].map(full))
    expect(await waits([new RateLimitError('')])).toEqual([full(1_000)])
  })

  it.each<[string, number, number]>([
    ['longer than its own span', 2_000, 2_200],
    ['a broken number', 1_500.5, 1_651],
    ['the longest that is slept', 60_000, 66_000],
    ['shorter than its own span', 10, 550],
    ['zero', 0, 550],
    ['negative', -5, 1_100],
    ['no number', Number.NaN, 1_100],
    ['endless', Infinity, 1_100],
  ])('last as long as the provider requests: %s', async (_, retryAfterMs, expected) => {
    expect(await waits([new RateLimitError('', { retryAfterMs })])).toEqual([expected])
  })

  it('never exceed the cap: the error is thrown at once, with the requested wait', async () => {
    const far = new RateLimitError('', { retryAfterMs: 3_600_000 })
    const { ai, clock, requests } = setUp([[far], say('Hello')])
    expect(await failure(ai.generate(request))).toMatchObject({ retryAfterMs: 3_600_000 })
    expect(requests()).toBe(1)
    expect(clock.waits).toEqual([])
    expect(await waits([far], { maxRetryAfterMs: 4_000_000 })).toEqual([3_960_000])
  })

  it('do not depend on the wall clock', async () => {
    const now = Date.now
    try {
      for (const jump of [-86_400_000, 86_400_000]) {
        Date.now = () => now() + jump
        expect(await waits([busy(), busy()])).toEqual([full(1_000), full(2_000)])
      }
    } finally {
      Date.now = now
    }
  })

  it('429 with two seconds, then 503, then a response: three requests and the waits of the policy', async () => {
    const errors = [new RateLimitError('', { status: 429, retryAfterMs: 2_000 }), busy()]
    const { ai, clock, requests } = setUp([...errors.map((error) => [error]), say('Hello')])
    expect((await ai.generate(request)).text).toBe('Hello')
    expect(requests()).toBe(3)
    expect(clock.waits).toEqual([2_000 * 1.05, 1_000 * 1.05])
  })
})

describe('retry stops', () => {
  it('after three attempts by default', async () => {
    const { ai, requests } = setUp([[busy()]])
    await failure(ai.generate(request))
    expect(requests()).toBe(3)
    for (const attempts of [1, 2, 5]) {
      const other = setUp([[busy()]], { attempts })
      await failure(other.ai.generate(request))
      expect(other.requests()).toBe(attempts)
    }
  })

  it.each([0, 6, 2.5, Number.NaN, -1])('and rejects %d attempts at construction', (attempts) => {
    expect(() => retry({ attempts })).toThrow(MisuseError)
  })

  it('once content has been emitted: nothing is emitted twice', async () => {
    const cut = new StreamInterruptedError('', { maybeBilled: true })
    const { ai, requests } = setUp([
      [start(), { type: 'text-delta', text: 'Hel' }, cut],
      say('Hello'),
    ])
    const texts: string[] = []
    const reading = (async () => {
      for await (const text of ai.stream(request).textStream) texts.push(text)
    })()
    expect(await failure(reading)).toBe(cut)
    expect(texts).toEqual(['Hel'])
    expect(requests()).toBe(1)
  })

  it('not before: a start and warnings are no content', async () => {
    const opening: Step = (call) => call.warn({ code: 'other', message: 'first try' })
    const { ai, requests } = setUp([[opening, start(), busy()], say('Hello')])
    const reply = await ai.stream(request).response
    expect(reply.text).toBe('Hello')
    expect(reply.warnings).toEqual([])
    expect(reply.attempts.map(({ warnings }) => warnings.length)).toEqual([1, 0])
    expect(requests()).toBe(2)
  })

  it('in generate nothing is emitted before the response is complete, so more can be repeated', async () => {
    const cut = new StreamInterruptedError('', { code: 'reset' })
    const { ai } = setUp([[start(), { type: 'text-delta', text: 'Hel' }, cut], say('Hello')])
    expect((await ai.generate(request)).text).toBe('Hello')
  })

  it('at once when the call is aborted during a wait', async () => {
    const clock = fakeClock()
    const controller = new AbortController()
    const { ai, requests } = setUp([[busy()], say('Hello')], {
      clock,
      onRetry: () => setImmediate(() => controller.abort()),
    })
    const error = await failure(ai.generate(request, { signal: controller.signal }))
    expect(error).toBeInstanceOf(AbortError)
    expect(requests()).toBe(1)
    expect(clock.waits).toHaveLength(1)
    expect(clock.pending()).toBe(0)
  })

  it('when the call is aborted during an attempt', async () => {
    const controller = new AbortController()
    const { ai, requests } = setUp([[() => controller.abort(), stall()], say('Hello')])
    const error = await failure(ai.generate(request, { signal: controller.signal }))
    expect(error).toBeInstanceOf(AbortError)
    expect(requests()).toBe(1)
  })
})

describe('the last error has', () => {
  it('all attempts', async () => {
    const errors = [new RateLimitError(''), new InternalServerError(''), busy()]
    const { ai } = setUp(errors.map((error) => [error]))
    const error = await failure(ai.generate(request))
    expect(error).toBe(errors[2])
    expect(error).toMatchObject({
      attempts: errors.map((each) => ({ status: 'failed', error: each })),
    })
  })

  it('whether any attempt may be billed', async () => {
    const maybe = new InternalServerError('', { maybeBilled: true })
    const { ai } = setUp([[maybe], [new RateLimitError('')], [new RateLimitError('')]])
    expect(await failure(ai.generate(request))).toMatchObject({ maybeBilled: true })
    const never = setUp([[busy()]])
    expect(await failure(never.ai.generate(request))).toMatchObject({ maybeBilled: false })
  })
})

describe('onRetry', () => {
  it('is called before each wait', async () => {
    const reports: unknown[] = []
    const errors = [new InternalServerError(''), busy()]
    const { ai } = setUp([...errors.map((error) => [error]), say('Hello')], {
      onRetry: ({ error, attempt, waitMs, ctx }) =>
        reports.push([error, attempt, waitMs, ctx.request.model]),
    })
    await ai.generate(request)
    expect(reports).toEqual([
      [errors[0], 1, 262.5, 'scripted/m'],
      [errors[1], 2, 1_050, 'scripted/m'],
    ])
  })

  it.each<[string, RetryOptions['onRetry']]>([
    ['throws', () => expect.unreachable()],
    ['rejects', () => Promise.reject(new Error('no log'))],
  ])('does not break the call when it %s', async (_, onRetry) => {
    const { ai } = setUp([[busy()], say('Hello')], { onRetry })
    expect((await ai.generate(request)).text).toBe('Hello')
  })
})

describe('the retry budget', () => {
  const amplification = async (calls: number, options: RetryOptions = {}) => {
    const clock = fakeClock({ jumps: true })
    const provider = scripted(() => [busy()])
    const ai = createClient({ providers: [provider], use: [retry({ clock, ...options })] })
    const made = Array.from({ length: calls }, () => ai.generate(request))
    const errors = await Promise.all(made.map(failure))
    return { ratio: provider.calls.length / calls, errors }
  }

  it('limits the extra requests to a dead server', async () => {
    expect((await amplification(500)).ratio).toBeLessThanOrEqual(1.2)
    expect((await amplification(5_000)).ratio).toBeLessThanOrEqual(1.05)
    expect((await amplification(50, { budget: false })).ratio).toBe(3)
  })

  it('is named on the error of a call that was not retried', async () => {
    const { errors } = await amplification(101, { attempts: 2 })
    expect(errors.filter((error) => Object(error).retryBudgetExhausted)).toHaveLength(1)
  })

  it('allows retries for a server that fails now and then', async () => {
    const random = seeded(7)
    const clock = fakeClock({ jumps: true })
    const provider = scripted(() => {
      const latency = Array.from({ length: random() * 100 }, () => tick)
      return [...latency, ...(random() < 0.2 ? [busy()] : say('Hello'))]
    })
    const ai = createClient({ providers: [provider], use: [retry({ clock, random })] })
    const made = Array.from({ length: 500 }, () =>
      ai.generate(request).then(
        () => 1,
        () => 0,
      ),
    )
    const succeeded = (await Promise.all(made)).reduce<number>((sum, one) => sum + one, 0)
    expect(succeeded).toBeGreaterThanOrEqual(490)
  })

  it('a retry costs 5, after a timeout 10, a success returns 1', async () => {
    const spent: unknown[] = []
    const budget: RetryBudget = {
      take: (provider, cost) => spent.push([provider, -cost]) > 0,
      give: (provider) => void spent.push([provider, 1]),
    }
    const { ai } = setUp([[busy()], [new TimeoutError('')], say('Hello')], { budget })
    await ai.generate(request)
    expect(spent).toEqual([
      ['scripted', -5],
      ['scripted', -10],
      ['scripted', 1],
    ])
  })

  it('refills, never above its capacity, per provider', () => {
    const budget = retryBudget({ capacity: 10 })
    expect([budget.take('a', 5), budget.take('a', 5), budget.take('a', 5)]).toEqual([
      true,
      true,
      false,
    ])
    expect(budget.take('b', 10)).toBe(true)
    for (let i = 0; i < 5; i++) budget.give('a')
    expect(budget.take('a', 5)).toBe(true)
    for (let i = 0; i < 100; i++) budget.give('a')
    expect([budget.take('a', 10), budget.take('a', 5)]).toEqual([true, false])
  })

  it('may be asynchronous', async () => {
    const budget: RetryBudget = { take: async () => false, give: () => {} }
    const { ai, requests } = setUp([[busy()], say('Hello')], { budget })
    expect(await failure(ai.generate(request))).toMatchObject({ retryBudgetExhausted: true })
    expect(requests()).toBe(1)
  })
})

it('spreads the retries of many calls: none of 100 milliseconds has more than 15 in 100', async () => {
  const waits: number[] = []
  const random = seeded(11)
  const clock = fakeClock({ jumps: true })
  const use = [retry({ clock, random, budget: false, onRetry: ({ waitMs }) => waits.push(waitMs) })]
  const ai = createClient({ providers: [scripted([[busy()]])], use })
  await Promise.all(Array.from({ length: 500 }, () => failure(ai.generate(request))))
  const windows = new Map<number, number>()
  for (const ms of waits)
    windows.set(Math.floor(ms / 100), (windows.get(Math.floor(ms / 100)) ?? 0) + 1)
  expect(Math.max(...windows.values()) / waits.length).toBeLessThanOrEqual(0.15)
})

it('inner layers run once per attempt, outer ones once per call, and all unwind', async () => {
  const seen: string[] = []
  const layer =
    (name: string): Middleware =>
    async (_, next) => {
      seen.push(`${name} in`)
      try {
        return await next()
      } finally {
        seen.push(`${name} out`)
      }
    }
  const use = [layer('call'), retry({ clock: fakeClock({ jumps: true }) }), layer('attempt')]
  const provider = scripted([[busy()], say('Hello')])
  await createClient({ providers: [provider], use }).generate(request)
  expect(seen).toEqual([
    'call in',
    'attempt in',
    'attempt out',
    'attempt in',
    'attempt out',
    'call out',
  ])
})
