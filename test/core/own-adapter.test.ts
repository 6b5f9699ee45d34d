/**
 * A custom adapter, on a bare client and under the standard stack: its faults are typed and name
 * it.
 */
import { describe, expect, it } from 'vitest'
import { standard } from '../../middleware/index.js'
import type { ChatRequest } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import {
  AbortError,
  MisuseError,
  type ProviderAdapter,
  type TetradError,
} from '../../src/core/index.js'
import { broken, good, streaming, usage } from '../contract/broken-adapters.js'

const request: ChatRequest = { model: 'own/m', messages: [{ role: 'user', content: 'Hi' }] }
const timeouts = { headersMs: 40, idleEventsMs: 40 }
const quick = { retry: { attempts: 3, random: () => 0 } }

type Mode = 'generate' | 'stream'
const modes: readonly Mode[] = ['generate', 'stream']
const stacks = { bare: [], standard: standard(quick) }

const counted = (adapter: ProviderAdapter) => {
  const count = { calls: 0 }
  const { generate, generateStream } = adapter
  const counting: ProviderAdapter = {
    ...adapter,
    generateStream(...args) {
      count.calls++
      return generateStream(...args)
    },
    ...(generate && {
      generate(...args) {
        count.calls++
        return generate(...args)
      },
    }),
  }
  return { counting, count }
}

const run = (adapter: ProviderAdapter, mode: Mode, use: typeof stacks.bare = []) => {
  const ai = createClient({ providers: [adapter], use })
  return mode === 'generate'
    ? ai.generate(request, { timeouts })
    : ai.stream(request, { timeouts }).response
}

const failureOf = async (answer: Promise<unknown>): Promise<TetradError> => {
  const error = await answer.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  // its other members depend on the test
  return error as TetradError
}

const table = Object.entries(broken).flatMap(([name, fault]) =>
  (fault.modes ?? modes).map((mode) => [name, mode, fault] as const),
)

describe.each(table)('%s, %s', (_, mode, fault) => {
  it.each(['bare', 'standard'] as const)('is typed and names the adapter: %s', async (stack) => {
    const { counting, count } = counted(fault.adapter())
    const error = await failureOf(run(counting, mode, stacks[stack] as never))
    expect(error).toMatchObject({
      name: fault.error,
      provider: 'own',
      model: 'm',
      ...(fault.code !== undefined && { code: fault.code }),
      ...(fault.partial !== undefined && { partial: { text: fault.partial } }),
    })
    expect(error.message).toContain('own')
    expect(error.usage?.total_tokens).toBeTypeOf('number')
    // emitted content is not retried: in a stream, text has left before the fault
    const isRetried = stack === 'standard' && !(mode === 'stream' && fault.partial !== undefined)
    expect(error.attempts).toHaveLength(count.calls)
    if (!isRetried) expect(count.calls).toBe(1)
    else if (fault.tries !== undefined) expect(count.calls).toBe(fault.tries)
  })
})

describe.each(modes)('optional members of an adapter, %s', (mode) => {
  const start = { type: 'start', id: 'a', model: 'm', provider: 'own', created: 1 }
  const text = { type: 'text-delta', text: 'Hello' }

  it.each([
    ['no capabilities', {}],
    ['empty capabilities', { capabilities: () => ({}) }],
    ['capabilities of other models', { capabilities: () => undefined }],
    ['rules that are none', { capabilities: () => ({ rules: 'all' }) }],
  ])('%s: a minimal adapter passes every value through', async (_, members) => {
    const adapter = { ...good(), ...members } as ProviderAdapter
    const ai = createClient({ providers: [adapter], use: standard() })
    expect(ai.capabilities('own/m')).toEqual({
      known: false,
      rules: [],
      provider: 'own',
      model: 'm',
    })
    expect((await run(adapter, mode, standard() as never)).text).toBe('Hel')
  })

  it('usage is counted from the text', async () => {
    const adapter = streaming(async function* () {
      yield [start, text, { type: 'finish', finish_reason: 'stop' }]
    })
    const answer = await run(adapter, mode)
    expect(answer.usage.estimated).toBe(true)
    expect(answer.usage.completion_tokens).toBeGreaterThan(0)
  })

  it.each([
    ['negative', { ...usage, prompt_tokens: -5 }],
    ['too large', { ...usage, completion_tokens: 1e308 }],
    ['text', { ...usage, completion_tokens: '7' }],
    ['not a number', { ...usage, completion_tokens: Number.NaN }],
  ])('usage that is %s counts as missing', async (_, reported) => {
    const adapter = streaming(async function* (call) {
      call.onUsage(reported as never)
      yield [start, text, { type: 'finish', finish_reason: 'stop', usage: reported }]
    })
    const answer = await run(adapter, mode)
    expect(answer.usage).toMatchObject({ estimated: true })
    expect(Number.isSafeInteger(answer.usage.total_tokens)).toBe(true)
  })

  it('the response has provider, model and time', async () => {
    const adapter = streaming(async function* () {
      yield { type: 'start' }
      yield [text, { type: 'finish', finish_reason: 'stop', usage }]
    })
    expect(await run(adapter, mode)).toMatchObject({ provider: 'own', model: 'm', text: 'Hello' })
  })

  it('a cleanup that never ends does not block after an abort', async () => {
    const controller = new AbortController()
    const adapter = streaming(async function* () {
      try {
        yield [start, text]
        controller.abort()
        yield text
      } finally {
        await new Promise(() => {})
      }
    })
    const ai = createClient({ providers: [adapter] })
    const options = { signal: controller.signal }
    const answer =
      mode === 'generate' ? ai.generate(request, options) : ai.stream(request, options).response
    expect(await failureOf(answer)).toBeInstanceOf(AbortError)
  })

  it('the signal fires when the core stops waiting', async () => {
    const seen: unknown[] = []
    const adapter = streaming(async function* ({ signal }) {
      yield [start]
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      seen.push(signal.reason)
    })
    const error = await failureOf(run(adapter, mode))
    await new Promise((resolve) => setImmediate(resolve))
    expect(seen).toEqual([error])
  })

  it('an empty read counts as bytes', async () => {
    const adapter = streaming(async function* () {
      yield [start]
      for (let i = 0; i < 5; i++) {
        await new Promise((resolve) => setTimeout(resolve, 20))
        yield []
      }
      yield [text, { type: 'finish', finish_reason: 'stop', usage }]
    })
    const ai = createClient({ providers: [adapter] })
    const pull = (idle: object) =>
      mode === 'generate'
        ? ai.generate(request, { timeouts: idle })
        : ai.stream(request, { timeouts: idle }).response
    expect((await pull({ idleBytesMs: 5_000 })).text).toBe('Hello')
    expect(await failureOf(pull({ idleEventsMs: 50 }))).toMatchObject({ phase: 'idle-events' })
  })
})

it('response headers are kept on the attempt, without cookies and keys', async () => {
  const adapter = streaming(async function* (call) {
    const headers = new Headers({
      'X-RateLimit-Remaining-Tokens': '7',
      'set-cookie': 'a=b',
      'x-api-key': 'abc',
      'x-echo': 'Bearer sk-verysecretverysecret',
    })
    call.onResponse({ status: 200, headers, request_id: 'r1' })
    yield { type: 'start' }
    throw Object.assign(new Error('slow'), { status: 429, headers: { 'retry-after': '2' } })
  })
  const error = await failureOf(run(adapter, 'stream'))
  expect(error).toMatchObject({ name: 'RateLimitError', retryAfterMs: 2_000 })
  expect(error.attempts?.[0]).toMatchObject({ request_id: 'r1' })
  expect(error.attempts?.[0]?.headers).toEqual({ 'x-ratelimit-remaining-tokens': '7' })
})

it.each([
  ['nothing', undefined],
  ['no name', { ...good(), name: '' }],
  ['a factory that was not called', good],
  ['no generateStream', { name: 'own' }],
  ['a generate that is no function', { ...good(), generate: {} }],
  ['models that are text', { ...good(), models: 'm-' }],
])('an invalid adapter is rejected by createClient: %s', (_, given) => {
  expect(() => createClient({ providers: [given as never] })).toThrow(MisuseError)
})
