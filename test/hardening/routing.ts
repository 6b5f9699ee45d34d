/** From a model name to a request: providers, aliases, keys, URLs. */
import { expect } from 'vitest'
import { alias } from '../../middleware/alias.js'
import { log } from '../../middleware/log.js'
import { createClient } from '../../src/client.js'
import {
  AuthenticationError,
  BadRequestError,
  MisuseError,
  type ProviderAdapter,
  type TetradError,
} from '../../src/core/index.js'
import { anthropic } from '../../src/providers/anthropic/index.js'
import { gemini } from '../../src/providers/gemini/index.js'
import { openai } from '../../src/providers/openai/index.js'
import { xai } from '../../src/providers/xai/index.js'
import { fail, type MockServer, mockServer, say } from '../../src/testing/index.js'
import type { CallCase, HardeningCase } from './case.js'

const messages = [{ role: 'user', content: 'Hi' }] as const

/** Runs with these environment variables; undefined removes one. */
async function withEnvironment(
  variables: Readonly<Record<string, string | undefined>>,
  act: () => Promise<void>,
): Promise<void> {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const)
  const put = (name: string, value: string | undefined) => {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
  for (const [name, value] of Object.entries(variables)) put(name, value)
  try {
    await act()
  } finally {
    for (const [name, value] of before) put(name, value)
  }
}

/** The outcome of a call. */
const outcome = async (provider: ProviderAdapter, model: string): Promise<TetradError | string> => {
  try {
    return (await createClient({ providers: [provider] }).generate({ model, messages })).text
  } catch (error) {
    // a client throws only errors of the package
    return error as TetradError
  }
}

const sent = (id: number, title: string, model: string, wire: object, path: RegExp): CallCase => ({
  id,
  title,
  model,
  expects: { body: wire, path, ...(model.includes('foo') && { warns: ['other max_tokens'] }) },
})

const keyless: readonly [
  model: string,
  variable: RegExp,
  make: (server: MockServer) => ProviderAdapter,
][] = [
  ['openai/gpt-4.1', /OPENAI_API_KEY/, (s) => openai({ baseURL: s.baseURL('openai') })],
  [
    'anthropic/claude-sonnet-4-5',
    /ANTHROPIC_API_KEY/,
    (s) => anthropic({ baseURL: s.baseURL('anthropic') }),
  ],
  ['gemini/gemini-2.5-flash', /GEMINI_API_KEY/, (s) => gemini({ baseURL: s.baseURL('gemini') })],
  ['xai/grok-4', /XAI_API_KEY/, (s) => xai({ baseURL: s.baseURL('xai') })],
]

const noKeys = {
  OPENAI_API_KEY: undefined,
  ANTHROPIC_API_KEY: undefined,
  ANTHROPIC_AUTH_TOKEN: undefined,
  GEMINI_API_KEY: undefined,
  GOOGLE_API_KEY: undefined,
  XAI_API_KEY: undefined,
}

export const routing: readonly HardeningCase[] = [
  sent(
    1,
    'the first segment names the provider and is not sent',
    'anthropic/claude-sonnet-4-5',
    { model: 'claude-sonnet-4-5' },
    /^\/anthropic\/v1\/messages$/,
  ),
  sent(
    2,
    'Gemini has the model in its address',
    'gemini/gemini-2.5-pro',
    {},
    /\/models\/gemini-2\.5-pro:(g|streamG)enerateContent$/,
  ),
  sent(3, 'a bare gemini is of Gemini', 'gemini-2.5-flash', {}, /^\/gemini\//),
  sent(4, 'a bare grok is of xAI', 'grok-4', { model: 'grok-4' }, /^\/xai\//),
  sent(
    5,
    'a bare claude that nobody knows is of Anthropic',
    'claude-foo-9',
    { model: 'claude-foo-9' },
    /^\/anthropic\//,
  ),
  sent(
    6,
    'only the first segment is lost',
    'openai/ft:gpt-4o:org::id',
    { model: 'ft:gpt-4o:org::id' },
    /^\/openai\//,
  ),
  {
    id: 7,
    title: 'an unknown provider is refused, with the ones that are known',
    model: 'mistral/x',
    expects: {
      error: BadRequestError,
      names: ['openai', 'anthropic', 'gemini', 'xai'],
      answer: { status: 400 },
    },
  },
  {
    id: 8,
    title: 'an alias leads to its model',
    model: 'fast',
    stack: { aliases: { fast: 'xai/grok-4-1-fast' } },
    expects: { body: { model: 'grok-4-1-fast' }, path: /^\/xai\// },
  },
  {
    id: 8,
    title: 'aliases in a circle are refused when they are made',
    run: () => {
      expect(() => alias({ a: 'b', b: 'a' })).toThrow(MisuseError)
    },
  },
  {
    id: 8,
    title: 'those of a call when it is made',
    model: 'a',
    options: { aliases: { a: 'b', b: 'a' } },
    expects: { error: BadRequestError },
  },
  ...keyless.map(
    ([model, variable, make]): HardeningCase => ({
      id: 9,
      title: `without a key nothing is sent, and the error names the variable: ${model}`,
      run: () =>
        withEnvironment(noKeys, async () => {
          await using server = await mockServer(say('Fine.'))
          const error = await outcome(make(server), model)
          expect(error).toBeInstanceOf(AuthenticationError)
          expect(String(error)).toMatch(variable)
          expect(server.requests).toHaveLength(0)
        }),
    }),
  ),
  {
    id: 10,
    title: "of two keys Gemini's own name wins over Google's",
    run: () =>
      withEnvironment(
        { GEMINI_API_KEY: 'key-of-gemini', GOOGLE_API_KEY: 'key-of-google' },
        async () => {
          await using server = await mockServer(say('Fine.'))
          await outcome(gemini({ baseURL: server.baseURL('gemini') }), 'gemini/gemini-2.5-flash')
          expect(server.requests[0]?.headers['x-goog-api-key']).toBe('****mini')
        },
      ),
  },
  {
    id: 11,
    title: 'an address that already ends in the path is not given it twice',
    run: async () => {
      await using server = await mockServer(say('Fine.'))
      const baseURL = `${server.baseURL('anthropic')}/v1/messages`
      const url = anthropic({ ...server.options('anthropic'), baseURL })
      expect(await outcome(url, 'anthropic/claude-sonnet-4-5')).toBe('Fine.')
      expect(server.requests[0]?.path).toBe('/anthropic/v1/messages')
    },
  },
  {
    id: 12,
    title: 'the key of Gemini is in no address, error or log',
    run: async () => {
      const apiKey = 'AIza-very-secret-key-of-somebody'
      await using server = await mockServer(fail(400, { message: `API key not valid: ${apiKey}` }))
      const lines: unknown[] = []
      const note = (...line: unknown[]) => void lines.push(...line)
      const to = { debug: note, info: note, warn: note, error: note, log: note }
      const ai = createClient({
        providers: [gemini({ apiKey, baseURL: server.baseURL('gemini') })],
        use: [log({ to } as never)],
      })
      const error = await ai
        .generate({ model: 'gemini/gemini-2.5-flash', messages })
        .catch((caught: TetradError) => caught)
      const [request] = server.requests
      const prints = JSON.stringify([error, String(error), lines, request?.path, request?.query])
      expect(prints).not.toContain(apiKey)
      expect(request?.headers['x-goog-api-key']).toBe('****body')
    },
  },
]
