/**
 * The client of `tetrad`: what is loaded of its four providers at once, and what the first call
 * imports.
 */
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { standard } from '../middleware/standard.js'
import { trace } from '../middleware/trace.js'
import { type Client, createClient as createBareClient } from '../src/client.js'
import {
  AbortError,
  MisuseError,
  type ProviderAdapter,
  TetradError,
  TimeoutError,
} from '../src/core/index.js'
import { createClient } from '../src/default-client.js'
import { adapterOnDemand } from '../src/providers/adapter-on-demand.js'
import { anthropic } from '../src/providers/anthropic/index.js'
import { gemini } from '../src/providers/gemini/index.js'
import { openai } from '../src/providers/openai/index.js'
import * as facts from '../src/providers/openai/models.js'
import { xai } from '../src/providers/xai/index.js'
import { type MockServer, mockServer, say } from '../src/testing/index.js'
import { four, type Name, requestFor } from './wire/support.js'

let server: MockServer
beforeEach(async () => {
  server = await mockServer()
  for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await server.close()
})

const lookup = {
  type: 'function',
  function: { name: 'lookup', parameters: { type: 'object' } },
} as const

describe.each(['generate', 'stream'] as const)('the first call for a provider, %s', (mode) => {
  const run = async (ai: Client, name: Name, options = {}) =>
    mode === 'generate'
      ? ai.generate(requestFor(name, { tools: [lookup] }), options)
      : ai.stream(requestFor(name, { tools: [lookup] }), options).response

  it.each(four)(
    'of %s, is answered like any other, also concurrently with another one',
    async (name) => {
      server.reply(say('Hello.'))
      const ai = createClient({ use: standard() })
      const [one, two] = await Promise.all([run(ai, name), run(ai, name)])
      const later = await run(ai, name)
      for (const { text, provider } of [one, two, later])
        expect({ text, provider }).toEqual({ text: 'Hello.', provider: name })
      expect(server.requests).toHaveLength(3)
    },
  )

  it('sends nothing if it is aborted during the import', async () => {
    const { ai, imports } = gatedClient()
    const controller = new AbortController()
    const call = run(ai, 'openai', { signal: controller.signal })
    const failed = expect(call).rejects.toBeInstanceOf(AbortError)
    await vi.waitFor(() => expect(imports).toHaveLength(1))
    controller.abort()
    await failed
    imports[0]?.resolve()
    server.reply(say('Hello.'))
    expect((await run(ai, 'openai')).text).toBe('Hello.')
    expect(server.requests).toHaveLength(1)
  })

  it('ends at its timeout if the import does not', async () => {
    const { ai } = gatedClient()
    const error = await failureOf(run(ai, 'openai', { timeouts: { headersMs: 1 } }))
    expect(error).toBeInstanceOf(TimeoutError)
    expect(error).toMatchObject({ provider: 'openai', model: 'gpt-5.1', phase: 'headers' })
  })

  it('is an error with the remedy if the import fails, and the next one imports again', async () => {
    const { ai, imports } = gatedClient()
    const call = run(ai, 'openai')
    const failed = failureOf(call)
    await vi.waitFor(() => expect(imports).toHaveLength(1))
    imports[0]?.reject(new Error('Cannot find module'))
    const error = await failed
    expect(error).toBeInstanceOf(MisuseError)
    expect(error).toMatchObject({ code: 'not_loaded', provider: 'openai', model: 'gpt-5.1' })
    expect(error.attempts).toMatchObject([{ status: 'failed', provider: 'openai' }])
    server.reply(say('Hello.'))
    const next = run(ai, 'openai')
    await vi.waitFor(() => expect(imports).toHaveLength(2))
    imports[1]?.resolve()
    expect((await next).text).toBe('Hello.')
  })
})

it('a token count waits for the import, and is estimated if that fails', async () => {
  const { ai, imports } = gatedClient()
  const counting = ai.countTokens(requestFor('openai'))
  await vi.waitFor(() => expect(imports).toHaveLength(1))
  imports[0]?.reject(new Error('Cannot find module'))
  expect(await counting).toMatchObject({ estimated: true, error: { code: 'not_loaded' } })
})

it.each(four)('tokens are counted by %s like by its own adapter', async (name) => {
  const own = createBareClient({ providers: statics.map((make) => make()) })
  expect(await createClient().countTokens(requestFor(name))).toEqual(
    await own.countTokens(requestFor(name)),
  )
})

describe('before any call', () => {
  const ai = createClient({ use: standard() })

  it.each([
    'gpt-5.1',
    'o3',
    'ft:gpt-4o:org::id',
    'claude-opus-4-5',
    'claude-9-next',
    'gemini-2.5-flash',
    'models/gemma-3',
    'grok-4-fast',
  ])(
    '%s resolves to the same provider and capabilities as with the adapters themselves',
    (model) => {
      const own = createBareClient({ providers: statics.map((make) => make()) })
      expect(ai.capabilities(model)).toEqual(own.capabilities(model))
    },
  )

  it('the stack is checked', () => {
    expect(trace(ai)).toContain('retry')
  })
})

const statics = [openai, anthropic, gemini, xai]

interface Import {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** A client whose OpenAI adapter is imported when the test allows it. */
function gatedClient() {
  const imports: Import[] = []
  const make = () =>
    new Promise<ProviderAdapter>((resolve, reject) => {
      imports.push({ resolve: () => resolve(openai()), reject })
    })
  onTestFinished(() => imports.at(-1)?.reject(new Error('the test is over')))
  const { models, capabilities } = facts
  const adapter = adapterOnDemand({ name: 'openai', models, capabilities, counts: true }, make)
  return { ai: createBareClient({ providers: [adapter] }), imports }
}

const failureOf = (promise: Promise<unknown>): Promise<TetradError> =>
  promise.then(
    () => {
      throw new Error('nothing was thrown')
    },
    (error) => {
      expect(error).toBeInstanceOf(TetradError)
      return error
    },
  )
