/**
 * Provider-specific members reach their provider, known to this package or not; other providers
 * report them.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { conversation } from '../../../middleware/conversation.js'
import { history } from '../../../middleware/history.js'
import { standard } from '../../../middleware/standard.js'
import { tools } from '../../../middleware/tools.js'
import type { ChatRequest } from '../../../src/chat/index.js'
import { BadRequestError, type Middleware } from '../../../src/core/index.js'
import { memoryStore } from '../../../src/store/index.js'
import { callTool, type MockServer, mockServer, say, think } from '../../../src/testing/index.js'
import { clientOf, models, type Name, names } from '../../wire/support.js'

let server: MockServer

beforeAll(async () => {
  server = await mockServer([], { strict: false })
  server.reply(say('Fine.'))
})
afterAll(() => server.close())

async function sent(model: string, request: object) {
  const ai = clientOf(server)
  const messages = [{ role: 'user', content: 'Hi' }]
  // untyped members are the subject of these tests
  const reply = await ai.generate({ model, messages, ...request } as unknown as ChatRequest)
  const { body, headers } = server.requests.at(-1) ?? {}
  return { body, headers, warns: reply.warnings.map(({ code, param }) => `${code} ${param}`) }
}

const fn = (more: object) => ({
  type: 'function',
  function: { name: 'f', parameters: { type: 'object', properties: {} }, ...more },
})
const user = (part: object) => ({ messages: [{ role: 'user', content: [part] }] })

const wireTools: Record<Name, object> = {
  openai: {
    tools: [{ type: 'function', name: 'f', description: 'd', parameters: { type: 'object' } }],
  },
  xai: {
    tools: [{ type: 'function', name: 'f', description: 'd', parameters: { type: 'object' } }],
  },
  anthropic: { tools: [{ name: 'f', description: 'd', input_schema: { type: 'object' } }] },
  gemini: { tools: [{ functionDeclarations: [{ name: 'f', description: 'd' }] }] },
  compatible: {
    tools: [
      {
        type: 'function',
        function: { name: 'f', description: 'd', parameters: { type: 'object' } },
      },
    ],
  },
}
const wireChoices: Record<Name, object> = {
  openai: { tool_choice: { type: 'function', name: 'f' } },
  xai: { tool_choice: { type: 'function', name: 'f' } },
  anthropic: { tool_choice: { type: 'tool', name: 'f' } },
  gemini: { toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['f'] } } },
  compatible: { tool_choice: { type: 'function', function: { name: 'f' } } },
}
const schema = { type: 'object', properties: { a: { type: 'string' } } }

interface Row {
  readonly says: string
  readonly model: string
  readonly request: object
  readonly body?: object
  readonly headers?: object
  readonly warns?: readonly string[]
}

const rows: readonly Row[] = [
  {
    says: 'a cache breakpoint of OpenAI',
    model: 'openai/gpt-5.6',
    request: user({ type: 'text', text: 'a', prompt_cache_breakpoint: { mode: 'explicit' } }),
    body: { input: [{ content: [{ text: 'a', prompt_cache_breakpoint: { mode: 'explicit' } }] }] },
  },
  {
    says: 'detail of a file of OpenAI',
    model: models.openai,
    request: user({ type: 'file', file: { file_id: 'file-1', detail: 'high' } }),
    body: { input: [{ content: [{ type: 'input_file', file_id: 'file-1', detail: 'high' }] }] },
  },
  {
    says: 'a part in the words of the Responses API',
    model: models.openai,
    request: user({ type: 'input_text', text: 'a' }),
    body: { input: [{ content: [{ type: 'input_text', text: 'a' }] }] },
  },
  {
    says: 'items of OpenAI among the messages',
    model: models.openai,
    request: {
      messages: [
        { type: 'item_reference', id: 'msg_1' },
        { type: 'configuration_update', tools: [] },
        { role: 'user', content: 'a' },
        { type: 'compaction_trigger' },
      ],
    },
    body: {
      input: [
        { type: 'item_reference', id: 'msg_1' },
        { type: 'configuration_update', tools: [] },
        { role: 'user', content: 'a' },
        { type: 'compaction_trigger' },
      ],
    },
  },
  {
    says: 'phase of a message',
    model: models.openai,
    request: {
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'I look.', phase: 'commentary' },
        { role: 'user', content: 'b' },
      ],
    },
    body: { input: [{}, { role: 'assistant', phase: 'commentary' }, {}] },
  },
  {
    says: 'namespace and async of a call of OpenAI, whose result is still to come',
    model: models.openai,
    request: {
      messages: [
        { role: 'user', content: 'Hi' },
        {
          role: 'assistant',
          tool_calls: [
            {
              id: 'c1',
              type: 'function',
              namespace: 'crm',
              async: true,
              function: { name: 'f', arguments: '{}' },
            },
          ],
        },
        { role: 'user', content: 'And?' },
      ],
    },
    body: {
      input: [{}, { type: 'function_call', namespace: 'crm', async: true }, { role: 'user' }],
    },
  },
  {
    says: 'a conversation that the server keeps is not sent again',
    model: models.openai,
    request: {
      conversation: 'conv_1',
      messages: [
        { role: 'user', content: 'a' },
        { role: 'assistant', content: 'b' },
        { role: 'user', content: 'c' },
      ],
    },
    body: { conversation: 'conv_1', input: [{ role: 'user', content: 'c' }] },
    warns: ['ignored previous_response_id'],
  },
  {
    says: 'citations of a text of Anthropic',
    model: models.anthropic,
    request: user({ type: 'text', text: 'a', citations: [{ type: 'char_location' }] }),
    body: { messages: [{ content: [{ text: 'a', citations: [{ type: 'char_location' }] }] }] },
  },
  {
    says: 'transformations of an image of Anthropic',
    model: models.anthropic,
    request: user({
      type: 'image_url',
      image_url: { url: 'https://a.example/a.png' },
      transformations: [{ type: 'crop' }],
    }),
    body: { messages: [{ content: [{ type: 'image', transformations: [{ type: 'crop' }] }] }] },
  },
  {
    says: 'a browser_state block in a result',
    model: models.anthropic,
    request: {
      messages: [
        { role: 'user', content: 'Hi' },
        {
          role: 'assistant',
          tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }],
        },
        {
          role: 'tool',
          tool_call_id: 'c1',
          content: [{ type: 'browser_state', url: 'https://a.example' }],
        },
      ],
      tools: [fn({})],
    },
    body: { messages: [{}, {}, { content: [{ content: [{ type: 'browser_state' }] }] }] },
  },
  {
    says: 'one call at a time, in the words of Anthropic',
    model: models.anthropic,
    request: { tools: [fn({})], tool_choice: { type: 'auto', disable_parallel_tool_use: true } },
    body: { tool_choice: { type: 'auto', disable_parallel_tool_use: true } },
  },
  {
    says: 'thinking between tools',
    model: 'anthropic/claude-sonnet-5-5',
    request: { thinking: { type: 'between_tools' } },
    body: { thinking: { type: 'between_tools' } },
  },
  {
    says: 'what becomes of a thought behind another beginning',
    model: 'anthropic/claude-fable-5-2',
    request: {
      thinking: { type: 'adaptive', block_binding: { prefix_mismatch_behavior: 'drop_block' } },
    },
    body: {
      thinking: { type: 'adaptive', block_binding: { prefix_mismatch_behavior: 'drop_block' } },
    },
    headers: { 'anthropic-beta': 'thinking-binding-controls-2026-08-01' },
  },
  {
    says: 'allowed tools leave the tools whole where thoughts are bound to them',
    model: 'anthropic/claude-fable-5-2',
    request: {
      tools: [fn({}), fn({ name: 'g' })],
      tool_choice: {
        type: 'allowed_tools',
        allowed_tools: { mode: 'auto', tools: [{ type: 'function', function: { name: 'g' } }] },
      },
    },
    body: { tools: [{ name: 'f' }, { name: 'g' }] },
    warns: ['changed tool_choice'],
  },
  {
    says: 'parameters that travel as headers',
    model: models.anthropic,
    request: { user_profile_id: 'up_1', workspace_id: 'ws_1', thread: { id: 't' } },
    headers: {
      'anthropic-user-profile-id': 'up_1',
      'anthropic-workspace-id': 'ws_1',
      'anthropic-beta': 'message-threads-2026-08-12',
    },
  },
  {
    says: 'a function of Gemini that does not block',
    model: 'gemini/gemini-3-pro-preview',
    request: { tools: [fn({ behavior: 'NON_BLOCKING' })] },
    body: { tools: [{ functionDeclarations: [{ name: 'f', behavior: 'NON_BLOCKING' }] }] },
  },
  {
    says: 'options of Google search',
    model: models.gemini,
    request: { tools: [{ type: 'google_search', searchTypes: { webSearch: {} } }] },
    body: { tools: [{ googleSearch: { searchTypes: { webSearch: {} } } }] },
  },
  {
    says: 'the highest resolution of Gemini',
    model: 'gemini/gemini-3-pro-preview',
    request: user({
      type: 'image_url',
      image_url: { url: 'data:image/png;base64,iVBORw0KGgo=', detail: 'ultra_high' },
    }),
    body: {
      contents: [{ parts: [{ mediaResolution: { level: 'MEDIA_RESOLUTION_ULTRA_HIGH' } }] }],
    },
  },
  {
    says: 'a part in the words of Gemini',
    model: models.gemini,
    request: user({ fileData: { fileUri: 'files/a', mimeType: 'image/png' } }),
    body: { contents: [{ parts: [{ fileData: { fileUri: 'files/a' } }] }] },
  },
  {
    says: 'the mark for a beginning of Mistral and DeepSeek',
    model: models.compatible,
    request: {
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Sure', prefix: true },
      ],
    },
    body: { messages: [{}, { role: 'assistant', content: 'Sure', prefix: true }] },
  },
  {
    says: "Mistral's word for a call that must be",
    model: models.compatible,
    request: { tools: [fn({})], tool_choice: 'any' },
    body: { tool_choice: 'required' },
  },
  {
    says: 'members of a function that nobody knows, to a server that may',
    model: models.compatible,
    request: { tools: [fn({ behavior: 'fast' })] },
    body: { tools: [{ function: { name: 'f', behavior: 'fast' } }] },
  },
]

test.each(rows)('$says', async ({ model, request, body, headers, warns = [] }) => {
  const got = await sent(model, request)
  if (body) expect(got.body).toMatchObject(body)
  if (headers) expect(got.headers).toMatchObject(headers)
  expect(got.warns).toEqual(warns)
})

const odd = { tools: [fn({ mood: 'fine' })] }
test.each(['anthropic', 'gemini'] as const)(
  '%s reports an unknown member of a function',
  async (name) => {
    expect((await sent(models[name], odd)).warns).toEqual(['dropped tools'])
  },
)

test.each([
  ['openai/gpt-6.2-sol', { reasoning_effort: 'none' }],
  ['openai/gpt-6.2-astra', { reasoning_effort: 'minimal' }],
])('%s does not accept %j', (model, request) => {
  const { rules } = clientOf(server).capabilities(model)
  const row = rules.find(({ param }) => param === 'reasoning_effort')
  expect(row?.values).not.toContain(request.reasoning_effort)
})

test.each(['anthropic', 'gemini', 'compatible'] as const)(
  '%s rejects an OpenAI item and names it',
  async (name) => {
    for (const use of [[], standard()]) {
      const messages = [{ type: 'item_reference', id: 'x' }]
      const request = { model: models[name], messages } as unknown as ChatRequest
      const error = await clientOf(server, ...use)
        .generate(request)
        .catch((e) => e)
      expect(error).toBeInstanceOf(BadRequestError)
      expect(error.message).toContain('item_reference')
    }
  },
)

test.each(['gpt-daybreak-2-latest', 'gpt-rosalind-research'])(
  '%s requests encrypted reasoning',
  async (model) => {
    const { body } = await sent(`openai/${model}`, {})
    expect(body).toMatchObject({ include: ['reasoning.encrypted_content'] })
  },
)

const thinking = { type: 'adaptive', block_binding: { prefix_mismatch_behavior: 'drop_block' } }
const boundRows: readonly (readonly [string, string])[] = [
  ['openai', 'openai/gpt-5.4'],
  ['gemini', 'gemini/gemini-3-pro-preview'],
  ['xai', 'xai/grok-4'],
  ['compatible', models.compatible],
]
test.each(boundRows)('%s reports block_binding', async (_, model) => {
  expect((await sent(model, { thinking })).warns).toContain('dropped thinking')
})

test.each([
  ['gemini-9-ultra', 'xhigh', 'XHIGH', []],
  ['gemini-9-ultra', 'max', 'XHIGH', ['changed reasoning_effort']],
  ['gemini-9-ultra', 'high', 'HIGH', []],
  ['gemini-3.1-pro', 'xhigh', 'HIGH', ['changed reasoning_effort']],
] as const)('%s maps effort %s to %s', async (model, reasoning_effort, thinkingLevel, warns) => {
  const got = await sent(`gemini/${model}`, { reasoning_effort })
  expect(got.body).toMatchObject({ generationConfig: { thinkingConfig: { thinkingLevel } } })
  expect(got.warns).toEqual(warns)
})

describe('a function in the form of another API', () => {
  test.each(
    names.flatMap((name) =>
      [
        { type: 'function', name: 'f', description: 'd', parameters: schema },
        { name: 'f', description: 'd', input_schema: schema },
      ].map((tool) => [name, tool] as const),
    ),
  )('reaches %s: %j', async (name, tool) => {
    const { body, warns } = await sent(models[name], { tools: [tool] })
    expect(body).toMatchObject(wireTools[name])
    expect(warns).toEqual([])
  })

  test.each(
    names.flatMap((name) =>
      ['function', 'tool'].map((type) => [name, { type, name: 'f' }] as const),
    ),
  )('can be chosen: %s, %j', async (name, tool_choice) => {
    const { body, warns } = await sent(models[name], { tools: [fn({})], tool_choice })
    expect(body).toMatchObject(wireChoices[name])
    expect(warns).toEqual([])
  })

  test('is among allowed tools of Chat Completions', async () => {
    const allowed = { mode: 'required', tools: [{ type: 'function', name: 'f' }] }
    const tool_choice = { type: 'allowed_tools', ...allowed }
    const { body } = await sent(models.compatible, { tools: [fn({})], tool_choice })
    const tools = [{ type: 'function', function: { name: 'f' } }]
    expect(body).toMatchObject({
      tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'required', tools } },
    })
  })
})

describe('code execution containers', () => {
  const code = { type: 'code_execution_20260120', name: 'code_execution' }
  const turn = (place: object, caller?: object) => ({
    role: 'assistant',
    content: 'Done.',
    native: {
      provider: 'anthropic',
      model: 'claude-sonnet-4-5',
      content: [
        { type: 'server_tool_use', id: 's', name: 'code_execution', input: {}, ...caller },
        { type: 'code_execution_tool_result', tool_use_id: 's', content: {} },
        { type: 'text', text: 'Done.' },
        { type: 'container', id: 'cntr_1', ...place },
      ],
    },
  })
  const open = { expires_at: '2999-01-01T00:00:00Z' }
  const said = { role: 'assistant', content: 'Fine.' }
  const go = { role: 'user', content: 'Go on' }
  test.each([
    ['is asked for again', [go, turn(open), go], { tools: [code] }, 'cntr_1'],
    ['two turns later too', [go, turn(open), go, said, go], { tools: [code] }, 'cntr_1'],
    ['not without code to run', [go, turn(open), go], {}, undefined],
    [
      'not when it is gone',
      [go, turn({ expires_at: '2001-01-01T00:00:00Z' }), go],
      { tools: [code] },
      undefined,
    ],
    [
      'beside the skills of the caller',
      [go, turn(open), go],
      { tools: [code], container: { skills: [] } },
      { id: 'cntr_1', skills: [] },
    ],
    [
      'unless the caller names one',
      [go, turn(open), go],
      { tools: [code], container: 'cntr_2' },
      'cntr_2',
    ],
  ])('%s', async (_, messages, more, container) => {
    const { body } = await sent(models.anthropic, { messages, ...more })
    expect((body as { container?: unknown }).container).toEqual(container)
  })
})

describe('a signed thought is sent back only behind the prefix that it was created with', () => {
  const fable = 'claude-fable-5-2'
  const thought = { type: 'thinking', thinking: 'Hm', signature: 's' }
  const words = 'word '.repeat(400)
  const turn = (model: string, blocks: readonly object[]) => ({
    role: 'assistant',
    content: 'Fine.',
    native: { v: 1, provider: 'anthropic', model, content: blocks },
  })
  const native = (model: string) => turn(model, [thought, { type: 'text', text: 'Fine.' }])
  const litellm = { role: 'assistant', content: 'Fine.', thinking_blocks: [thought] }
  const past = (...turns: readonly object[]) => [
    { role: 'user', content: words },
    { role: 'assistant', content: words },
    ...turns.flatMap((one) => [{ role: 'user', content: 'And?' }, one]),
    { role: 'user', content: 'Go on' },
  ]
  const go = async (model: string, messages: readonly object[], ...use: readonly Middleware[]) => {
    const request = { model: `anthropic/${model}`, messages } as unknown as ChatRequest
    const { warnings } = await clientOf(server, ...use).generate(request)
    const body = JSON.stringify(server.requests.at(-1)?.body)
    return { hasThought: body.includes('"signature"'), warns: warnings.map((one) => one.message) }
  }

  test.each([
    ['as its blocks', native(fable)],
    ['as litellm stores it', litellm],
  ])('a trimmed history drops the thought: %s', async (_, said) => {
    const trimmed = await go(fable, past(said), history({ maxTokens: 300, exact: false }))
    expect(trimmed.hasThought).toBe(false)
    expect(trimmed.warns).toContainEqual(
      expect.stringContaining('the messages before it were changed'),
    )
    expect(await go(fable, past(said), history())).toEqual({ hasThought: true, warns: [] })
    expect((await go(fable, past(said))).hasThought).toBe(true)
  })

  test.each([
    ['claude-sonnet-4-5', native('claude-sonnet-4-5')],
    ['claude-opus-4-6', native('claude-opus-4-6')],
  ])('%s keeps the thought', async (model, said) => {
    const { hasThought } = await go(model, past(said), history({ maxTokens: 300, exact: false }))
    expect(hasThought).toBe(true)
  })

  test('a conversation of which only the newest messages are loaded', async () => {
    const store = memoryStore()
    for (const [maxMessages, hasThought] of [
      [undefined, true],
      [2, false],
    ] as const) {
      const id = `c${maxMessages}`
      const entries = past(native(fable))
        .slice(0, -1)
        .map((one) => JSON.stringify(one))
      await store.append(`conversation:${id}`, entries, { ttlMs: 60_000 })
      const layer = conversation({ store, id, ...(maxMessages && { maxMessages }) })
      const got = await go(fable, [{ role: 'user', content: 'Go on' }], layer)
      expect(got.hasThought).toBe(hasThought)
    }
  })

  test.each([
    ['all', [[], ['t0'], ['t0', 't1'], ['t0', 't1', 't2']]],
    ['last', [[], ['t0'], [], ['t2']]],
    ['never', [[], [], ['t1'], ['t1']]],
  ] as const)('a conversation with stored media: %s', async (media, expected) => {
    const store = memoryStore()
    const picture = { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } }
    for (const [turnNumber, content] of [[picture], 'And?', [picture], 'And?'].entries()) {
      server.script(think(`t${turnNumber}`).say('Seen.'))
      const layer = conversation({ store, id: 'c', media })
      await go(fable, [{ role: 'user', content }], layer)
      const body = JSON.stringify(server.requests.at(-1)?.body)
      expect(body.match(/(?<="thinking":")t\d/g) ?? []).toEqual(expected[turnNumber])
    }
  })

  test('a blank text between thoughts is sent back where thoughts are bound to their prefix', async () => {
    const blocks = [thought, { type: 'text', text: '\n' }, thought, { type: 'text', text: 'Fine.' }]
    for (const [model, count] of [
      [fable, 4],
      ['claude-sonnet-4-5', 3],
    ] as const) {
      const said = { ...turn(model, blocks), content: '\nFine.' }
      await go(model, [{ role: 'user', content: 'a' }, said, { role: 'user', content: 'b' }])
      const { body } = server.requests.at(-1) ?? {}
      expect((body as { messages: { content: unknown[] }[] }).messages[1]?.content).toHaveLength(
        count,
      )
    }
  })

  test.each([
    ['with a thought', past(native(fable)), true],
    ['without one', past({ role: 'assistant', content: 'Fine.' }), false],
  ])(
    'drop_block is set where the JSON instruction changes what stands before a thought: %s',
    async (_, messages, isLoose) => {
      const request = { messages, response_format: { type: 'json_object' } }
      const { body } = await sent(`anthropic/${fable}`, request)
      const thinking = (body as { thinking?: { block_binding?: unknown } }).thinking
      expect(thinking?.block_binding !== undefined).toBe(isLoose)
    },
  )
})

describe('a tool result that is a list of parts is sent as parts', () => {
  const png = 'data:image/png;base64,iVBORw0KGgo='
  const parts = [
    { type: 'text', text: 'here' },
    { type: 'image_url', image_url: { url: png } },
  ]
  test.each(names)('%s', async (name: Name) => {
    for (const mode of ['generate', 'stream'] as const) {
      await using own = await mockServer([callTool('shot', {}), say('Done.')], { strict: false })
      const ai = clientOf(own, tools({ shot: { execute: () => parts } }))
      const request: ChatRequest = {
        model: models[name],
        messages: [{ role: 'user', content: 'Hi' }],
      }
      const results: unknown[] = []
      if (mode === 'generate') {
        const reply = await ai.generate(request)
        results.push(reply.messages.find(({ role }) => role === 'tool')?.content)
      } else {
        for await (const chunk of ai.stream(request))
          if (chunk.type === 'tool-result') results.push(chunk.content)
      }
      expect(results).toEqual([parts])
      const body = JSON.stringify(own.requests[1]?.body)
      // bytes are sent in file members, not in text
      expect(body).toContain('iVBORw0KGgo=')
      expect(body).not.toContain('image_url\\"')
    }
  })

  test('other lists are sent as JSON', async () => {
    await using own = await mockServer([callTool('list', {}), say('Done.')])
    const ai = clientOf(own, tools({ list: { execute: () => [{ type: 'row' }, 1] } }))
    const reply = await ai.generate({
      model: models.compatible,
      messages: [{ role: 'user', content: 'Hi' }],
    })
    expect(reply.messages[1]).toMatchObject({ role: 'tool', content: '[{"type":"row"},1]' })
  })
})

test.each([
  ['asked for', { compaction: { type: 'summarize' } }, 1],
  ['in the words for Anthropic', { provider_options: { anthropic: { compaction: {} } } }, 1],
  ['of the context management', { context_management: { edits: [] } }, 2],
])('a compaction %s: %j', async (_, more, count) => {
  for (const mode of ['generate', 'stream'] as const) {
    const compacted = say('So far').finish('length', { native: 'compaction' })
    await using own = await mockServer([compacted, say('Done.')], { strict: false })
    const ai = clientOf(own, tools({}))
    const messages = [{ role: 'user', content: 'Hi' }]
    const request = { model: models.anthropic, messages, ...more } as unknown as ChatRequest
    await (mode === 'generate' ? ai.generate(request) : ai.stream(request).response)
    expect(own.requests).toHaveLength(count)
  }
})
