/** A response in the history: sent back unchanged while the message is, otherwise rebuilt. */
import { describe, expect, it, test } from 'vitest'
import type { AssistantMessage, Message } from '../../../src/chat/index.js'
import {
  body,
  codes,
  functionCall,
  hello,
  message,
  read,
  readWhole,
  recorded,
  recording,
  writeMessages,
} from './support.js'

const user: Message = { role: 'user', content: 'Hello' }
const stored = <T>(value: T): T => JSON.parse(JSON.stringify(value))
const reasoning = {
  type: 'reasoning',
  id: 'rs_1',
  summary: [{ type: 'summary_text', text: 'Hm.' }],
  encrypted_content: 'gAAAA',
}

/** A response of these items, as loaded from a database. */
const answer = (items: readonly object[], request = hello): AssistantMessage =>
  stored(readWhole(body(items as never), { request }).message)
const back = (one: AssistantMessage, more: Parameters<typeof writeMessages>[1] = {}) => {
  const { input, warnings } = writeMessages([user, one, user], more)
  return { items: input.slice(1, -1), warnings }
}

describe('an unchanged response', () => {
  test.each(['phase-call-stream', 'search-stream', 'text-stream', 'refusal-stream'])(
    '%s is sent back item by item',
    (name) => {
      const taken = recording('openai', name)
      const one = read(recorded(taken), taken).answer?.message as AssistantMessage
      const { items } = back(stored(one), { model: taken.request.model })
      expect(items.slice(0, one.native?.content?.length)).toEqual(one.native?.content)
    },
  )

  test.each(['tool-search', 'code', 'reasoning-call', 'search', 'file-search', 'calls', 'refusal'])(
    '%s is sent back item by item',
    (name) => {
      const taken = recording('openai', name)
      const one = stored(readWhole(taken.body, taken).message)
      const { items } = back(one, { model: taken.request.model })
      expect(items.slice(0, one.native?.content?.length)).toEqual(taken.body?.output)
    },
  )

  it('keeps phase and ids, reasoning before its result', () => {
    const items = [
      { ...message('Let me see.'), phase: 'commentary' },
      reasoning,
      functionCall('{"a":1}'),
    ]
    const { input, warnings } = writeMessages([
      user,
      answer(items),
      { role: 'tool', tool_call_id: 'call_1', content: 'ok' },
    ])
    expect(input.slice(1)).toEqual([
      ...items,
      { type: 'function_call_output', call_id: 'call_1', output: 'ok' },
    ])
    expect(warnings).toEqual([])
  })

  it('is sent back to a dated name of its model', () => {
    expect(
      back(answer([reasoning, message('Hi')]), { model: 'gpt-5-mini-2025-08-07' }).items,
    ).toEqual([reasoning, message('Hi')])
  })

  it('may have lost its reasoning text', () => {
    const { reasoning_content: _, ...one } = answer([reasoning, message('Hi')])
    expect(back(one)).toEqual({ items: [reasoning, message('Hi')], warnings: [] })
  })

  it('sends an image back without members that the API returns but rejects', () => {
    const image = { type: 'image_generation_call', id: 'ig_1', status: 'completed', result: 'QUJD' }
    const { items } = back(
      answer([{ ...image, action: 'generate', output_format: 'png', size: '1x1' }]),
    )
    expect(items).toEqual([image])
  })
})

describe('a changed response', () => {
  const one = answer([reasoning, message('The key is 1234.'), functionCall('{"a":1}')])
  const call = one.tool_calls?.[0]
  const changed: readonly (readonly [string, AssistantMessage])[] = [
    ['in its text', { ...one, content: 'The key is ****.' }],
    ['in its calls', { ...one, tool_calls: [{ ...call, id: 'call_9' } as never] }],
    [
      'in its arguments',
      {
        ...one,
        tool_calls: [{ ...call, function: { name: 'weather', arguments: '{"a":2}' } } as never],
      },
    ],
    ['in its refusal', { ...one, refusal: 'No.' }],
    ['in its reasoning', { ...one, reasoning_content: 'Something else.' }],
    ['by a call less', { ...one, tool_calls: [] }],
  ]

  test.each(changed)('%s is rebuilt, with a warning', (_, edited) => {
    const { items, warnings } = back(edited)
    expect(JSON.stringify(items)).not.toContain('gAAAA')
    expect(items[0]).toMatchObject({ role: 'assistant' })
    expect(items[0]).not.toHaveProperty('id')
    expect(codes(warnings)).toContain('dropped messages')
  })

  it('does not restore removed content', () => {
    const { items } = back({ ...one, content: 'The key is ****.' })
    expect(JSON.stringify(items)).not.toContain('1234')
  })

  it('with only white space of its arguments changed counts as unchanged', () => {
    const spaced = { ...call, function: { name: 'weather', arguments: '{ "a": 1 }' } } as never
    expect(back({ ...one, tool_calls: [spaced] }).items[0]).toEqual(reasoning)
  })
})

describe('reasoning', () => {
  it('of another model is dropped with the ids that refer to it; the rest stays', () => {
    const one = answer([reasoning, { ...message('Hi'), phase: 'final_answer' }])
    const { items, warnings } = back(one, { model: 'gpt-5.2' })
    const { id: _, ...rest } = message('Hi')
    expect(items).toEqual([{ ...rest, phase: 'final_answer' }])
    expect(codes(warnings)).toEqual(['dropped messages'])
  })

  it('without encrypted content is sent back only to a server that stores', () => {
    const { encrypted_content: _, ...bare } = reasoning
    const one = answer([bare, message('Hi')])
    expect(back(one, { store: true }).items).toEqual([bare, message('Hi')])
    const { items, warnings } = back(one)
    expect(items).toHaveLength(1)
    expect(items[0]).not.toHaveProperty('id')
    expect(codes(warnings)).toEqual(['dropped messages'])
  })

  it('without content after it is dropped', () => {
    const { items, warnings } = back(answer([message('Hi'), reasoning]))
    expect(items).toEqual([message('Hi')])
    expect(codes(warnings)).toEqual(['dropped messages'])
  })
})

describe('responses of other providers', () => {
  it('leave no native content behind, with a warning', () => {
    const foreign: Message = {
      role: 'assistant',
      content: 'Hi',
      reasoning_content: 'Hm.',
      native: {
        provider: 'anthropic',
        model: 'claude-sonnet-4-5',
        content: [{ type: 'thinking', thinking: 'Hm.', signature: 'c2ln' }],
      },
    }
    const { input, warnings } = writeMessages([user, foreign, user])
    expect(input[1]).toEqual({ role: 'assistant', content: [{ type: 'output_text', text: 'Hi' }] })
    expect(codes(warnings)).toEqual(['dropped messages'])
  })

  test.each([
    null,
    {},
    { provider: 'openai' },
    { provider: 'openai', model: 'x', content: [] },
    { provider: 'openai', model: 'x', content: [null, 7] },
  ])('a native slot of %j is ignored', (native) => {
    const { input } = writeMessages([user, { role: 'assistant', content: 'Hi', native } as never])
    expect(input[1]).toEqual({ role: 'assistant', content: [{ type: 'output_text', text: 'Hi' }] })
  })
})

describe('the wrapper of parallel calls', () => {
  it('is sent back as the calls it contains, each with its result', () => {
    const wrapper = functionCall(
      JSON.stringify({
        tool_uses: [
          { recipient_name: 'functions.a', parameters: { x: 1 } },
          { recipient_name: 'functions.b', parameters: {} },
        ],
      }),
      { name: 'multi_tool_use.parallel' },
    )
    const tools = ['a', 'b'].map((name) => ({ type: 'function', function: { name } }) as const)
    const one = answer([reasoning, wrapper], { ...hello, tools })
    const { input, warnings } = writeMessages([
      user,
      one,
      { role: 'tool', tool_call_id: 'call_1_0', content: 'one' },
      { role: 'tool', tool_call_id: 'call_1_1', content: 'two' },
    ])
    expect(input.slice(1)).toEqual([
      reasoning,
      { type: 'function_call', call_id: 'call_1_0', name: 'a', arguments: '{"x":1}' },
      { type: 'function_call', call_id: 'call_1_1', name: 'b', arguments: '{}' },
      { type: 'function_call_output', call_id: 'call_1_0', output: 'one' },
      { type: 'function_call_output', call_id: 'call_1_1', output: 'two' },
    ])
    expect(warnings).toEqual([])
  })
})

describe('calls of built-in tools are answered by items of their own kind', () => {
  const reply = (
    item: object,
    content: Extract<Message, { role: 'tool' }>['content'],
    more = {},
  ) => {
    const one = answer([item])
    const id = one.tool_calls?.[0]?.id ?? ''
    const { input } = writeMessages([
      user,
      one,
      { role: 'tool', tool_call_id: id, content, ...more },
    ])
    return input.slice(2)
  }

  it('computer: a screenshot, with the safety checks acknowledged', () => {
    const item = {
      type: 'computer_call',
      id: 'cu_1',
      call_id: 'call_1',
      action: { type: 'screenshot' },
      pending_safety_checks: [{ id: 'sc_1', code: 'a', message: 'b' }],
      status: 'completed',
    }
    const image = 'data:image/png;base64,AAAA'
    expect(reply(item, [{ type: 'image_url', image_url: image }])).toEqual([
      {
        type: 'computer_call_output',
        call_id: 'call_1',
        output: { type: 'computer_screenshot', image_url: image },
        acknowledged_safety_checks: [{ id: 'sc_1' }],
      },
    ])
    expect(reply(item, 'no picture')).toEqual([])
  })

  it('shell: its output, as text or in parts', () => {
    const item = {
      type: 'shell_call',
      id: 'sh_1',
      call_id: 'call_1',
      action: { commands: ['ls'] },
      environment: { type: 'local' },
      status: 'completed',
    }
    const exit = (exit_code: number) => ({ type: 'exit', exit_code })
    const outputs = (content: string, more = {}) => reply(item, content, more)[0]?.output
    expect(outputs('a b')).toEqual([{ stdout: 'a b', stderr: '', outcome: exit(0) }])
    expect(outputs('boom', { is_error: true })).toEqual([
      { stdout: '', stderr: 'boom', outcome: exit(1) },
    ])
    expect(outputs('{"stdout":"a","stderr":"b","exit_code":2}')).toEqual([
      { stdout: 'a', stderr: 'b', outcome: exit(2) },
    ])
    expect(outputs('[{"stdout":"a","outcome":{"type":"timeout"}}]')).toEqual([
      { stdout: 'a', stderr: '', outcome: { type: 'timeout' } },
    ])
  })

  it('local shell and patches: text', () => {
    expect(
      reply(
        {
          type: 'local_shell_call',
          id: 'ls_1',
          call_id: 'call_1',
          action: {},
          status: 'completed',
        },
        'ok',
      ),
    ).toEqual([{ type: 'local_shell_call_output', id: 'call_1', call_id: 'call_1', output: 'ok' }])
    const patch = {
      type: 'apply_patch_call',
      id: 'ap_1',
      call_id: 'call_1',
      operation: {},
      status: 'completed',
    }
    expect(reply(patch, '')).toEqual([
      { type: 'apply_patch_call_output', call_id: 'call_1', status: 'completed' },
    ])
    expect(reply(patch, 'no such file', { is_error: true })).toEqual([
      {
        type: 'apply_patch_call_output',
        call_id: 'call_1',
        status: 'failed',
        output: 'no such file',
      },
    ])
  })

  it('tool search: the tools that were found', () => {
    const item = {
      type: 'tool_search_call',
      id: 'ts_1',
      call_id: 'call_1',
      execution: 'client',
      arguments: {},
      status: 'completed',
    }
    expect(reply(item, '{"tools":[{"type":"function","name":"f"}]}')).toEqual([
      {
        type: 'tool_search_output',
        call_id: 'call_1',
        execution: 'client',
        status: 'completed',
        tools: [{ type: 'function', name: 'f' }],
      },
    ])
  })

  test.each([
    [undefined, { approval: { id: 'mcpr_1', approved: true } }, { approve: true }],
    [
      undefined,
      { approval: { id: 'mcpr_1', approved: false, reason: 'No.' } },
      { approve: false, reason: 'No.' },
    ],
    ['yes', {}, { approve: true }],
    ['{"approve":true}', {}, { approve: true }],
    ['Rather not.', {}, { approve: false, reason: 'Rather not.' }],
  ])('MCP: %j and %j', (content, more, decision) => {
    const item = {
      type: 'mcp_approval_request',
      id: 'mcpr_1',
      name: 'x',
      server_label: 's',
      arguments: '{}',
    }
    expect(reply(item, content, more)).toEqual([
      { type: 'mcp_approval_response', approval_request_id: 'mcpr_1', ...decision },
    ])
  })

  it('MCP: no approval is given for the user', () => {
    const item = {
      type: 'mcp_approval_request',
      id: 'mcpr_1',
      name: 'x',
      server_label: 's',
      arguments: '{}',
    }
    expect(writeMessages([user, answer([item])]).input).toEqual([user, item])
  })
})
