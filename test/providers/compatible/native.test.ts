/**
 * Members that servers require back are sent only to the same server, while the message is
 * unchanged.
 */
import { describe, expect, it } from 'vitest'
import type { AssistantMessage, ChatRequest, JsonObject, Message } from '../../../src/chat/index.js'
import type { CompatibleOptions } from '../../../src/providers/compatible/compatible.js'
import { at, call, completion, delta, read, readWhole, stop, write } from './support.js'

const router = at('openrouter.ai')
const deepseek = at('api.deepseek.com')

/** The history with the response, as loaded from a store. */
const history = (message: AssistantMessage, ...more: readonly Message[]): readonly Message[] => [
  { role: 'user', content: 'Hello' },
  JSON.parse(JSON.stringify(message)),
  ...more,
  { role: 'user', content: 'Go on' },
]

const back = async (
  messages: readonly Message[],
  options: Partial<CompatibleOptions>,
  request: Partial<ChatRequest> = {},
) => {
  const written = await write({ messages, ...request }, options)
  return { ...written, turn: written.messages[1] ?? {} }
}

const answerOf = (events: Parameters<typeof read>[0], options: Partial<CompatibleOptions>) => {
  const { answer } = read(events, options)
  if (!answer) throw new Error('no answer')
  return answer.message
}

describe('reasoning details', () => {
  const pieces = [
    { type: 'reasoning.text', text: 'Let', format: 'anthropic-claude-v1', index: 0 },
    { type: 'reasoning.text', text: ' me see', format: 'anthropic-claude-v1', index: 0 },
    { type: 'reasoning.text', signature: 'SIG', format: 'anthropic-claude-v1', index: 0 },
    { type: 'reasoning.encrypted', data: 'XYZ', id: 'e1', index: 1 },
  ]
  const whole = [
    {
      type: 'reasoning.text',
      text: 'Let me see',
      signature: 'SIG',
      format: 'anthropic-claude-v1',
      index: 0,
    },
    { type: 'reasoning.encrypted', data: 'XYZ', id: 'e1', index: 1 },
  ]
  const streamed = answerOf(
    [
      ...pieces.map((piece) =>
        delta({ reasoning: piece.text ?? null, reasoning_details: [piece] }),
      ),
      delta({ content: 'So.' }),
      stop(),
    ],
    router,
  )

  it('are joined from their pieces, and sent back complete', async () => {
    const { turn, warnings } = await back(history(streamed), router)
    expect(turn).toEqual({ role: 'assistant', content: 'So.', reasoning_details: whole })
    expect(warnings).toEqual([])
  })

  it('of a generate response are sent back unchanged', async () => {
    const details = [
      { type: 'reasoning.text', text: 'a' },
      { type: 'reasoning.text', text: 'b', id: null },
    ]
    const { message } = readWhole(
      completion({ content: 'So.', reasoning: 'ab', reasoning_details: details }),
      router,
    )
    expect((await back(history(message), router)).turn.reasoning_details).toEqual(details)
  })

  it('two signed blocks without an index stay separate', () => {
    const blocks = ['A', 'B'].map((signature) => ({ type: 'reasoning.text', text: 'x', signature }))
    const message = answerOf(
      [
        ...blocks.map((block) => delta({ reasoning_details: [block] })),
        delta({ content: 'So.' }),
        stop(),
      ],
      router,
    )
    expect(message.native?.content).toMatchObject([{ reasoning_details: blocks }])
  })

  it.each([
    ['text', { content: 'So!' }],
    ['refusal', { refusal: 'No.' }],
    ['reasoning', { reasoning_content: 'Let me [redacted]' }],
    [
      'calls',
      { tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }] },
    ],
  ] as const)('are dropped if the %s was changed, with a warning', async (_, change) => {
    const { turn, warnings } = await back(history({ ...streamed, ...change }), router)
    expect(turn).not.toHaveProperty('reasoning_details')
    expect(JSON.stringify(turn)).not.toContain('Let me')
    expect(warnings).toContainEqual(expect.objectContaining({ code: 'dropped' }))
  })

  it('are dropped for another model, with a warning', async () => {
    const { turn, warnings } = await back(history(streamed), router, { model: 'm-2' })
    expect(turn).toEqual({ role: 'assistant', content: 'So.' })
    expect(warnings).toMatchObject([{ code: 'dropped' }])
  })

  it('are dropped for another server, with a warning', async () => {
    const { turn, warnings } = await back(history(streamed), { name: 'other' })
    expect(turn).toEqual({ role: 'assistant', content: 'So.' })
    expect(warnings).toMatchObject([{ code: 'dropped' }])
  })
})

describe("Gemini's thought signatures", () => {
  const extra_content = { google: { thought_signature: 'SIG' } }
  const message = answerOf(
    [
      call({
        id: 'a',
        type: 'function',
        function: { name: 'f', arguments: '{"x":1}' },
        extra_content,
      }),
      call({ id: 'b', type: 'function', function: { name: 'g', arguments: '{}' } }),
      stop(),
    ],
    {},
  )
  const result: Message = { role: 'tool', tool_call_id: 'a', content: 'ok' }

  it('are sent back with their call', async () => {
    const { turn } = await back(history(message, result, { ...result, tool_call_id: 'b' }), {})
    expect(turn.tool_calls).toEqual([
      { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' }, extra_content },
      { id: 'b', type: 'function', function: { name: 'g', arguments: '{}' } },
    ])
  })

  it('on the message too', async () => {
    const reply = answerOf([delta({ content: 'So.', extra_content }), stop()], {})
    expect((await back(history(reply), {})).turn).toEqual({
      role: 'assistant',
      content: 'So.',
      extra_content,
    })
  })
})

describe('plain reasoning', () => {
  const thought = [delta({ reasoning_content: 'hm' }), delta({ content: 'So.' }), stop()]
  const called = [
    delta({ reasoning_content: 'hm' }),
    call({ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }),
    stop(),
  ]
  const result: Message = { role: 'tool', tool_call_id: 'a', content: 'ok' }

  it('is not kept for a server that does not require it', () => {
    expect(answerOf(thought, {}).native).not.toHaveProperty('content')
  })

  it('is sent back under the name it had', async () => {
    expect((await back(history(answerOf(thought, deepseek)), deepseek)).turn).toEqual({
      role: 'assistant',
      content: 'So.',
      reasoning_content: 'hm',
    })
    const other = answerOf([delta({ reasoning: 'hm' }), delta({ content: 'So.' }), stop()], {
      returnReasoning: true,
    })
    expect((await back(history(other), { returnReasoning: true })).turn).toMatchObject({
      reasoning: 'hm',
    })
  })

  it('is sent to another model of the same server, as it is unsigned', async () => {
    expect(
      (await back(history(answerOf(called, deepseek), result), deepseek, { model: 'm-2' })).turn,
    ).toMatchObject({
      reasoning_content: 'hm',
    })
  })

  it('follows an edit of the app', async () => {
    const { native: _, ...edited } = { ...answerOf(called, deepseek), reasoning_content: 'h[…]' }
    expect((await back(history(edited, result), deepseek)).turn.reasoning_content).toBe('h[…]')
  })

  it('of another provider is never sent as text; a turn with calls gets a blank', async () => {
    const foreign: AssistantMessage = {
      ...answerOf(called, deepseek),
      reasoning_content: 'secret',
      native: {
        provider: 'anthropic',
        model: 'claude',
        content: [{ type: 'thinking', thinking: 'secret' }],
      },
    }
    const { turn, warnings } = await back(history(foreign, result), deepseek)
    expect(JSON.stringify(turn)).not.toContain('secret')
    expect(turn.reasoning_content).toBe(' ')
    expect(warnings).toMatchObject([{ code: 'dropped' }])
  })
})

it('both modes collect the same', () => {
  const message: JsonObject = {
    content: 'So.',
    reasoning: 'hm',
    reasoning_details: [{ type: 'reasoning.text', text: 'hm', signature: 'SIG', index: 0 }],
  }
  const streamed = answerOf([delta(message), stop()], router)
  expect(readWhole(completion(message), router).message).toEqual(streamed)
})
