/** Responses that outlive their connection: two handlers over one store stand for two processes. */
import { Redis as Upstash } from '@upstash/redis'
import { Redis } from 'ioredis'
import { createClient as createRedis } from 'redis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createBrowserClient } from '../../src/browser/index.js'
import { createClient } from '../../src/client.js'
import { AbortError, StreamInterruptedError } from '../../src/core/index.js'
import { type BaseHandlerOptions, handler } from '../../src/http/web.js'
import { memoryStore, redisStore, type Store, sqliteStore } from '../../src/store/index.js'
import { type ScriptedStep, say, scripted } from '../../src/testing/index.js'
import { type RedisServer, redisServer } from '../store/redis-server.js'
import { DatabaseSync } from '../store/sqlite.js'
import { token, upstashServer } from '../store/upstash-server.js'
import { eventsOf, gate, post, setUp } from './requests.js'

let server: RedisServer
let redis: Redis
let nodeRedis: ReturnType<typeof createRedis>
let front: Awaited<ReturnType<typeof upstashServer>>
let upstash: Upstash
beforeAll(async () => {
  server = await redisServer()
  redis = new Redis(server.port)
  nodeRedis = createRedis({ url: `redis://127.0.0.1:${server.port}` })
  await nodeRedis.connect()
  front = await upstashServer(redis)
  upstash = new Upstash({ url: front.url, token })
})
afterAll(async () => {
  front.stop()
  redis.disconnect()
  nodeRedis.destroy()
  await server.stop()
})

interface State {
  readonly userId?: string
}

/** Two processes that share a store; the state comes from a header. */
function processes(
  store: Store,
  script: ScriptedStep | ScriptedStep[],
  options: Partial<BaseHandlerOptions<State>> = {},
) {
  const provider = scripted(script)
  const errors: unknown[] = []
  const start = () =>
    handler<State>(createClient<State>({ providers: [provider] }), {
      authorize: (request) => ({ userId: request.headers.get('x-user') ?? 'ann' }),
      models: { fast: 'scripted/any' },
      store,
      pollMs: 5,
      onError: (error) => errors.push(error),
      ...options,
    })
  return { provider, errors, here: start(), there: start() }
}

const hello = { id: 'room', messages: [{ role: 'user', content: 'Hi' }] }
const uiHello = {
  id: 'room',
  messages: [{ id: 'u1', role: 'user', parts: [{ type: 'text', text: 'Hi' }] }],
}
const read = (id: string | null, headers: Record<string, string> = {}, query = '') =>
  new Request(`http://app.test/api/chat/${id}/stream${query}`, { headers })
const idOf = (response: Response) => response.headers.get('x-stream-id')

/** Reads `count` events and drops the connection. */
async function take(response: Response, count: number) {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  while (reader && eventsOf(text).length < count) {
    const { done, value } = await reader.read()
    if (done) break
    text += value
  }
  await reader?.cancel()
  return eventsOf(text)
}

async function readAll(reader: ReadableStreamDefaultReader<Uint8Array> | undefined) {
  const decoder = new TextDecoder()
  let text = ''
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read())
    text += decoder.decode(part.value, { stream: true })
  return text
}

const stores: [string, () => Store][] = [
  ['memory', () => memoryStore()],
  ['ioredis', () => redisStore(redis, { prefix: `${crypto.randomUUID()}:` })],
  ['node-redis', () => redisStore(nodeRedis, { prefix: `${crypto.randomUUID()}:` })],
  ['Upstash', () => redisStore(upstash, { prefix: `${crypto.randomUUID()}:` })],
]
if (DatabaseSync) {
  const Database = DatabaseSync
  stores.push(['SQLite', () => sqliteStore(new Database(':memory:'))])
}

describe.each(stores)('a response in a store: %s', (_, makeStore) => {
  it.each(['here', 'there'] as const)(
    'resumes after the last event that arrived, %s',
    async (place) => {
      const held = gate()
      const script = say('One two three four five six').hold(4, held.opened)
      const both = processes(makeStore(), script)
      const first = await both.here(post(hello))
      const id = idOf(first)
      const before = await take(first, 3)
      const again = await both[place](read(id, { 'last-event-id': String(before.at(-1)?.id) }))
      expect(again.status).toBe(200)
      held.open()
      const after = eventsOf(await again.text())
      const ids = [...before, ...after].map((event) => Number(event.id))
      expect(ids).toEqual(ids.map((_, index) => index + 1))
      const whole = eventsOf(await (await both[place](read(id))).text())
      expect([...before, ...after]).toEqual(whole)
      expect(whole.at(-1)?.data).toBe('[DONE]')
      expect(both.provider.calls).toHaveLength(1)
      expect(both.errors).toEqual([])
    },
  )

  it('can be read by several clients at once, and again when it has ended', async () => {
    const held = gate()
    const script = say('One two three four').hold(3, held.opened)
    const { here, there } = processes(makeStore(), script)
    const first = await here(post(hello))
    const id = idOf(first)
    const readers = [first, await here(read(id)), await there(read(id))]
    held.open()
    const [one, ...others] = await Promise.all(readers.map((response) => response.text()))
    for (const other of others) expect(eventsOf(other)).toEqual(eventsOf(one ?? ''))
    expect(await (await there(read(id))).text()).toBe(await (await here(read(id))).text())
  })

  it('can be stopped from another process', async () => {
    const { here, there, provider } = processes(makeStore(), say('One two three').stall(2))
    const response = await here(post(hello))
    const stopped = await there(post('', { path: `/api/chat/${idOf(response)}/stop` }))
    expect(stopped.status).toBe(204)
    expect(eventsOf(await response.text()).at(-1)?.data).toBe('{"type":"abort"}')
    expect(provider.open).toBe(0)
  })

  it('can be stopped by its name from another process, before it is there', async () => {
    const { here, there, provider } = processes(makeStore(), [
      say('One two three'),
      say('One two three').stall(2),
    ])
    const stop = (name: string, user: string) =>
      there(post('', { path: `/api/chat/${name}/stop`, headers: { 'x-user': user } }))
    const ask = (name: string) => here(post({ ...hello, answer_name: name }))
    expect((await stop('1,2,3,4', 'bob')).status).toBe(204)
    expect(eventsOf(await (await ask('1,2,3,4')).text()).at(-1)?.data).toBe('[DONE]')
    expect((await stop('5,6,7,8', 'ann')).status).toBe(204)
    await (await ask('5,6,7,8')).text()
    expect(provider.open).toBe(0)
  })

  it('that is not streamed can be stopped by its name where no disconnect ends it', async () => {
    const stalled = Array.from({ length: 3 }, () => say('One two three').stall(2))
    const { here, there, provider } = processes(makeStore(), stalled, { onDisconnect: 'finish' })
    const ask = (name: string) => here(post({ ...hello, stream: false, answer_name: name }))
    const stop = (handle: typeof here, name: string) =>
      handle(post('', { path: `/api/chat/${name}/stop` }))
    for (const handle of [here, there]) {
      const answer = ask('1,2,3,4')
      await expect.poll(() => provider.open).toBe(1)
      expect((await stop(handle, '1,2,3,4')).status).toBe(204)
      expect((await answer).ok).toBe(false)
      expect(provider.open).toBe(0)
    }
    await stop(there, '5,6,7,8')
    expect((await ask('5,6,7,8')).ok).toBe(false)
    expect(provider.open).toBe(0)
  })

  it('can be read and stopped only by its owner', async () => {
    const held = gate()
    const script = say('One two three').hold(2, held.opened)
    const { here, there } = processes(makeStore(), script)
    const response = await here(post(hello))
    const id = idOf(response)
    for (const handle of [here, there]) {
      expect((await handle(read(id, { 'x-user': 'bob' }, '?format=chunks'))).status).toBe(404)
      const path = `/api/chat/${id}/stop`
      expect((await handle(post('', { path, headers: { 'x-user': 'bob' } }))).status).toBe(404)
      expect((await handle(read(id, {}, '?format=ui'))).status).toBe(204)
      expect((await handle(read('room', { 'x-user': 'bob' }, '?format=ui'))).status).toBe(204)
    }
    held.open()
    expect(eventsOf(await response.text()).at(-1)?.data).toBe('[DONE]')
  })

  it('is found by its conversation while it runs, as the AI SDK requests it', async () => {
    const held = gate()
    const script = say('One two three').hold(2, held.opened)
    const { here, there } = processes(makeStore(), script)
    const response = await here(post(uiHello))
    const again = [
      await here(read('room', {}, '?format=ui')),
      await there(read('room', {}, '?format=ui')),
    ]
    held.open()
    const whole = eventsOf(await response.text())
    for (const one of again) expect(eventsOf(await one.text())).toEqual(whole)
    await expect.poll(async () => (await here(read('room', {}, '?format=ui'))).status).toBe(204)
  })

  it('is found by its conversation even if a later one in it has ended', async () => {
    const [first, second] = [gate(), gate()]
    const { here, there } = processes(makeStore(), [
      say('One two three').hold(2, first.opened),
      say('Four five six').hold(2, second.opened),
    ])
    const older = await here(post(uiHello))
    const later = await there(post(uiHello))
    const latest = await here(read('room', {}, '?format=ui'))
    second.open()
    expect(await latest.text()).toBe(await later.text())
    const idFound = async () => {
      const found = await there(read('room', {}, '?format=ui'))
      if (found.status !== 200) return undefined
      const [event] = await take(found, 1)
      return JSON.parse(event?.data ?? '{}').messageId
    }
    await expect.poll(idFound).toBe(idOf(older))
    first.open()
    await older.text()
    await expect.poll(async () => (await there(read('room', {}, '?format=ui'))).status).toBe(204)
  })

  it('stop by conversation ends every response that runs in it, and no other', async () => {
    const { here, there, provider } = processes(
      makeStore(),
      [1, 2, 3].map(() => say('One two three').stall(2)),
    )
    const answers = [await here(post(uiHello)), await there(post(uiHello))]
    const other = await here(post({ ...uiHello, id: 'other' }))
    const stop = (headers = {}) => here(post('', { path: '/api/chat/room/stop', headers }))
    expect((await stop({ 'x-user': 'bob' })).status).toBe(404)
    expect((await stop()).status).toBe(204)
    for (const answer of answers)
      expect(eventsOf(await answer.text()).map(({ data }) => data)).toContain('{"type":"abort"}')
    expect(provider.open).toBe(1)
    await other.body?.cancel()
  })

  it('that is rejected before it started is so for other readers too', async () => {
    const [held, isRead] = [gate(), gate()]
    const store = makeStore()
    const told: Store = {
      ...store,
      async set(key, ...rest) {
        await store.set(key, ...rest)
        if (key.endsWith(':reader')) isRead.open()
      },
    }
    const script = say('One').hold(0, held.opened).failAfter(0, 'overloaded')
    const { here, there, errors } = processes(told, script)
    const pending = here(post(hello))
    const again = await vi.waitFor(async () => {
      const found = await there(read('room', {}, '?format=chunks'))
      expect(found.status).toBe(200)
      return found
    })
    const text = again.text()
    await isRead.opened
    held.open()
    expect((await pending).status).toBeGreaterThanOrEqual(500)
    const events = eventsOf(await text)
    expect(JSON.parse(events.at(-1)?.data ?? '')).toMatchObject({
      type: 'error',
      error: { code: 'provider_unavailable' },
    })
    expect(errors).not.toContainEqual(expect.objectContaining({ code: 'log_lost' }))
  })

  it.each([
    ['ui', uiHello],
    ['chunks', hello],
  ])('is replayed in its own format, %s, for a request that names none', async (_, body) => {
    const held = gate()
    const script = say('One two three').hold(2, held.opened)
    const { here, there } = processes(makeStore(), script)
    const response = await here(post({ ...body, id: 'room' }))
    const again = [await here(read('room')), await there(read('room'))]
    const mark = 'x-vercel-ai-ui-message-stream'
    for (const one of again) expect(one.headers.get(mark)).toBe(response.headers.get(mark))
    held.open()
    const whole = eventsOf(await response.text())
    for (const one of again) expect(eventsOf(await one.text())).toEqual(whole)
    // as useChat() treats a conversation without a running response
    await expect.poll(async () => (await there(read('room'))).status).toBe(204)
    expect((await here(read('no-room'))).status).toBe(204)
  })

  it('continues for readers elsewhere when its own grace period has ended', async () => {
    const held = gate()
    const script = say('One two three').hold(2, held.opened)
    let graces = 0
    const isRead = gate()
    const store = makeStore()
    const counting: Store = {
      ...store,
      async set(key, ...rest) {
        await store.set(key, ...rest)
        if (key.endsWith(':reader')) isRead.open()
      },
      get(key) {
        if (key.endsWith(':reader')) graces++
        return store.get(key)
      },
    }
    const { here, there, provider } = processes(counting, script, { onDisconnect: { graceMs: 20 } })
    const first = await here(post(hello))
    const id = idOf(first)
    const again = await there(read(id))
    const reader = again.body?.getReader()
    await reader?.read()
    const rest = readAll(reader)
    await isRead.opened
    await first.body?.cancel()
    await expect.poll(() => graces).toBeGreaterThan(1)
    expect(provider.open).toBe(1)
    held.open()
    expect(await rest).toContain('three')
  })

  it('ends with the request of its last reader, even if nobody cancels the body', async () => {
    const { here, provider } = processes(makeStore(), say('One two').stall(2), {
      onDisconnect: 'cancel',
    })
    const first = await here(post(hello))
    const gone = new AbortController()
    await here(new Request(read(idOf(first)), { signal: gone.signal }))
    await first.body?.cancel()
    expect(provider.open).toBe(1)
    gone.abort()
    await expect.poll(() => provider.open).toBe(0)
  })

  it('ends with its grace period, and reports that to later readers', async () => {
    const { here, there, provider } = processes(makeStore(), say('One two').stall(2), {
      onDisconnect: { graceMs: 1 },
    })
    const response = await here(post(hello))
    await response.body?.cancel()
    await expect.poll(() => provider.open).toBe(0)
    const late = eventsOf(await (await there(read(idOf(response)))).text())
    expect(JSON.parse(late.at(-1)?.data ?? '')).toMatchObject({
      type: 'error',
      error: { code: 'aborted' },
    })
  })

  it('is resumed by a browser whose connection drops', async () => {
    const held = gate()
    const script = say('One two three four five six').hold(4, held.opened)
    const { here, there } = processes(makeStore(), script)
    let connections = 0
    const fetch = async (input: string | URL | Request, init?: RequestInit) => {
      connections++
      const request = new Request(new URL(String(input), 'http://app.test'), init)
      const response = await (connections === 1 ? here : there)(request)
      if (connections > 1) return response
      const [first] = [await response.body?.getReader().read()]
      const body = new ReadableStream({
        pull(controller) {
          controller.enqueue(first?.value)
          held.open()
          controller.error(new TypeError('network error'))
        },
      })
      return new Response(body, response)
    }
    const ai = createBrowserClient({ url: '/api/chat', fetch, wait: async () => {} })
    const stream = ai.stream({ id: 'room', messages: [{ role: 'user', content: 'Hi' }] })
    expect((await stream.response).text).toBe('One two three four five six')
    expect(connections).toBe(2)
  })
})

describe('a response without a store', () => {
  it.each(['cancel', 'finish', { graceMs: 60_000 }] as const)(
    'never reads as complete after a reconnect while its first connection seems open: %j',
    async (onDisconnect) => {
      const held = gate()
      const provider = scripted(say('One two three four five six').hold(4, held.opened))
      const handle = handler(createClient({ providers: [provider] }), {
        public: true,
        models: { fast: 'scripted/any' },
        onDisconnect,
      })
      let connections = 0
      // the network is down, and the server has not noticed
      const fetch = async (input: string | URL | Request, init?: RequestInit) => {
        const response = await handle(new Request(String(input), { ...init, signal: null }))
        if (++connections > 1) return response
        const reader = response.body?.getReader()
        const pull = async (controller: ReadableStreamDefaultController) => {
          const taken = await reader?.read()
          controller.enqueue(taken?.value)
          void reader?.read()
          controller.error(new TypeError('network error'))
        }
        return new Response(new ReadableStream({ pull }), response)
      }
      const wait = async () => held.open()
      const ai = createBrowserClient({ url: 'http://app.test/api/chat', fetch, wait })
      const stream = ai.stream({ messages: [{ role: 'user', content: 'Hi' }] })
      await expect(stream.response).rejects.toBeInstanceOf(StreamInterruptedError)
      held.open()
    },
  )

  it.each([
    ['chunks', hello, 404],
    ['ui', uiHello, 204],
  ] as const)(
    'belongs to its first connection: no other reader takes its events: %s',
    async (format, body, no) => {
      const held = gate()
      const { handle } = setUp(say('One two three four').hold(2, held.opened), { format })
      const response = await handle(post(body))
      expect((await handle(read(idOf(response), {}, `?format=${format}`))).status).toBe(no)
      held.open()
      const text = await response.text()
      for (const word of ['One', 'two', 'three', 'four']) expect(text).toContain(word)
    },
  )
})

describe('a store', () => {
  it('is empty when the client disconnects and the response ends with it', async () => {
    const store = memoryStore()
    const { here, provider } = processes(store, say('One two').stall(2), { onDisconnect: 'cancel' })
    await (await here(post(hello))).body?.cancel()
    await expect.poll(() => provider.open).toBe(0)
    await expect.poll(() => store.size).toBe(0)
  })

  it('deletes responses after their time to live', async () => {
    let now = 0
    const store = memoryStore({ now: () => now })
    const { here } = processes(store, say('One'), { keepMs: 1_000 })
    const response = await here(post(hello))
    await response.text()
    await expect.poll(() => store.get(`answer:${idOf(response)}:beat`)).toBeUndefined()
    expect((await here(read(idOf(response)))).status).toBe(200)
    now = 1_001
    expect((await here(read(idOf(response), {}, '?format=chunks'))).status).toBe(404)
  })

  it('that fails costs a response only its resumability', async () => {
    const broken = new Proxy(memoryStore(), {
      get: () => () => Promise.reject(new Error('redis is gone')),
    })
    const { here, errors } = processes(broken, say('One two three'))
    const events = eventsOf(await (await here(post(hello))).text())
    expect(events.at(-1)?.data).toBe('[DONE]')
    expect(errors).toHaveLength(1)
  })

  it('reports the end of a response whose process died', async () => {
    const store = memoryStore()
    const { there } = processes(store, [])
    const known = JSON.stringify({ id: 'dead', owner: 'ann', format: 'chunks' })
    await store.set('answer:dead:meta', known, { ttlMs: 1_000 })
    await store.append('answer:dead:log', ['0 {"type":"text-delta","text":"Half"}'], {
      ttlMs: 1_000,
    })
    const events = eventsOf(await (await there(read('dead'))).text())
    expect(events.map(({ id }) => id)).toEqual(['1', '2'])
    expect(JSON.parse(events[1]?.data ?? '')).toMatchObject({ error: { code: 'interrupted' } })
  })

  it('without an owner returns no response by conversation id', async () => {
    const held = gate()
    const script = say('One two').hold(2, held.opened)
    const store = memoryStore()
    const { here } = processes(store, script, { user: () => '' })
    const response = await here(post(uiHello))
    expect((await here(read('room', {}, '?format=ui'))).status).toBe(204)
    const known = await here(read(idOf(response), {}, '?format=ui'))
    expect(known.status).toBe(200)
    held.open()
    expect(eventsOf(await known.text())).toEqual(eventsOf(await response.text()))
  })

  it('is not used by the format that cannot resume', async () => {
    const store = memoryStore()
    const { here } = processes(store, say('One'))
    const body = { ...hello, id: undefined, model: 'fast', stream: true }
    const text = await (await here(post(body, { path: '/v1/chat/completions' }))).text()
    expect(text).not.toContain('id: 1')
    expect(store.size).toBe(0)
  })

  it('keeps two responses whose requests came with one name in the same moment', async () => {
    // a platform may settle both digests in one step
    const digest = vi.spyOn(crypto.subtle, 'digest').mockResolvedValue(new ArrayBuffer(32))
    const { here, errors } = processes(memoryStore(), [say('One'), say('Two')])
    const ask = () => here(post({ ...hello, answer_name: '1,2,3,4' }))
    const responses = await Promise.all([ask(), ask()])
    digest.mockRestore()
    expect(new Set(responses.map(idOf)).size).toBe(2)
    for (const response of responses) {
      const text = await response.text()
      expect(await (await here(read(idOf(response)))).text()).toBe(text)
    }
    expect(errors).toEqual([])
  })

  it('gives a stop that is written while its response begins to that response', async () => {
    const memory = memoryStore()
    const [asked, written, held] = [gate(), gate(), gate()]
    const store: Store = {
      ...memory,
      async set(...args) {
        asked.open()
        await written.opened
        await memory.set(...args)
      },
    }
    const script = say('One two three').hold(2, held.opened)
    const { here, provider } = processes(store, script)
    const stopping = here(post('', { path: '/api/chat/1,2,3,4/stop' }))
    await asked.opened
    const body = { ...hello, model: 'fast', stream: true, answer_name: '1,2,3,4' }
    const response = await here(post(body, { path: '/v1/chat/completions' }))
    written.open()
    expect((await stopping).status).toBe(204)
    held.open()
    expect(await response.text()).not.toContain('three')
    expect(provider.open).toBe(0)
  })
})

it('a store that fails once does not end the wait of a plain response for its stop', async () => {
  const memory = memoryStore()
  let looks = 0
  const store: Store = {
    ...memory,
    get: (key) =>
      key.endsWith(':stop') && ++looks < 3 ? Promise.reject(new Error('reset')) : memory.get(key),
  }
  const script = say('One two three').stall(2)
  const { here, there, errors } = processes(store, script, { onDisconnect: 'finish' })
  const answer = here(post({ ...hello, stream: false, answer_name: '1,2,3,4' }))
  await expect.poll(() => looks).toBeGreaterThan(2)
  await there(post('', { path: '/api/chat/1,2,3,4/stop' }))
  expect((await answer).ok).toBe(false)
  const outage = expect.objectContaining({ code: 'store_unavailable' })
  expect(errors.filter((error) => !(error instanceof AbortError))).toEqual([outage])
})

describe('a slow store', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())

  it('that enters a response in its conversation after its first poll removes it at its end', async () => {
    const memory = memoryStore()
    const entering = gate()
    const store: Store = {
      ...memory,
      async append(key, entries, options) {
        if (entries[0]?.startsWith('+')) await entering.opened
        return memory.append(key, entries, options)
      },
    }
    const held = gate()
    const { here } = processes(store, say('One two').hold(2, held.opened))
    const response = await here(post(hello))
    await vi.advanceTimersByTimeAsync(5)
    held.open()
    await response.text()
    await vi.advanceTimersByTimeAsync(5)
    entering.open()
    await vi.advanceTimersByTimeAsync(5)
    expect(await memory.read('chat-answers:["ann","room"]', 0)).toEqual([])
  })

  it('that is asked for other readers while one comes and leaves here ends no new grace period', async () => {
    const memory = memoryStore()
    const look = gate()
    let looks = 0
    const store: Store = {
      ...memory,
      async get(key) {
        if (key.endsWith(':reader') && ++looks === 1) await look.opened
        return memory.get(key)
      },
    }
    const options = { onDisconnect: { graceMs: 100 }, pollMs: 1_000 }
    const { here, provider } = processes(store, say('One two').stall(2), options)
    const first = await here(post(hello))
    await first.body?.cancel()
    await vi.advanceTimersByTimeAsync(100)
    expect(looks).toBe(1)
    await (await here(read(idOf(first)))).body?.cancel()
    await vi.advanceTimersByTimeAsync(50)
    look.open()
    await vi.advanceTimersByTimeAsync(0)
    expect(provider.open).toBe(1)
    await vi.advanceTimersByTimeAsync(50)
    expect(provider.open).toBe(0)
  })
})
