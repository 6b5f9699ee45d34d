/** xAI: differences from OpenAI on the same wire. */
import OpenAI from 'openai'
import { describe, expect, it, test } from 'vitest'
import type { ChatRequest, Message } from '../../../src/chat/index.js'
import { createClient } from '../../../src/client.js'
import {
  AuthenticationError,
  BadRequestError,
  ContentPolicyViolationError,
  NotFoundError,
  PermissionDeniedError,
  QuotaExceededError,
  RateLimitError,
  ServiceUnavailableError,
} from '../../../src/core/index.js'
import { toError } from '../../../src/providers/xai/errors.js'
import { xai } from '../../../src/providers/xai/index.js'
import { capabilities, models } from '../../../src/providers/xai/models.js'
import { toUsage } from '../../../src/providers/xai/usage.js'
import { profile } from '../../../src/providers/xai/xai.js'
import { reply, serve, sse } from '../../transport/loopback.js'
import {
  added,
  body,
  codes,
  completed,
  created,
  done,
  event,
  frozen,
  functionCall,
  hello,
  message,
  read,
  readWhole,
  recorded,
  recording,
  textDelta,
  texts,
  write as writeWith,
} from '../openai/support.js'

const model = 'grok-4.7'
const write = (request: Partial<ChatRequest> & { readonly [key: string]: unknown }) =>
  writeWith({ model, ...request }, { profile })
const grok = { profile, request: { ...hello, model } }

describe('requests', () => {
  it('store nothing, and include encrypted reasoning', () => {
    expect(write({}).body).toEqual({
      model,
      input: [{ role: 'user', content: 'Hello' }],
      store: false,
      include: ['reasoning.encrypted_content'],
    })
  })

  it('send instructions as system, wherever they are', () => {
    const messages: readonly Message[] = [
      { role: 'developer', content: 'a' },
      { role: 'user', content: 'b' },
      { role: 'system', content: 'c' },
    ]
    expect(write({ messages }).input.map(({ role }) => role)).toEqual(['system', 'user', 'system'])
  })

  it('have logprobs, seed and user in members of their own', () => {
    const { body: sent, warnings } = write({
      logprobs: true,
      top_logprobs: 3,
      seed: 7,
      user: 'u-1',
    })
    expect(sent).toMatchObject({ logprobs: true, top_logprobs: 3, seed: 7, user: 'u-1' })
    expect(sent.include).toEqual(['reasoning.encrypted_content'])
    expect(write({ top_logprobs: 3 }).body.logprobs).toBe(true)
    expect(write({ safety_identifier: 'u-2' }).body.user).toBe('u-2')
    expect(warnings).toEqual([])
  })

  it('drop what xAI does not support, with a warning', () => {
    const { body: sent, warnings } = write({
      stop: 'x',
      verbosity: 'low',
      metadata: { a: 'b' },
      presence_penalty: 1,
    })
    expect(Object.keys(sent).sort()).toEqual(['include', 'input', 'model', 'store'])
    expect(codes(warnings).sort()).toEqual([
      'dropped metadata',
      'dropped presence_penalty',
      'dropped stop',
      'dropped verbosity',
    ])
  })

  it('request no summary: xAI always sends it', () => {
    expect(write({ reasoning_effort: 'low' }).body.reasoning).toEqual({ effort: 'low' })
  })

  it('have tools without strict, which is always on', () => {
    const parameters = { type: 'object', properties: { city: { type: 'string' } } }
    const tool = {
      type: 'function',
      function: { name: 'weather', parameters, strict: true },
    } as const
    const { body: sent } = write({ tools: [tool, { type: 'x_search' }] })
    expect(sent.tools).toEqual([
      { type: 'function', name: 'weather', parameters },
      { type: 'x_search' },
    ])
  })

  it('unroll a recursive schema, which xAI rejects', () => {
    const schema = {
      type: 'object',
      properties: { next: { $ref: '#' }, name: { type: 'string' } },
      required: ['name'],
    }
    const { body: sent } = write({
      response_format: { type: 'json_schema', json_schema: { name: 'list', schema, strict: true } },
    })
    expect(JSON.stringify(sent.text)).not.toContain('"$ref":"#"')
  })

  it('force no hosted tool, and send a selection of tools as the selected tools', () => {
    const tools = ['a', 'b'].map((name) => ({ type: 'function', function: { name } }) as const)
    const one = { type: 'function', function: { name: 'b' } } as const
    expect(write({ tools, tool_choice: one }).body.tool_choice).toEqual({
      type: 'function',
      name: 'b',
    })
    const selected = write({
      tools,
      tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [one] } },
    })
    expect(selected.body).toMatchObject({ tools: [{ name: 'b' }], tool_choice: 'required' })
    expect(codes(selected.warnings)).toEqual(['changed tool_choice'])
    const forced = write({
      tools: [{ type: 'web_search' }],
      tool_choice: { type: 'web_search' } as never,
    })
    expect(forced.body).not.toHaveProperty('tool_choice')
    expect(codes(forced.warnings)).toEqual(['dropped tool_choice'])
  })

  it('have the search options that xAI supports', () => {
    const { body: sent, warnings } = write({
      web_search_options: {
        search_context_size: 'low',
        filters: { allowed_domains: ['a.example'] },
      },
    })
    expect(sent.tools).toEqual([
      { type: 'web_search', filters: { allowed_domains: ['a.example'] } },
    ])
    expect(codes(warnings)).toEqual(['dropped web_search_options'])
  })

  it('report that a document must be an id or a URL', () => {
    const file = (value: object): readonly Message[] => [
      { role: 'user', content: [{ type: 'file', file: value }] },
    ]
    expect(() =>
      write({ messages: file({ file_data: 'data:application/pdf;base64,AAAA' }) }),
    ).toThrow(BadRequestError)
    expect(
      write({ messages: file({ file_url: 'https://a.example/a.pdf' }) }).input[0],
    ).toMatchObject({
      content: [{ type: 'input_file', file_url: 'https://a.example/a.pdf' }],
    })
  })

  it('cache marks are dropped, with a warning', () => {
    const { input, warnings } = write({
      messages: [{ role: 'user', content: 'a', name: 'Ada', cache_control: { type: 'ephemeral' } }],
    })
    expect(input).toEqual([{ role: 'user', content: 'a' }])
    expect(codes(warnings).sort()).toEqual(['ignored cache_control', 'ignored messages'])
  })
})

describe('responses', () => {
  it('with search tools that xAI executes as custom calls have hosted tools', () => {
    const item = {
      type: 'custom_tool_call',
      id: 'ctc_1',
      call_id: 'xs_call_1',
      name: 'x_keyword_search',
      input: '{"query":"rivers"}',
      status: 'completed',
    }
    const { answer } = read(
      [created, added(0, item), done(0, item), done(1, functionCall('{}')), completed()],
      grok,
    )
    expect(answer?.message.hosted_tools).toEqual([
      {
        id: 'xs_call_1',
        name: 'x_keyword_search',
        status: 'done',
        input: { query: 'rivers' },
      },
    ])
    expect(answer?.message.tool_calls).toMatchObject([{ id: 'call_1' }])
    expect(read([created, done(0, item), completed()], grok).answer?.finish_reason).toBe('stop')
  })

  it('with web searches may have name and arguments in place of an action', () => {
    const item = {
      type: 'web_search_call',
      id: 'ws_1',
      name: 'web_search_with_snippets',
      arguments: '{"query":"rivers"}',
      status: 'completed',
    }
    const { answer } = read([created, done(0, item), completed()], grok)
    expect(answer?.message.hosted_tools).toEqual([
      { id: 'ws_1', name: 'web_search', status: 'done', input: { query: 'rivers' } },
    ])
  })

  it('repeat their whole text at the end, end twice, and are read once', () => {
    const { chunks, isWhole } = read(
      [
        created,
        event('response.x_search_call.searching', { output_index: 0 }),
        textDelta('Hi'),
        done(0, message('Hi')),
        completed([message('Hi')]),
        event('response.done', { response: body([message('Hi')]) }),
        { data: undefined, done: true },
      ],
      grok,
    )
    expect(isWhole).toBe(true)
    expect(texts(chunks, 'text-delta')).toEqual(['Hi'])
    expect(chunks.filter(({ type }) => type === 'finish')).toHaveLength(1)
  })

  it('cite sources without a title', () => {
    const annotations = [
      { type: 'url_citation', url: 'https://a.example', start_index: 0, end_index: 2 },
    ]
    const { answer } = read([created, done(0, message('Hi', { annotations })), completed()], grok)
    expect(answer?.message.annotations).toEqual([
      {
        type: 'url_citation',
        url_citation: { url: 'https://a.example', start_index: 0, end_index: 2 },
      },
    ])
  })

  it('that were recorded are sent back item by item, and only to xAI', () => {
    for (const name of ['text', 'call']) {
      const taken = recording('xai', name)
      const one = JSON.parse(
        JSON.stringify(readWhole(taken.body, { profile, request: taken.request }).message),
      )
      const messages = frozen([{ role: 'user', content: 'x' }, one] as readonly Message[])
      const output = taken.body?.output as readonly object[]
      expect(
        write({ model: taken.request.model, messages }).input.slice(1, 1 + output.length),
      ).toEqual(output)
      const elsewhere = writeWith({ model: 'gpt-5', messages })
      expect(JSON.stringify(elsewhere.input)).not.toContain('encrypted_content')
      expect(codes(elsewhere.warnings)).toContain('dropped messages')
    }
  })

  it('of a recorded stream are complete only with their last event', () => {
    const taken = recording('xai', 'call-stream')
    const events = recorded(taken)
    const { answer } = read(events, { profile, request: taken.request })
    expect(answer).toMatchObject({ provider: 'xai', finish_reason: 'tool_calls' })
    expect(answer?.message.reasoning_content).not.toBe('')
    for (let end = 0; end < events.length; end++)
      expect(read(events.slice(0, end), { profile, request: taken.request }).isWhole).toBe(false)
  })
})

describe('usage', () => {
  it('of a real response', () => {
    expect(
      toUsage({
        input_tokens: 216,
        input_tokens_details: { cached_tokens: 192 },
        output_tokens: 831,
        output_tokens_details: { reasoning_tokens: 253 },
        total_tokens: 1047,
        num_sources_used: 0,
        num_server_side_tools_used: 3,
        server_side_tool_usage_details: { web_search_calls: 2, x_search_calls: 1, mcp_calls: 0 },
        cost_in_usd_ticks: 5_000_000_000,
      }),
    ).toEqual({
      prompt_tokens: 216,
      completion_tokens: 831,
      total_tokens: 1047,
      prompt_tokens_details: { cached_tokens: 192 },
      completion_tokens_details: { reasoning_tokens: 253 },
      server_tool_use: { web_search: 2, x_search: 1 },
      cost: 0.5,
    })
  })

  it('with more cached tokens than input counts them in addition', () => {
    expect(
      toUsage({
        input_tokens: 100,
        input_tokens_details: { cached_tokens: 300 },
        output_tokens: 1,
      }),
    ).toMatchObject({ prompt_tokens: 400, total_tokens: 401 })
  })

  it('that was not reported is unknown', () => {
    expect(toUsage(null)).toBeUndefined()
  })
})

describe('error responses', () => {
  test.each([
    [400, recording('xai', 'bad-key').body, AuthenticationError],
    [400, { code: 'Client specified an invalid argument', error: 'bad arg' }, BadRequestError],
    [401, { error: 'no key' }, AuthenticationError],
    [403, { error: 'Your team is out of credits.' }, QuotaExceededError],
    [403, { error: 'Content violates usage guidelines.' }, ContentPolicyViolationError],
    [403, { error: 'You have no access to this model.' }, PermissionDeniedError],
    [404, { error: { message: 'No such model', code: 'model_not_found' } }, NotFoundError],
    [429, { code: 'rate', error: 'Too many requests' }, RateLimitError],
    [
      503,
      { code: 'The service is currently unavailable', error: 'Later' },
      ServiceUnavailableError,
    ],
    [
      200,
      { code: 'The service is currently unavailable', error: 'Later' },
      ServiceUnavailableError,
    ],
  ])('%d %j', (status, wire, Class) => {
    const error = toError({ status, body: wire, model })
    expect(error.constructor).toBe(Class)
    expect(error.provider).toBe('xai')
  })
})

describe('models', () => {
  const efforts = (name: string) =>
    capabilities(name).rules.find(({ param }) => param === 'reasoning_effort')

  it('are found by their bare names', () => {
    expect(models.test('grok-4')).toBe(true)
    expect(models.test('gpt-5')).toBe(false)
  })

  test.each([
    ['grok-4.7', ['low', 'medium', 'high', 'xhigh']],
    ['grok-4.6', ['low', 'medium', 'high', 'xhigh']],
    ['grok-4.5', ['low', 'medium', 'high']],
    ['grok-4.3', ['none', 'low', 'medium', 'high']],
    ['grok-4.20-multi-agent', ['low', 'medium', 'high', 'xhigh']],
    ['grok-3-mini', ['low', 'high']],
  ])('%s supports the efforts %j', (name, values) => {
    expect(efforts(name)?.values).toEqual(values)
  })

  test.each([
    'grok-4.20-0309-reasoning',
    'grok-4.20-non-reasoning',
    'grok-4',
    'grok-4-0709',
    'grok-4-fast-reasoning',
    'grok-code-fast-1',
    'grok-3',
  ])('%s supports no effort', (name) => {
    expect(efforts(name)).toBeDefined()
    expect(efforts(name)?.values).toBeUndefined()
  })

  it('that are unknown accept any effort, and reason', () => {
    expect(capabilities('grok-9')).toMatchObject({ known: false, reasoning: true })
    expect(efforts('grok-9')).toBeUndefined()
  })

  it('may take a quarter of an hour without a byte', () => {
    for (const name of ['grok-4.7', 'grok-9'])
      expect(capabilities(name).timeouts?.idleBytesMs).toBeGreaterThanOrEqual(900_000)
  })
})

describe('over a socket', () => {
  it.each(['fetch', 'official client'])('through %s it equals the recording', async (through) => {
    const taken = recording('xai', 'call-stream')
    const server = await serve(sse(taken.sse ?? ''))
    const baseURL = `${server.url}/v1`
    const provider =
      through === 'fetch'
        ? xai({ apiKey: 'xai-test', baseURL })
        : xai({ client: new OpenAI({ apiKey: 'xai-test', baseURL }) })
    const ai = createClient({ providers: [provider] })
    const answer = await ai.stream({ ...hello, model: 'xai/grok-4.3' }).response
    expect(answer).toMatchObject({ provider: 'xai', finish_reason: 'tool_calls' })
    expect(server.seen[0]).toMatchObject({ url: '/v1/responses' })
    expect(server.seen[0]?.headers.authorization).toBe('Bearer xai-test')
  })

  it.each(['fetch', 'official client'])(
    'through %s an error response keeps its code',
    async (through) => {
      const server = await serve(reply(400, recording('xai', 'bad-key').body))
      const baseURL = `${server.url}/v1`
      const provider =
        through === 'fetch'
          ? xai({ apiKey: 'xai-test', baseURL })
          : xai({ client: new OpenAI({ apiKey: 'xai-test', baseURL }) })
      const call = createClient({ providers: [provider] }).generate({
        ...hello,
        model: 'xai/grok-4.3',
      })
      await expect(call).rejects.toMatchObject({
        name: 'AuthenticationError',
        code: 'invalid-argument',
        status: 400,
      })
      expect(server.seen).toHaveLength(1)
    },
  )

  it('counts no tokens itself: the client estimates', async () => {
    const ai = createClient({ providers: [xai({ apiKey: 'xai-test' })] })
    expect(await ai.countTokens({ ...hello, model: 'xai/grok-4.7' })).toMatchObject({
      estimated: true,
    })
  })
})
