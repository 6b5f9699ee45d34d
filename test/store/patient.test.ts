/** A store that is slow or down, and the cost of calling it. */
import { describe, expect, it } from 'vitest'
import { ServiceUnavailableError } from '../../src/core/index.js'
import { memoryStore, type Store } from '../../src/store/index.js'
import { patientStore, wasSkipped } from '../../src/store/patient.js'

const failing = (isDown: () => boolean) => {
  const memory = memoryStore()
  let calls = 0
  const store = new Proxy(memory, {
    get:
      (_, name: 'get') =>
      async (...args: [string]) => {
        calls++
        if (isDown()) throw new Error('gone')
        return memory[name](...args)
      },
  })
  return { store, calls: () => calls }
}

describe('a patient store', () => {
  it('gives up on a call that takes too long', async () => {
    const hanging = new Proxy(memoryStore(), { get: () => () => new Promise(() => {}) })
    const store = patientStore(hanging, { patienceMs: 1 })
    for (const call of [store.get('a'), store.read('a', 0), store.delete('a')])
      await expect(call).rejects.toThrow(ServiceUnavailableError)
  })

  it('pauses after three failures in a row, then tries one call', async () => {
    let now = 0
    let isDown = true
    const { store: flaky, calls } = failing(() => isDown)
    const store = patientStore(flaky, { now: () => now, restMs: 100 })
    for (let i = 0; i < 10; i++) await expect(store.get('a')).rejects.toThrow()
    expect(calls()).toBe(3)
    now = 100
    await Promise.allSettled([store.get('a'), store.get('a'), store.get('a')])
    expect(calls()).toBe(4)
    isDown = false
    now = 200
    expect(await store.get('a')).toBeUndefined()
    expect(await store.get('a')).toBeUndefined()
    expect(calls()).toBe(6)
  })

  it('keeps the cause, and the kind of operation', async () => {
    const { store } = failing(() => true)
    const error = await patientStore(store)
      .get('a')
      .catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'store_unavailable', cause: new Error('gone') })
  })

  it('keeps the last cause while it pauses', async () => {
    const { store: flaky, calls } = failing(() => true)
    const store = patientStore(flaky, { maxFailures: 1 })
    const errors: unknown[] = []
    for (let i = 0; i < 3; i++) await store.get('a').catch((error: unknown) => errors.push(error))
    for (const error of errors) expect(error).toMatchObject({ cause: new Error('gone') })
    expect(calls()).toBe(1)
    expect(errors.map(wasSkipped)).toEqual([false, true, true])
  })

  it('has only the operations of the store', () => {
    const { append: _, ...smaller } = memoryStore()
    expect(patientStore<Store>(smaller as never).append).toBeUndefined()
  })
})
