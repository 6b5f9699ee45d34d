/** Work that may outlive the response: `ctx.defer`, and `waitUntil` of a call. */
import { describe, expect, it } from 'vitest'
import { BadRequestError, layer, type Middleware } from '../../src/core/index.js'
import { caller, failure, fakeAdapter, modes, request, run, say } from './support.js'

/** Collects deferred promises, as a platform does. */
function collector() {
  const works: Promise<unknown>[] = []
  return { works, waitUntil: (work: Promise<unknown>) => void works.push(work) }
}

/** Defers a write that ends when the test releases it. */
function held() {
  let write = () => {}
  const written = new Promise<void>((resolve) => {
    write = resolve
  })
  let isWritten = false
  const audit = layer('audit', async ({ defer }, next) => {
    await next()
    defer(
      written.then(() => {
        isWritten = true
      }),
    )
  })
  return { audit, write: () => write(), isWritten: () => isWritten }
}

describe.each(modes)('%s', (mode) => {
  it('a call ends before its deferred work, which the caller may await', async () => {
    const { works, waitUntil } = collector()
    const { audit, write, isWritten } = held()
    const { response } = await run(caller(fakeAdapter(say('hi')), audit), mode, { waitUntil })
    expect(response.text).toBe('hi')
    expect(works).toHaveLength(1)
    expect(isWritten()).toBe(false)
    write()
    await Promise.all(works)
    expect(isWritten()).toBe(true)
  })

  it('a failed call passes on what its layers deferred', async () => {
    const { works, waitUntil } = collector()
    const refused = new BadRequestError('no', { status: 400 })
    const audit: Middleware = async ({ defer }, next) => {
      try {
        return await next()
      } finally {
        defer(Promise.resolve('booked'))
      }
    }
    await failure(run(caller(fakeAdapter([refused]), audit), mode, { waitUntil }))
    expect(await Promise.all(works)).toEqual(['booked'])
  })

  it('a nested call passes deferred work to the same waitUntil, unless it has its own', async () => {
    const outer = collector()
    const own = collector()
    const judge: Middleware = async ({ client }, next) => {
      await client.generate(request)
      await client.stream(request, { waitUntil: own.waitUntil }).response
      return next()
    }
    const inside: Middleware = async ({ id, defer }, next) => {
      defer(Promise.resolve(id))
      return next()
    }
    await run(caller(fakeAdapter(say('hi')), judge, inside), mode, { waitUntil: outer.waitUntil })
    expect(new Set(await Promise.all(outer.works)).size).toBe(2)
    expect(own.works).toHaveLength(1)
  })

  it('a rejection is passed to the caller and is never an unhandled one', async () => {
    const { works, waitUntil } = collector()
    const unhandled: unknown[] = []
    const note = (error: unknown) => void unhandled.push(error)
    process.on('unhandledRejection', note)
    try {
      const failing: Middleware = async ({ defer }, next) => {
        defer(Promise.reject(new Error('the audit log is down')))
        return next()
      }
      const ai = caller(fakeAdapter(say('hi')), failing)
      expect((await run(ai, mode)).response.text).toBe('hi')
      expect((await run(ai, mode, { waitUntil })).response.text).toBe('hi')
      // Node reports unhandled rejections after the microtask queue
      await new Promise((resolve) => setImmediate(resolve))
      expect(unhandled).toEqual([])
      await expect(works[0]).rejects.toThrow('audit log')
    } finally {
      process.off('unhandledRejection', note)
    }
  })

  it('an error thrown by waitUntil reaches the layer that defers', async () => {
    const waitUntil = () => {
      throw new Error('no request is open')
    }
    const caught: unknown[] = []
    const audit: Middleware = async ({ defer }, next) => {
      try {
        defer(Promise.resolve())
      } catch (error) {
        caught.push(error)
      }
      return next()
    }
    await run(caller(fakeAdapter(say('hi')), audit), mode, { waitUntil })
    expect(caught).toMatchObject([{ message: 'no request is open' }])
  })
})
