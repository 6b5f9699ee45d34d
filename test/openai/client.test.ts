/** Libraries on top of the official client, over our stack: each on the wires of all providers. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { HumanMessage } from '@langchain/core/messages'
import { tool as langchainTool } from '@langchain/core/tools'
import { ChatOpenAI } from '@langchain/openai'
import { generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai'
import OpenAI from 'openai'
import { zodResponseFormat } from 'openai/helpers/zod'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { standard } from '../../middleware/standard.js'
import { createClient } from '../../src/client.js'
import { openaiClient, openaiFetch } from '../../src/openai/index.js'
import { callTool, events, fail, mockServer, say, think } from '../../src/testing/index.js'
import { adapters, models, names } from '../wire/support.js'

async function setUp(...script: Parameters<typeof mockServer>) {
  const server = await mockServer(...script)
  onTestFinished(() => server.close())
  const ai = createClient({ providers: adapters(server), use: [standard({ retry: false })] })
  return { server, ai, openai: openaiClient(ai, OpenAI, { models: ['a', 'b'] }) }
}

/** At least twenty events, one write each. */
const long = () => say('One two three four five six', { chunks: 20 }).splitEvents()

const messages = [{ role: 'user' as const, content: 'Hi' }]
const city = z.object({ city: z.string() })

describe.each(names)('the official client on %s', (name) => {
  const model = models[name]

  it('calls functions in the format before tools', async () => {
    const { openai, server } = await setUp([
      callTool('weather', { city: 'Rome' }),
      callTool('weather', { city: 'Rome' }),
      say('Sunny.'),
    ])
    const weather = { name: 'weather', parameters: { type: 'object', properties: { city: {} } } }
    const asked = { model, messages, functions: [weather], function_call: { name: 'weather' } }
    const { choices } = await openai.chat.completions.create(asked)
    const call = { name: 'weather', arguments: '{"city":"Rome"}' }
    expect(choices[0]).toMatchObject({
      finish_reason: 'function_call',
      message: { function_call: call },
    })
    expect(choices[0]?.message.tool_calls).toBeUndefined()
    const whole = await openai.chat.completions.stream(asked).finalChatCompletion()
    expect(whole.choices[0]).toMatchObject({
      finish_reason: 'function_call',
      message: { function_call: call },
    })
    const body = JSON.stringify(server.requests.map((request) => request.body))
    expect(body).not.toMatch(/"functions"|"function_call":\{"name"/)

    const last = await openai.chat.completions.create({
      model,
      functions: [weather],
      messages: [
        ...messages,
        { role: 'assistant', content: null, function_call: call },
        { role: 'function', name: 'weather', content: 'Sunny.' },
      ],
    })
    expect(last.choices[0]?.message.content).toBe('Sunny.')
  })

  it('generates, with its response object, and streams', async () => {
    const { openai } = await setUp([
      think('Hm.').say('Hello.'),
      say('Hello.'),
      say('Hello wide world', { chunks: 3 }).usage({ prompt_tokens: 7, completion_tokens: 3 }),
    ])
    const whole = await openai.chat.completions.create({ model, messages })
    expect(whole.choices[0]).toMatchObject({
      finish_reason: 'stop',
      message: { role: 'assistant', content: 'Hello.' },
    })
    expect(whole.model).toBe(model)
    const { data, response } = await openai.chat.completions
      .create({ model, messages })
      .withResponse()
    expect([data.choices[0]?.message.content, response.status]).toEqual(['Hello.', 200])

    const stream = await openai.chat.completions.create({
      model,
      messages,
      stream: true,
      stream_options: { include_usage: true },
    })
    let text = ''
    let last: OpenAI.ChatCompletionChunk | undefined
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? ''
      last = chunk
    }
    expect(text).toBe('Hello wide world')
    expect(last?.usage).toMatchObject({ prompt_tokens: 7, completion_tokens: 3 })
  })

  it('parses, runs tools, and emits events', async () => {
    const { openai, server } = await setUp([
      say('{"city":"Rome"}'),
      callTool('weather', { city: 'Rome' }),
      say('Sunny in Rome.'),
      say('One two', { chunks: 2 }),
    ])
    const parsed = await openai.chat.completions.parse({
      model,
      messages,
      response_format: zodResponseFormat(city, 'place'),
    })
    expect(parsed.choices[0]?.message.parsed).toEqual({ city: 'Rome' })

    const asked: unknown[] = []
    const runner = openai.chat.completions.runTools({
      model,
      messages,
      tools: [
        {
          type: 'function',
          function: {
            name: 'weather',
            description: 'How it is.',
            parameters: { type: 'object', properties: { city: { type: 'string' } } },
            parse: JSON.parse,
            function: (args: unknown) => {
              asked.push(args)
              return 'sunny'
            },
          },
        },
      ],
    })
    expect(await runner.finalContent()).toBe('Sunny in Rome.')
    expect(asked).toEqual([{ city: 'Rome' }])
    expect(JSON.stringify(server.requests[2]?.body)).toContain('sunny')

    const pieces: string[] = []
    const stream = openai.chat.completions.stream({ model, messages })
    stream.on('content', (piece) => pieces.push(piece))
    expect((await stream.finalChatCompletion()).choices[0]?.message.content).toBe('One two')
    expect(pieces.join('')).toBe('One two')
  })

  it.each([false, true])('throws the error class of the status (stream: %s)', async (isStream) => {
    const { openai, server } = await setUp([fail(401), fail(429), fail(503)])
    const statuses = [401, 429, 503]
    for (const status of statuses)
      await expect(
        openai.chat.completions.create({ model, messages, stream: isStream }),
      ).rejects.toMatchObject({ status })
    expect(server.requests.length).toBe(3)
  })

  it('emits each word as it arrives, without buffering', async () => {
    const reply = say('One two', { chunks: ['One ', 'two'] })
    const first = events(name, reply).findIndex((event) => JSON.stringify(event).includes('One '))
    let goOn = () => {}
    const held = new Promise<void>((resolve) => {
      goOn = resolve
    })
    const { openai } = await setUp(reply.splitEvents().hold(first + 1, held))
    const seen: string[] = []
    for await (const { choices } of await openai.chat.completions.create({
      model,
      messages,
      stream: true,
    })) {
      const { content } = choices[0]?.delta ?? {}
      if (content) seen.push(content)
      // the server pauses until the first word has arrived
      if (content) goOn()
    }
    expect(seen).toEqual(['One ', 'two'])
  })

  it('continues after network reads that contain nothing for the client', async () => {
    const { server } = await setUp()
    server.script(callTool('look', {}), say('Done.'))
    const tools = { look: { execute: () => 'ok' } }
    const ai = createClient({ providers: adapters(server), use: standard({ tools }) })
    const { completions } = openaiClient(ai, OpenAI).chat
    let text = ''
    for await (const { choices } of await completions.create({ model, messages, stream: true }))
      text += choices[0]?.delta.content ?? ''
    expect(text).toBe('Done.')
  })

  it('ends an interrupted stream with an error that has the received text', async () => {
    const { openai } = await setUp(long().cut(12))
    const stream = await openai.chat.completions.create({ model, messages, stream: true })
    let text = ''
    const read = async () => {
      for await (const { choices } of stream) text += choices[0]?.delta.content ?? ''
    }
    const error = await read().catch((error: unknown) => error)
    expect(error).toMatchObject({
      error: { type: 'StreamInterruptedError', usage: { total_tokens: expect.any(Number) } },
    })
    expect(text).toMatch(/^One/)
    expect(error).toMatchObject({ error: { partial: { text } } })
  })

  it('ends the provider call when it is aborted', async () => {
    const { openai, server } = await setUp(long().stall(12))
    const stream = await openai.chat.completions.create({ model, messages, stream: true })
    for await (const { choices } of stream) if (choices[0]?.delta.content) stream.controller.abort()
    await expect.poll(() => server.open).toBe(0)

    const controller = new AbortController()
    server.reply(say('One').stall(0))
    const whole = openai.chat.completions.create({ model, messages }, { signal: controller.signal })
    await expect.poll(() => server.requests.length).toBe(2)
    controller.abort()
    await expect(whole).rejects.toBeInstanceOf(OpenAI.APIUserAbortError)
  })

  it('works with LangChain: a tool loop, a stream, an error, an abort', async () => {
    const { ai, server } = await setUp([
      callTool('weather', { city: 'Rome' }),
      say('Sunny in Rome.'),
      say('One two', { chunks: 2 }),
      fail(429),
      long().stall(12),
    ])
    const chat = new ChatOpenAI({
      model,
      apiKey: 'none',
      maxRetries: 0,
      configuration: { baseURL: 'http://tetrad.localhost/v1', fetch: openaiFetch(ai) },
    })
    const weather = langchainTool(() => 'sunny', { name: 'weather', schema: city })
    const helped = chat.bindTools([weather])
    const call = await helped.invoke('Hi')
    expect(call.tool_calls).toMatchObject([{ name: 'weather', args: { city: 'Rome' } }])
    const results = await Promise.all((call.tool_calls ?? []).map((one) => weather.invoke(one)))
    const answer = await helped.invoke([new HumanMessage('Hi'), call, ...results])
    expect(answer.content).toBe('Sunny in Rome.')
    expect(JSON.stringify(server.requests[1]?.body)).toContain('sunny')
    let text = ''
    for await (const piece of await chat.stream('Hi')) text += piece.content
    expect(text).toBe('One two')
    await expect(chat.invoke('Hi')).rejects.toMatchObject({ status: 429 })
    const controller = new AbortController()
    const leave = async () => {
      const { signal } = controller
      for await (const { content } of await chat.stream('Hi', { signal }))
        if (content) controller.abort()
    }
    await expect(leave()).rejects.toThrow(/abort/i)
    await expect.poll(() => server.open).toBe(0)
  })

  it("works with the AI SDK's client of compatible servers: the same", async () => {
    const { ai, server } = await setUp([
      callTool('weather', { city: 'Rome' }),
      say('Sunny in Rome.'),
      think('Hm.').say('One two', { chunks: 2 }),
      fail(429),
      long().stall(12),
    ])
    const provider = createOpenAICompatible({
      name: 'tetrad',
      baseURL: 'http://tetrad.localhost/v1',
      fetch: openaiFetch(ai),
    })
    const weather = tool({
      inputSchema: jsonSchema<{ city: string }>({
        type: 'object',
        properties: { city: { type: 'string' } },
      }),
      execute: () => 'sunny',
    })
    const asked = { model: provider(model), prompt: 'Hi', maxRetries: 0 }
    const whole = await generateText({ ...asked, tools: { weather }, stopWhen: stepCountIs(3) })
    expect(whole.text).toBe('Sunny in Rome.')
    const streamed = streamText(asked)
    expect(await streamed.text).toBe('One two')
    expect(await streamed.finishReason).toBe('stop')
    await expect(generateText(asked)).rejects.toMatchObject({ statusCode: 429 })
    const controller = new AbortController()
    const left = streamText({ ...asked, abortSignal: controller.signal })
    for await (const _ of left.textStream) controller.abort()
    await expect.poll(() => server.open).toBe(0)
  })
})

it('lists models, and rejects unsupported endpoints by name', async () => {
  const { openai } = await setUp()
  expect((await openai.models.list()).data.map(({ id }) => id)).toEqual(['a', 'b'])
  await expect(openai.embeddings.create({ model: 'a', input: 'x' })).rejects.toMatchObject({
    status: 404,
    code: 'not_served',
  })
  await expect(
    openai.chat.completions.create({ model: 'openai/gpt-5.1', messages: [], n: 2 }),
  ).rejects.toMatchObject({ status: 400 })
})

it('rejects a body that is not JSON like OpenAI does', async () => {
  const { ai } = await setUp()
  const url = 'http://tetrad.localhost/v1/chat/completions'
  const response = await openaiFetch(ai)(url, { method: 'POST', body: 'no json' })
  expect([response.status, (await response.json()).error.code]).toEqual([400, 'bad_json'])
})

it('has the type of the client, and passes the state of the app to a call', async () => {
  const server = await mockServer(say('Hello.'))
  onTestFinished(() => server.close())
  const seen: string[] = []
  const ai = createClient<{ userId: string }>({
    providers: adapters(server),
    use: [
      (ctx, next) => {
        seen.push(ctx.state.userId)
        return next()
      },
    ],
  })
  const openai: OpenAI = openaiClient(ai, OpenAI, { call: { state: { userId: 'ada' } } })
  await openai.chat.completions.create({ model: models.openai, messages })
  expect(seen).toEqual(['ada'])
})
