/** `checkAdapter` passes for our five adapters, and fails by name for broken ones. */
import { expect, it } from 'vitest'
import type { ProviderAdapter } from '../../src/core/index.js'
import { anthropic } from '../../src/providers/anthropic/index.js'
import { compatible } from '../../src/providers/compatible/index.js'
import { gemini } from '../../src/providers/gemini/index.js'
import { openai } from '../../src/providers/openai/index.js'
import { xai } from '../../src/providers/xai/index.js'
import {
  checkAdapter,
  type MockServer,
  mockServer,
  type ProviderName,
} from '../../src/testing/index.js'
import { broken, good, streaming, usage } from '../contract/broken-adapters.js'

const ours: Readonly<Record<ProviderName, (server: MockServer) => ProviderAdapter>> = {
  openai: (server) => openai(server.options('openai')),
  anthropic: (server) => anthropic(server.options('anthropic')),
  gemini: (server) => gemini(server.options('gemini')),
  xai: (server) => xai(server.options('xai')),
  compatible: (server) => compatible({ name: 'compatible', ...server.options('compatible') }),
}

const models: Readonly<Record<ProviderName, string>> = {
  openai: 'gpt-5-mini',
  anthropic: 'claude-sonnet-4-5',
  gemini: 'gemini-2.5-flash',
  xai: 'grok-4',
  compatible: 'llama',
}

it.each(Object.entries(ours))('%s passes', async (name, adapterOn) => {
  const server = await mockServer()
  // the keys of the table are the names
  const model = models[name as ProviderName]
  expect(await checkAdapter(adapterOn(server), server, { model })).toEqual([])
  await server.close()
})

it('a hand-written one passes without a server', async () => {
  expect(await checkAdapter(good())).toEqual([])
})

const namesOf = async (adapter: ProviderAdapter, server?: MockServer) =>
  (await checkAdapter(adapter, server, { patienceMs: 60 })).map(({ name }) => name)

it.each(Object.entries(broken))('fails for %s', async (_, { adapter, modes }) => {
  const expected = modes?.[0] === 'generate' ? 'answers a plain call' : 'streams a whole answer'
  expect(await namesOf(adapter())).toContain(expected)
})

const start = { type: 'start', id: 'a', model: 'm', provider: 'own', created: 1 }
const finish = { type: 'finish', finish_reason: 'stop', usage }

it.each<[string, ProviderAdapter]>([
  ['has the shape of an adapter', { name: 'a/b' } as never],
  [
    'capabilities are data',
    {
      ...good(),
      capabilities: () => {
        throw new Error('unknown')
      },
    },
  ],
  [
    'convertMessages is pure',
    { ...good(), convertMessages: (messages) => (messages as unknown[]).pop() },
  ],
  [
    'leaves the request as it was',
    {
      ...good(),
      generateStream: (request, call) => {
        ;(request.messages as unknown[]).push({ role: 'user', content: 'more' })
        return good().generateStream(request, call)
      },
    },
  ],
  [
    'counts with whole numbers',
    streaming(async function* () {
      yield [start, { type: 'finish', finish_reason: 'stop' }]
    }),
  ],
  [
    'ends when it is aborted',
    streaming(async function* () {
      yield [start, { type: 'text-delta', text: 'x' }]
      await new Promise(() => {})
    }),
  ],
  [
    'leaves no listener on the signal',
    streaming(async function* ({ signal }) {
      signal.addEventListener('abort', () => {})
      yield [start, finish]
    }),
  ],
])('%s', async (name, adapter) => {
  expect(await namesOf(adapter)).toContain(name)
})

/** One of ours, with one defect. */
const spoilt = (
  server: MockServer,
  edit: (adapter: ProviderAdapter) => Partial<ProviderAdapter>,
) => {
  const adapter = ours.compatible(server)
  return { ...adapter, ...edit(adapter) }
}

it.each<[string, (adapter: ProviderAdapter) => Partial<ProviderAdapter>]>([
  [
    'sends the request once',
    ({ generate }) => ({
      generate: async (...args) => {
        await generate?.(...args)
        return generate?.(...args) as never
      },
    }),
  ],
  [
    'gives the text of the server in both modes',
    ({ generate }) => ({
      generate: async (...args) => {
        const answer = await generate?.(...args)
        return { ...answer, message: { role: 'assistant', content: 'else' } } as never
      },
    }),
  ],
  [
    'maps an error status to its class, and leaves retries to retry()',
    ({ generate }) => ({
      generate: async (...args) => {
        try {
          return (await generate?.(...args)) as never
        } catch {
          return generate?.(...args) as never
        }
      },
    }),
  ],
  [
    'reports the response',
    ({ generateStream }) => ({
      generateStream: (request, call) => generateStream(request, { ...call, onResponse: () => {} }),
    }),
  ],
  [
    'reports a cut stream as an error',
    ({ generateStream }) => ({
      async *generateStream(...args) {
        try {
          yield* generateStream(...args)
        } catch {
          yield finish as never
        }
      },
    }),
  ],
])('with a server: %s', async (name, edit) => {
  const server = await mockServer()
  expect(await namesOf(spoilt(server, edit), server)).toContain(name)
  await server.close()
})
