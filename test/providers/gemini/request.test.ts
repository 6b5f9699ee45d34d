/** Parameters in the body: their fields, and which are dropped or rejected. */
import { describe, expect, it } from 'vitest'
import { BadRequestError } from '../../../src/core/index.js'
import { toCountWire } from '../../../src/providers/gemini/request.js'
import { codes, flash25, frozen, hello, params, system, tool, user, write } from './support.js'

const config = (written: ReturnType<typeof write>) => written.body.generationConfig

describe('the URL', () => {
  it('contains model and method', () => {
    expect(write().path).toBe('/models/gemini-3-flash-preview:generateContent')
    expect(write({}, { streaming: true }).path).toBe(
      '/models/gemini-3-flash-preview:streamGenerateContent?alt=sse',
    )
  })

  it.each([
    ['models/gemini-2.5-flash', '/models/gemini-2.5-flash:generateContent'],
    ['tunedModels/mine-1', '/tunedModels/mine-1:generateContent'],
    [
      'publishers/google/models/gemini-2.5-flash',
      '/publishers/google/models/gemini-2.5-flash:generateContent',
    ],
    ['a?b#c', '/models/a%3Fb%23c:generateContent'],
  ])('%s is %s', (model, path) => {
    expect(write({ model }).path).toBe(path)
  })

  it('extra headers are sent, in lower case', () => {
    expect(write({ extra_headers: { 'X-Team': 'a' } }).headers).toEqual({ 'x-team': 'a' })
  })
})

describe('generationConfig', () => {
  it('has the parameters that Chat Completions names differently', () => {
    const written = write({
      model: flash25,
      temperature: 0.7,
      top_p: 0.3,
      top_k: 50,
      max_tokens: 500,
      stop: ['4242', ''],
      seed: 42,
      presence_penalty: 0.1,
      frequency_penalty: 0.2,
      logprobs: true,
      top_logprobs: 3,
      modalities: ['text', 'image'],
    })
    expect(config(written)).toEqual({
      temperature: 0.7,
      topP: 0.3,
      topK: 50,
      maxOutputTokens: 500,
      stopSequences: ['4242'],
      seed: 42,
      presencePenalty: 0.1,
      frequencyPenalty: 0.2,
      responseLogprobs: true,
      logprobs: 3,
      responseModalities: ['TEXT', 'IMAGE'],
    })
    expect(written.warnings).toEqual([])
  })

  it('is absent if nothing was set', () => {
    expect(Object.keys(write().body)).toEqual(['contents'])
    expect(write({ logprobs: false, stop: [] }).body).not.toHaveProperty('generationConfig')
  })

  it('max_completion_tokens overrides max_tokens, a fraction is rounded, both with a warning', () => {
    const both = write({ max_tokens: 5, max_completion_tokens: 9 })
    expect(config(both)?.maxOutputTokens).toBe(9)
    expect(params(both)).toEqual(['max_tokens'])
    const rounded = write({ max_tokens: 100.6 })
    expect(config(rounded)?.maxOutputTokens).toBe(101)
    expect(codes(rounded)).toEqual(['changed'])
  })

  it('five of six stop sequences are sent, with a warning', () => {
    const written = write({ stop: ['1', '2', '3', '4', '5', '6'] })
    expect(config(written)?.stopSequences).toHaveLength(5)
    expect(params(written)).toEqual(['stop'])
  })

  it('sampling is sent where it is ignored, dropped where it is rejected, both with a warning', () => {
    const passed = write({ model: 'gemini-3.6-flash', temperature: 0.2 })
    expect(config(passed)?.temperature).toBe(0.2)
    expect(codes(passed)).toEqual(['ignored'])
    const refused = write({ model: 'gemini-4-argon', temperature: 0.2, top_p: 0.5, top_k: 3 })
    expect(refused.body).not.toHaveProperty('generationConfig')
    expect(params(refused)).toEqual(['temperature', 'top_p', 'top_k'])
    const guessed = write({ model: 'gemini-5-flash', temperature: 0.2, top_p: 0.5, top_k: 3 })
    expect(guessed.body.generationConfig).toEqual({ temperature: 0.2, topP: 0.5, topK: 3 })
    expect(params(guessed)).toEqual([])
  })
})

describe('thinking', () => {
  const thinking = (model: string, request: object) => {
    const written = write({ model, ...request })
    return { config: config(written)?.thinkingConfig, codes: codes(written) }
  }
  const effort = (model: string, reasoning_effort: string) =>
    thinking(model, { reasoning_effort: reasoning_effort as never })

  it.each([
    ['gemini-2.5-flash', 'none', { includeThoughts: false, thinkingBudget: 0 }, []],
    ['gemini-2.5-pro', 'none', { includeThoughts: false, thinkingBudget: 128 }, ['changed']],
    ['gemini-2.5-flash', 'minimal', { includeThoughts: true, thinkingBudget: 1 }, []],
    ['gemini-2.5-flash-lite', 'minimal', { includeThoughts: true, thinkingBudget: 512 }, []],
    ['gemini-2.5-flash', 'low', { includeThoughts: true, thinkingBudget: 1024 }, []],
    ['gemini-2.5-pro', 'medium', { includeThoughts: true, thinkingBudget: 2048 }, []],
    ['gemini-2.5-pro', 'high', { includeThoughts: true, thinkingBudget: 4096 }, []],
    ['gemini-2.5-pro', 'xhigh', { includeThoughts: true, thinkingBudget: 4096 }, ['changed']],
    [
      'gemini-3-flash-preview',
      'none',
      { includeThoughts: false, thinkingLevel: 'MINIMAL' },
      ['changed'],
    ],
    ['gemini-3-flash-preview', 'medium', { includeThoughts: true, thinkingLevel: 'MEDIUM' }, []],
    ['gemini-3-pro-preview', 'none', { includeThoughts: false, thinkingLevel: 'LOW' }, ['changed']],
    [
      'gemini-3-pro-preview',
      'medium',
      { includeThoughts: true, thinkingLevel: 'HIGH' },
      ['changed'],
    ],
    ['gemini-3.1-pro-preview', 'medium', { includeThoughts: true, thinkingLevel: 'MEDIUM' }, []],
    ['gemini-3.8-flash', 'minimal', { includeThoughts: true, thinkingLevel: 'LOW' }, ['changed']],
    ['gemini-3.8-flash', 'none', { includeThoughts: false, thinkingLevel: 'LOW' }, ['changed']],
    ['gemini-4-argon', 'max', { includeThoughts: true, thinkingLevel: 'HIGH' }, ['changed']],
    ['gemini-9-new', 'high', { includeThoughts: true, thinkingLevel: 'HIGH' }, []],
    ['gemini-2.0-flash', 'high', undefined, ['dropped']],
    ['gemini-2.0-flash', 'none', undefined, []],
    ['gemini-3-pro-image', 'high', { includeThoughts: true }, ['dropped']],
  ])('%s at effort %s', (model, level, expected, warned) => {
    expect(effort(model, level)).toEqual({ config: expected, codes: warned })
  })

  it.each([
    [
      'gemini-2.5-flash',
      { type: 'enabled', budget_tokens: 5000 },
      { includeThoughts: true, thinkingBudget: 5000 },
    ],
    [
      'gemini-2.5-pro',
      { type: 'enabled', budget_tokens: 10 },
      { includeThoughts: true, thinkingBudget: 128 },
    ],
    ['gemini-2.5-pro', { type: 'adaptive' }, { includeThoughts: true, thinkingBudget: -1 }],
    ['gemini-2.5-flash', { type: 'disabled' }, { includeThoughts: false, thinkingBudget: 0 }],
    [
      'gemini-2.5-flash',
      { type: 'enabled', budget_tokens: 0 },
      { includeThoughts: false, thinkingBudget: 0 },
    ],
    [
      'gemini-3.1-pro-preview',
      { type: 'enabled', budget_tokens: 32_000 },
      { includeThoughts: true, thinkingLevel: 'HIGH' },
    ],
    [
      'gemini-3.1-pro-preview',
      { type: 'enabled', budget_tokens: 1024 },
      { includeThoughts: true, thinkingLevel: 'LOW' },
    ],
    ['gemini-3.1-pro-preview', { type: 'adaptive' }, { includeThoughts: true }],
    [
      'gemini-3.1-pro-preview',
      { type: 'adaptive', display: 'omitted' },
      { includeThoughts: false },
    ],
  ])('%s with Anthropic’s form %j', (model, form, expected) => {
    expect(thinking(model, { thinking: form }).config).toEqual(expected)
  })

  it('each family takes either effort or budget', () => {
    const both = { reasoning_effort: 'high', thinking: { type: 'enabled', budget_tokens: 2000 } }
    expect(thinking('gemini-2.5-pro', both).config).toEqual({
      includeThoughts: true,
      thinkingBudget: 2000,
    })
    expect(thinking('gemini-3-flash', both).config).toEqual({
      includeThoughts: true,
      thinkingLevel: 'HIGH',
    })
  })

  it('an unknown effort is a BadRequestError that lists the known ones', () => {
    expect(() => effort('gemini-2.5-pro', 'ultra')).toThrow(BadRequestError)
    expect(() => effort('gemini-2.5-pro', 'ultra')).toThrow(/minimal/)
  })

  it('litellm’s formats are supported', () => {
    expect(effort('gemini-2.5-flash', 'disable').config).toEqual({
      includeThoughts: false,
      thinkingBudget: 0,
    })
    expect(
      thinking('gemini-2.5-pro', { reasoning_effort: { effort: 'low', summary: 'auto' } }).config,
    ).toEqual({ includeThoughts: true, thinkingBudget: 1024 })
  })

  it('a budget or level of the caller replaces ours, both at once are rejected', () => {
    const merged = (thinkingConfig: object) =>
      config(write({ reasoning_effort: 'high', provider_options: { gemini: { thinkingConfig } } }))
        ?.thinkingConfig
    expect(merged({ thinkingBudget: 5 })).toEqual({ includeThoughts: true, thinkingBudget: 5 })
    expect(merged({ thinking_level: 'LOW', include_thoughts: false })).toEqual({
      includeThoughts: false,
      thinkingLevel: 'LOW',
    })
    expect(() => merged({ thinkingBudget: 5, thinkingLevel: 'LOW' })).toThrow(BadRequestError)
  })
})

describe('formats', () => {
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: { kind: { const: 'a' }, n: { type: 'integer' } },
    required: ['kind'],
    additionalProperties: false,
  }
  const json_schema = { name: 'answer', schema }

  it('text needs no field, json_object a media type', () => {
    expect(write({ response_format: { type: 'text' } }).body).not.toHaveProperty('generationConfig')
    expect(config(write({ response_format: { type: 'json_object' } }))).toEqual({
      responseMimeType: 'application/json',
    })
  })

  it('a schema is JSON Schema with the keywords that Gemini supports', () => {
    expect(config(write({ response_format: { type: 'json_schema', json_schema } }))).toEqual({
      responseMimeType: 'application/json',
      responseJsonSchema: {
        type: 'object',
        properties: { kind: { type: 'string', enum: ['a'] }, n: { type: 'integer' } },
        required: ['kind'],
        additionalProperties: false,
      },
    })
  })

  it('models before 2.0 receive the OpenAPI dialect', () => {
    const written = write({
      model: 'gemini-1.5-flash',
      response_format: { type: 'json_schema', json_schema },
    })
    expect(config(written)).toMatchObject({ responseSchema: { type: 'OBJECT' } })
    expect(config(written)).not.toHaveProperty('responseJsonSchema')
  })

  it('a schema of the caller replaces ours', () => {
    const responseSchema = { type: 'STRING' }
    const written = write({ response_format: { type: 'json_schema', json_schema }, responseSchema })
    expect(config(written)).toEqual({ responseMimeType: 'application/json', responseSchema })
  })

  it('beside tools it is sent since Gemini 3, before that dropped with a warning', () => {
    const request = { response_format: { type: 'json_object' as const }, tools: [tool('look')] }
    expect(config(write(request))?.responseMimeType).toBe('application/json')
    const older = write({ ...request, model: flash25 })
    expect(older.body).not.toHaveProperty('generationConfig')
    expect(params(older)).toEqual(['response_format'])
  })
})

describe('other members of the body', () => {
  it('service tier and storage have fields of their own', () => {
    const tier = (service_tier: string) => write({ service_tier }).body.serviceTier
    expect(write({ store: false }).body.store).toBe(false)
    expect([tier('flex'), tier('default'), tier('auto')]).toEqual(['flex', 'standard', undefined])
    expect(params(write({ service_tier: 'scale' }))).toEqual(['service_tier'])
  })

  it('parameters without a field are dropped, with a warning', () => {
    const written = write({
      logit_bias: { 1: 2 },
      verbosity: 'low',
      user: 'u-1',
      metadata: { a: 'b' },
      safety_identifier: 's',
      prompt_cache_key: 'k',
      previous_response_id: 'r',
    })
    expect(Object.keys(written.body)).toEqual(['contents'])
    expect(written.warnings).toHaveLength(7)
    expect(new Set(codes(written))).toEqual(new Set(['dropped']))
  })

  it('unknown keys are added at the top, those of generationConfig inside it', () => {
    const written = write({
      safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_NONE' }],
      cached_content: 'cachedContents/a',
      speechConfig: { languageCode: 'de' },
      image_config: { aspectRatio: '1:1' },
      somethingNew: { a: 1 },
    })
    expect(written.body).toMatchObject({
      safetySettings: [{ threshold: 'BLOCK_NONE' }],
      cachedContent: 'cachedContents/a',
      somethingNew: { a: 1 },
      generationConfig: {
        speechConfig: { languageCode: 'de' },
        imageConfig: { aspectRatio: '1:1' },
      },
    })
    expect(written.warnings).toEqual([])
  })

  it('extra_body overrides the request, provider_options override both, options of other providers are not sent', () => {
    const written = write({
      temperature: 0.1,
      seed: 1,
      extra_body: { generationConfig: { temperature: 0.2, seed: 2 }, labels: { a: '1' } },
      provider_options: { gemini: { temperature: 0.3 }, anthropic: { thinking: 'x' } },
    })
    expect(config(written)).toEqual({ temperature: 0.3, seed: 2 })
    expect(written.body).toMatchObject({ labels: { a: '1' } })
    expect(JSON.stringify(written.body)).not.toContain('thinking')
  })

  it('a tool config of the caller is merged with ours', () => {
    const toolConfig = { retrievalConfig: { languageCode: 'de' } }
    const written = write({ tools: [tool('look')], tool_choice: 'auto', toolConfig })
    expect(written.body.toolConfig).toEqual({
      functionCallingConfig: { mode: 'AUTO' },
      ...toolConfig,
    })
  })

  it('beside a cache neither system message nor tools are sent, with a warning', () => {
    const written = write({
      messages: [system('Be brief.') as never, user('Hi') as never],
      tools: [tool('look')],
      tool_choice: 'auto',
      cachedContent: 'cachedContents/a',
    })
    expect(Object.keys(written.body).sort()).toEqual(['cachedContent', 'contents'])
    expect(codes(written)).toEqual(['dropped', 'dropped'])
  })
})

describe('countTokens', () => {
  it('counts the whole prompt, as it would be sent', () => {
    const request = frozen({
      ...hello,
      messages: [system('Be brief.'), ...hello.messages] as never,
      tools: [tool('look')],
      temperature: 0.3,
      service_tier: 'flex',
    })
    const { path, body } = toCountWire(request, { warn: () => {} })
    expect(path).toBe('/models/gemini-3-flash-preview:countTokens')
    expect(body).toEqual({
      generateContentRequest: {
        model: 'models/gemini-3-flash-preview',
        contents: [{ role: 'user', parts: [{ text: 'Hello' }] }],
        systemInstruction: { parts: [{ text: 'Be brief.' }] },
        tools: [{ functionDeclarations: [expect.objectContaining({ name: 'look' })] }],
      },
    })
  })
})
