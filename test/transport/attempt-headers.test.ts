/**
 * Response headers on the attempt, over each transport; and two calls that start at the same index.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Attempt } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import type { TetradError } from '../../src/core/index.js'
import { openai } from '../../src/providers/openai/index.js'

const apiKey = 'sk-test-0123456789abcdef'
const item = { type: 'function_call', id: 'f1', call_id: 'c1', name: 'look', arguments: '' }
const message = {
  type: 'message',
  id: 'm1',
  role: 'assistant',
  status: 'completed',
  content: [{ type: 'output_text', text: 'Hi', annotations: [] }],
}
const body = (output: readonly object[]) => ({
  id: 'r1',
  object: 'response',
  created_at: 1,
  model: 'gpt-5',
  status: 'completed',
  output,
  usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 },
})
const streams: Readonly<Record<string, readonly object[]>> = {
  ok: [{ type: 'response.completed', response: body([message]) }],
  twice: [
    { type: 'response.output_item.added', output_index: 0, item },
    { type: 'response.output_item.added', output_index: 0, item: { ...item, call_id: 'c2' } },
    { type: 'response.output_item.done', output_index: 0, item: { ...item, arguments: '{}' } },
    { type: 'response.completed', response: body([{ ...item, arguments: '{}' }]) },
  ],
}

let asked = 'ok'
let baseURL = ''
const server = createServer(async (request, response) => {
  let text = ''
  for await (const piece of request) text += piece
  response.setHeader('x-ratelimit-remaining-requests', '7')
  response.setHeader('set-cookie', 'session=abc')
  response.setHeader('x-api-key', apiKey)
  response.setHeader('x-echo', String(request.headers.authorization))
  if (asked === 'failed') {
    response.writeHead(429, { 'content-type': 'application/json' })
    return response.end(JSON.stringify({ error: { message: 'slow down' } }))
  }
  if (!JSON.parse(text).stream) {
    response.setHeader('content-type', 'application/json')
    return response.end(JSON.stringify(body([message])))
  }
  response.setHeader('content-type', 'text/event-stream')
  const events = streams[asked] ?? []
  response.end(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''))
})

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // a server that listens on a port has an address of this shape
  baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const transports = {
  node: () => openai({ apiKey, baseURL }),
  fetch: () => openai({ apiKey, baseURL, fetch: globalThis.fetch }),
  client: () => openai({ client: new OpenAI({ apiKey, baseURL }) }),
}
const request = { model: 'openai/gpt-5', messages: [{ role: 'user', content: 'Hi' }] } as const

/** The only attempt, and the error if there was one. */
async function attempt(transport: keyof typeof transports, mode: 'generate' | 'stream') {
  const ai = createClient({ providers: [transports[transport]()] })
  const answer = mode === 'generate' ? ai.generate(request) : ai.stream(request).response
  const outcome = await answer.catch((error: TetradError) => error)
  const [first] = outcome.attempts ?? []
  return { outcome, first: first as Attempt }
}

describe.each(['node', 'fetch', 'client'] as const)('over %s', (transport) => {
  describe.each(['generate', 'stream'] as const)('in %s', (mode) => {
    it.each(['ok', 'failed'])(
      'an attempt that is %s has rate limits, no cookie, no key',
      async (end) => {
        asked = end
        const { first } = await attempt(transport, mode)
        expect(first.status).toBe(end)
        expect(first.headers).toMatchObject({ 'x-ratelimit-remaining-requests': '7' })
        const headers = JSON.stringify(first.headers)
        expect(headers).not.toContain('session')
        expect(headers).not.toContain(apiKey)
      },
    )
  })

  it('two calls that start at the same index are separate', async () => {
    asked = 'twice'
    const { outcome, first } = await attempt(transport, 'stream')
    expect(outcome).toMatchObject({ message: { tool_calls: [{ id: 'c1' }, { id: 'c2' }] } })
    expect(first.status).toBe('ok')
  })
})
