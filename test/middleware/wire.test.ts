/** The middleware over real sockets and the wires of all providers. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { alias } from '../../middleware/alias.js'
import { params } from '../../middleware/params.js'
import { retry } from '../../middleware/retry.js'
import { timeout } from '../../middleware/timeout.js'
import { type Client, createClient } from '../../src/client.js'
import {
  AbortError,
  type Middleware,
  type ProviderAdapter,
  QuotaExceededError,
  RateLimitError,
  ServiceUnavailableError,
  TimeoutError,
  UnexpectedResponseError,
  UnsupportedParamsError,
} from '../../src/core/index.js'
import { anthropic } from '../../src/providers/anthropic/index.js'
import { compatible } from '../../src/providers/compatible/index.js'
import { gemini } from '../../src/providers/gemini/index.js'
import { openai } from '../../src/providers/openai/index.js'
import { xai } from '../../src/providers/xai/index.js'
import {
  fail,
  html,
  type MockServer,
  mockServer,
  nothing,
  type Reply,
  type Step,
  say,
  stall,
} from '../../src/testing/index.js'
import { fakeClock } from './fake-clock.js'

const messages = [{ role: 'user', content: 'Hi' }] as const

interface Wire {
  readonly model: string
  readonly make: (server: MockServer) => ProviderAdapter
}

const wires: Readonly<Record<string, Wire>> = {
  openai: { model: 'openai/gpt-4.1', make: (server) => openai(server.options('openai')) },
  anthropic: {
    model: 'anthropic/claude-sonnet-4-5',
    make: (server) => anthropic(server.options('anthropic')),
  },
  gemini: { model: 'gemini/gemini-2.5-flash', make: (server) => gemini(server.options('gemini')) },
  xai: { model: 'xai/grok-4', make: (server) => xai(server.options('xai')) },
  compatible: {
    model: 'local/m',
    make: (server) => compatible({ name: 'local', ...server.options('compatible') }),
  },
}

const modes = ['generate', 'stream'] as const
const everyCall = Object.entries(wires).flatMap(([name, wire]) =>
  modes.map((mode) => [name, mode, wire] as const),
)

interface Setting {
  readonly wire: Wire
  readonly script: readonly Step[]
  readonly use: readonly Middleware[]
}

async function onServer<T>(
  { wire, script, use }: Setting,
  run: (ai: Client, server: MockServer) => Promise<T>,
): Promise<T> {
  await using server = await mockServer(script)
  return await run(createClient({ providers: [wire.make(server)], use }), server)
}

const send = (ai: Client, mode: (typeof modes)[number], model: string) =>
  mode === 'generate' ? ai.generate({ model, messages }) : ai.stream({ model, messages }).response

describe.each(everyCall)('%s, %s', (_, mode, wire) => {
  const quick = () => {
    const clock = fakeClock({ jumps: true })
    return { clock, use: [retry({ clock, random: () => 0.5 })] }
  }

  it('429 with two seconds, then 503, then a response: three requests, and the waits of the policy', async () => {
    const { clock, use } = quick()
    const script = [fail(429, { retryAfter: 2 }), fail(503), say('Hello')]
    await onServer({ wire, script, use }, async (ai, server) => {
      const reply = await send(ai, mode, wire.model)
      expect(reply.text).toBe('Hello')
      expect(reply.attempts.map(({ status }) => status)).toEqual(['failed', 'failed', 'ok'])
      expect(server.requests).toHaveLength(3)
      expect(clock.waits).toEqual([2_000 * 1.05, 1_000 * 1.05])
    })
  })

  it('an exceeded quota and a bad request are sent once', async () => {
    for (const [reply, expected] of [
      [fail('quota'), QuotaExceededError],
      [fail(400), Error],
    ] as const) {
      const { clock, use } = quick()
      await onServer({ wire, script: [reply, say('Hello')], use }, async (ai, server) => {
        await expect(send(ai, mode, wire.model)).rejects.toBeInstanceOf(expected)
        expect(server.requests).toHaveLength(1)
        expect(clock.waits).toEqual([])
      })
    }
  })

  it('an HTML page in place of a response is retried once', async () => {
    const { use } = quick()
    await onServer({ wire, script: [html(), html(), say('Hello')], use }, async (ai, server) => {
      await expect(send(ai, mode, wire.model)).rejects.toBeInstanceOf(UnexpectedResponseError)
      expect(server.requests).toHaveLength(2)
    })
  })

  it('silence ends at its timeout, is reported with its phase, and retried', async () => {
    const impatient = timeout({ headersMs: 20 })
    let tries = 0
    const onceImpatient: Middleware = (ctx, next) => {
      tries++
      ctx.request = { ...ctx.request, extra_headers: { 'x-try': String(tries) } }
      return tries === 1 ? impatient(ctx, next) : next()
    }
    // the first request may be cancelled before it arrives
    const silent: Step = ({ headers }) => (headers['x-try'] === '1' ? stall() : say('Hello'))
    const use = [...quick().use, onceImpatient]
    await onServer({ wire, script: [silent, silent], use }, async (ai) => {
      const reply = await send(ai, mode, wire.model)
      expect(reply.text).toBe('Hello')
      expect(reply.attempts[0]?.error).toBeInstanceOf(TimeoutError)
      expect(reply.attempts[0]?.error).toMatchObject({ phase: 'headers', maybeBilled: true })
    })
  })
})

describe.each(Object.entries(wires))('a stream of %s', (_, wire) => {
  const use = () => [retry({ clock: fakeClock({ jumps: true }) })]

  it('that fails before content is retried, and shows nothing of the failed attempt', async () => {
    const script = [say('lost').failAfter(0, 'overloaded'), nothing(), say('Hello')]
    await onServer({ wire, script, use: use() }, async (ai, server) => {
      const texts: string[] = []
      for await (const text of ai.stream({ model: wire.model, messages }).textStream)
        texts.push(text)
      expect(texts.join('')).toBe('Hello')
      expect(server.requests).toHaveLength(3)
    })
  })

  it('that is interrupted after content is not: the content is on the error', async () => {
    const script = [say('Hello wide world of rivers and lakes').cut(7), say('again')]
    await onServer({ wire, script, use: use() }, async (ai, server) => {
      const texts: string[] = []
      const error = await (async () => {
        for await (const text of ai.stream({ model: wire.model, messages }).textStream)
          texts.push(text)
      })().catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(Error)
      expect(texts.join('')).not.toBe('')
      expect(error).toMatchObject({ partial: { text: texts.join('') }, maybeBilled: true })
      expect(server.requests).toHaveLength(1)
    })
  })
})

describe('waits that a provider requests', () => {
  const wait = async (headers: Record<string, string>) => {
    const clock = fakeClock({ jumps: true })
    const use = [retry({ clock, random: () => 0 })]
    // the one wire whose errors have no retry hint beside the one in the test
    const wire = wires.compatible as Wire
    return onServer({ wire, script: [fail(429, { headers }), say('Hello')], use }, async (ai) => {
      const error = await send(ai, 'generate', wire.model).then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      return { waits: clock.waits, error }
    })
  }

  it.each<[string, Record<string, string>, number]>([
    ['seconds', { 'retry-after': '1' }, 1_000],
    ['a fraction', { 'retry-after': '1.5' }, 1_500],
    [
      'a date, by the clock of the server',
      { 'retry-after': 'Wed, 21 Oct 2026 07:28:03 GMT', date: 'Wed, 21 Oct 2026 07:28:00 GMT' },
      3_000,
    ],
    ['milliseconds, before seconds', { 'retry-after-ms': '150', 'retry-after': '9' }, 150],
    ['zero', { 'retry-after': '0' }, 50],
    ['a negative number', { 'retry-after': '-5' }, 50],
    ['no number', { 'retry-after': 'soon' }, 50],
  ])('%s', async (_, headers, expected) => {
    expect(await wait(headers)).toEqual({ waits: [expected], error: undefined })
  })

  it('an hour is not waited for', async () => {
    const { waits, error } = await wait({ 'retry-after': '3600' })
    expect(waits).toEqual([])
    expect(error).toBeInstanceOf(RateLimitError)
    expect(error).toMatchObject({ retryAfterMs: 3_600_000 })
  })
})

it.each<[string, Reply, number]>([
  ['false on a 500', fail(500, { headers: { 'x-should-retry': 'false' } }), 1],
  ['true on a 400', fail(400, { headers: { 'x-should-retry': 'true' } }), 2],
  ['true on a spent quota', fail('quota', { headers: { 'x-should-retry': 'true' } }), 1],
])('x-should-retry is followed: %s', async (_, reply, requests) => {
  const wire = wires.openai as Wire
  const use = [retry({ clock: fakeClock({ jumps: true }) })]
  await onServer({ wire, script: [reply, say('Hello')], use }, async (ai, server) => {
    await send(ai, 'generate', wire.model).catch(() => {})
    expect(server.requests).toHaveLength(requests)
  })
})

it('an abort during the wait ends the call, and nothing more is sent', async () => {
  const wire = wires.openai as Wire
  const clock = fakeClock()
  const controller = new AbortController()
  const onRetry = () => setImmediate(() => controller.abort())
  const use = [retry({ clock, onRetry })]
  await onServer({ wire, script: [fail(503), say('Hello')], use }, async (ai, server) => {
    const call = ai.generate({ model: wire.model, messages }, { signal: controller.signal })
    await expect(call).rejects.toBeInstanceOf(AbortError)
    expect(server.requests).toHaveLength(1)
    expect(clock.pending()).toBe(0)
  })
})

it('a request on a stale connection is sent again at once, even with retries off', async () => {
  const clock = fakeClock()
  const seen: number[] = []
  // answers the first request of each connection, and closes it on the second
  const server: Server = createServer((request, response) => {
    const count = (counts.get(request.socket) ?? 0) + 1
    counts.set(request.socket, count)
    seen.push(count)
    if (count > 1) return void request.socket.destroy()
    request.resume().on('end', () => {
      response.setHeader('content-type', 'application/json')
      response.end(answer)
    })
  })
  const counts = new WeakMap<object, number>()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  try {
    const provider = compatible({ name: 'local', apiKey: 'k', baseURL: `http://127.0.0.1:${port}` })
    const ai = createClient({ providers: [provider], use: [retry({ attempts: 1, clock })] })
    expect((await ai.generate({ model: 'local/m', messages })).text).toBe('Hello')
    // the connection returns to its pool one turn of the event loop after the response
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
    const reply = await ai.generate({ model: 'local/m', messages })
    expect(reply.text).toBe('Hello')
    expect(seen).toEqual([1, 2, 1])
    expect(reply.attempts.map(({ status }) => status)).toEqual(['failed', 'ok'])
    expect(clock.waits).toEqual([])
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

const answer = JSON.stringify({
  id: 'c-1',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
})

describe('params on the wire', () => {
  const sent = async (name: string, request: object, use: readonly Middleware[] = [params()]) => {
    const wire = wires[name] as Wire
    return onServer({ wire, script: [say('Hello')], use }, async (ai, server) => {
      const reply = await ai.generate({ model: wire.model, messages, ...request })
      const body = server.requests[0]?.body as Readonly<Record<string, unknown>>
      return { body, warnings: reply.warnings.map(({ code, param }) => [code, param]) }
    })
  }

  it.each([
    ['openai', { seed: 7 }],
    ['openai', { stop: ['x'] }],
    ['openai', { reasoning_effort: 'low' }],
    ['anthropic', { seed: 7 }],
    ['anthropic', { temperature: 1.7 }],
    ['anthropic', { reasoning_effort: 'ultra' }],
    ['gemini', { logit_bias: { 1: 2 } }],
    ['xai', { stop: ['x'] }],
  ])('%s rejects %j before sending, and drops it with drop_params', async (name, given) => {
    const [param] = Object.keys(given)
    const error = await sent(name, given).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(UnsupportedParamsError)
    const { warnings } = await sent(name, { ...given, drop_params: true })
    expect(warnings).toContainEqual([expect.stringMatching(/dropped|changed/), param])
  })

  it('sends an allowed parameter unchanged although there is no field for it', async () => {
    const { body, warnings } = await sent('anthropic', {
      seed: 7,
      allowed_openai_params: ['seed'],
    })
    expect(body.seed).toBe(7)
    expect(warnings).toEqual([])
  })

  it('sends no seed by default', async () => {
    const { body } = await sent('anthropic', { allowed_openai_params: ['seed'] })
    expect(body).not.toHaveProperty('seed')
  })

  it('removes `strict` from every tool', async () => {
    const tool = { name: 'f', parameters: { type: 'object', properties: {} }, strict: true }
    const tools = [{ type: 'function', function: tool }]
    const { body } = await sent('compatible', {
      tools,
      additional_drop_params: ['tools[*].function.strict'],
    })
    expect(JSON.stringify(body.tools)).not.toContain('strict')
    expect(tool.strict).toBe(true)
  })

  it('never drops unknown members', async () => {
    for (const name of ['openai', 'anthropic', 'xai', 'compatible'])
      expect((await sent(name, { foo: 1, drop_params: true })).body.foo).toBe(1)
  })

  it('an alias may add parameters, and drop_params', async () => {
    const target = { model: 'openai/gpt-4.1', seed: 7, temperature: 0.1, drop_params: true }
    const { body, warnings } = await sent('openai', { model: 'fast' }, [
      alias({ fast: target }),
      params(),
    ])
    expect(body).toMatchObject({ model: 'gpt-4.1', temperature: 0.1 })
    expect(warnings).toEqual([['dropped', 'seed']])
  })
})

it('the last error lists every attempt, and neither prompt nor key', async () => {
  const wire = wires.openai as Wire
  const use = [retry({ clock: fakeClock({ jumps: true }) })]
  await onServer({ wire, script: [fail(500), fail(503), fail(529)], use }, async (ai, server) => {
    const request = { model: wire.model, messages: [{ role: 'user', content: 'canary' }] } as const
    const error = await ai.generate(request).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ServiceUnavailableError)
    expect(error).toMatchObject({ status: 529, maybeBilled: true })
    expect(Object(error).attempts).toHaveLength(3)
    for (const secret of ['canary', server.options('openai').apiKey])
      expect(JSON.stringify(error)).not.toContain(secret)
  })
})
