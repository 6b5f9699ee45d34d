/**
 * Over a socket, with `fetch` and with the official client: the same requests, chunks and errors.
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import fc from 'fast-check'
import OpenAI from 'openai'
import { afterEach, describe, expect, it, test, vi } from 'vitest'
import type { StreamChunk } from '../../../src/chat/index.js'
import { createClient } from '../../../src/client.js'
import {
  AbortError,
  APIConnectionError,
  AuthenticationError,
  BadGatewayError,
  InternalServerError,
  isTetradError,
  NotFoundError,
  RateLimitError,
  StreamInterruptedError,
  type TetradError,
  UnexpectedResponseError,
} from '../../../src/core/index.js'
import { openai } from '../../../src/providers/openai/index.js'
import { type Answer, reply, serve, sse } from '../../transport/loopback.js'
import { body, frozen, functionCall, hello, message, recording } from './support.js'

const model = 'openai/gpt-5-mini'
const request = frozen({ ...hello, model })

const transports = ['fetch', 'official client'] as const
type Through = (typeof transports)[number]

const provider = (url: string, through: Through = 'fetch') =>
  through === 'fetch'
    ? openai({ apiKey: 'test-key', baseURL: `${url}/v1` })
    : openai({ client: new OpenAI({ apiKey: 'test-key', baseURL: `${url}/v1` }) })

const clientOn = async (answer: Answer, through?: Through) => {
  const server = await serve(answer)
  return { server, ai: createClient({ providers: [provider(server.url, through)] }) }
}

/** Chunks until the end or the error. */
async function collect(stream: AsyncIterable<StreamChunk>) {
  const chunks: StreamChunk[] = []
  try {
    for await (const chunk of stream) chunks.push(chunk)
    return { chunks, error: undefined }
  } catch (error) {
    return { chunks, error: error as TetradError }
  }
}

/** An address on which nothing listens. */
async function nowhere(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return `http://127.0.0.1:${port}`
}

const kinds = (chunks: readonly StreamChunk[]) => chunks.map(({ type }) => type)
const caught = (promise: Promise<unknown>): Promise<TetradError> =>
  promise.then(
    () => Promise.reject(new Error('no error')),
    (error) => error,
  )

afterEach(() => {
  vi.unstubAllEnvs()
})

describe.each(transports)('through %s', (through) => {
  it('generate is one POST with the key in its header', async () => {
    const { server, ai } = await clientOn(
      reply(200, body([message('Hi')]), { 'x-request-id': 'req_7' }),
      through,
    )
    const answer = await ai.generate({ ...request, max_tokens: 100 })
    expect(answer).toMatchObject({ text: 'Hi', request_id: 'req_7', usage: { total_tokens: 15 } })
    expect(server.seen).toHaveLength(1)
    const [seen] = server.seen
    expect(seen).toMatchObject({ method: 'POST', url: '/v1/responses' })
    expect(seen?.headers.authorization).toBe('Bearer test-key')
    expect(JSON.parse(seen?.body ?? '')).toEqual({
      model: 'gpt-5-mini',
      input: [{ role: 'user', content: 'Hello' }],
      store: false,
      include: ['reasoning.encrypted_content'],
      max_output_tokens: 100,
    })
  })

  it('headers of the request and of the call are sent', async () => {
    const { server, ai } = await clientOn(reply(200, body([message('Hi')])), through)
    await ai.generate(
      { ...request, extra_headers: { 'X-One': '1' } },
      { headers: { 'x-two': '2' } },
    )
    expect(server.seen[0]?.headers).toMatchObject({ 'x-one': '1', 'x-two': '2' })
  })

  it('the key of the call replaces the configured one', async () => {
    const { server, ai } = await clientOn(reply(200, body([message('Hi')])), through)
    await ai.generate(request, { apiKeys: { openai: 'tenant-key' } })
    expect(server.seen[0]?.headers.authorization).toBe('Bearer tenant-key')
  })

  it('a recorded stream equals its recording', async () => {
    const taken = recording('openai', 'phase-call-stream')
    const { server, ai } = await clientOn(sse(taken.sse ?? ''), through)
    const stream = ai.stream(request)
    const { chunks, error } = await collect(stream)
    expect(error).toBeUndefined()
    expect(kinds(chunks).at(0)).toBe('start')
    expect(kinds(chunks).at(-1)).toBe('finish')
    expect((await stream.response).message.tool_calls).toHaveLength(1)
    expect(JSON.parse(server.seen[0]?.body ?? '').stream).toBe(true)
    expect(server.seen[0]?.headers.accept).toBe('text/event-stream')
  })

  it.each([
    [404, recording('openai', 'error-model').body, NotFoundError, 'model_not_found'],
    [
      401,
      { error: { code: 'invalid_api_key', message: 'Incorrect key.' } },
      AuthenticationError,
      'invalid_api_key',
    ],
    [
      429,
      { error: { code: 'rate_limit_exceeded', message: 'Slow down.' } },
      RateLimitError,
      'rate_limit_exceeded',
    ],
    [
      500,
      { error: { type: 'server_error', message: 'Oops.' } },
      InternalServerError,
      'server_error',
    ],
  ])('an error response with %d is typed, and sent once', async (status, wire, Class, code) => {
    const headers = { 'retry-after': '3', 'x-request-id': 'req_8' }
    const { server, ai } = await clientOn(reply(status, wire, headers), through)
    for (const call of [() => ai.generate(request), () => ai.stream(request).response]) {
      const error = await caught(call())
      expect(error).toBeInstanceOf(Class)
      expect(error).toMatchObject({ status, code, retryAfterMs: 3000, requestId: 'req_8' })
      const { error: providerError } = wire as { error: { message: string } }
      expect(error.message).toContain(providerError.message)
    }
    expect(server.seen).toHaveLength(2)
  })

  it('an HTML page of a proxy is an error, and is not shown', async () => {
    const { ai } = await clientOn(reply(502, '<html>secret</html>'), through)
    const error = await caught(ai.generate(request))
    expect(error).toBeInstanceOf(BadGatewayError)
    expect(error.message).not.toContain('secret')
  })

  it('a JSON error in place of a stream is thrown', async () => {
    const { ai } = await clientOn(
      reply(200, { error: { code: 'server_error', message: 'Oops' } }),
      through,
    )
    const { chunks, error } = await collect(ai.stream(request))
    expect(chunks).toEqual([])
    expect(error).toBeInstanceOf(InternalServerError)
  })

  it('an unreachable server is a connection error with its cause', async () => {
    const ai = createClient({ providers: [provider(await nowhere(), through)] })
    const error = await caught(ai.generate(request))
    expect(error).toBeInstanceOf(APIConnectionError)
    expect(error).toMatchObject({ phase: 'connect', maybeBilled: false })
  })

  it('an abort closes the socket', async () => {
    const taken = recording('openai', 'text-stream').sse ?? ''
    const { server, ai } = await clientOn((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(taken.slice(0, taken.indexOf('response.output_text.done')))
    }, through)
    const controller = new AbortController()
    const stream = ai.stream(request, { signal: controller.signal })
    let error: unknown
    try {
      for await (const chunk of stream) if (chunk.type === 'text-delta') controller.abort()
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(AbortError)
    await server.seen[0]?.closed
  })

  it('a socket that closes in the middle is an interruption that keeps the content', async () => {
    const taken = recording('openai', 'text-stream').sse ?? ''
    const { ai } = await clientOn((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(taken.slice(0, taken.indexOf('response.output_text.done')), () =>
        response.destroy(),
      )
    }, through)
    const { chunks, error } = await collect(ai.stream(request))
    expect(error).toBeInstanceOf(StreamInterruptedError)
    expect(error?.partial?.text).not.toBe('')
    expect(kinds(chunks)).not.toContain('finish')
  })

  it('tokens are counted by the provider', async () => {
    const { server, ai } = await clientOn(
      reply(200, { object: 'response.input_tokens', input_tokens: 42 }),
      through,
    )
    expect(await ai.countTokens({ ...request, max_tokens: 100 })).toEqual({ tokens: 42 })
    expect(server.seen[0]?.url).toBe('/v1/responses/input_tokens')
    expect(JSON.parse(server.seen[0]?.body ?? '')).toEqual({
      model: 'gpt-5-mini',
      input: [{ role: 'user', content: 'Hello' }],
    })
  })
})

describe('base URL and key', () => {
  it('a missing key is an error before any connection that names the variable', async () => {
    vi.stubEnv('OPENAI_API_KEY', '')
    const { server } = await clientOn(reply(200, {}))
    const ai = createClient({ providers: [openai({ baseURL: server.url })] })
    const error = await caught(ai.generate(request))
    expect(error).toBeInstanceOf(AuthenticationError)
    expect(error.message).toContain('OPENAI_API_KEY')
    expect(server.seen).toEqual([])
  })

  it('come from the environment, at the call', async () => {
    const server = await serve(reply(200, body([message('Hi')])))
    const ai = createClient({ providers: [openai()] })
    vi.stubEnv('OPENAI_API_KEY', 'env-key')
    vi.stubEnv('OPENAI_BASE_URL', `${server.url}/proxy/v1/`)
    vi.stubEnv('OPENAI_ORG_ID', 'org-1')
    await ai.generate(request)
    expect(server.seen[0]?.url).toBe('/proxy/v1/responses')
    expect(server.seen[0]?.headers).toMatchObject({
      authorization: 'Bearer env-key',
      'openai-organization': 'org-1',
    })
  })
})

describe('a stream', () => {
  const names = ['calls-stream', 'phase-call-stream', 'refusal-stream']
  const outcomeOf = async (pieces: readonly string[]) => {
    const { ai } = await clientOn(sse(...pieces))
    const { attempts: _, ...answer } = await ai.stream(request).response
    return answer
  }

  it('is the same wherever it is split', async () => {
    for (const name of names) {
      const text = recording('openai', name).sse ?? ''
      const whole = await outcomeOf([text])
      await fc.assert(
        fc.asyncProperty(fc.array(fc.nat(text.length), { maxLength: 6 }), async (cuts) => {
          const places = [0, ...cuts.toSorted((a, b) => a - b), text.length]
          const pieces = places.slice(1).map((end, index) => text.slice(places[index], end))
          expect(await outcomeOf(pieces)).toEqual(whole)
        }),
        { numRuns: 8 },
      )
    }
  })

  test.each(names)('%s: cut after any event it is an interruption, never a stop', async (name) => {
    const blocks = (recording('openai', name).sse ?? '').split(/(?<=\n\n)/)
    const { ai, server } = await clientOn((response) => {
      const end = server.seen.length
      sse(...blocks.slice(0, end))(response, server.seen[0] as never)
    })
    for (let end = 1; end < blocks.length; end++) {
      const { chunks, error } = await collect(ai.stream(request))
      expect(isTetradError(error)).toBe(true)
      expect(error).toBeInstanceOf(StreamInterruptedError)
      expect(kinds(chunks)).not.toContain('finish')
    }
  })

  test.each(names)('%s: aborted at any chunk it is an AbortError', async (name) => {
    const { ai } = await clientOn(sse(recording('openai', name).sse ?? ''))
    const { chunks: whole } = await collect(ai.stream(request))
    for (let at = 1; at < whole.length; at++) {
      const stream = ai.stream(request)
      let count = 0
      let error: unknown
      try {
        for await (const _ of stream) if (++count === at) stream.abort()
      } catch (thrown) {
        error = thrown
      }
      expect(error).toBeInstanceOf(AbortError)
      expect(count).toBe(at)
    }
  })

  it('with an error event after its text keeps text and usage so far', async () => {
    const text = recording('openai', 'text-stream').sse ?? ''
    const start = text.slice(0, text.indexOf('event: response.output_text.done'))
    const error = { type: 'error', code: 'server_error', message: 'Oops', param: null }
    const { ai } = await clientOn(sse(start, `event: error\ndata: ${JSON.stringify(error)}\n\n`))
    const result = await collect(ai.stream(request))
    expect(result.error).toBeInstanceOf(InternalServerError)
    expect(result.error?.partial?.text).not.toBe('')
  })

  it('that is empty or only has pings is an error', async () => {
    for (const text of ['', ': ping\n\n', 'data: [DONE]\n\n']) {
      const { ai } = await clientOn(sse(text))
      const { error } = await collect(ai.stream(request))
      expect(
        error instanceof UnexpectedResponseError || error instanceof StreamInterruptedError,
      ).toBe(true)
    }
  })
})

describe('a conversation', () => {
  it('with a tool continues with unchanged reasoning, call and result', async () => {
    const reasoning = { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAAA' }
    const turns = [body([reasoning, functionCall('{"city":"Rome"}')]), body([message('Sunny.')])]
    const { ai, server } = await clientOn((response, seen) => {
      reply(200, turns[server.seen.length - 1])(response, seen)
    })
    const tools = [{ type: 'function', function: { name: 'weather' } }] as const
    const first = await ai.generate({ ...request, tools })
    const history = JSON.parse(
      JSON.stringify([
        ...request.messages,
        ...first.messages,
        { role: 'tool', tool_call_id: 'call_1', content: '21 degrees' },
      ]),
    )
    const second = await ai.generate({ ...request, tools, messages: frozen(history) })
    expect(second.text).toBe('Sunny.')
    expect(JSON.parse(server.seen[1]?.body ?? '').input).toEqual([
      { role: 'user', content: 'Hello' },
      reasoning,
      functionCall('{"city":"Rome"}'),
      { type: 'function_call_output', call_id: 'call_1', output: '21 degrees' },
    ])
    expect(second.warnings).toEqual([])
  })

  it('sends audio, custom tools and hosted tools, and reads logprobs', async () => {
    const logprobs = [{ token: 'Hi', logprob: -0.5, bytes: [72, 105], top_logprobs: [] }]
    const search = {
      type: 'web_search_call',
      id: 'ws_1',
      status: 'completed',
      action: { type: 'search', query: 'x' },
    }
    const custom = {
      type: 'custom_tool_call',
      id: 'c',
      call_id: 'call_1',
      name: 'sql',
      input: 'SELECT 1',
    }
    const { ai, server } = await clientOn(
      reply(200, body([search, message('Hi', { logprobs }), custom])),
    )
    const answer = await ai.generate({
      model: 'openai/gpt-audio',
      messages: [
        {
          role: 'user',
          content: [{ type: 'input_audio', input_audio: { data: 'AAAA', format: 'mp3' } }],
        },
      ],
      tools: [{ type: 'custom', custom: { name: 'sql' } }, { type: 'web_search' }],
      logprobs: true,
    })
    expect(JSON.parse(server.seen[0]?.body ?? '')).toMatchObject({
      input: [{ content: [{ type: 'input_audio' }] }],
      tools: [{ type: 'custom', name: 'sql' }, { type: 'web_search' }],
      include: ['message.output_text.logprobs', 'web_search_call.action.sources'],
    })
    expect(answer.logprobs?.content).toEqual([{ token: 'Hi', logprob: -0.5, bytes: [72, 105] }])
    expect(answer.message.hosted_tools).toMatchObject([{ id: 'ws_1', name: 'web_search' }])
    expect(answer.message.tool_calls).toEqual([
      { id: 'call_1', type: 'custom', custom: { name: 'sql', input: 'SELECT 1' } },
    ])
  })
})

it('the types of this provider name no peer dependency', () => {
  const source = readFileSync(
    new URL('../../../src/providers/openai/sdk.ts', import.meta.url),
    'utf8',
  )
  expect(source).not.toMatch(/from 'openai/)
})
