/**
 * Tool names that Gemini rejects, over the wire: changed the same way everywhere, with one warning,
 * and restored in the response.
 */
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { ChatRequest } from '../../../src/chat/index.js'
import { createClient } from '../../../src/client.js'
import { gemini } from '../../../src/providers/gemini/index.js'
import type { GenerateContentBody } from '../../../src/providers/gemini/wire.js'
import { callTool, type MockServer, mockServer, say } from '../../../src/testing/index.js'

let server: MockServer
beforeEach(async () => {
  server = await mockServer()
  server.reply(say('Hi.'))
})
afterEach(() => server.close())

const tool = (name: string) => ({ type: 'function', function: { name } }) as const

async function send(more: Partial<ChatRequest>) {
  const ai = createClient({ providers: [gemini(server.options('gemini'))] })
  const messages = [{ role: 'user', content: 'Hi' }] as const
  const answer = await ai.generate({ model: 'gemini/gemini-2.5-flash', messages, ...more })
  // the body was written by our adapter
  const body = server.requests.at(-1)?.body as unknown as GenerateContentBody
  return { answer, body, names: body.tools?.[0]?.functionDeclarations?.map(({ name }) => name) }
}

it('are changed, with a warning for each', async () => {
  const tools = [tool('my tool!'), tool('my tool?'), tool('1st'), tool('x'.repeat(200))]
  const { answer, names } = await send({ tools })
  expect(names?.slice(0, 3)).toEqual(['my_tool_', 'my_tool__2', '_1st'])
  expect(names?.[3]).toHaveLength(128)
  expect(answer.warnings.map(({ code }) => code)).toEqual(Array(4).fill('changed'))
})

it('are the same for tool, call and result', async () => {
  const call = {
    id: 'a',
    type: 'function',
    function: { name: 'my tool!', arguments: '{}' },
  } as const
  const { body, names } = await send({
    tools: [tool('my tool!'), tool('my tool?')],
    messages: [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'a', content: 'ok' },
    ],
  })
  expect(names).toEqual(['my_tool_', 'my_tool__2'])
  const parts = body.contents.flatMap(({ parts }) => parts ?? [])
  expect(parts.flatMap(({ functionCall }) => functionCall?.name ?? [])).toEqual(['my_tool_'])
  expect(parts.flatMap(({ functionResponse }) => functionResponse?.name ?? [])).toEqual([
    'my_tool_',
  ])
})

it('are the same for tool and choice, custom tools too', async () => {
  const { body } = await send({
    tools: [tool('a'), { type: 'custom', custom: { name: 'b b' } }],
    tool_choice: { type: 'custom', custom: { name: 'b b' } },
  })
  expect(body.toolConfig?.functionCallingConfig).toEqual({
    mode: 'ANY',
    allowedFunctionNames: ['b_b'],
  })
})

it('are restored in the response', async () => {
  server.reply(callTool('my_tool_', {}))
  const { answer } = await send({ tools: [tool('my tool!')] })
  expect(answer.message.tool_calls?.[0]).toMatchObject({ function: { name: 'my tool!' } })
})

it('of custom tools keep their text, in the response and in a turn that is sent back', async () => {
  server.reply(callTool('b_b', { input: 'free text' }))
  const tools = [{ type: 'custom', custom: { name: 'b b' } }] as const
  const { answer } = await send({ tools })
  const [call] = answer.message.tool_calls ?? []
  expect(call).toMatchObject({ type: 'custom', custom: { name: 'b b', input: 'free text' } })
  const { answer: next, body } = await send({
    tools,
    messages: [
      { role: 'user', content: 'Hi' },
      ...answer.messages,
      { role: 'tool', tool_call_id: call?.id ?? '', content: 'ok' },
    ],
  })
  const calls = body.contents.flatMap(
    ({ parts }) => parts?.flatMap((part) => part.functionCall ?? []) ?? [],
  )
  expect(calls).toMatchObject([{ name: 'b_b', args: { input: 'free text' } }])
  // the turn was sent back unchanged: an edited one causes a warning
  expect(next.warnings.map(({ param }) => param)).not.toContain('messages')
})
