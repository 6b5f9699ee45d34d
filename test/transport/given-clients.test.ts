/**
 * `AzureOpenAI` as a given client: its own base URL, version, deployment and key; anything that is
 * no client is rejected at once.
 */
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AzureOpenAI } from 'openai'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createClient } from '../../src/client.js'
import { MisuseError } from '../../src/core/index.js'
import { anthropic } from '../../src/providers/anthropic/index.js'
import { compatible } from '../../src/providers/compatible/index.js'
import { gemini } from '../../src/providers/gemini/index.js'
import { openai } from '../../src/providers/openai/index.js'
import { xai } from '../../src/providers/xai/index.js'

const answers = {
  responses: {
    id: 'r',
    object: 'response',
    created_at: 1,
    model: 'gpt-5',
    status: 'completed',
    output: [
      {
        type: 'message',
        id: 'm',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text: 'Hi', annotations: [] }],
      },
    ],
    usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 },
  },
  chat: {
    id: 'c',
    object: 'chat.completion',
    created: 1,
    model: 'gpt-5',
    choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  },
}

interface Seen {
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: { readonly model?: string }
}

let seen: Seen[] = []
let endpoint = ''
const server = createServer(async (request, response) => {
  let text = ''
  for await (const piece of request) text += piece
  const { url = '', headers } = request
  seen.push({ url, headers, body: JSON.parse(text) })
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify(url.includes('/chat/') ? answers.chat : answers.responses))
})

beforeEach(async () => {
  seen = []
  vi.stubEnv('OPENAI_API_VERSION', '1999-01-01')
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // a server that listens on a port has an address of this shape
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterEach(async () => {
  vi.unstubAllEnvs()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const azure = (deployment?: string) =>
  new AzureOpenAI({
    endpoint,
    apiKey: 'azure-key',
    apiVersion: '2025-04-01-preview',
    ...(deployment && { deployment }),
  })

const messages = [{ role: 'user', content: 'Hi' }] as const

it.each([
  [undefined, 'my-gpt-5'],
  ['my-deployment', 'my-deployment'],
])('the Responses API, deployment %s', async (deployment, model) => {
  const ai = createClient({ providers: [openai({ client: azure(deployment) })] })
  expect((await ai.generate({ model: 'openai/my-gpt-5', messages })).text).toBe('Hi')
  expect(seen.map(({ url }) => url)).toEqual(['/openai/responses?api-version=2025-04-01-preview'])
  expect(seen[0]?.body.model).toBe(model)
  expect(seen[0]?.headers['api-key']).toBe('azure-key')
})

it.each([
  [undefined, 'my-gpt-5'],
  ['my-deployment', 'my-deployment'],
])('Chat Completions, deployment %s', async (deployment, model) => {
  const client = azure(deployment)
  const own = compatible({ name: 'azure', baseURL: endpoint, client })
  const ai = createClient({ providers: [own] })
  expect((await ai.generate({ model: 'azure/my-gpt-5', messages })).text).toBe('Hi')
  expect(seen.map(({ url }) => url)).toEqual([
    `/openai/deployments/${model}/chat/completions?api-version=2025-04-01-preview`,
  ])
})

const given: readonly unknown[] = [{}, 'key', () => {}, { post: true }, { models: {} }]
it.each(given)('an object that is no client is rejected by the factory: %s', (client) => {
  const options = { client: client as never }
  for (const factory of [openai, xai, anthropic, gemini])
    expect(() => factory(options)).toThrow(MisuseError)
  expect(() => compatible({ name: 'own', baseURL: endpoint, ...options })).toThrow(MisuseError)
})
