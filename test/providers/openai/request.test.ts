/** Parameters in the body of POST /responses. */
import { describe, expect, it, test } from 'vitest'
import { z } from 'zod'
import { BadRequestError } from '../../../src/core/index.js'
import { profile } from '../../../src/providers/openai/openai.js'
import { countWriter } from '../../../src/providers/openai/request.js'
import { codes, frozen, hello, write } from './support.js'

const plain = 'gpt-4.1'

describe('the body', () => {
  it('of a minimal request stores nothing and includes what a stateless next turn needs', () => {
    expect(write({}).body).toEqual({
      model: 'gpt-5-mini',
      input: [{ role: 'user', content: 'Hello' }],
      store: false,
      include: ['reasoning.encrypted_content'],
    })
  })

  it('of a model without reasoning includes no encrypted reasoning', () => {
    for (const model of [plain, 'gpt-5.2-chat-latest', 'my-own-model'])
      expect(write({ model }).body).not.toHaveProperty('include')
  })

  it('has stream in a stream call', () => {
    expect(write({}, { streaming: true }).body.stream).toBe(true)
  })

  it('has supported parameters under their own or another name', () => {
    const { body, warnings } = write({
      model: plain,
      temperature: 0.2,
      top_p: 0.9,
      max_tokens: 100,
      parallel_tool_calls: false,
      metadata: { a: 'b' },
      service_tier: 'flex',
      prompt_cache_key: 'key',
      store: true,
      user: 'u-1',
      verbosity: 'low',
      logprobs: true,
      top_logprobs: 3,
      previous_response_id: 'resp_0',
    })
    expect(body).toMatchObject({
      temperature: 0.2,
      top_p: 0.9,
      max_output_tokens: 100,
      parallel_tool_calls: false,
      metadata: { a: 'b' },
      service_tier: 'flex',
      prompt_cache_key: 'key',
      store: true,
      safety_identifier: 'u-1',
      text: { verbosity: 'low' },
      include: ['message.output_text.logprobs'],
      top_logprobs: 3,
      previous_response_id: 'resp_0',
    })
    for (const name of ['max_tokens', 'user', 'verbosity', 'logprobs'])
      expect(body).not.toHaveProperty(name)
    expect(warnings).toEqual([])
  })

  it('omits the temperature of a reasoning model if it is the default', () => {
    expect(write({ temperature: 1, top_p: 1 }).body).not.toHaveProperty('temperature')
    expect(write({ temperature: 0.5 }).body.temperature).toBe(0.5)
    expect(write({ model: plain, temperature: 1 }).body.temperature).toBe(1)
  })

  it('includes encrypted reasoning of an unknown model only if reasoning is requested', () => {
    const include = (more: object) => write({ model: 'my-own-model', ...more }).body.include
    expect(include({ reasoning_effort: 'low' })).toEqual(['reasoning.encrypted_content'])
    expect(include({ reasoning_effort: 'none' })).toBeUndefined()
  })

  it('uses max_completion_tokens before max_tokens', () => {
    expect(write({ max_tokens: 100, max_completion_tokens: 200 }).body.max_output_tokens).toBe(200)
  })

  it('drops unsupported parameters, each with a warning', () => {
    const { body, warnings } = write({
      stop: ['END'],
      seed: 7,
      top_k: 3,
      presence_penalty: 1,
      frequency_penalty: 1,
      logit_bias: { '1': 2 },
      modalities: ['text', 'audio'],
    })
    expect(Object.keys(body).sort()).toEqual(['include', 'input', 'model', 'store'])
    expect(codes(warnings).sort()).toEqual([
      'dropped frequency_penalty',
      'dropped logit_bias',
      'dropped modalities',
      'dropped presence_penalty',
      'dropped seed',
      'dropped stop',
      'dropped top_k',
    ])
  })

  it('omits undefined parameters', () => {
    const { body, warnings } = write({ stop: undefined, temperature: undefined, store: undefined })
    expect(body).not.toHaveProperty('temperature')
    expect(body.store).toBe(false)
    expect(warnings).toEqual([])
  })

  it('truncates an end-user id to 64 characters, with a warning', () => {
    const { body, warnings } = write({ user: 'u'.repeat(80) })
    expect(body.safety_identifier).toHaveLength(64)
    expect(codes(warnings)).toEqual(['changed user'])
  })

  it('has unknown keys, extra_body and provider options unchanged, the last one wins', () => {
    const { body } = write({
      truncation: 'auto',
      temperature: 1,
      extra_body: { truncation: 'disabled', background: true },
      provider_options: {
        openai: { temperature: 2, include: ['web_search_call.results'] },
        anthropic: { speed: 'fast' },
      },
    })
    expect(body).toMatchObject({
      truncation: 'disabled',
      background: true,
      temperature: 2,
      include: ['reasoning.encrypted_content', 'web_search_call.results'],
    })
    expect(JSON.stringify(body)).not.toContain('fast')
  })

  it('keeps members beside one that the caller sets in reasoning and text', () => {
    const { body } = write({
      reasoning_effort: 'low',
      verbosity: 'high',
      provider_options: {
        openai: { reasoning: { summary: 'detailed' }, text: { format: { type: 'json_object' } } },
      },
    })
    expect(body).toMatchObject({
      reasoning: { effort: 'low', summary: 'detailed' },
      text: { verbosity: 'high', format: { type: 'json_object' } },
    })
  })

  it('appends the tools of provider options', () => {
    const { body } = write({
      tools: [{ type: 'function', function: { name: 'f' } }],
      provider_options: { openai: { tools: [{ type: 'web_search' }] } },
    })
    expect(body.tools).toMatchObject([{ name: 'f' }, { type: 'web_search' }])
  })

  it('has extra headers in lower case', () => {
    expect(write({ extra_headers: { 'X-A': '1' } }).headers).toEqual({ 'x-a': '1' })
  })

  it('without messages is rejected, unless another member replaces them', () => {
    expect(() => write({ messages: [] })).toThrow(BadRequestError)
    expect(write({ messages: [], previous_response_id: 'resp_0' }).input).toEqual([])
    expect(
      write({ messages: [], extra_body: { input: [{ type: 'compaction_trigger' }] } }).input,
    ).toEqual([{ type: 'compaction_trigger' }])
  })
})

describe('reasoning', () => {
  test.each(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const)(
    'effort %s is unchanged',
    (reasoning_effort) => {
      const { body, warnings } = write({ model: 'model-of-tomorrow', reasoning_effort })
      expect(body.reasoning).toEqual({ effort: reasoning_effort })
      expect(warnings).toEqual([])
    },
  )

  it('of an unknown effort is rejected with the list of the known ones', () => {
    const call = () => write({ reasoning_effort: 'ultra' as never })
    expect(call).toThrow(BadRequestError)
    expect(call).toThrow(/minimal/)
  })

  it('has a summary if requested', () => {
    expect(write({ reasoning_effort: 'low' }).body.reasoning).toEqual({
      effort: 'low',
      summary: 'auto',
    })
    expect(write({ thinking: { type: 'adaptive' } }).body.reasoning).toEqual({ summary: 'auto' })
  })

  it('has no summary if it is off, hidden, unsupported or disabled', () => {
    expect(write({ model: 'gpt-5.2', reasoning_effort: 'none' }).body.reasoning).toEqual({
      effort: 'none',
    })
    expect(
      write({ reasoning_effort: 'low', thinking: { type: 'adaptive', display: 'omitted' } }).body
        .reasoning,
    ).toEqual({ effort: 'low' })
    const withoutSummary = { ...profile, asksForSummary: () => false }
    expect(write({ reasoning_effort: 'low' }, { profile: withoutSummary }).body.reasoning).toEqual({
      effort: 'low',
    })
  })

  test.each([
    [512, 'minimal'],
    [1024, 'low'],
    [4096, 'medium'],
    [20_000, 'high'],
  ])('a budget of %d tokens is effort %s, with a warning', (budget_tokens, effort) => {
    const { body, warnings } = write({ thinking: { type: 'enabled', budget_tokens } })
    expect(body.reasoning).toMatchObject({ effort })
    expect(codes(warnings)).toEqual(['changed thinking'])
  })

  it('a budget becomes an effort that the model supports', () => {
    const { body } = write({ model: 'o3', thinking: { type: 'enabled', budget_tokens: 100 } })
    expect(body.reasoning).toMatchObject({ effort: 'low' })
  })

  it('is disabled if the model supports that, otherwise set to the lowest effort, with a warning', () => {
    const off = { thinking: { type: 'disabled' } } as const
    expect(write({ model: 'gpt-5.2', ...off })).toMatchObject({
      body: { reasoning: { effort: 'none' } },
      warnings: [],
    })
    const { body, warnings } = write({ model: 'gpt-6-astra', ...off })
    expect(body.reasoning).toMatchObject({ effort: 'low' })
    expect(codes(warnings)).toEqual(['changed thinking'])
  })

  it('thinking is dropped for a model without reasoning', () => {
    const { body, warnings } = write({
      model: plain,
      thinking: { type: 'enabled', budget_tokens: 2048 },
    })
    expect(body).not.toHaveProperty('reasoning')
    expect(codes(warnings)).toEqual(['dropped thinking'])
  })
})

describe('response_format', () => {
  it('text and json_object are unchanged', () => {
    for (const type of ['text', 'json_object'] as const)
      expect(write({ response_format: { type } }).body.text).toEqual({ format: { type } })
  })

  it('a schema keeps its name, description and strictness', () => {
    const schema = { type: 'object', properties: { a: { type: 'string' } } }
    const { body } = write({
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'thing', description: 'A thing', schema },
      },
    })
    expect(body.text).toEqual({
      format: { type: 'json_schema', name: 'thing', description: 'A thing', schema, strict: false },
    })
  })

  it('a strict schema of zod is converted for strict mode', () => {
    const schema = z.toJSONSchema(z.object({ name: z.string(), age: z.int().optional() }))
    const { body } = write({
      response_format: { type: 'json_schema', json_schema: { name: 'p', schema, strict: true } },
    })
    expect(body.text).toMatchObject({
      format: {
        strict: true,
        schema: {
          required: ['name', 'age'],
          additionalProperties: false,
          properties: { age: { type: ['integer', 'null'] } },
        },
      },
    })
  })

  it("a name is changed to the API's character set", () => {
    const named = (name: string) =>
      write({
        response_format: { type: 'json_schema', json_schema: { name, schema: { type: 'object' } } },
      }).body.text
    expect(named('My Schema!')).toMatchObject({ format: { name: 'My_Schema_' } })
    expect(named('')).toMatchObject({ format: { name: 'response_schema' } })
    expect(named('x'.repeat(80))).toMatchObject({ format: { name: 'x'.repeat(64) } })
  })
})

describe('tools', () => {
  const weather = {
    type: 'function',
    function: {
      name: 'weather',
      description: 'Of a city',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
  } as const

  it('are flat, and have their strictness', () => {
    expect(write({ tools: [weather] }).body.tools).toEqual([
      { ...weather.function, type: 'function', strict: false },
    ])
    const strict = { ...weather, function: { ...weather.function, strict: true } }
    expect(write({ tools: [strict] }).body.tools).toMatchObject([
      { strict: true, parameters: { additionalProperties: false } },
    ])
  })

  it('without parameters have an empty object', () => {
    expect(write({ tools: [{ type: 'function', function: { name: 'now' } }] }).body.tools).toEqual([
      {
        type: 'function',
        name: 'now',
        parameters: { type: 'object', properties: {} },
        strict: false,
      },
    ])
  })

  it('in the flat form, with members of the Responses API, are accepted too', () => {
    const { body } = write({ tools: [{ type: 'function', name: 'now', defer_loading: true }] })
    expect(body.tools).toMatchObject([{ name: 'now', defer_loading: true, strict: false }])
  })

  it('of free text keep their grammar, which is flat here', () => {
    const grammar = { syntax: 'lark', definition: 'start: "a"' }
    const { body } = write({
      tools: [
        { type: 'custom', custom: { name: 'a', format: { type: 'grammar', grammar } } },
        { type: 'custom', custom: { name: 'b', format: { type: 'text' } } },
        { type: 'custom', custom: { name: 'c' } },
      ],
    })
    expect(body.tools).toEqual([
      { type: 'custom', name: 'a', format: { type: 'grammar', ...grammar } },
      { type: 'custom', name: 'b', format: { type: 'text' } },
      { type: 'custom', name: 'c' },
    ])
  })

  it('executed by the provider are unchanged, and their results are included', () => {
    const tools = [
      { type: 'web_search', filters: { allowed_domains: ['a.example'] } },
      { type: 'code_interpreter', container: { type: 'auto' } },
      { type: 'file_search', vector_store_ids: ['vs_1'] },
      { type: 'mcp', server_label: 'wiki', server_url: 'https://a.example' },
      { type: 'image_generation' },
      { type: 'computer' },
    ]
    const { body } = write({ model: plain, tools })
    expect(body.tools).toEqual(tools)
    expect(body.include).toEqual([
      'web_search_call.action.sources',
      'code_interpreter_call.outputs',
      'file_search_call.results',
    ])
  })

  it('in the format of another provider are dropped, with a warning', () => {
    const { body, warnings } = write({ tools: [{ googleSearch: {} }] })
    expect(body).not.toHaveProperty('tools')
    expect(codes(warnings)).toEqual(['dropped tools'])
  })

  it('web_search_options become a tool', () => {
    const { body } = write({
      web_search_options: {
        search_context_size: 'low',
        user_location: { type: 'approximate', approximate: { city: 'Rome', country: 'IT' } },
      },
    })
    expect(body.tools).toEqual([
      {
        type: 'web_search',
        search_context_size: 'low',
        user_location: { type: 'approximate', city: 'Rome', country: 'IT' },
      },
    ])
  })

  it('an empty list is omitted', () => {
    const { body, warnings } = write({ tools: [], tool_choice: 'auto' })
    expect(body).not.toHaveProperty('tools')
    expect(body).not.toHaveProperty('tool_choice')
    expect(warnings).toEqual([])
  })

  it('a forced choice without tools is dropped, with a warning', () => {
    const { body, warnings } = write({ tool_choice: 'required' })
    expect(body).not.toHaveProperty('tool_choice')
    expect(codes(warnings)).toEqual(['dropped tool_choice'])
  })

  test.each([
    ['auto', 'auto'],
    ['none', 'none'],
    ['required', 'required'],
    [{ type: 'auto' }, 'auto'],
    [
      { type: 'function', function: { name: 'weather' } },
      { type: 'function', name: 'weather' },
    ],
    [
      { type: 'function', name: 'weather' },
      { type: 'function', name: 'weather' },
    ],
    [
      { type: 'custom', custom: { name: 'a' } },
      { type: 'custom', name: 'a' },
    ],
    [
      {
        type: 'allowed_tools',
        allowed_tools: {
          mode: 'required',
          tools: [{ type: 'function', function: { name: 'weather' } }, { type: 'web_search' }],
        },
      },
      {
        type: 'allowed_tools',
        mode: 'required',
        tools: [{ type: 'function', name: 'weather' }, { type: 'web_search' }],
      },
    ],
    [{ type: 'web_search' }, { type: 'web_search' }],
    [
      { type: 'mcp', server_label: 'wiki' },
      { type: 'mcp', server_label: 'wiki' },
    ],
  ])('the choice %j', (given, sent) => {
    expect(write({ tools: [weather], tool_choice: given as never }).body.tool_choice).toEqual(sent)
  })

  test.each(['sometimes', {}, { type: 'function' }, { type: 'allowed_tools' }, 7])(
    'the choice %j is rejected',
    (tool_choice) => {
      expect(() => write({ tools: [weather], tool_choice: tool_choice as never })).toThrow(
        BadRequestError,
      )
    },
  )
})

describe('countTokens', () => {
  it('sends the same input without response parameters', () => {
    const wire = countWriter(profile)(
      frozen({
        ...hello,
        temperature: 1,
        reasoning_effort: 'low',
        tools: [{ type: 'function', function: { name: 'f' } }],
      }),
      { warn: () => {} },
    )
    expect(wire.path).toBe('/responses/input_tokens')
    expect(Object.keys(wire.body as object).sort()).toEqual([
      'input',
      'model',
      'reasoning',
      'tools',
    ])
  })
})
