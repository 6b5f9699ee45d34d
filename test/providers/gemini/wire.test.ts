/**
 * The adapter over a socket: URL, key, events, failures, over fetch and over the official client.
 */
import { readFileSync } from 'node:fs'
import { GoogleGenAI } from '@google/genai'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { StreamChunk } from '../../../src/chat/index.js'
import {
  APIConnectionError,
  AuthenticationError,
  accumulate,
  type ProviderAdapter,
  RateLimitError,
  ServiceUnavailableError,
  StreamInterruptedError,
  UnexpectedResponseError,
} from '../../../src/core/index.js'
import { type GeminiClient, gemini } from '../../../src/providers/gemini/index.js'
import { type Answer, type Loopback, reply, serve, sse } from '../../transport/loopback.js'
import { bodyOf, callOf, chunk, flash3, hello, stop, tool } from './support.js'

const transports: Readonly<Record<string, (url: string) => ProviderAdapter>> = {
  fetch: (baseURL) => gemini({ apiKey: 'secret-key', baseURL }),
  'the official client': (baseUrl) =>
    gemini({
      client: new GoogleGenAI({
        apiKey: 'secret-key',
        httpOptions: { baseUrl, retryOptions: { attempts: 5 } },
      }),
    }),
}

const event = (data: object) => `data: ${JSON.stringify(data)}\r\n\r\n`
const usageMetadata = { promptTokenCount: 3, candidatesTokenCount: 4, totalTokenCount: 7 }

async function stream(adapter: ProviderAdapter, call = callOf().call, request = hello) {
  const chunks: StreamChunk[] = []
  try {
    for await (const some of adapter.generateStream(request, call)) chunks.push(...[some].flat())
    return { chunks, error: undefined }
  } catch (error) {
    return { chunks, error }
  }
}

const textOf = (chunks: readonly StreamChunk[]) =>
  chunks.map((one) => (one.type === 'text-delta' ? one.text : '')).join('')

afterEach(() => void vi.unstubAllEnvs())

/**
 * The API version is ours over fetch and the client's over the client: v1beta until 2, v1 since 3.
 */
const clientPackage = new URL('../../../node_modules/@google/genai/package.json', import.meta.url)
const clientVersion = readFileSync(clientPackage, 'utf8').includes('"version": "2.')
  ? 'v1beta'
  : 'v1'

describe.each(Object.keys(transports))('over %s', (transport) => {
  const version = transport === 'fetch' ? 'v1beta' : clientVersion
  const at = (server: Loopback) => transports[transport]?.(server.url) as ProviderAdapter
  const open = async (answer: Answer) => {
    const server = await serve(answer)
    return { server, adapter: at(server) }
  }

  it('sends a call to its method with the key in a header, never in the URL', async () => {
    const { server, adapter } = await open(reply(200, stop([{ text: 'Hi' }])))
    const { call, statuses } = callOf({ headers: { 'x-trace': 't' } })
    await adapter.generate?.(
      { ...hello, tools: [tool('look')], extra_headers: { 'X-Team': 'a' } },
      call,
    )
    const [seen] = server.seen
    expect(seen?.url).toBe(`/${version}/models/${flash3}:generateContent`)
    expect(seen?.headers).toMatchObject({
      'x-goog-api-key': 'secret-key',
      'x-trace': 't',
      'x-team': 'a',
    })
    expect(statuses).toEqual([200])
  })

  it('sends the same body over both transports', async () => {
    const { server, adapter } = await open(reply(200, stop([{ text: 'Hi' }])))
    const request = {
      ...hello,
      temperature: 0.3,
      tools: [tool('look')],
      safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'OFF' }],
      somethingNew: { a: [1] },
    }
    await adapter.generate?.(request, callOf().call)
    expect(bodyOf(server.seen[0]?.body ?? '')).toEqual({
      contents: [{ role: 'user', parts: [{ text: 'Hello' }] }],
      generationConfig: { temperature: 0.3 },
      tools: [
        {
          functionDeclarations: [
            { name: 'look', parametersJsonSchema: { type: 'object', properties: {} } },
          ],
        },
      ],
      safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'OFF' }],
      somethingNew: { a: [1] },
    })
  })

  it('requests an event stream and reads its content', async () => {
    const { server, adapter } = await open(
      sse(event(chunk([{ text: 'Hel' }])), event({ ...stop([{ text: 'lo' }]), usageMetadata })),
    )
    const { call, usages } = callOf()
    const { chunks, error } = await stream(adapter, call)
    expect(error).toBeUndefined()
    expect(server.seen[0]?.url).toBe(`/${version}/models/${flash3}:streamGenerateContent?alt=sse`)
    expect(accumulate(chunks)).toMatchObject({
      text: 'Hello',
      finish_reason: 'stop',
      usage: { total_tokens: 7 },
    })
    expect(usages.at(-1)).toMatchObject({ total_tokens: 7 })
  })

  it('usage is reported once a network read: that of its last chunk', async () => {
    const reports = [5, 6, 7].map((totalTokenCount) =>
      event({ ...chunk([{ text: 'a' }]), usageMetadata: { ...usageMetadata, totalTokenCount } }),
    )
    const { adapter } = await open(sse(reports.join('') + event(stop([]))))
    const { call, usages } = callOf()
    const { chunks } = await stream(adapter, call)
    expect(textOf(chunks)).toBe('aaa')
    expect(usages).toHaveLength(1)
    expect(accumulate(chunks)?.usage).toEqual(usages[0])
  })

  it('reads events with a name, comments, [DONE] and a last event without its blank line', async () => {
    const last = `event: message\ndata: ${JSON.stringify(stop([{ text: 'b' }]))}`
    const { adapter } = await open(
      sse(': ping\n\n', `event: x\n${event(chunk([{ text: 'a' }]))}`, last),
    )
    expect(textOf((await stream(adapter)).chunks)).toBe('ab')
    const { adapter: other } = await open(sse(event(stop([{ text: 'a' }])), 'data: [DONE]\n\n'))
    expect((await stream(other)).error).toBeUndefined()
  })

  it('replaces the configured key with that of the call', async () => {
    const { server, adapter } = await open(reply(200, stop([{ text: 'Hi' }])))
    await adapter.generate?.(hello, callOf({ apiKey: 'other-key' }).call)
    expect(server.seen[0]?.headers['x-goog-api-key']).toBe('other-key')
  })

  it('counts tokens with the counting endpoint', async () => {
    const { server, adapter } = await open(reply(200, { totalTokens: 61 }))
    expect(await adapter.countTokens?.(hello, callOf().call)).toBe(61)
    expect(server.seen[0]?.url).toBe(`/${version}/models/${flash3}:countTokens`)
    expect(bodyOf(server.seen[0]?.body ?? '')).toMatchObject({
      generateContentRequest: { model: `models/${flash3}` },
    })
  })

  it('throws an UnexpectedResponseError for an invalid token count', async () => {
    const { adapter } = await open(reply(200, {}))
    await expect(adapter.countTokens?.(hello, callOf().call)).rejects.toBeInstanceOf(
      UnexpectedResponseError,
    )
  })

  it('an error response is sent once and has its wait', async () => {
    const retry = { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '31s' }
    const body = [
      { error: { code: 429, message: 'Slow', status: 'RESOURCE_EXHAUSTED', details: [retry] } },
    ]
    const { server, adapter } = await open(reply(429, body))
    for (const failed of [
      await adapter.generate?.(hello, callOf().call).catch((error: unknown) => error),
      (await stream(adapter)).error,
    ]) {
      expect(failed).toBeInstanceOf(RateLimitError)
      expect(failed).toMatchObject({
        retryAfterMs: 31_000,
        message: expect.stringContaining('Slow'),
      })
    }
    expect(server.seen).toHaveLength(2)
  })

  it('an error within a stream follows the content before it', async () => {
    const error = { error: { code: 503, message: 'overloaded', status: 'UNAVAILABLE' } }
    const { adapter } = await open(
      sse(event({ ...chunk([{ text: 'Half' }]), usageMetadata }), event(error)),
    )
    const { call, usages } = callOf()
    const { chunks, error: thrown } = await stream(adapter, call)
    expect(textOf(chunks)).toBe('Half')
    expect(thrown).toBeInstanceOf(ServiceUnavailableError)
    expect(usages).toHaveLength(1)
  })

  it.each([
    [
      'JSON with an error',
      reply(200, { error: { code: 503, message: 'no' } }),
      ServiceUnavailableError,
    ],
    [
      'a list with an error',
      reply(200, [{ error: { code: 503, message: 'no' } }]),
      ServiceUnavailableError,
    ],
    ['HTML', reply(200, '<html>login</html>'), UnexpectedResponseError],
    ['nothing', sse(''), UnexpectedResponseError],
    ['a page with an error status', reply(502, '<html>bad gateway</html>'), Error],
  ])('%s in place of a stream is a typed error', async (_, answer, Class) => {
    const { adapter } = await open(answer)
    const { error } = await stream(adapter)
    expect(error).toBeInstanceOf(Class)
    expect(String((error as Error).message)).not.toContain('html>')
  })

  it('a failed connection is an APIConnectionError', async () => {
    const { adapter } = await open((response) => void response.destroy())
    await expect(adapter.generate?.(hello, callOf().call)).rejects.toBeInstanceOf(
      APIConnectionError,
    )
  })
})

describe('a stream that is interrupted', () => {
  const events = [
    chunk([{ text: 'Hm.', thought: true }]),
    { ...chunk([{ text: 'Let me ' }]), usageMetadata },
    chunk([{ text: 'look.' }]),
    chunk([{ functionCall: { name: 'look', args: { a: 1 } }, thoughtSignature: 'c2ln' }]),
  ]
  const whole = [...events, { ...stop(), usageMetadata }]

  it.each(events.map((_, i) => i + 1))('after event %i is never a stop', async (length) => {
    const server = await serve(sse(...whole.slice(0, length).map(event)))
    const { call, usages } = callOf()
    const { chunks, error } = await stream(gemini({ apiKey: 'k', baseURL: server.url }), call)
    expect(error).toBeInstanceOf(StreamInterruptedError)
    expect(chunks.some(({ type }) => type === 'finish')).toBe(false)
    expect(usages.length).toBe(length > 1 ? 1 : 0)
  })

  it.each(whole.map((_, i) => i + 1))(
    'by the caller after event %i closes the socket',
    async (length) => {
      const server = await serve((response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        for (const data of whole.slice(0, length)) response.write(event(data))
      })
      const arrived = server.next()
      const controller = new AbortController()
      const adapter = gemini({ apiKey: 'k', baseURL: server.url })
      const { call } = callOf({ signal: controller.signal })
      const reading = (async () => {
        for await (const _ of adapter.generateStream(hello, call)) controller.abort()
      })()
      await expect(reading).rejects.toMatchObject({ name: 'AbortError' })
      await (await arrived).closed
    },
  )
})

describe('URLs and keys', () => {
  const urlAt = async (options: object, path = '') => {
    const server = await serve(reply(200, stop([{ text: 'Hi' }])))
    const adapter = gemini({ apiKey: 'k', baseURL: `${server.url}${path}`, ...options })
    await adapter.generate?.(hello, callOf().call)
    return server.seen[0]?.url
  }

  it.each([
    ['', {}, '/v1beta'],
    ['/', {}, '/v1beta'],
    ['/v1beta/', {}, '/v1beta'],
    ['/proxy/v1alpha', {}, '/proxy/v1alpha'],
    ['/proxy', { version: 'v1' }, '/proxy/v1'],
  ])('the base %j with %j is %s', async (path, options, base) => {
    expect(await urlAt(options, path)).toBe(`${base}/models/${flash3}:generateContent`)
  })

  it('a query of the base URL stays after the path', async () => {
    expect(await urlAt({}, '/proxy?tenant=a')).toBe(
      `/proxy/v1beta/models/${flash3}:generateContent?tenant=a`,
    )
  })

  it('key and base URL come from the environment at the call', async () => {
    const server = await serve(reply(200, stop([{ text: 'Hi' }])))
    const adapter = gemini()
    vi.stubEnv('GOOGLE_GEMINI_BASE_URL', server.url)
    vi.stubEnv('GEMINI_API_KEY', '')
    vi.stubEnv('GOOGLE_API_KEY', 'google')
    await adapter.generate?.(hello, callOf().call)
    vi.stubEnv('GEMINI_API_KEY', 'gemini')
    await adapter.generate?.(hello, callOf().call)
    expect(server.seen.map(({ headers }) => headers['x-goog-api-key'])).toEqual([
      'google',
      'gemini',
    ])
  })

  it('a missing key is an error that names the variable, before any connection', async () => {
    const server = await serve(reply(200, stop()))
    vi.stubEnv('GEMINI_API_KEY', '')
    vi.stubEnv('GOOGLE_API_KEY', '')
    const failed = await gemini({ baseURL: server.url })
      .generate?.(hello, callOf().call)
      .catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(AuthenticationError)
    expect(failed).toMatchObject({ message: expect.stringContaining('GEMINI_API_KEY') })
    expect(server.seen).toHaveLength(0)
  })
})

describe('the official client', () => {
  it('sends once, through the fetch it was created with', async () => {
    const server = await serve(
      reply(503, { error: { code: 503, message: 'busy', status: 'UNAVAILABLE' } }),
    )
    const fetch = vi.fn(globalThis.fetch)
    const httpOptions = { baseUrl: server.url, fetch, retryOptions: { attempts: 4 } }
    const adapter = gemini({ client: new GoogleGenAI({ apiKey: 'k', httpOptions }) })
    await expect(adapter.generate?.(hello, callOf().call)).rejects.toBeInstanceOf(
      ServiceUnavailableError,
    )
    expect(fetch).toHaveBeenCalledTimes(1)
  })

  it('does not retry a failed connection', async () => {
    const fetch = vi.fn(() => Promise.reject(new TypeError('fetch failed')))
    const httpOptions = { fetch, retryOptions: { attempts: 4 } }
    const adapter = gemini({ client: new GoogleGenAI({ apiKey: 'k', httpOptions }) })
    await expect(adapter.generate?.(hello, callOf().call)).rejects.toBeInstanceOf(
      APIConnectionError,
    )
    expect(fetch).toHaveBeenCalledTimes(1)
  })

  it('uses its own version and base URL', async () => {
    const server = await serve(reply(200, stop([{ text: 'Hi' }])))
    const client = new GoogleGenAI({
      apiKey: 'k',
      apiVersion: 'v1alpha',
      httpOptions: { baseUrl: `${server.url}/x` },
    })
    await gemini({ client }).generate?.(hello, callOf().call)
    expect(server.seen[0]?.url).toBe(`/x/v1alpha/models/${flash3}:generateContent`)
  })

  it('may be a stub that returns values', async () => {
    const asked: unknown[] = []
    const client: GeminiClient = {
      models: {
        generateContent: async (request) => {
          asked.push(request.model)
          return stop([{ text: 'plain' }])
        },
        generateContentStream: async () =>
          (async function* () {
            yield chunk([{ text: 'in ' }])
            yield stop([{ text: 'pieces' }])
          })(),
        countTokens: async () => ({ totalTokens: 3 }),
      },
    }
    const adapter = gemini({ client })
    expect(await adapter.generate?.(hello, callOf().call)).toMatchObject({ text: 'plain' })
    expect(textOf((await stream(adapter)).chunks)).toBe('in pieces')
    expect(await adapter.countTokens?.(hello, callOf().call)).toBe(3)
    expect(asked).toEqual([flash3])
  })
})
