/** Native blocks that the provider requires byte for byte: sent back if they match the message. */
import { describe, expect, it } from 'vitest'
import type { AssistantInput, JsonObject } from '../../../src/chat/index.js'
import {
  answerOf,
  begin,
  block,
  called,
  codes,
  delta,
  end,
  frozen,
  sonnet,
  stop,
  text,
  tool,
  use,
  write,
} from './support.js'

const thinking = { type: 'thinking', thinking: 'Hm', signature: 'sig' }
const search = {
  type: 'server_tool_use',
  id: 'srvtoolu_1',
  name: 'web_search',
  input: { query: 'x' },
}
const found = {
  type: 'web_search_tool_result',
  tool_use_id: 'srvtoolu_1',
  content: [{ encrypted_content: 'e' }],
}
const textBlock = (value: string) => ({ type: 'text', text: value })
const look = { type: 'tool_use', id: 'toolu_1', name: 'look', input: { a: 1, b: [{ c: null }] } }
const lookCall = called('toolu_1', 'look', '{"b":[{"c":null}],"a":1}')

const turn = (
  content: readonly unknown[],
  message: Partial<AssistantInput> = {},
  model = sonnet,
): AssistantInput =>
  JSON.parse(
    JSON.stringify({
      role: 'assistant',
      content: 'Hi',
      ...message,
      native: { provider: 'anthropic', model, content },
    }),
  )

const next = (
  message: AssistantInput,
  { model = sonnet, request = {} }: { model?: string; request?: object } = {},
) =>
  write({
    model,
    tools: [tool('look')],
    messages: [
      { role: 'user', content: 'a' },
      frozen(message),
      ...(message.tool_calls ?? []).map(({ id }) => ({
        role: 'tool' as const,
        tool_call_id: id,
        content: 'ok',
      })),
      { role: 'user', content: 'b' },
    ],
    ...request,
  })

const sent = (written: ReturnType<typeof next>) => written.body.messages[1]?.content

describe('native blocks', () => {
  it('are sent back unchanged, through JSON too, while the message has the same content', () => {
    const blocks = [
      thinking,
      { type: 'redacted_thinking', data: 'xyz' },
      search,
      found,
      textBlock('Hi'),
      look,
    ]
    const written = next(turn(blocks, { tool_calls: [lookCall] }))
    expect(sent(written)).toEqual(blocks)
    expect(written.warnings).toEqual([])
  })

  it.each([
    ['text', { content: 'Bye' }],
    ['a call', { content: 'Hi', tool_calls: [called('toolu_1', 'look', '{"a":2}')] }],
    [
      'the name of a call',
      { content: 'Hi', tool_calls: [called('toolu_1', 'peek', lookCall.function.arguments)] },
    ],
    ['the number of calls', { content: 'Hi', tool_calls: [] }],
  ])('are dropped after an edit of %s', (_, edit) => {
    const written = next(
      turn([thinking, search, found, textBlock('Hi'), look], { tool_calls: [lookCall], ...edit }),
    )
    expect(JSON.stringify(sent(written))).not.toMatch(/sig|encrypted_content/)
    expect(sent(written)?.[0]).toMatchObject(textBlock(edit.content ?? 'Hi'))
    expect(codes(written)).toContain('repaired')
  })

  it('signed by another model are dropped, the rest is kept', () => {
    const written = next(turn([thinking, search, found, textBlock('Hi')]), {
      model: 'claude-opus-5',
    })
    expect(sent(written)).toEqual([search, found, textBlock('Hi')])
    expect(codes(written)).toEqual(['dropped'])
  })

  it.each([
    ['claude-sonnet-4-5', 'claude-sonnet-4-5-20250929'],
    ['claude-sonnet-4-20250514', 'claude-sonnet-4-0'],
    ['us.anthropic.claude-sonnet-4-5-20250929-v1:0', 'claude-sonnet-4-5'],
    ['claude-3-7-sonnet-latest', 'claude-3-7-sonnet-20250219'],
    ['anthropic/claude-sonnet-4.5', 'claude-sonnet-4-5'],
  ])('of %s and %s belong to the same model', (from, to) => {
    expect(sent(next(turn([thinking, textBlock('Hi')], {}, from), { model: to }))).toEqual([
      thinking,
      textBlock('Hi'),
    ])
  })

  it('of another provider are ignored', () => {
    const message = {
      ...turn([]),
      native: { provider: 'openai', model: sonnet, content: [thinking] },
    }
    expect(sent(next(message))).toEqual([textBlock('Hi')])
  })

  it('of white space, which the API rejects, are dropped', () => {
    expect(
      sent(next(turn([textBlock('\n\n'), thinking, textBlock('Hi')], { content: '\n\nHi' }))),
    ).toEqual([thinking, textBlock('Hi')])
  })

  it('of thinking without content after it are dropped', () => {
    expect(sent(next(turn([textBlock('Hi'), thinking])))).toEqual([textBlock('Hi')])
    const alone = next({ ...turn([thinking]), content: null })
    expect(alone.body.messages).toHaveLength(1)
  })

  it('of unsigned thinking are dropped', () => {
    const written = next(turn([{ ...thinking, signature: '' }, textBlock('Hi')]))
    expect(sent(written)).toEqual([textBlock('Hi')])
    expect(codes(written)).toEqual(['dropped'])
  })

  it('whose call got another id use that id', () => {
    const history = {
      messages: [
        { role: 'user', content: 'a' },
        turn([thinking, textBlock('Hi'), { ...look, id: 'call 1' }], {
          tool_calls: [{ ...lookCall, id: 'call 1' }],
        }),
        { role: 'tool', tool_call_id: 'call 1', content: 'ok' },
      ],
    }
    const { messages } = next(turn([]), { request: history }).body
    expect(messages[1]?.content[2]).toMatchObject({ id: 'call_1' })
    expect(messages[2]?.content[0]).toMatchObject({ tool_use_id: 'call_1' })
  })

  it('that are garbage do no harm', () => {
    for (const content of [null, 'x', [null, 1, 'y']])
      expect(
        sent(
          next({
            ...turn([]),
            native: { provider: 'anthropic', model: sonnet, content: content as never },
          }),
        ),
      ).toEqual([textBlock('Hi')])
  })
})

describe('hosted tools', () => {
  it('a turn that the provider paused is sent back unchanged as the last message', () => {
    const paused = turn([textBlock('Hi'), search])
    const { body, warnings } = write({
      model: 'claude-opus-5',
      messages: [{ role: 'user', content: 'a' }, paused],
    })
    expect(body.messages.at(-1)).toEqual({ role: 'assistant', content: [textBlock('Hi'), search] })
    expect(warnings).toEqual([])
  })

  it('a hosted call whose result comes with those of client tools is kept', () => {
    const open = turn([search, look], { content: null, tool_calls: [lookCall] })
    const { body } = next(open, {
      request: {
        messages: [
          { role: 'user', content: 'a' },
          open,
          { role: 'tool', tool_call_id: 'toolu_1', content: 'ok' },
        ],
      },
    })
    expect(body.messages[1]?.content).toEqual([search, look])
  })

  it('a hosted call without a result is dropped, and so is a result without its call', () => {
    const open = next(turn([textBlock('Hi'), search]))
    expect(sent(open)).toEqual([textBlock('Hi')])
    expect(codes(open)).toEqual(['repaired'])
    expect(sent(next(turn([found, textBlock('Hi')])))).toEqual([textBlock('Hi')])
  })

  it('blocks of MCP, compaction and fallback add their beta headers', () => {
    const blocks = [
      { type: 'mcp_tool_use', id: 'm', name: 'ask', server_name: 's', input: {} },
      { type: 'mcp_tool_result', tool_use_id: 'm', is_error: false, content: [] },
      { type: 'compaction', content: 'So far' },
      { type: 'fallback', from: { model: 'a' }, to: { model: 'b' } },
      textBlock('Hi'),
    ]
    const written = next(turn(blocks))
    expect(sent(written)).toEqual(blocks)
    expect(written.headers['anthropic-beta']?.split(',')).toEqual([
      'mcp-client-2025-04-04',
      'compact-2026-01-12',
      'server-side-fallback-2026-06-01',
    ])
  })

  it('results of calls made in code are sent with their container', () => {
    const inCode = { ...look, caller: { type: 'code_execution_20260120', tool_id: 's' } }
    const message = turn([inCode, { type: 'container', id: 'container_1' }], {
      content: null,
      tool_calls: [lookCall],
    })
    const history = {
      messages: [
        { role: 'user', content: 'a' },
        message,
        { role: 'tool', tool_call_id: 'toolu_1', content: 'ok' },
      ],
    }
    const { body } = next(message, { request: history })
    expect(body.container).toBe('container_1')
    expect(body.messages[1]?.content).toEqual([inCode])
    expect(
      next(message, {
        request: { ...history, provider_options: { anthropic: { container: 'mine' } } },
      }).body.container,
    ).toBe('mine')
  })
})

describe('a response', () => {
  const answered = 'claude-sonnet-4-5-20250929'

  it('that can be rebuilt from its message has no native copy', () => {
    const { message } = answerOf([
      begin(),
      ...text('Hi'),
      ...use(['{}'], { index: 1 }),
      ...end('tool_use'),
    ])
    expect(message.native).toEqual({ v: 1, provider: 'anthropic', model: answered, asked: sonnet })
  })

  it('with an order that a message cannot express has a native copy', () => {
    const { message } = answerOf([begin(), ...use(['{}']), ...text('Hi', 1), ...end('tool_use')])
    expect(message.native?.content?.map((one) => (one as JsonObject).type)).toEqual([
      'tool_use',
      'text',
    ])
    expect(message.native).toMatchObject({ provider: 'anthropic', model: answered, asked: sonnet })
  })

  it('keeps unknown blocks and deltas', () => {
    const events = [
      begin(),
      block({ type: 'sparkle', data: 1 }),
      stop(),
      block({ type: 'compaction', content: null }, 1),
      delta({ type: 'compaction_delta', content: 'So far', encrypted_content: 'e' }, 1),
      stop(1),
      ...text('Hi', 2),
      ...end(),
    ]
    expect(answerOf(events).message.native?.content).toEqual([
      { type: 'sparkle', data: 1 },
      { type: 'compaction', content: 'So far', encrypted_content: 'e' },
      textBlock('Hi'),
    ])
  })

  it('with truncated arguments is still sent back, repaired', () => {
    const { message } = answerOf([
      begin(),
      block(thinking),
      stop(),
      ...use(['{"a": "unfin'], { index: 1 }),
      ...end('max_tokens'),
    ])
    const written = next(JSON.parse(JSON.stringify(message)))
    expect(sent(written)).toMatchObject([thinking, { type: 'tool_use', input: { a: 'unfin' } }])
  })
})
