/**
 * Work that outlives the response of a route: what layers defer, and what continues after a
 * disconnect.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { request as httpRequest } from 'node:http'
import { Hono } from 'hono'
import { afterEach, describe, expect, it } from 'vitest'
import { createClient } from '../../src/client.js'
import type { Middleware } from '../../src/core/index.js'
import { handler as nodeHandler } from '../../src/http/node.js'
import { type BaseHandlerOptions, handler } from '../../src/http/web.js'
import { memoryStore } from '../../src/store/index.js'
import { fail, type ScriptedStep, say, scripted } from '../../src/testing/index.js'
import { gate, hello, post } from './requests.js'
import { serve } from './support.js'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

/** Defers a write after each call until the test opens the gate. */
function setUp(
  options: Partial<BaseHandlerOptions<{}>> = {},
  script: ScriptedStep = say('One two three'),
) {
  const { opened, open } = gate()
  const noted: string[] = []
  const note: Middleware = async ({ defer, request }, next) => {
    try {
      return await next()
    } finally {
      defer(opened.then(() => void noted.push(request.model)))
    }
  }
  const errors: unknown[] = []
  const provider = scripted()
  provider.reply(script)
  const ai = createClient({ providers: [provider], use: [note] })
  const settings = {
    public: true as const,
    models: { fast: 'scripted/any' },
    onError: (error: unknown) => void errors.push(error),
    ...options,
  }
  return { ai, settings, provider, noted, errors, open, handle: handler(ai, settings) }
}

/** The third argument of a Worker: its methods need their own `this`, as on the platform. */
class ExecutionContext {
  readonly works: Promise<unknown>[] = []
  waitUntil(work: Promise<unknown>) {
    if (!(this instanceof ExecutionContext)) throw new TypeError('Illegal invocation')
    this.works.push(work)
  }
  get all() {
    return Promise.all(this.works)
  }
}

describe.each([true, false])('with "stream": %s', (stream) => {
  const body = { ...hello, stream }

  it('a Worker waits for what layers defer', async () => {
    const { handle, noted, open } = setUp()
    const ctx = new ExecutionContext()
    const answer = await (await handle(post(body), ctx)).text()
    expect(answer).toContain('three')
    expect(noted).toEqual([])
    open()
    await ctx.all
    expect(noted).toEqual(['scripted/any'])
  })

  it('Hono provides it as executionCtx, whose getter throws if there is none', async () => {
    const { handle, noted, open, errors } = setUp()
    const app = new Hono().post('/api/chat', (context) => handle(context.req.raw, context))
    const ctx = Object.assign(new ExecutionContext(), { passThroughOnException() {}, props: {} })
    await (await app.fetch(post(body), {}, ctx)).text()
    await (await app.fetch(post(body))).text()
    open()
    await ctx.all
    expect(noted.length).toBeGreaterThan(0)
    expect(errors).toEqual([])
  })

  it("the option receives it with the framework's arguments, as after() of Next needs it", async () => {
    const requests = new AsyncLocalStorage<string>()
    const works: Promise<unknown>[] = []
    const scopes: unknown[] = []
    const native = { params: Promise.resolve({}) }
    const { handle, noted, open, errors } = setUp({
      waitUntil: (work, given) => {
        if (!requests.getStore()) throw new Error('`after` was called outside a request scope')
        scopes.push(given)
        works.push(work)
      },
    })
    const response = await requests.run('r1', () => handle(post(body), native))
    await response.text()
    open()
    await Promise.all(works)
    expect(noted).toEqual(['scripted/any'])
    expect(new Set(scopes)).toEqual(new Set([native]))
    expect(errors).toEqual([])
  })

  it('a deferred rejection goes to onError, and the response is complete', async () => {
    const ctx = new ExecutionContext()
    const { ai, settings, errors, open } = setUp()
    ai.use(async ({ defer }, next) => {
      defer(Promise.reject(new Error('the audit log is down')))
      return next()
    })
    const response = await handler(ai, settings)(post(body), ctx)
    expect(await response.text()).toContain('three')
    open()
    await ctx.all
    expect(errors).toMatchObject([{ message: 'the audit log is down' }])
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('no scope')
      },
    ],
    ['rejects', async () => Promise.reject(new Error('no scope'))],
  ])('a waitUntil that %s goes to onError, and the response is complete', async (_, waitUntil) => {
    const { handle, errors } = setUp({ waitUntil })
    const response = await handle(post(body))
    expect(response.status).toBe(200)
    expect(await response.text()).toContain('three')
    expect(errors.length).toBeGreaterThan(0)
    for (const error of errors) expect(error).toMatchObject({ message: 'no scope' })
  })

  it('a failing response is reported once, though it was deferred', async () => {
    const ctx = new ExecutionContext()
    const { handle, errors, open } = setUp({}, fail(503))
    expect((await handle(post(body), ctx)).status).toBe(503)
    open()
    await ctx.all
    expect(errors).toMatchObject([{ status: 503 }])
  })

  it('without waitUntil, deferred rejections go to onError too', async () => {
    const { ai, settings, errors } = setUp()
    ai.use(async ({ defer }, next) => {
      defer(Promise.reject(new Error('the audit log is down')))
      return next()
    })
    await (await handler(ai, settings)(post(body))).text()
    expect(errors).toMatchObject([{ message: 'the audit log is down' }])
  })
})

describe('a client that disconnects', () => {
  it.each(['cancel', 'finish', { graceMs: 1 }] as const)(
    'keeps the platform waiting until the call has unwound, with onDisconnect %o',
    async (onDisconnect) => {
      const ctx = new ExecutionContext()
      const kept: unknown[] = []
      const { handle, open, provider } = setUp({
        onDisconnect,
        onFinish: ({ finish_reason }) => void kept.push(finish_reason),
      })
      const response = await handle(post(hello), ctx)
      await response.body?.cancel()
      open()
      await ctx.all
      expect(kept).toHaveLength(1)
      expect(provider.open).toBe(0)
    },
  )

  it('with a store: the response continues to its end and is stored completely', async () => {
    const ctx = new ExecutionContext()
    const { opened, open: openGate } = gate()
    const { handle, open, ai } = setUp({ store: memoryStore() })
    ai.use(async (_, next) => {
      await opened
      return next()
    })
    const answer = handle(post(hello), ctx)
    openGate()
    const response = await answer
    const id = response.headers.get('x-stream-id')
    await response.body?.cancel()
    open()
    await ctx.all
    const again = await handle(new Request(`http://app.test/api/chat/${id}/stream`))
    expect(await again.text()).toContain('three')
  })

  it('over a socket, of (req, res): the option receives both', async () => {
    const works: Promise<unknown>[] = []
    const natives: unknown[] = []
    const { ai, settings, noted, open, provider } = setUp(
      {
        onDisconnect: 'cancel',
        waitUntil: (work, native) => {
          works.push(work)
          natives.push(native)
        },
      },
      say('One two three').stall(2),
    )
    const serving = await serve(nodeHandler(ai, settings))
    closers.push(serving.close)
    await new Promise<void>((resolve) => {
      const asked = httpRequest(serving.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
      })
      asked.on('response', (response) =>
        response.once('data', () => {
          asked.destroy()
          resolve()
        }),
      )
      asked.on('error', () => {})
      asked.end(JSON.stringify(hello))
    })
    open()
    // the session is deferred when it starts; work of layers is deferred while it is awaited
    await works[0]
    await Promise.all(works)
    expect(noted).toEqual(['scripted/any'])
    expect(provider.open).toBe(0)
    expect(natives[0]).toMatchObject({ req: { method: 'POST' }, res: { statusCode: 200 } })
  })
})
