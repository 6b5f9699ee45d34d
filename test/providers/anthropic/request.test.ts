import { describe, expect, it } from 'vitest'
import type { ChatRequest } from '../../../src/chat/index.js'
import { BadRequestError } from '../../../src/core/index.js'
import { codes, sonnet, tool, write } from './support.js'

const refusalOf = (act: () => unknown) => {
  try {
    act()
  } catch (error) {
    return error
  }
  return undefined
}

describe('a minimal request', () => {
  it('is a model, its limit and messages', () => {
    const { body, headers, warnings } = write({})
    expect(body).toEqual({
      model: sonnet,
      max_tokens: 64_000,
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello' }] }],
    })
    expect(headers).toEqual({ 'anthropic-version': '2023-06-01' })
    expect(warnings).toEqual([])
    expect(write({}, { streaming: true }).body.stream).toBe(true)
  })

  it('maps the parameters that the API supports', () => {
    const { body, warnings } = write({
      temperature: 0,
      top_p: 0.9,
      top_k: 3,
      max_completion_tokens: 100.6,
      stop: 'END',
      user: 'u-1',
      service_tier: 'default',
    })
    expect(body).toMatchObject({
      temperature: 0,
      top_p: 0.9,
      top_k: 3,
      max_tokens: 101,
      stop_sequences: ['END'],
      metadata: { user_id: 'u-1' },
      service_tier: 'standard_only',
    })
    expect(warnings).toEqual([])
  })

  it('of an unknown model has max_tokens 4096, with a warning', () => {
    const written = write({ model: 'claude-next-9' })
    expect(written.body.max_tokens).toBe(4096)
    expect(written.warnings).toMatchObject([{ param: 'max_tokens' }])
    expect(write({ max_tokens: 0 }).body.max_tokens).toBe(0)
  })

  it.each([
    ['seed', 7],
    ['logit_bias', { 1: 1 }],
    ['logprobs', true],
    ['top_logprobs', 2],
    ['presence_penalty', 0.5],
    ['frequency_penalty', -0.5],
    ['verbosity', 'low'],
    ['store', true],
    ['previous_response_id', 'resp_1'],
    ['prompt_cache_key', 'k'],
    ['modalities', ['text', 'audio']],
    ['service_tier', 'flex'],
    ['reasoning_effort', 'ultra'],
  ])('drops %s with a warning', (param, value) => {
    const written = write({ [param]: value })
    expect(written.body).toEqual(write({}).body)
    expect(written.warnings).toMatchObject([{ code: 'dropped', param, provider: 'anthropic' }])
  })

  it.each([
    ['logprobs', false],
    ['presence_penalty', 0],
    ['store', false],
    ['modalities', ['text']],
    ['seed', undefined],
    ['stop', null],
    ['temperature', null],
    ['max_tokens', null],
    ['stream_options', { include_usage: true }],
  ])('ignores %s where it requests nothing', (param, value) => {
    const written = write({ [param]: value })
    expect(written.body).toEqual(write({}).body)
    expect(written.warnings).toEqual([])
  })

  it('sends no stop sequence of white space', () => {
    expect(write({ stop: ['\n', 'END'] }).body.stop_sequences).toEqual(['END'])
    expect(write({ stop: ' ' }).body).not.toHaveProperty('stop_sequences')
  })

  it('sends a user id, and nothing personal', () => {
    const metadataOf = (request: Partial<ChatRequest>) => write(request).body.metadata
    expect(metadataOf({ user: 'u', safety_identifier: 's' })).toEqual({ user_id: 's' })
    expect(metadataOf({ user: 'u', metadata: { user_id: 'm', topic: 'x' } })).toEqual({
      user_id: 'm',
    })
    for (const user of ['a@b.example', '+49 170 1234567']) {
      expect(metadataOf({ user })).toBeUndefined()
      expect(codes(write({ user }))).toEqual(['dropped'])
    }
    expect(write({ metadata: { topic: 'x' } }).warnings).toMatchObject([
      { code: 'ignored', param: 'metadata' },
    ])
  })

  it('has no sampling parameters in the version without them', () => {
    const written = write({ temperature: 0.5, top_p: 0.9, top_k: 1 }, { version: '2026-10-21' })
    expect(written.body).toEqual(write({}).body)
    expect(written.warnings.map(({ param }) => param)).toEqual(['temperature', 'top_p', 'top_k'])
    expect(written.headers['anthropic-version']).toBe('2026-10-21')
  })
})

describe('passes through', () => {
  it('unknown keys, extra_body and provider options, the last one wins', () => {
    const { body } = write({
      inference_geo: 'eu',
      speed: 'standard',
      extra_body: { speed: 'fast', diagnostics: null },
      provider_options: {
        anthropic: { max_tokens: 5, undefined_one: undefined },
        openai: { store: true },
      },
    })
    expect(body).toMatchObject({
      inference_geo: 'eu',
      speed: 'fast',
      diagnostics: null,
      max_tokens: 5,
    })
    expect(body).not.toHaveProperty('openai')
    expect(body).not.toHaveProperty('undefined_one')
  })

  it('provider output_config, merged with ours', () => {
    const { body } = write({
      model: 'claude-opus-5',
      reasoning_effort: 'low',
      provider_options: {
        anthropic: { output_config: { task_budget: { type: 'tokens', total: 20_000 } } },
      },
    })
    expect(body.output_config).toEqual({
      effort: 'low',
      task_budget: { type: 'tokens', total: 20_000 },
    })
  })

  it('headers, with the betas of the body, each once', () => {
    const { headers, body } = write({
      extra_headers: { 'Anthropic-Beta': 'mine, fast-mode-2026-02-01', 'X-Trace': '1' },
      provider_options: { anthropic: { speed: 'fast', betas: ['other', 'mine'] } },
    })
    expect(headers).toEqual({
      'anthropic-version': '2023-06-01',
      'x-trace': '1',
      'anthropic-beta': 'fast-mode-2026-02-01,mine,other',
    })
    expect(body).not.toHaveProperty('betas')
  })

  it.each([
    [
      { context_management: { edits: [{ type: 'compact_20260112' }] } },
      'context-management-2025-06-27,compact-2026-01-12',
    ],
    [{ container: { skills: [] } }, 'skills-2025-10-02'],
    [{ fallbacks: 'default' }, 'server-side-fallback-2026-07-01'],
    [{ fallbacks: [{ model: 'x' }] }, 'server-side-fallback-2026-06-01'],
    [
      { mcp_servers: [{ type: 'url', url: 'https://m.example', name: 'm' }] },
      'mcp-client-2025-04-04',
    ],
    [{ output_format: {} }, 'structured-outputs-2025-11-13'],
    [{ thinking: { type: 'adaptive', block_binding: {} } }, 'thinking-binding-controls-2026-08-01'],
    [{ container: 'container_1' }, undefined],
  ])('%j with its beta header', (options, beta) => {
    expect(write({ provider_options: { anthropic: options } }).headers['anthropic-beta']).toBe(beta)
  })
})

describe('cache marks', () => {
  const mark = { type: 'ephemeral' } as const
  const hour = { type: 'ephemeral', ttl: '1h' } as const
  const userTurn = (text: string, cache_control: object = mark) => ({
    role: 'user' as const,
    content: [{ type: 'text' as const, text, cache_control: cache_control as typeof mark }],
  })

  it('stay where they were set', () => {
    const { body } = write({
      tools: [{ ...tool('look'), cache_control: mark }],
      messages: [{ role: 'system', content: 'S', cache_control: hour }, userTurn('a')],
    })
    expect(body.tools).toMatchObject([{ cache_control: mark }])
    expect(body.messages[0]?.content).toEqual([{ type: 'text', text: 'a', cache_control: mark }])
  })

  it('beyond four are dropped, the first ones of the messages before any other', () => {
    const written = write({
      tools: [{ ...tool('look'), cache_control: mark }],
      messages: [
        { role: 'system', content: 'S', cache_control: mark },
        userTurn('a'),
        userTurn('b'),
        userTurn('c'),
        userTurn('d'),
      ],
    })
    const marks = written.body.messages[0]?.content.map(
      ({ cache_control }) => cache_control !== undefined,
    )
    expect(marks).toEqual([false, false, true, true])
    expect(written.body.system).toMatchObject([{ cache_control: mark }])
    expect(codes(written)).toEqual(['dropped'])
  })

  it('beyond four in tools and system are dropped there', () => {
    const tools = [1, 2, 3, 4, 5].map((one) => ({ ...tool(`t${one}`), cache_control: mark }))
    const { body } = write({ tools, messages: [userTurn('a')] })
    expect(
      (body.tools as { cache_control?: unknown }[]).map(
        ({ cache_control }) => cache_control !== undefined,
      ),
    ).toEqual([false, true, true, true, true])
    expect(body.messages[0]?.content[0]).not.toHaveProperty('cache_control')
  })

  it('share their limit with the mark on the whole request', () => {
    const { body } = write({
      messages: [userTurn('a'), userTurn('b'), userTurn('c'), userTurn('d')],
      provider_options: { anthropic: { cache_control: mark } },
    })
    expect(body.messages[0]?.content.filter(({ cache_control }) => cache_control)).toHaveLength(3)
  })

  it('for an hour never follow those for five minutes', () => {
    const written = write({ messages: [userTurn('a', hour), userTurn('b'), userTurn('c', hour)] })
    expect(written.body.messages[0]?.content.map(({ cache_control }) => cache_control)).toEqual([
      hour,
      mark,
      mark,
    ])
    expect(codes(written)).toEqual(['changed'])
  })
})

describe('tools', () => {
  const toolsOf = (tools: readonly unknown[], more = {}) =>
    write({ tools: tools as never, ...more })

  it('of functions keep the members that the API supports', () => {
    const parameters = {
      type: 'object',
      properties: { a: { type: 'string', minLength: 2 } },
      required: ['a'],
    }
    const { body } = toolsOf([
      {
        type: 'function',
        function: { name: 'look', description: 'Looks', parameters, strict: null },
        defer_loading: true,
        cache_control: { type: 'ephemeral' },
      },
      tool('ping'),
    ])
    expect(body.tools).toEqual([
      {
        name: 'look',
        description: 'Looks',
        input_schema: parameters,
        defer_loading: true,
        cache_control: { type: 'ephemeral' },
      },
      { name: 'ping', input_schema: { type: 'object', properties: {} } },
    ])
  })

  it('that are strict have the closed schema of the API, if the model supports it', () => {
    const strict = {
      type: 'function',
      function: {
        name: 'look',
        parameters: { type: 'object', properties: { a: { type: 'string', minLength: 2 } } },
        strict: true,
      },
    }
    const [sent] = toolsOf([strict]).body.tools as [{ input_schema: { properties: object } }]
    expect(sent).toMatchObject({ strict: true, input_schema: { additionalProperties: false } })
    expect(JSON.stringify(sent.input_schema)).not.toContain('"minLength"')
    const old = toolsOf([strict], { model: 'claude-3-5-haiku-latest' })
    expect(old.body.tools).toMatchObject([
      { input_schema: { properties: { a: { minLength: 2 } } } },
    ])
    expect(old.body.tools).not.toMatchObject([{ strict: true }])
    expect(codes(old)).toEqual(['dropped'])
  })

  it('with a union as parameters have one object', () => {
    const parameters = {
      anyOf: [
        { type: 'object', properties: { a: {} }, required: ['a'] },
        { type: 'object', properties: { b: {} } },
      ],
    }
    const written = toolsOf([tool('look', parameters)])
    expect(written.body.tools).toMatchObject([
      { input_schema: { type: 'object', properties: { a: {}, b: {} } } },
    ])
    expect(codes(written)).toEqual(['changed'])
  })

  it('of free text are functions with one string', () => {
    const format = { type: 'grammar', grammar: { syntax: 'lark', definition: 'start: "x"' } }
    const written = toolsOf([
      { type: 'custom', custom: { name: 'sql', description: 'Runs', format } },
    ])
    expect(written.body.tools).toMatchObject([
      {
        name: 'sql',
        description: 'Runs',
        input_schema: {
          properties: { input: { type: 'string', description: expect.stringContaining('lark') } },
          required: ['input'],
        },
      },
    ])
    expect(codes(written)).toEqual(['changed'])
  })

  it.each([
    [{ type: 'web_search' }, { type: 'web_search_20250305', name: 'web_search' }],
    [
      { type: 'web_search_20260318', max_uses: 2 },
      { type: 'web_search_20260318', name: 'web_search', max_uses: 2 },
    ],
    [{ type: 'web_fetch' }, { type: 'web_fetch_20250910', name: 'web_fetch' }],
    [
      { type: 'code_execution_20260120' },
      { type: 'code_execution_20260120', name: 'code_execution' },
    ],
    [
      { type: 'tool_search_tool_bm25_20251119' },
      { type: 'tool_search_tool_bm25_20251119', name: 'tool_search_tool_bm25' },
    ],
    [
      { type: 'text_editor_20250728' },
      { type: 'text_editor_20250728', name: 'str_replace_based_edit_tool' },
    ],
    [
      { type: 'memory_20250818', name: 'memory' },
      { type: 'memory_20250818', name: 'memory' },
    ],
    [
      { type: 'of_tomorrow_20270101', x: 1 },
      { type: 'of_tomorrow_20270101', x: 1 },
    ],
    [
      { name: 'own', input_schema: { type: 'object' } },
      { name: 'own', input_schema: { type: 'object' } },
    ],
  ])('executed by the provider are passed through: %j', (given, sent) => {
    const written = toolsOf([given])
    expect(written.body.tools).toEqual([sent])
    expect(written.warnings).toEqual([])
  })

  it.each([
    [{ googleSearch: {} }],
    [{ type: 'file_search', vector_store_ids: [] }],
    [{ type: 'x_search' }],
    [{ type: 'code_interpreter' }],
  ])('executed by another provider are dropped: %j', (foreign) => {
    const written = toolsOf([foreign])
    expect(written.body).not.toHaveProperty('tools')
    expect(codes(written)).toEqual(['dropped'])
  })

  it.each([
    [
      {
        type: 'mcp',
        server_label: 'wiki',
        server_url: 'https://w.example',
        authorization: 't',
        allowed_tools: ['ask'],
      },
      {
        type: 'url',
        url: 'https://w.example',
        name: 'wiki',
        authorization_token: 't',
        tool_configuration: { enabled: true, allowed_tools: ['ask'] },
      },
    ],
    [
      { type: 'url', url: 'https://w.example', name: 'wiki' },
      { type: 'url', url: 'https://w.example', name: 'wiki' },
    ],
  ])('of MCP servers have their own member: %j', (given, server) => {
    const { body, headers } = toolsOf([given])
    expect(body.mcp_servers).toEqual([server])
    expect(body).not.toHaveProperty('tools')
    expect(headers['anthropic-beta']).toBe('mcp-client-2025-04-04')
  })

  it('a toolset of MCP adds the newer beta header', () => {
    expect(
      toolsOf([{ type: 'mcp_toolset', mcp_server_name: 'wiki' }]).headers['anthropic-beta'],
    ).toBe('mcp-client-2025-11-20')
  })

  it.each([
    ['computer_20251124', 'computer-use-2025-11-24'],
    ['bash_20241022', 'computer-use-2024-10-22'],
    ['advisor_20260301', 'advisor-tool-2026-03-01'],
    ['code_execution_20250522', 'code-execution-2025-05-22'],
    ['web_search_20250305', undefined],
  ])('%s adds its beta header', (type, beta) => {
    expect(toolsOf([{ type }]).headers['anthropic-beta']).toBe(beta)
  })

  it('web_search_options becomes a search tool', () => {
    const { body } = write({
      web_search_options: {
        search_context_size: 'medium',
        user_location: { type: 'approximate', approximate: { city: 'Lima' } },
      },
    })
    expect(body.tools).toEqual([
      {
        type: 'web_search_20250305',
        name: 'web_search',
        max_uses: 5,
        user_location: { type: 'approximate', city: 'Lima' },
      },
    ])
  })

  it('an empty list adds no member', () => {
    const written = write({ tools: [], tool_choice: 'required', parallel_tool_calls: false })
    expect(written.body).toEqual(write({}).body)
    expect(codes(written)).toEqual(['ignored'])
  })
})

describe('tool_choice', () => {
  const choice = (tool_choice: unknown, more = {}) =>
    write({ tools: [tool('look'), tool('touch')], tool_choice: tool_choice as never, ...more }).body

  it.each([
    [undefined, undefined],
    ['auto', { type: 'auto' }],
    ['none', { type: 'none' }],
    ['required', { type: 'any' }],
    [{ type: 'auto' }, { type: 'auto' }],
    [{ type: 'any' }, { type: 'any' }],
    [
      { type: 'function', function: { name: 'look' } },
      { type: 'tool', name: 'look' },
    ],
    [
      { type: 'custom', custom: { name: 'look' } },
      { type: 'tool', name: 'look' },
    ],
    [
      { type: 'tool', name: 'look' },
      { type: 'tool', name: 'look' },
    ],
  ])('%j is %j', (given, sent) => {
    expect(choice(given).tool_choice).toEqual(sent)
  })

  it('of some tools sends only those', () => {
    const some = {
      type: 'allowed_tools',
      allowed_tools: {
        mode: 'required',
        tools: [{ type: 'function', function: { name: 'touch' } }],
      },
    }
    expect(choice(some)).toMatchObject({ tool_choice: { type: 'any' }, tools: [{ name: 'touch' }] })
    expect(choice(some).tools).toHaveLength(1)
  })

  it('one call at a time', () => {
    const off = { parallel_tool_calls: false }
    const disable_parallel_tool_use = true
    expect(choice(undefined, off).tool_choice).toEqual({ type: 'auto', disable_parallel_tool_use })
    expect(choice('required', off).tool_choice).toEqual({ type: 'any', disable_parallel_tool_use })
    expect(choice({ type: 'function', function: { name: 'look' } }, off).tool_choice).toEqual({
      type: 'tool',
      name: 'look',
      disable_parallel_tool_use,
    })
    expect(choice('none', off).tool_choice).toEqual({ type: 'none' })
    expect(choice(undefined, { parallel_tool_calls: true })).not.toHaveProperty('tool_choice')
  })

  it.each([['sometimes'], [{ type: 'maybe' }], [{ type: 'function' }], [7]])(
    '%j is rejected',
    (given) => {
      expect(refusalOf(() => choice(given))).toBeInstanceOf(BadRequestError)
    },
  )
})

describe('response_format', () => {
  const schema = {
    type: 'object',
    properties: { a: { type: 'number', minimum: 1 } },
    required: ['a'],
  }
  const format = (shape: object, more = {}) => ({
    response_format: {
      type: 'json_schema' as const,
      json_schema: { name: 'x', schema: shape as Record<string, unknown>, ...more },
    },
  })

  it('with a schema is native if the model supports it', () => {
    const written = write(format(schema))
    expect(written.body.output_config).toMatchObject({
      format: {
        type: 'json_schema',
        schema: { type: 'object', additionalProperties: false, required: ['a'] },
      },
    })
    expect(JSON.stringify(written.body.output_config)).not.toContain('"minimum"')
    expect(written.body).not.toHaveProperty('tools')
  })

  it('is a tool call elsewhere, and where the grammar cannot express it', () => {
    const tool_choice = { type: 'tool', name: 'json_tool_call', disable_parallel_tool_use: true }
    const old = write({ ...format(schema, { description: 'D' }), model: 'claude-sonnet-4-0' })
    expect(old.body).toMatchObject({
      tools: [{ name: 'json_tool_call', description: 'D', input_schema: schema }],
      tool_choice,
    })
    expect(old.body).not.toHaveProperty('output_config')
    const map = write(format({ type: 'object', additionalProperties: { type: 'number' } }))
    expect(map.body).toMatchObject({ tools: [{ name: 'json_tool_call' }], tool_choice })
    expect(codes(map)).toContain('changed')
  })

  it('leaves other tools available', () => {
    const { body } = write({ ...format(schema), model: 'claude-sonnet-4-0', tools: [tool('look')] })
    expect(body.tools).toMatchObject([{ name: 'look' }, { name: 'json_tool_call' }])
    expect(body.tool_choice).toEqual({ type: 'any', disable_parallel_tool_use: true })
    const none = write({
      ...format(schema),
      model: 'claude-sonnet-4-0',
      tools: [tool('look')],
      tool_choice: 'none',
    })
    expect(none.body.tools).toHaveLength(1)
  })

  it('is not forced on a model that thinks with a budget', () => {
    const { body } = write({
      ...format(schema),
      model: 'claude-sonnet-4-0',
      reasoning_effort: 'low',
    })
    expect(body.tool_choice).toEqual({ type: 'auto', disable_parallel_tool_use: true })
  })

  it('of an array is wrapped for the tool', () => {
    const { body } = write({
      ...format({ type: 'array', items: { type: 'number' } }),
      model: 'claude-sonnet-4-0',
    })
    expect(body.tools).toMatchObject([
      {
        input_schema: {
          type: 'object',
          properties: { value: { type: 'array' } },
          required: ['value'],
        },
      },
    ])
  })

  it('without a schema is requested in a system message', () => {
    const written = write({
      response_format: { type: 'json_object' },
      messages: [
        { role: 'system', content: 'S' },
        { role: 'user', content: 'Hi' },
      ],
    })
    expect(written.body.system).toMatchObject([
      { text: 'S' },
      { text: expect.stringContaining('JSON') },
    ])
    expect(codes(written)).toEqual(['changed'])
    expect(write({ response_format: { type: 'text' } }).body).toEqual(write({}).body)
  })
})
