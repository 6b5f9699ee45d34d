/**
 * What a store can lose, delay or corrupt between two events of a response, and what its readers
 * receive.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Message } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import { createSigner } from '../../src/http/input/signing.js'
import { StreamLog } from '../../src/http/stream/log.js'
import { type BaseHandlerOptions, handler } from '../../src/http/web.js'
import { memoryStore, redisStore, type Store } from '../../src/store/index.js'
import { type ScriptedStep, say, scripted } from '../../src/testing/index.js'
import { type RedisServer, redisServer } from '../store/redis-server.js'
import { withSilence } from '../store/silence.js'
import { eventsOf, gate, post } from './requests.js'

let server: RedisServer
let redis: Redis
beforeAll(async () => {
  server = await redisServer()
  redis = new Redis(server.port, '127.0.0.1', { retryStrategy: () => 20 })
  redis.on('error', () => {})
})
afterAll(async () => {
  redis.disconnect()
  await server.stop()
})

type State = { readonly userId: string }

/**
 * Two handlers over one store, and a response that pauses after two of its words until the gate
 * opens.
 */
function held(
  store: Store,
  options: Partial<BaseHandlerOptions<State>> = {},
  more: readonly ScriptedStep[] = [],
) {
  const opening = gate()
  const provider = scripted([say('One two three four five').hold(2, opening.opened), ...more])
  const errors: unknown[] = []
  const start = () =>
    handler<State>(createClient<State>({ providers: [provider] }), {
      authorize: () => ({ userId: 'ann' }),
      models: { fast: 'scripted/any' },
      store,
      pollMs: 5,
      onError: (error) => errors.push(error),
      ...options,
    })
  return { provider, errors, here: start(), there: start(), open: opening.open }
}

const bodies = {
  chunks: { id: 'room', messages: [{ role: 'user', content: 'Hi' }] },
  ui: { id: 'room', messages: [{ id: 'u1', role: 'user', parts: [{ type: 'text', text: 'Hi' }] }] },
}
const read = (id: string | null, format: string, headers: Record<string, string> = {}) =>
  new Request(`http://app.test/api/chat/${id}/stream?format=${format}`, { headers })
const idOf = (response: Response) => response.headers.get('x-stream-id')
const withCode = (code: string) => expect.objectContaining({ code })

/** The store when the second word has been written: later losses are in the middle. */
async function untilKept(store: Store, id: string | null) {
  const length = async () => (await store.read(`answer:${id}:log`, 0)).length
  await expect.poll(length).toBeGreaterThan(1)
  return length()
}

const prefix = 'faults:'
const makers: [string, () => Store, () => Promise<unknown>][] = []
{
  let memory = memoryStore()
  const swapped = new Proxy({} as Store, {
    get: (_, name: keyof Store) => memory[name].bind(memory),
  })
  const restartRedis = async () => {
    const { port } = server
    await server.stop()
    server = await redisServer(port)
  }
  makers.push(
    ['memory', () => swapped, async () => (memory = memoryStore())],
    ['a redis-server', () => redisStore(redis, { prefix }), restartRedis],
  )
}

describe.each(makers)('a log in %s', (_, makeStore, restart) => {
  const losses: [string, (store: Store, id: string | null) => Promise<unknown>][] = [
    ['is evicted', (store, id) => store.delete(`answer:${id}:log`)],
    ['restarts with its store', restart],
    ['is garbled', (store, id) => store.append(`answer:${id}:log`, ['junk'], { ttlMs: 60_000 })],
    [
      'is another thing',
      async (store, id) => {
        await store.delete(`answer:${id}:log`)
        await store.set(`answer:${id}:log`, 'junk', { ttlMs: 60_000 })
      },
    ],
  ]

  describe.each(losses)('that %s', (_, lose) => {
    it.each(['chunks', 'ui'] as const)('never reads as complete: %s', async (format) => {
      const store = makeStore()
      const { here, there, errors, open } = held(store)
      const first = await here(post(bodies[format]))
      const id = idOf(first)
      const kept = await untilKept(store, id)
      const behind = await there(read(id, format, { 'last-event-id': String(kept) }))
      const fromTheStart = await there(read(id, format))
      await lose(store, id)
      open()
      const whole = eventsOf(await first.text())
      expect(whole.at(-1)?.data).toBe('[DONE]')
      for (const response of [behind, fromTheStart]) {
        const text = await response.text()
        expect(text).not.toContain('"type":"finish"')
        const data = eventsOf(text).map((event) => event.data)
        const failure = data.findIndex((one) => one.startsWith('{"type":"error"'))
        // the AI SDK needs its terminator after an error too
        expect(data.slice(failure + 1)).toEqual(format === 'ui' ? ['[DONE]'] : [])
        expect(failure).toBeGreaterThanOrEqual(0)
        const shown = data.slice(0, failure)
        const known = whole.map(({ data }) => data)
        const from = response === behind ? kept : 0
        expect(shown).toEqual(known.slice(from, from + shown.length))
      }
      expect(errors.length).toBeGreaterThan(0)
      for (const error of errors) expect(error).toHaveProperty('name')
      const late = await there(read(id, format))
      if (late.status === 200) expect(await late.text()).toContain('"type":"error"')
      else expect([204, 404]).toContain(late.status)
    })
  })

  it('that was evicted is reported by its code to the app and to the reader', async () => {
    const store = makeStore()
    const { here, there, errors, open } = held(store)
    const first = await here(post(bodies.chunks))
    const kept = await untilKept(store, idOf(first))
    const behind = await there(read(idOf(first), 'chunks', { 'last-event-id': String(kept) }))
    await store.delete(`answer:${idOf(first)}:log`)
    const last = eventsOf(await behind.text()).at(-1)
    expect(JSON.parse(last?.data ?? '')).toMatchObject({ error: { code: 'log_lost' } })
    expect(errors).toEqual([withCode('log_lost'), withCode('log_lost')])
    open()
    expect(await first.text()).toContain('[DONE]')
  })

  it.each(['here', 'there'] as const)(
    'is not read beyond its end: %s, while it grows and after',
    async (place) => {
      const store = makeStore()
      const all = held(store)
      const first = await all.here(post(bodies.chunks))
      const beyond = () => all[place](read(idOf(first), 'chunks', { 'last-event-id': '99' }))
      const early = await beyond()
      all.open()
      await first.text()
      for (const response of [early, await beyond()]) {
        const events = eventsOf(await response.text())
        expect(JSON.parse(events[0]?.data ?? '')).toMatchObject({ error: { code: 'log_lost' } })
        expect(events).toHaveLength(1)
      }
    },
  )

  it('with an invalid name is not found, and no server error', async () => {
    const store = makeStore()
    const { here } = held(store)
    for (const junk of ['{', '[]', 'null', '{"id":1}', '{"id":"a","owner":"ann"}']) {
      await store.set('answer:odd:meta', junk, { ttlMs: 60_000 })
      expect((await here(read('odd', 'chunks'))).status).toBe(404)
    }
  })
})

it('is not lost in a silence longer than its time to live', async () => {
  let now = 0
  const memory = memoryStore({ now: () => now })
  let renewals = 0
  const counting: Store = {
    ...memory,
    append(key, entries, options) {
      if (entries.length === 0) renewals++
      return memory.append(key, entries, options)
    },
  }
  const { here, there, errors, open } = held(counting, { keepMs: 1_000 })
  const first = await here(post(bodies.chunks))
  await untilKept(memory, idOf(first))
  for (let passed = 0; passed < 5; passed++) {
    const before = renewals
    await expect.poll(() => renewals).toBeGreaterThan(before + 1)
    now += 900
  }
  const again = await there(read(idOf(first), 'chunks'))
  open()
  expect(eventsOf(await again.text())).toEqual(eventsOf(await first.text()))
  expect(errors).toEqual([])
})

describe('a redis-server that fails for a while', () => {
  const faults: [string, (server: RedisServer) => Promise<() => unknown>][] = [
    [
      'it stops',
      async (server) => {
        server.pause()
        return server.resume
      },
    ],
    [
      'it is a replica and refuses writes',
      async ({ port }) => {
        const admin = new Redis(port, '127.0.0.1')
        await admin.replicaof('127.0.0.1', '1')
        return async () => {
          await admin.replicaof('NO', 'ONE')
          admin.disconnect()
        }
      },
    ],
  ]
  it.each(faults)('delays no reader here and cuts off none elsewhere: %s', (_, fail) =>
    withSilence(async ({ store, server, within }) => {
      const { here, there, errors, open } = held(store)
      const first = await here(post(bodies.chunks))
      await untilKept(store, idOf(first))
      const elsewhere = await there(read(idOf(first), 'chunks'))
      const recover = await fail(server)
      open()
      // no time passes: nothing waits for the store
      const whole = eventsOf(await first.text())
      expect(whole.at(-1)?.data).toBe('[DONE]')
      const rest = elsewhere.text()
      await vi.advanceTimersByTimeAsync(15_000)
      await recover()
      expect(eventsOf(await within(30_000, rest))).toEqual(whole)
      expect(errors).toEqual([withCode('store_unavailable')])
      const late = await there(read(idOf(first), 'chunks'))
      expect(eventsOf(await late.text())).toEqual(whole)
    }),
  )

  it('when a response begins gets its names later', () =>
    withSilence(async ({ store, server, within }) => {
      const [, refuse] = faults[1] ?? []
      const recover = await refuse?.(server)
      const { here, there, open } = held(store)
      const first = await here(post(bodies.chunks))
      await vi.advanceTimersByTimeAsync(1_000)
      await recover?.()
      const found = async () => {
        for (;;) {
          const response = await there(read(idOf(first), 'chunks'))
          if (response.status === 200) return response
          await new Promise((resolve) => setTimeout(resolve, 100))
        }
      }
      const elsewhere = await within(30_000, found())
      open()
      const rest = eventsOf(await within(30_000, elsewhere.text()))
      expect(rest).toEqual(eventsOf(await first.text()))
    }))
})

it('a heartbeat that is absent once ends no reader elsewhere', async () => {
  const memory = memoryStore()
  let looks = 0
  const store: Store = {
    ...memory,
    async get(key) {
      return key.endsWith(':beat') && ++looks === 2 ? undefined : memory.get(key)
    },
  }
  const { here, there, open } = held(store)
  const first = await here(post(bodies.chunks))
  const elsewhere = await there(read(idOf(first), 'chunks'))
  const rest = elsewhere.text()
  await expect.poll(() => looks).toBeGreaterThan(2)
  open()
  expect(await rest).toBe(await first.text())
})

it('two processes whose responses have one name give each to its reader, and neither as whole to others', async () => {
  const store = memoryStore()
  const body = { ...bodies.chunks, answer_name: '1,2,3,4' }
  const one = held(store)
  const two = held(store)
  one.provider.script(say('Six'))
  one.open()
  two.open()
  await (await one.here(post(bodies.chunks))).text()
  const responses = await Promise.all([one, two].map(({ here }) => here(post(body))))
  const texts = await Promise.all(responses.map((response) => response.text()))
  expect(texts).toEqual([expect.stringContaining('Six'), expect.stringContaining('five')])
  const [id = null, ...others] = new Set(responses.map(idOf))
  expect(others).toEqual([])
  expect(await (await held(store).there(read(id, 'chunks'))).text()).toContain('"code":"log_lost"')
})

describe('a store', () => {
  it('that never responds delays nothing', async () => {
    let calls = 0
    const hanging = new Proxy(memoryStore(), {
      get: () => () => {
        calls++
        return new Promise(() => {})
      },
    })
    const { here, open } = held(hanging)
    const response = await here(post(bodies.chunks))
    open()
    expect(eventsOf(await response.text()).at(-1)?.data).toBe('[DONE]')
    // heartbeat, name, conversation, and one write that queues the others
    expect(calls).toBe(4)
  })

  it('that is down is called no more after three failures, and responses continue', async () => {
    let calls = 0
    const down = new Proxy(memoryStore(), {
      get: () => () => {
        calls++
        return Promise.reject(new Error('connect ECONNREFUSED'))
      },
    })
    const { here, errors, open } = held(down, { pollMs: 60_000 }, Array(4).fill(say('One')))
    open()
    for (let answers = 0; answers < 5; answers++) {
      const text = await (await here(post(bodies.chunks))).text()
      expect(eventsOf(text).at(-1)?.data).toBe('[DONE]')
    }
    // those of the first response, which were sent together
    expect(calls).toBeLessThanOrEqual(4)
    expect(errors).toHaveLength(5)
    const stopped = await here(post('', { path: '/api/chat/any/stop' }))
    const resumed = await here(read('any', 'chunks'))
    for (const response of [stopped, resumed]) {
      expect(response.status).toBe(503)
      expect(await response.json()).toMatchObject({ error: { code: 'store_unavailable' } })
    }
  })

  const asked: Message[] = [
    { role: 'user', content: 'Hi' },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'send', arguments: '{}' } }],
    },
  ]
  const secret = 'x'.repeat(32)
  const approving = async () => {
    const call = { id: 'a', tool_call_id: 'c' }
    const id = await createSigner({ secret }).issue(call, { user: 'ann', conversation: 'room' })
    return { role: 'tool', tool_call_id: 'c', approval: { id, approved: true } }
  }

  it('whose client sends a command twice, as its reply was lost, accepts an approval once', async () => {
    const memory = memoryStore()
    const setIfAbsent: Store['setIfAbsent'] = async (...command) => {
      await memory.setIfAbsent(...command)
      return memory.setIfAbsent(...command)
    }
    const { here, open } = held({ ...memory, setIfAbsent }, { secret, history: () => asked })
    open()
    const yes = post({ id: 'room', messages: [await approving()] })
    const again = yes.clone()
    expect((await here(yes)).status).toBe(200)
    const refused = await here(again)
    expect(await refused.json()).toMatchObject({ error: { code: 'approval_used' } })
  })

  it('that stops while an approval is marked as used accepts it again later', () =>
    withSilence(async ({ store, server, within }) => {
      const checked = gate()
      const stopping: Store = {
        ...store,
        async get(key) {
          const value = await store.get(key)
          if (key.startsWith('approval:')) {
            server.pause()
            checked.open()
          }
          return value
        },
      }
      const options = { secret, history: () => asked }
      const { here, there, provider, open } = held(store, options)
      open()
      const refusing = held(stopping, options).here
      const yes = post({ id: 'room', messages: [await approving()] })
      const [again, onceMore] = [yes.clone(), yes.clone()]
      const answer = refusing(yes)
      await checked.opened
      expect((await within(10_000, answer)).status).toBe(503)
      server.resume()
      expect((await within(10_000, there(again))).status).toBe(200)
      const refused = await here(onceMore)
      expect(await refused.json()).toMatchObject({ error: { code: 'approval_used' } })
      expect(provider.calls).toHaveLength(1)
    }))

  it('that is down accepts no approval: the call does not run', async () => {
    const down = new Proxy(memoryStore(), { get: () => () => Promise.reject(new Error('gone')) })
    const { here, provider } = held(down, { secret, history: () => [] })
    const response = await here(post({ id: 'room', messages: [await approving()] }))
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ error: { code: 'store_unavailable' } })
    expect(provider.calls).toHaveLength(0)
  })
})

describe('a write-behind log', () => {
  const settings = { keepMs: 60_000, retryMs: 5, onError: () => {}, onBreak: () => {} }

  it('pauses the response when the store is a megabyte behind, until it has caught up', async () => {
    const memory = memoryStore()
    const caughtUp = gate()
    const appends: number[] = []
    const slow: Store = {
      ...memory,
      async append(key, entries, options) {
        appends.push(entries.length)
        await caughtUp.opened
        return memory.append(key, entries, options)
      },
    }
    const log = new StreamLog({ store: slow, key: 'log', ...settings })
    const big = 'x'.repeat(300_000)
    for (let writes = 0; writes < 4; writes++) await log.write([big])
    let isThrough = false
    const fifth = log.write([big]).then(() => {
      isThrough = true
    })
    await new Promise(setImmediate)
    expect(isThrough).toBe(false)
    expect(appends).toEqual([1])
    caughtUp.open()
    await fifth
    log.close()
    expect(await log.seal()).toBe(true)
    expect(await memory.read('log', 0)).toHaveLength(6)
    expect(appends.length).toBeLessThanOrEqual(3)
  })

  it('gives up a store that fails when it is a megabyte behind, and does not wait for it', async () => {
    const down = { ...memoryStore(), append: () => Promise.reject(new Error('down')) }
    const breaks: unknown[] = []
    const onBreak = (error: unknown) => breaks.push(error)
    const log = new StreamLog({ ...settings, store: down, key: 'log', retryMs: 600_000, onBreak })
    const big = 'x'.repeat(300_000)
    for (let writes = 0; writes < 8; writes++) {
      await log.write([big])
      await new Promise(setImmediate)
    }
    expect(breaks).toHaveLength(1)
    expect(await log.read(0)).toHaveLength(8)
  })

  it('loses no event that comes while a write ends, at any step of it', async () => {
    for (let steps = 0; steps < 30; steps++) {
      const store = memoryStore()
      const log = new StreamLog({ store, key: 'log', ...settings })
      await log.write(['first'])
      for (let step = 0; step < steps; step++) await undefined
      await log.write(['second'])
      await new Promise(setImmediate)
      expect(await store.read('log', 0)).toHaveLength(2)
      await log.write(['third'])
      for (let step = 0; step < steps; step++) await undefined
      expect(await log.seal()).toBe(true)
      expect(await store.read('log', 0)).toHaveLength(4)
    }
  })

  it('goes on after a read whose chunks have no events, at any step', async () => {
    for (let steps = 0; steps < 30; steps++) {
      const store = memoryStore()
      const log = new StreamLog({ store, key: 'log', ...settings })
      if (steps > 0) await log.write(['first'])
      for (let step = 0; step < steps; step++) await undefined
      await log.write([])
      await log.write(['second'])
      expect(await log.seal()).toBe(true)
      expect(await store.read('log', 0)).toHaveLength(steps > 0 ? 3 : 2)
    }
  })
})

it('a process whose store is closed exits, though an answer waits to be stored', async () => {
  const code = `
    import { createClient } from './src/client.js'
    import { handler } from './src/http/web.js'
    import { memoryStore } from './src/store/index.js'
    import { say, scripted } from './src/testing/index.js'
    const store = { ...memoryStore(), append: () => Promise.reject(new Error('closed')) }
    const ai = createClient({ providers: [scripted([say('One two three')])] })
    const route = handler(ai, { authorize: () => ({ userId: 'ann' }), models: { fast: 'scripted/any' }, store })
    const messages = [{ role: 'user', content: 'Hi' }]
    const response = await route(new Request('http://localhost/chat', { method: 'POST', body: JSON.stringify({ messages }), headers: { 'content-type': 'application/json' } }))
    console.log(await response.text())`
  const flags = ['--import', 'tsx', '--input-type=module', '--eval', code]
  // far below the minute for which the write is repeated
  const { stdout } = await promisify(execFile)(process.execPath, flags, { timeout: 20_000 })
  expect(stdout).toContain('[DONE]')
})
