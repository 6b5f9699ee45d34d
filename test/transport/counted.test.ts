/** Counts what a call allocates: promises, signals, ids, timers. */
import { createHook } from 'node:async_hooks'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { standard } from '../../middleware/standard.js'
import { createClient } from '../../src/client.js'
import type { Middleware } from '../../src/core/index.js'
import { anthropic } from '../../src/providers/anthropic/index.js'
import { compatible } from '../../src/providers/compatible/index.js'
import { gemini } from '../../src/providers/gemini/index.js'
import { openai } from '../../src/providers/openai/index.js'
import { xai } from '../../src/providers/xai/index.js'
import { mockServer, say } from '../../src/testing/index.js'

const providers = {
  openai,
  anthropic,
  gemini,
  xai,
  compatible: (server: { readonly apiKey: string; readonly baseURL: string }) =>
    compatible({ name: 'compatible', ...server }),
}
const models = {
  openai: 'openai/gpt-4.1-mini',
  anthropic: 'anthropic/claude-haiku-4-5',
  gemini: 'gemini/gemini-2.5-flash',
  xai: 'xai/grok-4-fast-non-reasoning',
  compatible: 'compatible/mock-model',
} as const
type Name = keyof typeof models

/** Number of uses of a member, except by the test server, which runs in the same process. */
function counted(prototype: object, name: string) {
  let calls = 0
  const before = Object.getOwnPropertyDescriptor(prototype, name) as PropertyDescriptor
  const own: Function = before.get ?? before.value
  function wrapped(this: unknown) {
    if (!/\/src\/testing\//.test(String(new Error().stack))) calls++
    return own.call(this)
  }
  const member = before.get ? { get: wrapped } : { value: wrapped }
  Object.defineProperty(prototype, name, { ...before, configurable: true, ...member })
  onTestFinished(() => void Object.defineProperty(prototype, name, before))
  return () => calls
}

/**
 * Promises of a generate call, including those of its server, which are the same for each stack.
 * The fewest of several calls: a body that arrives in two reads takes more.
 */
async function promisesOf(name: Name, use: readonly Middleware[]) {
  const { ai, request } = await clientOf(name, use)
  await ai.generate(request)
  let fewest = Infinity
  for (let call = 0; call < 8; call++) {
    let count = 0
    const hook = createHook({
      init(_, type) {
        if (type === 'PROMISE') count++
      },
    }).enable()
    await ai.generate(request)
    hook.disable()
    fewest = Math.min(fewest, count)
  }
  return fewest
}

const words = Array.from({ length: 200 }, (_, i) => `word${i}`).join(' ')

async function clientOf(name: Name, use: readonly Middleware[] = standard()) {
  const server = await mockServer([say('Warm.')])
  server.reply(say(words))
  onTestFinished(() => server.close())
  const provider = providers[name](server.options(name))
  const ai = createClient({ providers: [provider], use })
  const request = { model: models[name], messages: [{ role: 'user' as const, content: 'Hi' }] }
  // the first call creates what lives as long as the process
  await ai.generate(request)
  return { ai, request }
}

describe.each(Object.keys(models) as Name[])('a call of %s', (name) => {
  it('creates no AbortSignal that nobody reads', async () => {
    const { ai, request } = await clientOf(name)
    const signals = counted(AbortController.prototype, 'signal')
    expect((await ai.generate(request)).text).toBe(words)
    await ai.stream(request).response
    expect(signals()).toBe(0)
  })

  it('creates at most two ids, however many chunks arrive', async () => {
    const { ai, request } = await clientOf(name)
    const ids = counted(Object.getPrototypeOf(crypto), 'randomUUID')
    expect((await ai.stream(request).response).text).toBe(words)
    expect(ids()).toBeLessThanOrEqual(2)
  })

  it('parses few events of a stream whose events share one shape', async () => {
    const { ai, request } = await clientOf(name)
    await ai.generate(request)
    const parse = vi.spyOn(JSON, 'parse')
    onTestFinished(() => void vi.restoreAllMocks())
    expect((await ai.stream(request).response).text).toBe(words)
    const events = parse.mock.calls.filter(([text]) => text.startsWith('{'))
    expect(events.length).toBeGreaterThan(0)
    expect(events.length).toBeLessThan(30)
  })

  it('creates few promises per layer', async () => {
    const bare = await promisesOf(name, [])
    const layered = await promisesOf(name, standard())
    expect(layered - bare).toBeLessThanOrEqual(standard().length * 8)
  })

  it('leaves no timer', async () => {
    const { ai, request } = await clientOf(name)
    const set = vi.spyOn(globalThis, 'setTimeout')
    const clear = vi.spyOn(globalThis, 'clearTimeout')
    onTestFinished(() => void vi.restoreAllMocks())
    await ai.generate(request)
    const own = set.mock.results.map(({ value }) => value)
    const cleared = new Set(clear.mock.calls.map(([timer]) => timer))
    expect(own.filter((timer) => !cleared.has(timer))).toEqual([])
    expect(own.length).toBeLessThanOrEqual(2)
  })
})
