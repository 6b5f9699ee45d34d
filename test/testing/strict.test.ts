/** A strict server rejects what the provider would reject, and nothing that a provider accepted. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MockServer, mockServer, type ProviderName, say } from '../../src/testing/index.js'
import { post } from './plain-http.js'

let server: MockServer

beforeAll(async () => {
  server = await mockServer([], { strict: true })
  server.reply(say('Taken.'))
})
afterAll(() => server.close())

type Body = Readonly<Record<string, unknown>>

const send = async (provider: ProviderName, body: Body, headers: Record<string, string> = {}) => {
  const response = await post(server, provider, {
    body: provider === 'anthropic' ? { max_tokens: 100, ...body } : body,
    headers: { 'anthropic-version': '2023-06-01', ...headers },
  })
  return { status: response.status, text: await response.text() }
}

const user = (content: unknown) => ({ role: 'user', content })
const assistant = (content: unknown) => ({ role: 'assistant', content })
const use = (id: string) => ({ type: 'tool_use', id, name: 'f', input: {} })
const result = (id: string) => ({ type: 'tool_result', tool_use_id: id, content: 'ok' })

const model = (...parts: unknown[]) => ({ role: 'model', parts })
const userContent = (...parts: unknown[]) => ({ role: 'user', parts })
const call = { functionCall: { name: 'f', args: {} } }
const signed = { ...call, thoughtSignature: 'c2ln' }
const response = { functionResponse: { name: 'f', response: {} } }

const functionCall = { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{}' }
const output = { type: 'function_call_output', call_id: 'c1', output: 'ok' }
const thought = { type: 'reasoning', id: 'rs_1', summary: [] }

const toolCall = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }
const answer = { role: 'tool', tool_call_id: 'c1', content: 'ok' }

const refused: readonly [ProviderName, string, Body][] = [
  ['anthropic', 'no messages', {}],
  ['anthropic', 'no max_tokens', { messages: [user('a')], max_tokens: undefined }],
  ['anthropic', 'an unknown role', { messages: [{ role: 'tool', content: 'a' }] }],
  ['anthropic', 'an empty text', { messages: [user([{ type: 'text', text: '' }])] }],
  ['anthropic', 'a blank text', { messages: [user([{ type: 'text', text: ' \n' }])] }],
  ['anthropic', 'an empty message', { messages: [user(''), assistant('a')] }],
  ['anthropic', 'blank space at the end', { messages: [user('a'), assistant('b ')] }],
  [
    'anthropic',
    'a call without result',
    { messages: [user('a'), assistant([use('c1')]), user('b')] },
  ],
  ['anthropic', 'a result without call', { messages: [user([result('c1')])] }],
  [
    'anthropic',
    'a result that is not first',
    {
      messages: [
        user('a'),
        assistant([use('c1')]),
        user([{ type: 'text', text: 'b' }, result('c1')]),
      ],
    },
  ],
  [
    'anthropic',
    'two calls of one id',
    { messages: [user('a'), assistant([use('c1'), use('c1')]), user([result('c1')])] },
  ],
  [
    'anthropic',
    'an id out of shape',
    { messages: [user('a'), assistant([use('c.1')]), user([result('c.1')])] },
  ],
  [
    'anthropic',
    'a thought without signature',
    { messages: [user('a'), assistant([{ type: 'thinking', thinking: 'b' }]), user('c')] },
  ],
  [
    'anthropic',
    'a budget over the limit',
    { messages: [user('a')], max_tokens: 2000, thinking: { type: 'enabled', budget_tokens: 4000 } },
  ],
  [
    'anthropic',
    'a temperature while thinking',
    {
      messages: [user('a')],
      max_tokens: 2000,
      temperature: 0.5,
      thinking: { type: 'enabled', budget_tokens: 1024 },
    },
  ],
  ['anthropic', 'a tool name out of shape', { messages: [user('a')], tools: [{ name: 'a.b' }] }],
  [
    'anthropic',
    'five cache marks',
    {
      messages: [
        user(Array(5).fill({ type: 'text', text: 'a', cache_control: { type: 'ephemeral' } })),
      ],
    },
  ],

  ['openai', 'no input', {}],
  ['openai', 'a call without output', { input: [user('a'), functionCall] }],
  ['openai', 'an output without call', { input: [user('a'), output] }],
  ['openai', 'a thought that nothing follows', { input: [user('a'), thought, user('b')] }],
  ['openai', 'an id of another kind', { input: [{ ...functionCall, id: 'call_1' }, output] }],
  [
    'openai',
    'input text of the assistant',
    { input: [assistant([{ type: 'input_text', text: 'a' }])] },
  ],
  ['openai', 'output text of the user', { input: [user([{ type: 'output_text', text: 'a' }])] }],
  [
    'openai',
    'a tool name out of shape',
    { input: 'a', tools: [{ type: 'function', name: 'a b' }] },
  ],
  ['openai', 'a limit under 16', { input: 'a', max_output_tokens: 8 }],
  ['openai', 'a temperature out of range', { input: 'a', temperature: -1 }],
  [
    'openai',
    'a format without schema',
    { input: 'a', text: { format: { type: 'json_schema', name: 'a' } } },
  ],
  ['xai', 'a call without output', { input: [user('a'), functionCall] }],

  ['compatible', 'no messages', { messages: [] }],
  ['compatible', 'an unknown role', { messages: [{ role: 'bot', content: 'a' }] }],
  ['compatible', 'no content', { messages: [user(null)] }],
  [
    'compatible',
    'a call without answer',
    { messages: [user('a'), { role: 'assistant', tool_calls: [toolCall] }, user('b')] },
  ],
  ['compatible', 'an answer without call', { messages: [user('a'), answer] }],

  ['gemini', 'no contents', {}],
  ['gemini', 'an unknown role', { contents: [{ role: 'system', parts: [{ text: 'a' }] }] }],
  ['gemini', 'no parts', { contents: [userContent()] }],
  ['gemini', 'an empty part', { contents: [userContent({})] }],
  ['gemini', 'a part of two kinds', { contents: [userContent({ text: 'a', ...response })] }],
  ['gemini', 'a call first', { contents: [model(signed), userContent(response)] }],
  [
    'gemini',
    'a response without call',
    { contents: [userContent({ text: 'a' }), model({ text: 'b' }), userContent(response)] },
  ],
  [
    'gemini',
    'too few responses',
    { contents: [userContent({ text: 'a' }), model(signed, call), userContent(response)] },
  ],
  [
    'gemini',
    'a call without signature',
    { contents: [userContent({ text: 'a' }), model(call), userContent(response)] },
  ],
  [
    'gemini',
    'a tool name out of shape',
    { contents: [userContent({ text: 'a' })], tools: [{ functionDeclarations: [{ name: '1a' }] }] },
  ],
]

test.each(refused)('%s rejects %s', async (provider, _, body) => {
  const { status, text } = await send(provider, body)
  expect(status).toBe(400)
  expect(text).toContain('error')
})

test('Anthropic requires its version', async () => {
  const body = { messages: [user('a')] }
  const { status } = await send('anthropic', body, { 'anthropic-version': '2023-06-01' })
  expect(status).toBe(200)
  const { apiKey, baseURL } = server.options('anthropic')
  const bare = await fetch(`${baseURL}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': apiKey },
    body: JSON.stringify({ model: 'm', max_tokens: 1, ...body }),
  })
  expect(bare.status).toBe(400)
})

const taken: readonly [ProviderName, string, Body][] = [
  [
    'anthropic',
    'results of one turn in two messages',
    {
      messages: [
        user('a'),
        assistant([use('c1'), use('c2')]),
        user([result('c1')]),
        user([result('c2'), { type: 'text', text: 'and?' }]),
      ],
    },
  ],
  ['openai', 'a thought before its call', { input: [user('a'), thought, functionCall, output] }],
  ['openai', 'an output for a stored call', { input: [output], previous_response_id: 'resp_1' }],
  [
    'xai',
    'any id',
    { input: [user('a'), { ...thought, id: 'x' }, { ...functionCall, id: 'y' }, output] },
  ],
  [
    'compatible',
    'an answered call',
    { messages: [user('a'), { role: 'assistant', content: null, tool_calls: [toolCall] }, answer] },
  ],
  [
    'gemini',
    'parallel calls with one signature',
    {
      contents: [userContent({ text: 'a' }), model(signed, call), userContent(response, response)],
    },
  ],
  [
    'gemini',
    'old calls without signature',
    {
      contents: [
        userContent({ text: 'a' }),
        model(call),
        userContent(response),
        model({ text: 'b' }),
        userContent({ text: 'c' }),
      ],
    },
  ],
]

test.each(taken)('%s accepts %s', async (provider, _, body) => {
  const { status, text } = await send(provider, body)
  expect({ status, text }).toMatchObject({ status: 200 })
})

const traffic = new URL('../../../shared/traffic/', import.meta.url)

describe.skipIf(!existsSync(traffic))('recorded requests', () => {
  test.each(['openai', 'anthropic', 'gemini', 'xai'] as const)(
    'that %s accepted are accepted',
    async (provider) => {
      const folder = new URL(`${provider}/`, traffic)
      for (const name of readdirSync(folder)) {
        const recording = JSON.parse(readFileSync(new URL(name, folder), 'utf8'))
        if (recording.status >= 400 || /count/i.test(recording.api)) continue
        // no request was recorded, or the server is not the provider's own
        if (recording.server === 'fixture' || recording.other) continue
        const { status, text } = await sendRecorded(recording)
        expect({ name, status, text: status === 200 ? '' : text }).toEqual({
          name,
          status: 200,
          text: '',
        })
      }
    },
  )
})

interface Recording {
  readonly provider: ProviderName
  readonly api: string
  readonly model?: string
  readonly request: Body
}

async function sendRecorded({ provider, api, model: name, request }: Recording) {
  const paths: Readonly<Record<string, string>> = {
    responses: '/responses',
    chat: '/chat/completions',
    messages: '/v1/messages',
    generateContent: `/v1beta/models/${name}:generateContent`,
    streamGenerateContent: `/v1beta/models/${name}:generateContent`,
  }
  const { apiKey, baseURL } = server.options(provider)
  const reply = await fetch(baseURL + paths[api], {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'anthropic-version': '2023-06-01' },
    body: JSON.stringify(request),
  })
  return { status: reply.status, text: await reply.text() }
}
