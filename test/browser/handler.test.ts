/** The browser client against the handler of the server, over a socket. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Redis } from 'ioredis'
import { afterEach, describe, expect, it } from 'vitest'
import { tool, tools } from '../../middleware/tools.js'
import { createBrowserClient } from '../../src/browser/index.js'
import { createClient } from '../../src/client.js'
import { AbortError, ServiceUnavailableError, TetradError } from '../../src/core/index.js'
import { type BaseHandlerOptions, handler } from '../../src/http/node.js'
import { memoryStore, redisStore } from '../../src/store/index.js'
import { callTool, fail, type Reply, say, scripted } from '../../src/testing/index.js'
import { gate } from '../http/requests.js'
import { serve } from '../http/support.js'
import { redisServer } from '../store/redis-server.js'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

const weather = tool({ parameters: { type: 'object' }, execute: () => ({ degrees: 21 }) })

async function setUp(
  script: Reply | readonly Reply[],
  options: Partial<BaseHandlerOptions<{}>> = {},
) {
  const provider = scripted(script)
  const server = createClient({ providers: [provider], use: [tools({ weather })] })
  // whatever the route's default format, the client requests its own
  const settings = { public: true, models: { fast: 'scripted/any' }, format: 'ui' } as const
  const answer = handler(server, { ...settings, ...options })
  /** Requests to stop that have been answered, by their path. */
  const stops: string[] = []
  const { url, close } = await serve((request, response) => {
    const path = request.url ?? ''
    if (path.includes('/stop?')) response.once('close', () => stops.push(path))
    void answer(request, response)
  })
  closers.push(close)
  return { provider, server, stops, ai: createBrowserClient({ url: `${url}/api/chat` }) }
}

const messages = [{ role: 'user' as const, content: 'Hi' }]
const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error) => error,
  )

describe('the browser and the handler', () => {
  it('agree on a response with tools, streamed and whole', async () => {
    const script = [callTool('weather', {}, { id: 'c1' }), say('Sunny.')]
    const { ai } = await setUp([...script, ...script])
    const streamed = await ai.stream({ messages }).response
    const plain = await ai.generate({ messages })
    for (const { text, messages, usage } of [streamed, plain]) {
      expect(text).toBe('Sunny.')
      expect(messages.map(({ role }) => role)).toEqual(['assistant', 'tool', 'assistant'])
      expect(usage).toEqual(plain.usage)
    }
  })

  it('agree on failures before the first word and in the middle', async () => {
    const { ai } = await setUp([
      fail(503, { message: 'canary' }),
      say('One two three').failAfter(3, 'overloaded'),
    ])
    const before = await failureOf(ai.stream({ messages }).response)
    const middle = await failureOf(ai.stream({ messages }).response)
    expect(before).toBeInstanceOf(ServiceUnavailableError)
    expect(middle).toBeInstanceOf(TetradError)
    expect(middle).toMatchObject({
      code: 'provider_unavailable',
      partial: { text: expect.stringContaining('One') },
    })
    for (const error of [before, middle]) expect(String(error)).not.toContain('canary')
  })

  it.each([
    ['without a store', () => ({})],
    ['which is to finish', () => ({ onDisconnect: 'finish' as const })],
    ['with a store', () => ({ store: memoryStore() })],
    [
      'with a store, which is to finish',
      () => ({ store: memoryStore(), onDisconnect: 'finish' as const }),
    ],
  ])('stop an answer that has no word yet, %s', async (_, options) => {
    const { ai, provider } = await setUp(say('One').stall(), options())
    const answer = ai.stream({ messages })
    const error = failureOf(answer.response)
    await expect.poll(() => provider.open).toBe(1)
    answer.abort()
    expect(await error).toBeInstanceOf(AbortError)
    await expect.poll(() => provider.open).toBe(0)
  })

  it.each([
    ['without a store', () => undefined],
    ['with one', () => memoryStore()],
  ])('stop an answer that has not begun, %s', async (_, makeStore) => {
    const held = gate()
    const reached = gate()
    const works: Promise<unknown>[] = []
    const { ai, provider, stops } = await setUp(say('One').stall(), {
      store: makeStore(),
      onDisconnect: 'finish',
      waitUntil: (work) => void works.push(work),
      async before(request) {
        reached.open()
        await held.opened
        return request
      },
    })
    const answer = ai.stream({ messages })
    const error = failureOf(answer.response)
    await reached.opened
    answer.abort()
    expect(await error).toBeInstanceOf(AbortError)
    await expect.poll(() => stops.length).toBe(1)
    held.open()
    await expect.poll(() => works.length).toBeGreaterThan(0)
    // never, if the answer went on
    await Promise.all(works)
    expect(provider.open).toBe(0)
  })

  it.each(['cancel', 'finish'] as const)(
    'stop a response, on disconnect: %s',
    async (onDisconnect) => {
      const { ai, provider } = await setUp(say('One two three').stall(3), { onDisconnect })
      const answer = ai.stream({ messages })
      const error = await failureOf(
        (async () => {
          for await (const chunk of answer) if (chunk.type === 'text-delta') answer.abort()
        })(),
      )
      expect(error).toBeInstanceOf(AbortError)
      await expect.poll(() => provider.open).toBe(0)
    },
  )
})

it('a page that resumes in another process before the store has its answer gets all of it', async () => {
  const server = await redisServer()
  const connected = gate()
  const slow = await behind(server.port, connected.opened)
  const held = gate()
  const provider = scripted(say('One two three').hold(2, held.opened))
  const answerIn = async (port: number) => {
    const redis = new Redis(port, '127.0.0.1')
    const settings = { public: true, models: { fast: 'scripted/any' }, pollMs: 5 } as const
    const options = { ...settings, store: redisStore(redis) }
    const { url, server, close } = await serve(
      handler(createClient({ providers: [provider] }), options),
    )
    closers.push(close, async () => redis.disconnect())
    return { url, server, redis }
  }
  const one = await answerIn(slow.port)
  const two = await answerIn(server.port)
  closers.push(slow.close, server.stop)
  const statuses: number[] = []
  const ai = createBrowserClient({
    url: `${one.url}/api/chat`,
    async fetch(input, init) {
      const isAsked = init?.method === 'POST'
      const response = await fetch(isAsked ? input : String(input).replace(one.url, two.url), init)
      statuses.push(response.status)
      return response
    },
    async wait() {
      if (statuses.at(-1) !== 404) return
      connected.open()
      await expect.poll(() => two.redis.keys('*:meta')).toHaveLength(1)
      held.open()
    },
  })
  let text = ''
  for await (const piece of ai.stream({ messages }).textStream) {
    if (text === '') one.server.closeAllConnections()
    text += piece
  }
  expect(text).toBe('One two three')
  expect(statuses).toEqual([200, 404, 200])
})

/** A port before another, whose connections carry nothing until `opened`. */
async function behind(port: number, opened: Promise<void>) {
  const sockets = new Set<Socket>()
  const server = createServer(async (socket) => {
    sockets.add(socket.on('error', () => {}))
    await opened
    const other = connect(port, '127.0.0.1')
    sockets.add(other.on('error', () => {}))
    socket.pipe(other).pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  // a server on a port has an address of this kind
  return { port: (server.address() as AddressInfo).port, close }
}
