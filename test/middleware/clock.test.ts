import { getEventListeners } from 'node:events'
import { expect, it } from 'vitest'
import { after, sleep } from '../../middleware/clock.js'
import { AbortError } from '../../src/core/index.js'
import { fakeClock } from './fake-clock.js'

it('waits longer than the maximum of one timer', () => {
  const clock = fakeClock()
  let fired = 0
  after(2 ** 32, () => fired++, clock)
  clock.advance(2 ** 32 - 1)
  expect(fired).toBe(0)
  clock.advance(1)
  expect(fired).toBe(1)
  expect(Math.max(...clock.waits)).toBeLessThan(2 ** 31)
})

it('can be cancelled at any point of a long wait', () => {
  const clock = fakeClock()
  const cancel = after(2 ** 32, () => expect.unreachable(), clock)
  clock.advance(2 ** 31)
  cancel()
  expect(clock.pending()).toBe(0)
})

it('removes its listener when the wait is over', async () => {
  const { signal } = new AbortController()
  await sleep(5_000, signal, fakeClock({ jumps: true }))
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
})

it('ends with the signal, keeps its reason, and leaves no timer', async () => {
  const clock = fakeClock()
  const controller = new AbortController()
  const slept = sleep(5_000, controller.signal, clock)
  const reason = new Error('left')
  controller.abort(reason)
  const error = await slept.catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(AbortError)
  expect(error).toMatchObject({ cause: reason })
  expect(clock.pending()).toBe(0)
})

it('does not start to wait if the signal has already fired', async () => {
  const clock = fakeClock()
  await expect(sleep(5_000, AbortSignal.abort(), clock)).rejects.toBeInstanceOf(AbortError)
  expect(clock.pending()).toBe(0)
})
