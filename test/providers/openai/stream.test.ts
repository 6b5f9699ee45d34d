/**
 * Streams are read correctly in whatever order, with whatever ids and splits their events arrive.
 */
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import {
  BadRequestError,
  ContentPolicyViolationError,
  InternalServerError,
  QuotaExceededError,
  RateLimitError,
  ServiceUnavailableError,
  UnexpectedResponseError,
} from '../../../src/core/index.js'
import { profile } from '../../../src/providers/openai/openai.js'
import {
  added,
  argumentsDelta,
  completed,
  created,
  done,
  event,
  functionCall,
  hello,
  message,
  read,
  readWhole,
  recorded,
  recording,
  textDelta,
  texts,
  usage,
} from './support.js'

const calls = (result: ReturnType<typeof read>) => result.answer?.message.tool_calls

describe('text', () => {
  it('is emitted as it was split, between a start and a finish', () => {
    const { chunks, usages } = read([created, textDelta('Hel'), textDelta('lo'), completed()])
    expect(chunks).toEqual([
      {
        type: 'start',
        id: 'resp_1',
        model: 'gpt-5-mini-2025-08-07',
        provider: 'openai',
        created: 1_700_000_000,
        request_id: 'req_1',
      },
      { type: 'text-delta', text: 'Hel' },
      { type: 'text-delta', text: 'lo' },
      {
        type: 'finish',
        finish_reason: 'stop',
        native_finish_reason: 'completed',
        usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
        native: {
          v: 1,
          provider: 'openai',
          model: 'gpt-5-mini-2025-08-07',
          asked: 'gpt-5-mini',
        },
      },
    ])
    expect(usages).toEqual([{ prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }])
  })

  test.each([
    ['output_text.done', event('response.output_text.done', { output_index: 0, text: 'Hello' })],
    ['output_item.done', done(0, message('Hello'))],
    ['the terminal event', completed([message('Hello')])],
  ])('that is only in %s is emitted once', (_, only) => {
    const { chunks, answer } = read([created, only, completed([message('Hello')])])
    expect(texts(chunks, 'text-delta')).toEqual(['Hello'])
    expect(answer?.text).toBe('Hello')
  })

  it('that is repeated in whole is not emitted again, and an empty output at the end removes nothing', () => {
    const { chunks } = read([
      created,
      added(0, message('', { content: [] })),
      textDelta('Hello'),
      event('response.output_text.done', { output_index: 0, content_index: 0, text: 'Hello' }),
      done(0, message('Hello')),
      completed([]),
    ])
    expect(texts(chunks, 'text-delta')).toEqual(['Hello'])
  })

  it('with a missing end is completed from the whole', () => {
    const { chunks } = read([created, textDelta('Hel'), done(0, message('Hello')), completed()])
    expect(texts(chunks, 'text-delta')).toEqual(['Hel', 'lo'])
  })

  it('whose pieces differ from the whole stays as it was emitted, with one warning', () => {
    const { answer, warnings } = read([
      created,
      textDelta('Hullo'),
      event('response.output_text.done', { output_index: 0, text: 'Hello' }),
      done(0, message('Hello')),
      completed([message('Hello')]),
    ])
    expect(answer?.text).toBe('Hullo')
    expect(warnings).toHaveLength(1)
  })

  it('of several messages and parts is joined in order', () => {
    const { answer } = read([
      created,
      done(0, message('One. ')),
      done(1, {
        ...message(''),
        id: 'msg_2',
        content: [
          { type: 'output_text', text: 'Two. ' },
          { type: 'output_text', text: 'Three.' },
        ],
      }),
      completed(),
    ])
    expect(answer?.text).toBe('One. Two. Three.')
  })

  it('is joined although ids change with every event', () => {
    const { answer } = read([
      created,
      added(0, { ...message(''), id: 'a' }),
      textDelta('Hel', { item_id: 'b' }),
      textDelta('lo', { item_id: 'c' }),
      done(0, { ...message('Hello'), id: 'd' }),
      completed([{ ...message('Hello'), id: 'e' }]),
    ])
    expect(answer?.text).toBe('Hello')
    expect(answer?.message.native?.content).toEqual([{ ...message('Hello'), id: 'd' }])
  })

  it('of events without an index belongs to the item that was opened last', () => {
    const bare = (type: string, more: object) => event(type, { ...more })
    const { answer } = read([
      created,
      bare('response.output_item.added', { item: message('') }),
      bare('response.output_text.delta', { delta: 'One' }),
      bare('response.output_item.done', { item: message('One') }),
      bare('response.output_item.added', { item: functionCall('') }),
      bare('response.function_call_arguments.delta', { delta: '{}' }),
      bare('response.output_item.done', { item: functionCall('{}') }),
      completed(),
    ])
    expect(answer?.text).toBe('One')
    expect(answer?.message.tool_calls).toHaveLength(1)
  })

  it('without any response.created still begins with a start', () => {
    const { chunks } = read([textDelta('Hi'), completed()])
    expect(chunks.map(({ type }) => type)).toEqual(['start', 'text-delta', 'finish'])
  })

  it('keeps logprobs with their alternatives', () => {
    const logprobs = [
      {
        token: 'Hi',
        logprob: -0.1,
        bytes: [72, 105],
        top_logprobs: [{ token: 'Ho', logprob: -2 }],
      },
    ]
    const { answer } = read([
      created,
      textDelta('Hi', { logprobs }),
      done(0, message('Hi', { logprobs })),
      completed(),
    ])
    expect(answer?.logprobs?.content).toEqual(logprobs)
  })
})

describe('annotations', () => {
  const cite = (at: number) => ({
    type: 'url_citation',
    url: 'https://a.example',
    title: 'A',
    start_index: at,
    end_index: at + 2,
  })

  it('have positions in the text of the whole message, and are emitted once', () => {
    const { answer } = read([
      created,
      done(0, message('12345')),
      textDelta('abcde', { output_index: 1 }),
      event('response.output_text.annotation.added', { output_index: 1, annotation: cite(1) }),
      done(1, { ...message('abcde', { annotations: [cite(1), cite(3)] }), id: 'msg_2' }),
      completed(),
    ])
    expect(answer?.message.annotations).toEqual(
      [6, 8].map((start_index) => ({
        type: 'url_citation',
        url_citation: {
          url: 'https://a.example',
          title: 'A',
          start_index,
          end_index: start_index + 2,
        },
      })),
    )
  })

  it('of files have file and container', () => {
    const annotations = [
      { type: 'file_citation', file_id: 'file_1', filename: 'a.pdf', index: 3 },
      {
        type: 'container_file_citation',
        file_id: 'cfile_1',
        container_id: 'cntr_1',
        filename: 'b.csv',
        start_index: 0,
        end_index: 2,
      },
      { type: 'file_path', file_id: 'file_2', index: 1 },
      { type: 'a_kind_of_tomorrow' },
    ]
    const { answer } = read([created, done(0, message('text', { annotations })), completed()])
    expect(answer?.message.annotations).toEqual([
      {
        type: 'file_citation',
        file_citation: { file_id: 'file_1', filename: 'a.pdf', start_index: 3, end_index: 3 },
      },
      {
        type: 'file_citation',
        file_citation: {
          file_id: 'cfile_1',
          filename: 'b.csv',
          container_id: 'cntr_1',
          start_index: 0,
          end_index: 2,
        },
      },
      {
        type: 'file_citation',
        file_citation: { file_id: 'file_2', start_index: 1, end_index: 1 },
      },
    ])
  })
})

describe('reasoning', () => {
  const summary = (delta: string, summary_index: number, output_index = 0) =>
    event('response.reasoning_summary_text.delta', { output_index, summary_index, delta })
  const item = (parts: readonly string[], more = {}) => ({
    type: 'reasoning',
    id: 'rs_1',
    summary: parts.map((text) => ({ type: 'summary_text', text })),
    encrypted_content: 'full',
    ...more,
  })

  it('of several parts and items is separated by a blank line', () => {
    const { chunks, answer } = read([
      created,
      added(0, item([], { encrypted_content: 'part' })),
      summary('On', 0),
      summary('e', 0),
      summary('Two', 1),
      done(0, item(['One', 'Two'])),
      done(1, item(['Three'], { id: 'rs_2' })),
      completed(),
    ])
    expect(texts(chunks, 'reasoning-delta')).toEqual(['On', 'e', '\n\nTwo', '\n\nThree'])
    expect(answer?.message.reasoning_content).toBe('One\n\nTwo\n\nThree')
  })

  it('keeps the encrypted content of the finished item, not of the announced one', () => {
    const { answer } = read([
      created,
      added(0, item([], { encrypted_content: 'part' })),
      done(0, item([])),
      completed([item([], { encrypted_content: 'other' })]),
    ])
    expect(answer?.message.reasoning_content).toBeUndefined()
    expect(answer?.message.native?.content).toEqual([item([])])
  })

  it('in plain text needs no event that opens it', () => {
    const { answer } = read([
      created,
      event('response.reasoning_text.delta', { output_index: 0, content_index: 0, delta: 'Hm' }),
      done(0, item([], { content: [{ type: 'reasoning_text', text: 'Hmm' }] })),
      completed(),
    ])
    expect(answer?.message.reasoning_content).toBe('Hmm')
  })
})

describe('refusals', () => {
  it('end as content_filter, without text', () => {
    const { answer } = read([
      created,
      event('response.refusal.delta', { output_index: 0, delta: 'I can' }),
      event('response.refusal.delta', { output_index: 0, delta: 'not.' }),
      event('response.refusal.done', { output_index: 0, refusal: 'I cannot.' }),
      completed(),
    ])
    expect(answer).toMatchObject({
      text: '',
      finish_reason: 'content_filter',
      message: { refusal: 'I cannot.' },
    })
  })

  it('beside text keep the finish reason stop', () => {
    const content = [
      { type: 'output_text', text: 'Well. ' },
      { type: 'refusal', refusal: 'No.' },
    ]
    const { answer } = read([created, done(0, { ...message(''), content }), completed()])
    expect(answer).toMatchObject({
      text: 'Well. ',
      finish_reason: 'stop',
      message: { refusal: 'No.' },
    })
  })
})

describe('calls', () => {
  it('are emitted as they grow, with dense indices whatever their position', () => {
    const { chunks, answer } = read([
      created,
      done(0, { type: 'reasoning', id: 'rs_1', summary: [] }),
      added(2, functionCall('')),
      argumentsDelta('{"city":', 2),
      argumentsDelta('"Rome"}', 2),
      event('response.function_call_arguments.done', {
        output_index: 2,
        arguments: '{"city":"Rome"}',
      }),
      done(2, functionCall('{"city":"Rome"}')),
      completed(),
    ])
    expect(chunks.slice(1, -1)).toEqual([
      { type: 'tool-call-start', index: 0, id: 'call_1', name: 'weather' },
      { type: 'tool-call-delta', index: 0, arguments: '{"city":' },
      { type: 'tool-call-delta', index: 0, arguments: '"Rome"}' },
      { type: 'tool-call-end', index: 0 },
    ])
    expect(answer?.finish_reason).toBe('tool_calls')
  })

  const whole = functionCall('{"a":1}')
  test.each([
    ['in the event that opens it', [added(0, whole), done(0, whole)]],
    ['there, and again as a delta', [added(0, whole), argumentsDelta('{"a":1}'), done(0, whole)]],
    [
      'there in part, and a delta that goes on',
      [added(0, functionCall('{"a"')), argumentsDelta(':1}'), done(0, whole)],
    ],
    [
      'there in part, and no whole',
      [added(0, functionCall('{"a"')), argumentsDelta(':1}'), done(0, functionCall(''))],
    ],
    [
      'in arguments.done alone',
      [
        added(0, functionCall('')),
        event('response.function_call_arguments.done', { output_index: 0, arguments: '{"a":1}' }),
        done(0, whole),
      ],
    ],
    ['in the finished item alone', [added(0, functionCall('')), done(0, whole)]],
    [
      'in deltas alone',
      [added(0, functionCall('')), argumentsDelta('{"a":1}'), done(0, functionCall(''))],
    ],
    ['in deltas, and never finished', [added(0, functionCall('')), argumentsDelta('{"a":1}')]],
    ['before any name', [argumentsDelta('{"a":'), argumentsDelta('1}'), done(0, whole)]],
    ['in the terminal event alone', []],
  ])('with arguments %s are emitted once', (_, events) => {
    const result = read([created, ...events, completed([whole])])
    expect(result.error).toBeUndefined()
    expect(calls(result)).toEqual([
      { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"a":1}' } },
    ])
  })

  it('without arguments have an empty object', () => {
    const result = read([
      created,
      added(0, functionCall('')),
      done(0, functionCall('')),
      completed(),
    ])
    expect(calls(result)).toMatchObject([{ function: { arguments: '{}' } }])
  })

  it('may end with other white space', () => {
    const result = read([
      created,
      added(0, functionCall('')),
      argumentsDelta('{"a": 1}'),
      done(0, functionCall('{"a":1}')),
      completed(),
    ])
    expect(calls(result)).toMatchObject([{ function: { arguments: '{"a": 1}' } }])
  })

  it('whose pieces differ from the whole are an error: it is unknown what to run', () => {
    const { error, isWhole } = read([
      created,
      added(0, functionCall('')),
      argumentsDelta('{"a":1}'),
      done(0, functionCall('{"a":2}')),
      completed(),
    ])
    expect(isWhole).toBe(false)
    expect(error).toBeInstanceOf(UnexpectedResponseError)
    expect(error).toMatchObject({ code: 'bad_arguments' })
  })

  it('may be interleaved', () => {
    const other = functionCall('{"b":2}', { id: 'fc_2', call_id: 'call_2' })
    const result = read([
      created,
      added(0, functionCall('')),
      added(1, functionCall('', { id: 'fc_2', call_id: 'call_2' })),
      argumentsDelta('{"b"', 1),
      argumentsDelta('{"a"', 0),
      argumentsDelta(':2}', 1),
      argumentsDelta(':1}', 0),
      done(1, other),
      done(0, whole),
      completed(),
    ])
    expect(calls(result)).toMatchObject([
      { id: 'call_1', function: { arguments: '{"a":1}' } },
      { id: 'call_2', function: { arguments: '{"b":2}' } },
    ])
    expect(result.answer?.message.native?.content).toEqual([whole, other])
  })

  it('keep truncated arguments, and end as length', () => {
    const { answer } = read([
      created,
      added(0, functionCall('')),
      argumentsDelta('{"a":'),
      event('response.incomplete', {
        response: {
          status: 'incomplete',
          incomplete_details: { reason: 'max_output_tokens' },
          output: [],
          usage,
        },
      }),
    ])
    expect(answer).toMatchObject({
      finish_reason: 'length',
      native_finish_reason: 'max_output_tokens',
      message: { tool_calls: [{ function: { arguments: '{"a":' } }] },
    })
  })

  it('of a custom tool have free text', () => {
    const item = {
      type: 'custom_tool_call',
      id: 'ctc_1',
      call_id: 'call_1',
      name: 'shell',
      input: 'ls -la',
    }
    const result = read([
      created,
      added(0, { ...item, input: '' }),
      event('response.custom_tool_call_input.delta', { output_index: 0, delta: 'ls ' }),
      event('response.custom_tool_call_input.done', { output_index: 0, input: 'ls -la' }),
      done(0, item),
      completed(),
    ])
    expect(calls(result)).toEqual([
      { id: 'call_1', type: 'custom', custom: { name: 'shell', input: 'ls -la' } },
    ])
    expect(result.chunks).toContainEqual(
      expect.objectContaining({ type: 'tool-call-start', kind: 'custom' }),
    )
    expect(result.answer?.finish_reason).toBe('tool_calls')
  })

  it('larger than the limit are an error', () => {
    const { error } = read([created, added(0, functionCall('')), argumentsDelta('x'.repeat(11))], {
      profile: { ...profile, maxArgumentsLength: 10 },
    })
    expect(error).toMatchObject({ code: 'too_large' })
  })
})

describe('a leaked wrapper of parallel calls', () => {
  const wrapper = functionCall(
    JSON.stringify({
      tool_uses: [
        { recipient_name: 'functions.weather', parameters: { city: 'Rome' } },
        { recipient_name: 'functions.news', parameters: {} },
      ],
    }),
    { name: 'parallel' },
  )
  const tools = (...names: string[]) => ({
    ...hello,
    tools: names.map((name) => ({ type: 'function', function: { name } }) as const),
  })
  const events = [
    created,
    added(0, { ...wrapper, arguments: '' }),
    argumentsDelta(String(wrapper.arguments)),
    done(0, wrapper),
    completed(),
  ]

  it('is replaced by the calls it contains', () => {
    const request = tools('weather', 'news')
    expect(calls(read(events, { request }))).toEqual([
      {
        id: 'call_1_0',
        type: 'function',
        function: { name: 'weather', arguments: '{"city":"Rome"}' },
      },
      { id: 'call_1_1', type: 'function', function: { name: 'news', arguments: '{}' } },
    ])
  })

  it('stays unchanged if a tool of that name was declared, or one it calls was not', () => {
    for (const request of [tools('weather', 'news', 'parallel'), tools('weather')])
      expect(calls(read(events, { request }))).toMatchObject([
        { id: 'call_1', function: { name: 'parallel' } },
      ])
  })
})

describe('tools executed by the provider', () => {
  it('are emitted when they start and when they finish', () => {
    const item = {
      type: 'web_search_call',
      id: 'ws_1',
      status: 'completed',
      action: {
        type: 'search',
        query: 'rivers',
        sources: [{ type: 'url', url: 'https://a.example' }],
      },
    }
    const { chunks, answer } = read([
      created,
      added(0, { type: 'web_search_call', id: 'ws_1', status: 'in_progress' }),
      event('response.web_search_call.searching', { output_index: 0 }),
      done(0, { ...item, id: 'ws_other' }),
      completed(),
    ])
    expect(chunks.slice(1, -1)).toEqual([
      { type: 'hosted-tool', id: 'ws_1', name: 'web_search', status: 'running' },
      {
        type: 'hosted-tool',
        id: 'ws_1',
        name: 'web_search',
        status: 'running',
        progress: { event: 'web_search_call.searching' },
      },
      {
        type: 'hosted-tool',
        id: 'ws_1',
        name: 'web_search',
        status: 'done',
        input: item.action,
        output: item.action.sources,
      },
    ])
    expect(answer?.finish_reason).toBe('stop')
  })

  it('that generate images emit them as files', () => {
    const { answer } = read([
      created,
      added(0, { type: 'image_generation_call', id: 'ig_1', status: 'in_progress' }),
      event('response.image_generation_call.partial_image', {
        output_index: 0,
        partial_image_b64: 'AAAA',
      }),
      done(0, {
        type: 'image_generation_call',
        id: 'ig_1',
        status: 'completed',
        result: 'QUJD',
        output_format: 'webp',
        revised_prompt: 'A cat.',
      }),
      completed(),
    ])
    expect(answer?.message.images).toEqual([
      { type: 'image_url', image_url: { url: 'data:image/webp;base64,QUJD' } },
    ])
    expect(answer?.message.hosted_tools).toEqual([
      {
        id: 'ig_1',
        name: 'image_generation',
        status: 'done',
        output: { revised_prompt: 'A cat.' },
      },
    ])
  })

  test.each([
    [
      {
        type: 'mcp_call',
        id: 'mcp_1',
        name: 'ask',
        server_label: 'wiki',
        arguments: '{"q":"x"}',
        error: 'no such page',
        output: null,
      },
      {
        id: 'mcp_1',
        name: 'ask',
        server: 'wiki',
        status: 'failed',
        input: { q: 'x' },
        output: 'no such page',
      },
    ],
    [
      { type: 'mcp_list_tools', id: 'mcpl_1', server_label: 'wiki', tools: [{ name: 'ask' }] },
      {
        id: 'mcpl_1',
        name: 'mcp_list_tools',
        server: 'wiki',
        status: 'done',
        output: [{ name: 'ask' }],
      },
    ],
    [
      {
        type: 'code_interpreter_call',
        id: 'ci_1',
        status: 'completed',
        code: 'print(1)',
        container_id: 'cntr_1',
        outputs: [{ type: 'logs', logs: '1' }],
      },
      {
        id: 'ci_1',
        name: 'code_interpreter',
        status: 'done',
        input: { code: 'print(1)', container_id: 'cntr_1' },
        output: [{ type: 'logs', logs: '1' }],
      },
    ],
    [
      {
        type: 'file_search_call',
        id: 'fs_1',
        status: 'completed',
        queries: ['a'],
        results: [{ file_id: 'file_1' }],
      },
      {
        id: 'fs_1',
        name: 'file_search',
        status: 'done',
        input: { queries: ['a'] },
        output: [{ file_id: 'file_1' }],
      },
    ],
    [
      { type: 'call_of_tomorrow_call', id: 'x_1', status: 'failed' },
      { id: 'x_1', name: 'call_of_tomorrow', status: 'failed' },
    ],
  ])('%#: have input and output', (item, tool) => {
    const { answer } = read([created, done(0, item), completed()])
    expect(answer?.message.hosted_tools).toEqual([tool])
    expect(answer?.message.native?.content).toEqual([item])
  })

  it('with a separate result item are one tool', () => {
    const { answer } = read([
      created,
      done(0, {
        type: 'shell_call',
        id: 'sh_1',
        call_id: 'call_1',
        status: 'completed',
        action: { commands: ['ls'] },
        environment: { type: 'container_reference', container_id: 'cntr_1' },
      }),
      done(1, {
        type: 'shell_call_output',
        id: 'sho_1',
        call_id: 'call_1',
        output: [{ stdout: 'a' }],
      }),
      completed(),
    ])
    expect(answer?.message.hosted_tools).toEqual([
      {
        id: 'call_1',
        name: 'shell',
        status: 'done',
        input: { commands: ['ls'] },
        output: [{ stdout: 'a' }],
      },
    ])
    expect(answer?.finish_reason).toBe('stop')
  })
})

describe('tools that the app executes for the provider', () => {
  test.each([
    [
      {
        type: 'computer_call',
        id: 'cu_1',
        call_id: 'call_1',
        action: { type: 'click', x: 1, y: 2 },
        pending_safety_checks: [{ id: 'sc_1', code: 'a', message: 'b' }],
        status: 'completed',
      },
      'computer',
      {
        action: { type: 'click', x: 1, y: 2 },
        pending_safety_checks: [{ id: 'sc_1', code: 'a', message: 'b' }],
      },
    ],
    [
      {
        type: 'shell_call',
        id: 'sh_1',
        call_id: 'call_1',
        action: { commands: ['ls'] },
        environment: { type: 'local' },
        status: 'completed',
      },
      'shell',
      { action: { commands: ['ls'] } },
    ],
    [
      {
        type: 'apply_patch_call',
        id: 'ap_1',
        call_id: 'call_1',
        operation: { type: 'delete_file', path: 'a' },
        status: 'completed',
      },
      'apply_patch',
      { operation: { type: 'delete_file', path: 'a' } },
    ],
    [
      {
        type: 'tool_search_call',
        id: 'ts_1',
        call_id: 'call_1',
        execution: 'client',
        arguments: { query: 'x' },
        status: 'completed',
      },
      'tool_search',
      { arguments: { query: 'x' } },
    ],
  ])('%#: are custom calls with their members as JSON', (item, name, input) => {
    const { answer } = read([created, added(0, item), done(0, item), completed()])
    expect(answer?.finish_reason).toBe('tool_calls')
    const [call] = answer?.message.tool_calls ?? []
    expect(call).toMatchObject({ id: 'call_1', type: 'custom', custom: { name } })
    expect(JSON.parse(call?.type === 'custom' ? call.custom.input : '')).toEqual(input)
  })

  it('an MCP call that waits for approval is an approval request', () => {
    const item = {
      type: 'mcp_approval_request',
      id: 'mcpr_1',
      name: 'delete',
      server_label: 'wiki',
      arguments: '{"page":1}',
    }
    const { answer } = read([created, done(0, item), completed()])
    expect(answer).toMatchObject({
      finish_reason: 'tool_calls',
      approvals: [{ id: 'mcpr_1', tool_call_id: 'mcpr_1' }],
    })
  })
})

describe('the end', () => {
  it('that is missing is not a stop', () => {
    const { isWhole, chunks } = read([created, textDelta('Hi'), done(0, message('Hi'))])
    expect(isWhole).toBe(false)
    expect(chunks.some(({ type }) => type === 'finish')).toBe(false)
  })

  it('may be named response.done, and may be followed by anything', () => {
    const { chunks, isWhole } = read([
      created,
      textDelta('Hi'),
      event('response.done', { response: { status: 'completed', usage } }),
      completed([message('Hi')]),
      { data: undefined, done: true },
      textDelta('late'),
    ])
    expect(isWhole).toBe(true)
    expect(chunks.filter(({ type }) => type === 'finish')).toHaveLength(1)
    expect(texts(chunks, 'text-delta')).toEqual(['Hi'])
  })

  test.each([
    [{ reason: 'max_output_tokens' }, 'length', 'max_output_tokens'],
    [{ reason: 'content_filter' }, 'content_filter', 'content_filter'],
    [{ reason: 'steered' }, 'length', 'steered'],
    [null, 'length', 'incomplete'],
  ])('as incomplete %j is %s', (incomplete_details, finish_reason, native_finish_reason) => {
    const { answer } = read([
      created,
      event('response.incomplete', { response: { incomplete_details, output: [], usage } }),
    ])
    expect(answer).toMatchObject({ finish_reason, native_finish_reason, text: '' })
  })

  it('without usage is marked as unknown, not as 0', () => {
    const { answer } = read([created, textDelta('Hi'), completed([], { usage: null })])
    expect(answer?.usage.estimated).toBe(true)
  })

  it('has the service tier of the response', () => {
    const { chunks } = read([created, completed([], { service_tier: 'priority' })])
    expect(chunks.at(-1)).toMatchObject({ service_tier: 'priority' })
  })
})

describe('errors in a stream', () => {
  test.each([
    [
      'nested',
      { error: { type: 'server_error', code: null, message: 'Oops' } },
      InternalServerError,
    ],
    ['flat', { code: 'server_error', message: 'Oops', param: null }, InternalServerError],
    ['of quota', { error: { code: 'insufficient_quota', message: 'Pay' } }, QuotaExceededError],
    ['of rate', { code: 'rate_limit_exceeded', message: 'Slow' }, RateLimitError],
    ['of load', { code: 'server_is_overloaded', message: 'Busy' }, ServiceUnavailableError],
  ])('%s are typed', (_, more, Class) => {
    const { error, chunks } = read([created, event('error', more), completed()])
    expect(error).toBeInstanceOf(Class)
    expect(error).toMatchObject({ provider: 'openai', model: 'gpt-5-mini', requestId: 'req_1' })
    expect(chunks.some(({ type }) => type === 'finish')).toBe(false)
  })

  test.each([
    ['server_error', InternalServerError],
    ['invalid_image_url', BadRequestError],
    ['bio_policy', ContentPolicyViolationError],
    ['rate_limit_exceeded', RateLimitError],
  ])('response.failed with %s is typed, and its usage is reported', (code, Class) => {
    const { error, usages } = read([
      created,
      textDelta('Hi'),
      event('response.failed', {
        response: { status: 'failed', error: { code, message: 'Broken' }, usage, output: [] },
      }),
    ])
    expect(error).toBeInstanceOf(Class)
    expect(error).toMatchObject({ message: expect.stringContaining('Broken') })
    expect(usages).toHaveLength(1)
  })

  it('a response.completed with status failed or cancelled is no success', () => {
    for (const status of ['failed', 'cancelled'])
      expect(read([created, completed([], { status })]).error).toBeDefined()
  })

  it('chunks of Chat Completions are an error that names the base URL', () => {
    const { error } = read([
      { data: { object: 'chat.completion.chunk', choices: [{ delta: { content: 'Hi' } }] } },
    ])
    expect(error).toMatchObject({ code: 'wrong_api' })
  })

  test.each([-1, 0.5, 1e9, '0', '__proto__', {}])('an index of %j is an error', (output_index) => {
    const { error } = read([created, textDelta('Hi', { output_index })])
    expect(error).toMatchObject({ code: 'bad_index' })
  })
})

describe('irrelevant events', () => {
  it('are skipped', () => {
    const { answer, error } = read([
      { data: null },
      { data: [] },
      { data: {} },
      { data: 'text' },
      event('keepalive', { sequence_number: 1 }),
      event('constructor'),
      event('__proto__'),
      created,
      event('response.queued', { response: {} }),
      event('response.event_of_tomorrow', { output_index: 0 }),
      textDelta('Hi', { obfuscation: 'xxxx' }),
      event('response.output_text.delta', { output_index: 0, delta: 7 }),
      done(1, { type: 'item_of_tomorrow', id: 'x', secret: 1 }),
      done(2, { type: 'message', content: [null, { type: 'part_of_tomorrow' }] }),
      event('response.output_item.done', { output_index: 3 }),
      completed(),
    ])
    expect(error).toBeUndefined()
    expect(answer?.text).toBe('Hi')
    expect(answer?.message.native?.content).toContainEqual({
      type: 'item_of_tomorrow',
      id: 'x',
      secret: 1,
    })
  })

  it('repeated by a proxy are read once', () => {
    const number = (one: ReturnType<typeof event>, sequence_number: number) => ({
      ...one,
      data: { ...(one.data as object), sequence_number },
    })
    const events = [created, textDelta('Ha'), textDelta('Ha'), completed()].map(number)
    const [first, second, third, last] = events as [never, never, never, never]
    expect(read([first, second, third, second, third, last]).answer?.text).toBe('HaHa')
  })

  it('that all have the same number are all read', () => {
    const same = [created, textDelta('Ha'), textDelta('Ha'), completed()].map((one) => ({
      ...one,
      data: { ...(one.data as object), sequence_number: 0 },
    }))
    expect(read(same).answer?.text).toBe('HaHa')
  })

  it('may have their type only in the event line', () => {
    const { answer } = read([
      created,
      { event: 'response.output_text.delta', data: { output_index: 0, delta: 'Hi' } },
      { event: 'response.completed', data: { response: { status: 'completed', usage } } },
    ])
    expect(answer?.text).toBe('Hi')
  })
})

describe('recorded streams', () => {
  const names = [
    'text-stream',
    'calls-stream',
    'refusal-stream',
    'phase-call-stream',
    'search-stream',
  ]

  test.each(names)('%s: stream and generate return the same', (name) => {
    const taken = recording('openai', name)
    const events = recorded(taken)
    const { answer, warnings } = read(events, taken)
    const last = events.at(-1)?.data as { response: object }
    const whole = readWhole(last.response, taken)
    const { native: _, ...message } = answer?.message ?? {}
    const { native: __, ...wholeMessage } = whole.message
    expect(message).toEqual(wholeMessage)
    expect(answer?.finish_reason).toBe(whole.finish_reason)
    expect(answer?.usage).toEqual(whole.usage)
    expect(warnings).toEqual([])
  })

  test.each(names)('%s: cut after any event it is incomplete', (name) => {
    const taken = recording('openai', name)
    const events = recorded(taken)
    for (let end = 0; end < events.length; end++) {
      const { isWhole, chunks, error } = read(events.slice(0, end), taken)
      expect(error).toBeUndefined()
      expect(isWhole).toBe(false)
      expect(chunks.some(({ type }) => type === 'finish')).toBe(false)
    }
  })

  it('events of any shape cause only typed errors', () => {
    const types = [
      'response.output_item.added',
      'response.output_item.done',
      'response.output_text.delta',
      'response.function_call_arguments.delta',
      'response.completed',
    ]
    const shape = fc.record(
      {
        type: fc.constantFrom(...types),
        output_index: fc.oneof(fc.nat(3), fc.constant(undefined)),
        item: fc.oneof(
          fc.anything(),
          fc.record({
            type: fc.constantFrom('message', 'function_call', 'reasoning', 'web_search_call'),
            content: fc.anything(),
            arguments: fc.anything(),
            name: fc.anything(),
            call_id: fc.anything(),
          }),
        ),
        delta: fc.anything(),
        response: fc.anything(),
      },
      { requiredKeys: ['type'] },
    )
    fc.assert(
      fc.property(fc.array(shape, { maxLength: 12 }), (events) => {
        const { error } = read(events.map((data) => ({ data })))
        expect(error === undefined || error instanceof UnexpectedResponseError).toBe(true)
      }),
      { numRuns: 300 },
    )
  })
})
