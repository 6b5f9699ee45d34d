/**
 * Conversion between the AI SDK's interface and ours: prompts, options, tools of the stack, files,
 * types.
 */

import { inspect } from 'node:util'
import type { LanguageModelV2 } from '@ai-sdk/provider'
import {
  convertToModelMessages,
  generateText,
  type LanguageModel as LanguageModel6,
  type ModelMessage,
  readUIMessageStream,
  stepCountIs,
  streamText,
  ToolLoopAgent,
  tool,
  type UIMessage,
} from 'ai6'
import { generateText as generateText7, type LanguageModel as LanguageModel7 } from 'ai7'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { retry } from '../../middleware/retry.js'
import { standard } from '../../middleware/standard.js'
import { tools } from '../../middleware/tools.js'
import { usage } from '../../middleware/usage.js'
import { aiSdkModel } from '../../src/ai-sdk/index.js'
import type { ChatRequest } from '../../src/chat/index.js'
import { type Client, createClient } from '../../src/client.js'
import { type Middleware, MisuseError } from '../../src/core/index.js'
import {
  audio,
  callTool,
  fail,
  hostedTool,
  image,
  mockServer,
  refuse,
  type ScriptedStep,
  say,
  scripted,
  think,
} from '../../src/testing/index.js'
import { adapters, models } from '../wire/support.js'

const png =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII='

function stack(script: readonly ScriptedStep[], ...use: Middleware[]) {
  const provider = scripted(script)
  const ai = createClient({ providers: [provider], use })
  const requests = () => provider.calls.map(({ request }) => request)
  return { ai, provider, requests, model: aiSdkModel(ai, 'scripted/m') }
}

/** Every form that ai 7 accepts. */
const sevens = (ai: Client): LanguageModel7[] => [
  aiSdkModel(ai, 'scripted/m'),
  aiSdkModel(ai, 'scripted/m', { specification: 'v4' }),
]

const wires = async (...script: Parameters<typeof mockServer>) => {
  const server = await mockServer(...script)
  onTestFinished(() => server.close())
  return {
    server,
    ai: createClient({ providers: adapters(server), use: [standard({ retry: false })] }),
  }
}

const modes = ['generate', 'stream'] as const

/** Both modes of ai 6 return one form. */
async function run(mode: (typeof modes)[number], options: Parameters<typeof generateText>[0]) {
  if (mode === 'generate') return generateText(options)
  const result = streamText(options)
  await result.consumeStream()
  return {
    text: await result.text,
    content: await result.content,
    finishReason: await result.finishReason,
    response: await result.response,
    sources: await result.sources,
    files: await result.files,
    warnings: await result.warnings,
    providerMetadata: await result.providerMetadata,
    steps: await result.steps,
  }
}

describe('a request', () => {
  it('maps the settings of the call to our names', async () => {
    const { model, requests } = stack([callTool('look', { at: 'it' })])
    await generateText({
      model,
      system: 'Be short.',
      prompt: 'Hi',
      temperature: 0.5,
      topP: 0.9,
      topK: 40,
      maxOutputTokens: 100,
      stopSequences: ['\n'],
      seed: 7,
      presencePenalty: 0.1,
      frequencyPenalty: 0.2,
      toolChoice: { type: 'tool', toolName: 'look' },
      tools: {
        look: tool({
          description: 'Looks.',
          inputSchema: z.object({ at: z.string() }),
          inputExamples: [{ input: { at: 'home' } }],
        }),
      },
      providerOptions: { tetrad: { user: 'ada', metadata: { topic: 'rivers' } } },
    })
    expect(requests()[0]).toMatchObject({
      messages: [
        { role: 'system', content: 'Be short.' },
        { role: 'user', content: [{ type: 'text', text: 'Hi' }] },
      ],
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      max_tokens: 100,
      stop: ['\n'],
      seed: 7,
      presence_penalty: 0.1,
      frequency_penalty: 0.2,
      tool_choice: { type: 'function', function: { name: 'look' } },
      tools: [
        {
          type: 'function',
          function: { name: 'look', description: 'Looks.' },
          input_examples: [{ at: 'home' }],
        },
      ],
      user: 'ada',
      metadata: { topic: 'rivers' },
    })
  })

  it('maps provider options: those with a neutral name to our members, the others to members of the wire', async () => {
    const { ai, server } = await wires([say('Hi'), say('Hi'), say('Hi')])
    const providerOptions = {
      openai: { reasoningEffort: 'low', maxToolCalls: 3, strictJsonSchema: true },
      anthropic: {
        thinking: { type: 'enabled', budgetTokens: 2_000 },
        disableParallelToolUse: true,
      },
      google: { thinkingConfig: { thinkingBudget: 64 } },
    }
    for (const name of ['openai', 'anthropic', 'gemini'] as const)
      await generateText({ model: aiSdkModel(ai, models[name]), prompt: 'Hi', providerOptions })
    expect(server.requests.map(({ body }) => body)).toMatchObject([
      { reasoning: { effort: 'low' }, max_tool_calls: 3 },
      { thinking: { type: 'enabled', budget_tokens: 2_000 } },
      { generationConfig: { thinkingConfig: { thinkingBudget: 64 } } },
    ])
    const [first] = server.requests
    expect(JSON.stringify(first?.body)).not.toMatch(/strict_json|thinking_config|budget/)
  })

  it('has cache marks, headers, tags and the state of the app', async () => {
    const seen: unknown[] = []
    const spy: Middleware<{ userId: string }> = (ctx, next) => {
      seen.push(ctx.state.userId, ctx.options.tags, ctx.options.headers?.['x-a'])
      return next()
    }
    const provider = scripted([say('Hi')])
    const ai = createClient<{ userId: string }>({ providers: [provider], use: [spy] })
    const model = aiSdkModel(ai, 'scripted/m', {
      call: { state: { userId: 'ada' }, tags: { team: 'a' } },
    })
    const cached = { anthropic: { cacheControl: { type: 'ephemeral' } } }
    await generateText({
      model,
      headers: { 'x-a': '1' },
      messages: [
        { role: 'system', content: 'Long.', providerOptions: cached },
        { role: 'user', content: [{ type: 'text', text: 'Hi', providerOptions: cached }] },
      ],
    })
    expect(seen).toEqual(['ada', { team: 'a' }, '1'])
    expect(provider.calls[0]?.request.messages).toMatchObject([
      { cache_control: { type: 'ephemeral' } },
      { content: [{ cache_control: { type: 'ephemeral' } }] },
    ])
  })

  it('has the reasoning effort of ai 7', async () => {
    const { ai, requests } = stack([say('Hi'), say('Hi')])
    for (const model of sevens(ai)) await generateText7({ model, prompt: 'Hi', reasoning: 'low' })
    expect(requests()).toMatchObject([{ reasoning_effort: 'low' }, { reasoning_effort: 'low' }])
  })
})

describe('a history', () => {
  const history: ModelMessage[] = [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'Look' },
        { type: 'image', image: png },
        { type: 'image', image: new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10]) },
        { type: 'file', data: 'JVBERi0=', mediaType: 'application/pdf', filename: 'a.pdf' },
        { type: 'file', data: 'UklGRg==', mediaType: 'audio/wav' },
      ],
    },
    {
      role: 'assistant',
      content: [
        { type: 'reasoning', text: 'Hm.', providerOptions: { anthropic: { signature: 'abc' } } },
        { type: 'text', text: 'One, ' },
        { type: 'text', text: 'two.' },
        { type: 'tool-call', toolCallId: 'a', toolName: 'look', input: { at: 'it' } },
        { type: 'tool-call', toolCallId: 'b', toolName: 'look', input: {} },
        { type: 'tool-call', toolCallId: 'c', toolName: 'look', input: {} },
        { type: 'tool-call', toolCallId: 'd', toolName: 'look', input: {} },
      ],
    },
    {
      role: 'tool',
      content: [
        {
          type: 'tool-result',
          toolCallId: 'a',
          toolName: 'look',
          output: { type: 'text', value: 'x' },
        },
        {
          type: 'tool-result',
          toolCallId: 'b',
          toolName: 'look',
          output: { type: 'json', value: { a: 1 } },
        },
        {
          type: 'tool-result',
          toolCallId: 'c',
          toolName: 'look',
          output: { type: 'error-text', value: 'no' },
        },
        {
          type: 'tool-result',
          toolCallId: 'd',
          toolName: 'look',
          output: {
            type: 'content',
            value: [
              { type: 'text', text: 'seen' },
              { type: 'image-data', data: png, mediaType: 'image/png' },
            ],
          },
        },
      ],
    },
    { role: 'user', content: 'And?' },
  ]

  const expected = [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'Look' },
        { type: 'image_url', image_url: { url: `data:image/png;base64,${png}` } },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
        {
          type: 'file',
          file: { file_data: 'data:application/pdf;base64,JVBERi0=', filename: 'a.pdf' },
        },
        { type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } },
      ],
    },
    {
      role: 'assistant',
      content: 'One, two.',
      reasoning_content: 'Hm.',
      thinking_blocks: [{ type: 'thinking', thinking: 'Hm.', signature: 'abc' }],
      tool_calls: [
        { id: 'a', function: { name: 'look', arguments: '{"at":"it"}' } },
        { id: 'b' },
        { id: 'c' },
        { id: 'd' },
      ],
    },
    { role: 'tool', tool_call_id: 'a', content: 'x' },
    { role: 'tool', tool_call_id: 'b', content: '{"a":1}' },
    { role: 'tool', tool_call_id: 'c', content: 'no', is_error: true },
    {
      role: 'tool',
      tool_call_id: 'd',
      content: [
        { type: 'text', text: 'seen' },
        { type: 'image_url', image_url: { url: `data:image/png;base64,${png}` } },
      ],
    },
    { role: 'user', content: [{ type: 'text', text: 'And?' }] },
  ]

  it('of any form is converted to our messages', async () => {
    const { model, requests } = stack([say('Hi')])
    await generateText({ model, messages: history })
    expect(requests()[0]?.messages).toMatchObject(expected)
  })

  it('of ai 7 is converted to the same messages', async () => {
    const { ai, requests } = stack([say('Hi'), say('Hi')])
    for (const model of sevens(ai)) {
      // messages of ai 6 are also messages of ai 7
      await generateText7({ model, messages: history as never })
      expect(requests().at(-1)?.messages).toMatchObject(expected)
    }
  })

  it('keeps URLs that the provider fetches, and ids of files it stores', async () => {
    const { ai, requests } = stack([say('Hi')])
    expect(aiSdkModel(ai, 'openai/gpt-5').supportedUrls).toHaveProperty(['image/*'])
    expect(aiSdkModel(ai, 'fast').supportedUrls).toEqual({})
    const url = new URL('https://a.example/x.png')
    const model = aiSdkModel(ai, 'scripted/m', { specification: 'v4' })
    await model.doGenerate({
      prompt: [
        {
          role: 'user',
          content: [
            { type: 'file', data: { type: 'url', url }, mediaType: 'image' },
            {
              type: 'file',
              data: { type: 'reference', reference: { google: 'files/1' } },
              mediaType: 'application/pdf',
            },
            { type: 'file', data: { type: 'text', text: 'Hé' }, mediaType: 'text/plain' },
          ],
        },
      ],
    })
    expect(requests()[0]?.messages[0]?.content).toMatchObject([
      { type: 'image_url', image_url: { url: url.href } },
      { type: 'file', file: { file_id: 'files/1' }, provider: 'gemini' },
      { type: 'file', file: { file_data: 'data:text/plain;base64,SMOp' } },
    ])
  })
})

const call = (toolCallId: string, toolName: string) =>
  ({ type: 'tool-call', toolCallId, toolName, input: {} }) as const
const result = (toolCallId: string, toolName: string, output: { type: string; value: unknown }) =>
  ({ type: 'tool-result', toolCallId, toolName, output }) as const

it.each([
  ['openai', 'openai'],
  ['anthropic', 'anthropic'],
  ['gemini', 'google'],
  ['xai', 'xai'],
] as const)('with a file known to several providers: %s gets its own id', async (name, key) => {
  const { ai, server } = await wires()
  server.reply(say('Hi'))
  const ids = {
    azure: 'file-of-azure',
    openai: 'file-of-openai',
    anthropic: 'file_of_anthropic',
    google: 'files/of-google',
    xai: 'file-of-xai',
  }
  const data = { type: 'reference', reference: ids }
  const mediaType = 'application/pdf'
  const stored = [
    { type: 'file-id', fileId: ids },
    { type: 'file', data, mediaType },
  ]
  await aiSdkModel(ai, models[name], { specification: 'v4' }).doGenerate({
    prompt: [
      { role: 'user', content: [{ type: 'file', data, mediaType }] },
      { role: 'assistant', content: [call('c1', 'look')] },
      { role: 'tool', content: [result('c1', 'look', { type: 'content', value: stored })] },
    ],
  })
  const sent = JSON.stringify(server.requests[0]?.body)
  // a Gemini file URL contains the file name
  expect(sent.split(ids[key].replace('files/', '')).length - 1).toBe(3)
  for (const [other, id] of Object.entries(ids))
    if (other !== key) expect(sent).not.toContain(id.replace('files/', ''))
})

it.each(Object.entries(models))(
  'a provider-specific part of a tool result does not fail later turns: %s',
  async (_, id) => {
    const { ai, server } = await wires()
    server.reply(say('Hi'))
    const own = { type: 'custom', providerOptions: { anthropic: { type: 'tool-reference' } } }
    const { content } = await aiSdkModel(ai, id, { specification: 'v4' }).doGenerate({
      prompt: [
        { role: 'user', content: [{ type: 'text', text: 'Look.' }] },
        { role: 'assistant', content: [call('c1', 'look')] },
        { role: 'tool', content: [result('c1', 'look', { type: 'content', value: [own] })] },
      ],
    })
    expect(content).toMatchObject([{ type: 'text', text: 'Hi' }])
    expect(JSON.stringify(server.requests[0]?.body)).toContain('tool-reference')
  },
)

it.each(Object.entries(models))(
  'provider metadata that a browser has changed is harmless: %s',
  async (name, id) => {
    const { ai, server } = await wires()
    server.reply(say('Hi'))
    const notes: unknown[] = [
      null,
      'x',
      { native: 'x', ran: 'x', arguments: 5, refusal: {}, again: {} },
      { native: { provider: name, model: 5, content: 'x' } },
      { native: { provider: name, model: id, content: [null, 5, {}, { type: 'thinking' }] } },
    ]
    for (const tetrad of notes) {
      const providerOptions = { tetrad: tetrad as never }
      const { content } = await aiSdkModel(ai, id).doGenerate({
        prompt: [
          { role: 'user', content: [{ type: 'text', text: 'Hi', providerOptions }] },
          { role: 'assistant', content: [{ type: 'text', text: 'Ho', providerOptions }] },
          { role: 'user', content: [{ type: 'text', text: 'And?', providerOptions }] },
        ],
      })
      expect(content).toMatchObject([{ type: 'text', text: 'Hi' }])
    }
    expect(server.requests.length).toBe(notes.length)
  },
)

describe.each(modes)('a response (%s)', (mode) => {
  it('has sources, images, audio, refusals and hosted tools', async () => {
    const source = { url: 'https://a.example/', title: 'A' }
    const { ai } = await wires([
      hostedTool('web_search', { id: 'h1', input: { query: 'x' }, output: { hits: 1 } })
        .say('So.')
        .cite(source),
      image(png),
      audio('UklGRg=='),
      refuse('I will not.'),
    ])
    const search = { type: 'provider', id: 'openai.web_search', name: 'search', args: {} }
    const hosted = await run(mode, {
      model: aiSdkModel(ai, models.openai),
      prompt: 'Hi',
      tools: { search } as never,
    })
    expect(hosted.sources).toMatchObject([{ sourceType: 'url', ...source }])
    expect(hosted.content).toContainEqual(
      expect.objectContaining({ type: 'tool-result', toolName: 'search', providerExecuted: true }),
    )
    const seen = await run(mode, { model: aiSdkModel(ai, models.gemini), prompt: 'Hi' })
    expect(seen.files).toMatchObject([{ mediaType: 'image/png', base64: png }])
    const audioReply = await run(mode, { model: aiSdkModel(ai, models.gemini), prompt: 'Hi' })
    expect(audioReply.files).toMatchObject([{ mediaType: 'audio/wav' }])
    const refused = await run(mode, { model: aiSdkModel(ai, models.openai), prompt: 'Hi' })
    expect(refused.text).toBe('I will not.')
  })

  it('has cost, warnings and attempts', async () => {
    const warning = { code: 'dropped', param: 'seed', message: 'seed was left out' } as const
    const warn: Middleware = (ctx, next) => {
      ctx.warn(warning)
      return next()
    }
    const { model } = stack(
      [fail(503, { retryAfter: 0 }), say('Hi').usage({ prompt_tokens: 10, completion_tokens: 2 })],
      usage(),
      warn,
      retry(),
    )
    const { warnings, providerMetadata } = await run(mode, { model, prompt: 'Hi' })
    expect(warnings).toMatchObject([{ type: 'unsupported', feature: 'seed' }])
    expect(providerMetadata?.tetrad).toMatchObject({
      warnings: [warning],
      attempts: [{ status: 'failed' }, { status: 'ok', model: 'm' }],
    })
  })

  it('has the tool calls that tools() executed, and reads them back in the next turn', async () => {
    const text = '{ "city" : "Rome" }'
    const { model, requests } = stack(
      [
        callTool('weather', text, { id: 'w1' }),
        callTool('look', {}, { id: 'l1' }),
        say('Sunny.'),
        say('Bye.'),
      ],
      tools({ weather: { execute: () => [{ type: 'text', text: 'sun' }] } }),
    )
    const look = tool({ inputSchema: z.object({}), execute: () => 'seen' })
    const first = await run(mode, {
      model,
      prompt: 'Hi',
      tools: { look },
      stopWhen: stepCountIs(3),
    })
    expect(first.text).toBe('Sunny.')
    expect(first.steps[0]?.content).toMatchObject([
      { type: 'tool-call', toolName: 'weather', providerExecuted: true, dynamic: true },
      { type: 'tool-result', toolName: 'weather', output: [{ type: 'text', text: 'sun' }] },
      { type: 'tool-call', toolName: 'look', toolCallId: 'l1' },
      { type: 'tool-result', toolName: 'look', output: 'seen' },
    ])
    const { messages } = first.response
    await run(mode, { model, messages: [...messages, { role: 'user', content: 'Bye' }] })
    const calls = (request: ChatRequest | undefined) => request?.messages.slice(-6, -1)
    expect(calls(requests()[3])).toMatchObject([
      { role: 'assistant', tool_calls: [{ id: 'w1', function: { arguments: text } }] },
      { role: 'tool', tool_call_id: 'w1', content: [{ type: 'text', text: 'sun' }] },
      { role: 'assistant', tool_calls: [{ id: 'l1' }] },
      { role: 'tool', tool_call_id: 'l1', content: 'seen' },
      { role: 'assistant', content: 'Sunny.' },
    ])
  })

  it('has the approval request of a tool in the stack, and the next turn continues with the approval', async () => {
    let ran = 0
    const { model } = stack(
      [callTool('pay', '{ "eur": 5 }', { id: 'p1' }), say('Paid.')],
      tools({ pay: { needsApproval: true, execute: () => ++ran } }),
    )
    const first = await run(mode, { model, prompt: 'Pay' })
    const asked = first.content.find(({ type }) => type === 'tool-approval-request')
    expect(asked).toMatchObject({ toolCall: { toolCallId: 'p1', toolName: 'pay' } })
    expect(ran).toBe(0)
    const { approvalId = '' } = asked as { approvalId?: string }
    const second = await run(mode, {
      model,
      messages: [
        { role: 'user', content: 'Pay' },
        ...first.response.messages,
        {
          role: 'tool',
          content: [
            { type: 'tool-approval-response', approvalId, approved: true, providerExecuted: true },
          ],
        },
      ],
    })
    expect([second.text, ran]).toEqual(['Paid.', 1])
  })
})

describe('errors', () => {
  it('are retried by the stack if it has retry(), otherwise by the AI SDK', async () => {
    const alone = stack([fail(503, { retryAfter: 0 }), say('Hi')])
    expect((await generateText({ model: alone.model, prompt: 'Hi' })).text).toBe('Hi')
    expect(alone.provider.calls.length).toBe(2)

    const both = stack([fail(503), fail(503), say('Hi')], retry({ attempts: 1 }))
    await expect(generateText({ model: both.model, prompt: 'Hi' })).rejects.toMatchObject({
      name: 'ServiceUnavailableError',
      attempts: [{ status: 'failed' }],
    })
    expect(both.provider.calls.length).toBe(1)
  })

  it('print like every tetrad error', async () => {
    const { model } = stack([fail(401)])
    const error = await generateText({ model, prompt: 'secret words' }).catch((error) => error)
    expect(Object.keys(error)).not.toContain('requestBodyValues')
    expect(JSON.stringify(error)).not.toContain('isRetryable')
    expect(inspect(error)).not.toMatch(/secret words|isRetryable/)
  })

  it('are thrown at once: no client, no model, an unknown specification version', () => {
    const { ai } = stack([])
    const make = aiSdkModel as (...args: unknown[]) => unknown
    for (const args of [[], [ai], [ai, ''], [{}, 'm'], [ai, 'm', { specification: 'v1' }]])
      expect(() => make(...args)).toThrow(MisuseError)
  })
})

it('runs an agent, and passes our chunks on as raw chunks', async () => {
  const { model, ai } = stack([callTool('look', {}), say('Done.'), say('One')])
  const look = tool({ inputSchema: z.object({}), execute: () => 'seen' })
  const agent = new ToolLoopAgent({ model, tools: { look } })
  expect((await agent.generate({ prompt: 'Go' })).text).toBe('Done.')
  const raw: unknown[] = []
  const { fullStream } = streamText({
    model: aiSdkModel(ai, 'scripted/m'),
    prompt: 'Hi',
    includeRawChunks: true,
  })
  for await (const part of fullStream) if (part.type === 'raw') raw.push(part.rawValue)
  expect(raw).toMatchObject([{ type: 'start' }, { type: 'text-delta' }, { type: 'finish' }])
})

it('keeps signatures when a page stores the conversation', async () => {
  const { ai, server } = await wires([
    think('Hm.', { signature: 'c2lnbmVk' }).callTool('look', { at: 'it' }),
    think('So.', { signature: 'b3RoZXI=' }).say('Done.'),
    say('Bye.'),
  ])
  const look = tool({ inputSchema: z.object({ at: z.string() }), execute: () => 'seen' })
  const page: UIMessage[] = [user('1', 'Look')]
  let last: UIMessage | undefined
  const stream = (await asked(page)).toUIMessageStream()
  for await (const message of readUIMessageStream({ stream })) last = message
  // serialized, as over the network
  page.push(JSON.parse(JSON.stringify(last)), user('2', 'Bye'))
  await (await asked(page)).consumeStream()
  const body = JSON.stringify(server.requests[2]?.body)
  expect(body).toContain('c2lnbmVk')
  expect(body).toContain('b3RoZXI=')

  async function asked(messages: UIMessage[]) {
    return streamText({
      model: aiSdkModel(ai, models.anthropic),
      messages: await convertToModelMessages(messages),
      tools: { look },
      stopWhen: stepCountIs(2),
    })
  }
})

const user = (id: string, text: string): UIMessage => ({
  id,
  role: 'user',
  parts: [{ type: 'text', text }],
})

it('has the model type of each major version', () => {
  const { ai } = stack([])
  const two: LanguageModelV2 = aiSdkModel(ai, 'scripted/m', { specification: 'v2' })
  const six: LanguageModel6 = aiSdkModel(ai, 'scripted/m')
  // @ts-expect-error: ai 5 accepts only version 2
  const wrong: LanguageModelV2 = aiSdkModel(ai, 'scripted/m')
  expect([two, six, ...sevens(ai), wrong].length).toBe(5)
})
