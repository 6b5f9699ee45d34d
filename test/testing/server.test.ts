/** What the server records, and how a script is played. */
import { afterEach, describe, expect, test } from 'vitest'
import {
  callTool,
  fail,
  type MockServer,
  type MockServerOptions,
  mockServer,
  type RecordedRequest,
  refuse,
  type Step,
  say,
} from '../../src/testing/index.js'
import { anthropicClient, geminiClient, models, openaiClient, providers, run } from './official.js'
import { endingOf, framesOf, post } from './plain-http.js'

let server: MockServer

afterEach(() => server.close())

const serve = async (script: Step | readonly Step[] = [], options?: MockServerOptions) => {
  server = await mockServer(script, options)
}

const textOf = async (response: Response) => ({
  status: response.status,
  body: await response.text(),
})

describe('records', () => {
  test.each(providers)(
    '%s: model, body and path of a request, with the key masked',
    async (provider) => {
      await serve([say('Hi'), say('Hi')])
      await post(server, provider, {
        body: { odd: { nested: [1, null] } },
        headers: { 'x-mine': 'a' },
      })
      await (await post(server, provider, { stream: true })).text()
      const [plain, streamed] = server.requests
      expect(plain).toMatchObject({
        index: 0,
        provider,
        kind: 'generate',
        method: 'POST',
        model: models[provider],
        streaming: false,
        body: { model: models[provider], odd: { nested: [1, null] } },
        aborted: false,
      })
      expect(streamed).toMatchObject({ index: 1, streaming: true })
      expect(plain?.headers['x-mine']).toBe('a')
      const { apiKey } = server.options(provider)
      expect(plain?.headers.authorization).toBe(`Bearer ****${apiKey.slice(-4)}`)
      expect(JSON.stringify(server.requests)).not.toContain(apiKey)
      expect(JSON.parse(plain?.text ?? '')).toEqual(plain?.body)
    },
  )

  test('keys in any header or in the URL are masked', async () => {
    await serve([say('Hi'), say('Hi'), say('Hi')])
    await run(server, 'anthropic', 'plain')
    await run(server, 'gemini', 'plain')
    await fetch(`${server.baseURL('gemini')}/v1beta/models/m:generateContent?key=secret-key-1`, {
      method: 'POST',
      body: '{}',
    })
    const records = JSON.stringify(server.requests)
    expect(records).not.toContain('mock-key-of')
    expect(records).not.toContain('secret-key-1')
    expect(server.requests[2]?.query).toBe('key=****')
  })

  test('a request can be awaited', async () => {
    await serve([say('a'), say('b')])
    const second = server.request(1)
    await post(server, 'openai')
    await post(server, 'xai')
    expect((await second).provider).toBe('xai')
    expect((await server.request(0)).provider).toBe('openai')
  })

  test('responses that have not ended are counted', async () => {
    await serve(say('a').stall(1))
    const leaving = new AbortController()
    const response = await post(server, 'openai', { stream: true, signal: leaving.signal })
    expect(server.open).toBe(1)
    leaving.abort()
    await endingOf(response)
    await server.requests[0]?.closed
    expect(server.open).toBe(0)
  })
})

describe('a script', () => {
  test('is one list for all wires', async () => {
    await serve(providers.map((provider) => say(`for ${provider}`)))
    for (const provider of providers) {
      expect((await run(server, provider, 'plain')).text).toBe(`for ${provider}`)
    }
    expect(server.left).toBe(0)
  })

  test('may depend on the request', async () => {
    const echo = (request: RecordedRequest) => say(`${request.provider}: ${request.body.input}`)
    await serve([echo, async (request) => echo(request)])
    expect((await run(server, 'openai', 'plain')).text).toBe('openai: Hello?')
    expect((await run(server, 'xai', 'streamed')).text).toBe('xai: Hello?')
  })

  test('may grow, and has a reply for requests after its end', async () => {
    await serve(say('one'))
    server.script(say('two'))
    server.reply(say('ever after'))
    const texts = []
    for (let i = 0; i < 4; i++) texts.push((await run(server, 'anthropic', 'plain')).text)
    expect(texts).toEqual(['one', 'two', 'ever after', 'ever after'])
  })

  test.each(providers)('%s: its end is a failure that says so', async (provider) => {
    await serve()
    const { status, body } = await textOf(await post(server, provider))
    expect(status).toBe(500)
    expect(body).toContain('The script has ended')
  })

  test('that throws is a failure that says so', async () => {
    await serve(() => {
      throw new Error('no reply for this')
    })
    const { status, body } = await textOf(await post(server, 'gemini'))
    expect(status).toBe(500)
    expect(body).toContain('no reply for this')
  })

  test('with a part that the wire does not support is a failure that says so', async () => {
    await serve([say('a').image('AAAA')])
    const { status, body } = await textOf(await post(server, 'anthropic'))
    expect(status).toBe(500)
    expect(body).toContain('generated media')
  })

  test('shares replies and never changes them', async () => {
    const base = Object.freeze(say('Hi'))
    expect(base.cut(1)).not.toBe(base)
    expect(base.spec.delivery.cut).toBeUndefined()
    expect(base.say('again').spec.parts).toHaveLength(2)
    expect(base.spec.parts).toHaveLength(1)
    await serve()
  })
})

describe('other endpoints', () => {
  test('count tokens in agreement with the usage', async () => {
    await serve([say('a'), say('a'), say('a')])
    const input = { model: models.openai, input: 'Hello there, how many tokens is this?' }
    const openai = openaiClient(server)
    const { input_tokens } = await openai.responses.inputTokens.count(input)
    const { usage } = await openai.responses.create(input)
    expect(usage?.input_tokens).toBe(input_tokens)

    const messages = [{ role: 'user' as const, content: 'Hello' }]
    const counted = await anthropicClient(server).messages.countTokens({
      model: models.anthropic,
      messages,
    })
    expect(counted.input_tokens).toBeGreaterThan(0)

    const gemini = await geminiClient(server).models.countTokens({
      model: models.gemini,
      contents: 'Hello',
    })
    expect(gemini.totalTokens).toBeGreaterThan(0)
    expect(server.requests.map(({ kind }) => kind)).toEqual(['count', 'generate', 'count', 'count'])
    expect(server.left).toBe(2)
  })

  test('return a count of the test, or a failure', async () => {
    await serve([], { countTokens: (request) => (request.model === 'bad' ? fail(404) : 42) })
    const client = anthropicClient(server)
    const messages = [{ role: 'user' as const, content: 'Hello' }]
    expect((await client.messages.countTokens({ model: 'm', messages })).input_tokens).toBe(42)
    await expect(client.messages.countTokens({ model: 'bad', messages })).rejects.toMatchObject({
      status: 404,
    })
  })

  test('list models', async () => {
    await serve([], { models: { openai: ['gpt-test'] } })
    const openai = openaiClient(server)
    expect((await openai.models.list()).data.map(({ id }) => id)).toEqual(['gpt-test'])
    expect((await openai.models.retrieve('gpt-test')).id).toBe('gpt-test')
    await expect(openai.models.retrieve('other')).rejects.toMatchObject({ status: 404 })
    const ids = []
    for await (const { id } of anthropicClient(server).models.list()) ids.push(id)
    expect(ids.length).toBeGreaterThan(0)
    const names = []
    for await (const { name } of await geminiClient(server).models.list()) names.push(name)
    expect(names[0]).toMatch(/^models\//)
  })

  test('reject a request without a key like the provider', async () => {
    await serve(say('a'))
    const statuses: Record<string, number> = {}
    for (const provider of providers) {
      const { status } = await post(server, provider, { headers: { authorization: '' } })
      statuses[provider] = status
    }
    expect(statuses).toEqual({
      openai: 401,
      xai: 401,
      anthropic: 401,
      gemini: 403,
      compatible: 200,
    })
    await server.close()
    await serve(say('a'), { requireKey: false })
    expect((await post(server, 'openai', { headers: { authorization: '' } })).status).toBe(200)
  })

  test('reject a body that is not JSON, an unknown method and an unknown path', async () => {
    await serve(say('a'))
    const headers = { authorization: 'Bearer some-key' }
    const send = (path: string, init: RequestInit) =>
      fetch(server.url + path, { headers, ...init }).then(({ status }) => status)
    expect(await send('/openai/v1/responses', { method: 'POST', body: '{"model"' })).toBe(400)
    expect(await send('/openai/v1/responses', { method: 'GET' })).toBe(405)
    expect(await send('/openai/v2/responses', { method: 'POST', body: '{}' })).toBe(404)
    expect(await send('/v1/v1/messages', { method: 'POST', body: '{}' })).toBe(404)
    expect(server.left).toBe(1)
    expect(server.requests[3]).toMatchObject({ kind: 'unknown', provider: undefined })
  })

  test('map paths without a prefix to the provider that has them', async () => {
    await serve([say('a'), say('a'), say('a'), say('a')])
    const headers = { authorization: 'Bearer some-key' }
    const paths = [
      '/v1/responses',
      '/v1/messages',
      '/v1/chat/completions',
      '/v1beta/models/gemini-x:generateContent',
    ]
    for (const path of paths) {
      await fetch(server.url + path, { method: 'POST', headers, body: '{"model":"m"}' })
    }
    expect(server.requests.map(({ provider }) => provider)).toEqual([
      'openai',
      'anthropic',
      'compatible',
      'gemini',
    ])
    expect(server.requests[3]?.model).toBe('gemini-x')
  })

  test('serve Chat Completions for OpenAI and xAI too', async () => {
    const usage = {
      prompt_tokens: 12,
      completion_tokens: 229,
      completion_tokens_details: { reasoning_tokens: 228 },
    }
    await serve([say('a').usage(usage), say('a').usage(usage), callTool('f', { a: 1 })])
    const params = { model: 'm', messages: [] }
    const openai = await openaiClient(server).chat.completions.create(params)
    expect(openai.usage).toMatchObject({ completion_tokens: 229, total_tokens: 241 })
    // recorded: 12 + 1 + 228 = 241
    const xai = openaiClient(server, 'xai')
    const { usage: told } = await xai.chat.completions.create(params)
    expect(told).toMatchObject({ completion_tokens: 1, total_tokens: 241 })
    const stream = await xai.chat.completions.create({ ...params, stream: true })
    const calls = []
    for await (const { choices } of stream) calls.push(...(choices[0]?.delta.tool_calls ?? []))
    expect(calls).toMatchObject([{ index: 0, function: { name: 'f', arguments: '{"a":1}' } }])
    expect(server.requests.map(({ api }) => api)).toEqual(['chat', 'chat', 'chat'])
  })

  test('send the usage of a Chat Completions stream only on request', async () => {
    await serve([say('a'), say('a')])
    const { text } = await endingOf(await post(server, 'compatible', { stream: true }))
    expect(text).not.toContain('usage')
    const body = { stream_options: { include_usage: true } }
    const asked = await endingOf(await post(server, 'compatible', { stream: true, body }))
    expect(framesOf(asked.text).at(-2)).toContain('"choices":[],"usage":{"prompt_tokens"')
  })

  test('send no usage where the wire has none', async () => {
    for (const provider of providers) {
      await serve(say('a').usage(null))
      const { body } = await textOf(await post(server, provider))
      expect(body).not.toMatch(/"usage(Metadata)?":\{/)
      await server.close()
    }
    await serve()
  })

  test('stream one growing array for Gemini without alt=sse', async () => {
    await serve(say('one two three'))
    const path = `/v1beta/models/${models.gemini}:streamGenerateContent`
    const response = await fetch(server.baseURL('gemini') + path, {
      method: 'POST',
      headers: { 'x-goog-api-key': 'some-key' },
      body: '{}',
    })
    expect(response.headers.get('content-type')).toMatch(/^application\/json/)
    expect(await response.json()).toHaveLength(3)
  })

  test('send no candidate for a blocked prompt', async () => {
    await serve([refuse('no', { ofPrompt: true })])
    const { finish } = await run(server, 'gemini', 'streamed')
    expect(finish).toBe('PROHIBITED_CONTENT')
  })

  test('are found by apps through the environment', async () => {
    await serve()
    expect(server.env).toMatchObject({
      OPENAI_API_KEY: server.options('openai').apiKey,
      OPENAI_BASE_URL: server.baseURL('openai'),
      ANTHROPIC_BASE_URL: server.baseURL('anthropic'),
      GEMINI_API_KEY: server.options('gemini').apiKey,
      XAI_API_KEY: server.options('xai').apiKey,
    })
  })

  test('closing ends open connections', async () => {
    await serve(say('a').stall(1))
    const response = await post(server, 'openai', { stream: true })
    await server.close()
    expect((await endingOf(response)).isBroken).toBe(true)
    expect(server.open).toBe(0)
  })
})

test('a thousand concurrent streams', { timeout: 60_000 }, async () => {
  await serve((request) => {
    const words = Array.from({ length: 200 }, (_, index) => `${request.body.n}-${index} `)
    return say(words.join(''), { chunks: words })
  })
  server.reply((request) => {
    const words = Array.from({ length: 200 }, (_, index) => `${request.body.n}-${index} `)
    return say(words.join(''), { chunks: words })
  })
  const frames = await Promise.all(
    Array.from({ length: 1_000 }, async (_, n) => {
      const response = await post(server, 'anthropic', { stream: true, body: { n } })
      const { text, isBroken } = await endingOf(response)
      return !isBroken && text.includes(`"${n}-199 "`) ? framesOf(text).length : 0
    }),
  )
  expect(new Set(frames)).toEqual(new Set([206]))
  expect(server.requests).toHaveLength(1_000)
})
