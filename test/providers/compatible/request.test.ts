/** Parameters, tools, formats and reasoning in a request body. */
import { describe, expect, it, test } from 'vitest'
import type { FunctionTool } from '../../../src/chat/index.js'
import { BadRequestError } from '../../../src/core/index.js'
import { traitsOf } from '../../../src/providers/compatible/models.js'
import { at, hello, local, write } from './support.js'

const tool: FunctionTool = {
  type: 'function',
  function: {
    name: 'f',
    description: 'does',
    parameters: { type: 'object', properties: { x: {} } },
  },
}

describe('parameters', () => {
  it('have the same names on the wire', async () => {
    const params = {
      temperature: 0.2,
      top_p: 0.9,
      top_k: 40,
      max_tokens: 100,
      stop: ['a', 'b'],
      seed: 7,
      presence_penalty: 0.1,
      frequency_penalty: 0.2,
      logit_bias: { 50256: -100 },
      logprobs: true,
      top_logprobs: 2,
      verbosity: 'low',
      modalities: ['text', 'audio'],
      user: 'u',
      metadata: { a: 'b' },
      store: false,
      service_tier: 'flex',
      safety_identifier: 's',
      prompt_cache_key: 'k',
      web_search_options: { search_context_size: 'low' },
      reasoning_effort: 'low',
    } as const
    const { body, warnings } = await write(params)
    expect(body).toEqual({ ...hello, ...params })
    expect(warnings).toEqual([])
  })

  it('unknown keys, extra_body and provider_options are added to the body, the last one wins', async () => {
    const { body } = await write({
      cache_prompt: true,
      min_p: 0.1,
      extra_body: { min_p: 0.2, top_a: 1 },
      provider_options: { local: { top_a: 2 }, gemini: { x: 1 } },
    })
    expect(body).toEqual({ ...hello, cache_prompt: true, min_p: 0.2, top_a: 2 })
  })

  it('extra_headers become headers, in lower case', async () => {
    expect((await write({ extra_headers: { 'X-Title': 'app' } })).headers).toEqual({
      'x-title': 'app',
    })
  })

  it('members for params() and for other providers are not sent', async () => {
    const { body } = await write({
      n: 1,
      drop_params: true,
      additional_drop_params: [],
      allowed_openai_params: [],
      stream_options: {},
    })
    expect(body).toEqual(hello)
  })

  it('undefined members are not sent', async () => {
    const { body } = await write({
      temperature: undefined,
      tools: undefined,
      response_format: undefined,
    })
    expect(body).toEqual(hello)
  })

  it('previous_response_id is not supported, with a warning', async () => {
    const { body, warnings } = await write({ previous_response_id: 'resp_1' })
    expect(body).toEqual(hello)
    expect(warnings).toMatchObject([{ code: 'dropped', param: 'previous_response_id' }])
  })

  it('top_logprobs sets logprobs too', async () => {
    expect((await write({ top_logprobs: 2 })).body).toMatchObject({
      logprobs: true,
      top_logprobs: 2,
    })
  })

  test.each([
    ['as asked', {}, { max_tokens: 5 }, { max_tokens: 5 }],
    ['as asked, the newer name', {}, { max_completion_tokens: 5 }, { max_completion_tokens: 5 }],
    [
      'of two the newer',
      {},
      { max_tokens: 9, max_completion_tokens: 5 },
      { max_completion_tokens: 5 },
    ],
    [
      "OpenAI's reasoning models know the newer only",
      {},
      { model: 'openai/gpt-5-mini', max_tokens: 5 },
      { max_completion_tokens: 5 },
    ],
    ['o-series too', {}, { model: 'o4-mini', max_tokens: 5 }, { max_completion_tokens: 5 }],
    ['its chat models both', {}, { model: 'gpt-4o', max_tokens: 5 }, { max_tokens: 5 }],
    [
      'DeepSeek knows the older only',
      at('api.deepseek.com'),
      { max_completion_tokens: 5 },
      { max_tokens: 5 },
    ],
    [
      'the option decides',
      { maxTokensParam: 'max_tokens' },
      { model: 'o4-mini', max_completion_tokens: 5 },
      { max_tokens: 5 },
    ],
  ] as const)('the token limit: %s', async (_, options, asked, expected) => {
    const { max_tokens, max_completion_tokens } = (await write(asked, options)).body
    expect(JSON.parse(JSON.stringify({ max_tokens, max_completion_tokens }))).toEqual(expected)
  })
})

describe('streams', () => {
  it('request usage', async () => {
    const { body } = await write({}, { streaming: true })
    expect(body).toEqual({ ...hello, stream: true, stream_options: { include_usage: true } })
  })

  it('do not if the server rejects that', async () => {
    const expected = { ...hello, stream: true }
    expect((await write({}, { ...at('api.mistral.ai'), streaming: true })).body).toEqual(expected)
    expect((await write({}, { includeUsage: false, streaming: true })).body).toEqual(expected)
  })
})

describe('tools', () => {
  it('are unchanged, with a schema for those that have none', async () => {
    const custom = { type: 'custom', custom: { name: 'sql', format: { type: 'text' } } } as const
    const hosted = { type: 'browser_search' }
    const bare: FunctionTool = { type: 'function', function: { name: 'g', strict: null } }
    const { body, warnings } = await write({ tools: [tool, custom, hosted, bare] })
    expect(body.tools).toEqual([
      tool,
      custom,
      hosted,
      { type: 'function', function: { name: 'g', parameters: { type: 'object', properties: {} } } },
    ])
    expect(warnings).toEqual([])
  })

  it('a strict schema is unchanged, except for servers with a schema subset', async () => {
    const strict: FunctionTool = {
      type: 'function',
      function: {
        name: 'f',
        strict: true,
        parameters: { type: 'object', properties: { x: { type: 'string' } }, required: [] },
      },
    }
    expect((await write({ tools: [strict] })).body.tools).toEqual([strict])
    expect((await write({ tools: [strict] }, at('api.groq.com'))).body.tools).toMatchObject([
      { function: { strict: true, parameters: { required: ['x'], additionalProperties: false } } },
    ])
  })

  it('cache marks on tools are kept if supported', async () => {
    const marked = { ...tool, cache_control: { type: 'ephemeral' } } as const
    expect((await write({ tools: [marked] }, at('openrouter.ai'))).body.tools).toEqual([marked])
    expect((await write({ tools: [marked] })).body.tools).toEqual([tool])
  })

  const one = { type: 'function', function: { name: 'f' } } as const
  const allowed = { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [one] } } as const
  test.each([
    ['auto', 'auto'],
    ['none', 'none'],
    ['required', 'required'],
    [one, one],
    [
      { type: 'custom', custom: { name: 'f' } },
      { type: 'custom', custom: { name: 'f' } },
    ],
    [allowed, allowed],
    [{ type: 'auto' }, 'auto'],
    [{ type: 'required' }, 'required'],
  ])('the choice %j', async (tool_choice, expected) => {
    expect((await write({ tools: [tool], tool_choice } as never)).body.tool_choice).toEqual(
      expected,
    )
  })

  test.each(['sometimes', {}, { type: 'maybe' }, 7])(
    'a choice %j is a bad request',
    async (tool_choice) => {
      await expect(write({ tools: [tool], tool_choice } as never)).rejects.toThrow(BadRequestError)
    },
  )

  it('tool options are dropped without tools, with a warning', async () => {
    const { body, warnings } = await write({
      tools: [],
      tool_choice: 'required',
      parallel_tool_calls: false,
    })
    expect(body).toEqual(hello)
    expect(warnings.map(({ param }) => param)).toEqual(['tool_choice', 'parallel_tool_calls'])
    expect((await write({ tool_choice: 'none' })).warnings).toEqual([])
  })
})

describe('formats', () => {
  const schema = { type: 'object', properties: { x: { type: 'string' } } }

  test.each([
    [{ type: 'text' }],
    [{ type: 'json_object' }],
    [{ type: 'json_schema', json_schema: { name: 'a', schema, strict: true, description: 'd' } }],
    [{ type: 'json_schema', json_schema: { name: 'a' } }],
  ] as const)('%j', async (response_format) => {
    expect((await write({ response_format })).body.response_format).toEqual(response_format)
  })

  it('a strict schema is converted to one that OpenAI accepts', async () => {
    const response_format = {
      type: 'json_schema',
      json_schema: { name: 'a', schema, strict: true },
    } as const
    expect(
      (await write({ response_format }, at('api.openai.com'))).body.response_format,
    ).toMatchObject({
      json_schema: {
        name: 'a',
        strict: true,
        schema: { required: ['x'], additionalProperties: false },
      },
    })
  })
})

describe('reasoning', () => {
  const enabled = (budget_tokens?: number) =>
    ({ type: 'enabled', ...(budget_tokens && { budget_tokens }) }) as const
  const off = { type: 'disabled' } as const
  const router = at('openrouter.ai')
  const deepseek = at('api.deepseek.com')

  test.each([
    ['an effort', {}, { reasoning_effort: 'high' }, { reasoning_effort: 'high' }, 0],
    ['a small budget', {}, { thinking: enabled(1024) }, { reasoning_effort: 'low' }, 1],
    ['a middling budget', {}, { thinking: enabled(4096) }, { reasoning_effort: 'medium' }, 1],
    ['a large budget', {}, { thinking: enabled(9000) }, { reasoning_effort: 'high' }, 1],
    ['none', {}, { thinking: off }, { reasoning_effort: 'none' }, 0],
    ['what the model likes', {}, { thinking: { type: 'adaptive' } }, {}, 0],
    [
      'both',
      {},
      { reasoning_effort: 'low', thinking: enabled(9000) },
      { reasoning_effort: 'low' },
      1,
    ],
    [
      'OpenRouter, an effort',
      router,
      { reasoning_effort: 'high' },
      { reasoning: { effort: 'high' } },
      0,
    ],
    [
      'OpenRouter, a budget',
      router,
      { thinking: enabled(9000) },
      { reasoning: { max_tokens: 9000 } },
      0,
    ],
    ['OpenRouter, on', router, { thinking: enabled() }, { reasoning: { enabled: true } }, 0],
    ['OpenRouter, off', router, { thinking: off }, { reasoning: { enabled: false } }, 0],
    ['DeepSeek, on', deepseek, { thinking: enabled() }, { thinking: { type: 'enabled' } }, 0],
    [
      'DeepSeek, a budget',
      deepseek,
      { thinking: enabled(9000) },
      { thinking: { type: 'enabled' } },
      1,
    ],
    [
      'DeepSeek, off',
      deepseek,
      { reasoning_effort: 'none' },
      { thinking: { type: 'disabled' } },
      0,
    ],
    [
      'DeepSeek, an effort',
      deepseek,
      { reasoning_effort: 'high' },
      { reasoning_effort: 'high' },
      0,
    ],
  ] as const)('%s', async (_, options, asked, expected, warned) => {
    const { body, warnings } = await write(asked, options)
    const { reasoning_effort, reasoning, thinking } = body
    expect(JSON.parse(JSON.stringify({ reasoning_effort, reasoning, thinking }))).toEqual(expected)
    expect(warnings).toHaveLength(warned)
  })
})

describe('presets of known servers', () => {
  test.each([
    ['https://openrouter.ai/api/v1', 'reasoning'],
    ['https://eu.openrouter.ai/api/v1', 'reasoning'],
    ['https://notopenrouter.ai/v1', 'reasoning_effort'],
    ['https://openrouter.ai.evil.test/v1', 'reasoning_effort'],
    ['not an address', 'reasoning_effort'],
  ])('%s requests reasoning with %s', (baseURL, param) => {
    expect(traitsOf({ baseURL }).reasoningParam).toBe(param)
  })

  it('are overridden by options, but not by undefined ones', () => {
    const baseURL = 'https://api.deepseek.com/v1'
    expect(traitsOf({ baseURL, returnReasoning: false }).returnReasoning).toBe(false)
    expect(traitsOf({ baseURL, returnReasoning: undefined }).returnReasoning).toBe(true)
    expect(traitsOf(local).returnReasoning).toBe(false)
  })
})
