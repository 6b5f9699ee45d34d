import { describe, expect, it } from 'vitest'
import { deadline } from '../../middleware/deadline.js'
import { retry } from '../../middleware/retry.js'
import { createClient } from '../../src/client.js'
import {
  AbortError,
  type Middleware,
  MisuseError,
  ServiceUnavailableError,
  TimeoutError,
} from '../../src/core/index.js'
import { type Step, say, scripted, start, untilAborted } from '../contract/scripted.js'
import { fakeClock } from './fake-clock.js'

const request = { model: 'scripted/m', messages: [{ role: 'user', content: 'Hi' }] } as const

const thrown = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  )

describe('deadline', () => {
  it.each([0, -1, Number.NaN])('rejects %d milliseconds', (ms) => {
    expect(() => deadline(ms)).toThrow(MisuseError)
  })

  it('ends a call that takes longer, with its partial response', async () => {
    const clock = fakeClock()
    const steps: Step[] = [
      start(),
      { type: 'text-delta', text: 'Hel' },
      () => clock.advance(30_000),
      untilAborted,
    ]
    const provider = scripted([steps])
    const ai = createClient({ providers: [provider], use: [deadline(30_000, { clock })] })
    const error = await thrown(ai.stream(request).response)
    expect(error).toBeInstanceOf(TimeoutError)
    expect(error).toMatchObject({ phase: 'deadline', partial: { text: 'Hel' }, maybeBilled: true })
    expect(provider.open()).toBe(0)
  })

  it('leaves no timer behind, whatever the outcome', async () => {
    const clock = fakeClock()
    const ends: readonly (readonly Step[])[] = [say('Hello'), [new ServiceUnavailableError('no')]]
    for (const steps of ends) {
      const ai = createClient({ providers: [scripted([steps])], use: [deadline(5, { clock })] })
      await thrown(ai.generate(request))
      expect(clock.pending()).toBe(0)
    }
    expect(clock.waits).toHaveLength(2)
  })

  it('a retry of a nested call does not wait where the time left is too short', async () => {
    const clock = fakeClock()
    const provider = scripted([[new ServiceUnavailableError('no')], say('Hello')])
    const nesting: Middleware = async (ctx, next) => {
      await ctx.client.generate(ctx.request)
      return next()
    }
    const use = [deadline(1_000, { clock }), nesting, retry({ clock })]
    const error = await thrown(createClient({ providers: [provider], use }).generate(request))
    expect(error).toBeInstanceOf(ServiceUnavailableError)
    expect(provider.calls).toHaveLength(1)
  })

  it('is an AbortError for inner layers, and reaches nested calls', async () => {
    const clock = fakeClock()
    const seen: unknown[] = []
    const provider = scripted([[start(), () => clock.advance(1_000), untilAborted]])
    const nesting: Middleware = async (ctx, next) => {
      const nested = ctx.client.generate(ctx.request).catch((error: unknown) => seen.push(error))
      await nested
      seen.push(ctx.signal.aborted)
      return next()
    }
    const use = [deadline(1_000, { clock }), nesting]
    const error = await thrown(createClient({ providers: [provider], use }).generate(request))
    expect(error).toBeInstanceOf(TimeoutError)
    expect(seen[0]).toBeInstanceOf(AbortError)
    expect(seen[1]).toBe(true)
    expect(provider.calls).toHaveLength(1)
  })

  it('inside retry it ends an attempt, and retry continues', async () => {
    const clock = fakeClock()
    const provider = scripted([[start(), () => clock.advance(2_000), untilAborted], say('Hello')])
    const quick = fakeClock({ jumps: true })
    const use = [retry({ clock: quick }), deadline(2_000, { clock })]
    const reply = await createClient({ providers: [provider], use }).generate(request)
    expect(reply.text).toBe('Hello')
    expect(reply.attempts.map(({ status }) => status)).toEqual(['aborted', 'ok'])
  })

  it('outside retry it prevents a wait that would exceed it', async () => {
    const clock = fakeClock({ jumps: true })
    const refusal = new ServiceUnavailableError('busy', { retryAfterMs: 20_000 })
    const provider = scripted([[refusal], say('Hello')])
    const use = [deadline(20_500, { clock: fakeClock() }), retry({ clock })]
    const error = await thrown(createClient({ providers: [provider], use }).generate(request))
    expect(error).toBe(refusal)
    expect(provider.calls).toHaveLength(1)
    expect(clock.waits).toEqual([])
  })

  it('an expired deadline of an attempt does not limit later ones', async () => {
    const clock = fakeClock({ jumps: true })
    const busy = new ServiceUnavailableError('busy', { retryAfterMs: 5_000 })
    const provider = scripted([[busy], say('Hello')])
    const use = [retry({ clock, random: () => 0 }), deadline(3_000, { clock: fakeClock() })]
    const reply = await createClient({ providers: [provider], use }).generate(request)
    expect(reply.text).toBe('Hello')
    expect(clock.waits).toEqual([5_000])
  })
})
