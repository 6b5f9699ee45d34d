/** The facts that params() receives for each model family. */
import { describe, expect, it } from 'vitest'
import type { ChatRequest } from '../../../src/chat/index.js'
import { capabilities, factsOf } from '../../../src/providers/gemini/models.js'
import { hello, tool } from './support.js'

const all = [
  'gemini-4-argon',
  'gemini-4-carbon',
  'gemini-3.8-flash',
  'gemini-3.7-flash',
  'gemini-3.6-flash',
  'gemini-3.5-flash',
  'gemini-3.5-flash-lite',
  'gemini-3.1-pro-preview',
  'gemini-3.1-pro-preview-customtools',
  'gemini-3.1-flash-lite',
  'gemini-3-flash-preview',
  'gemini-3-pro-preview',
  'gemini-2.5-pro',
  'gemini-2.5-flash',
  'gemini-2.5-flash-lite',
  'gemini-2.0-flash',
  'gemini-1.5-flash',
  'gemini-flash-latest',
  'gemini-pro-latest',
  'gemini-3.1-flash-tts-preview',
  'gemini-2.5-flash-image',
  'gemini-3-pro-image',
  'gemma-3-27b-it',
  'gemma-4-31b-it',
]

/** The parameters that a rule restricts. */
const refused = (model: string, request: Partial<ChatRequest>) =>
  capabilities(model)
    .rules.filter(({ param, when, values, min, max, maxItems }) => {
      const asked = { ...hello, ...request }
      const value = asked[param]
      if (value === undefined || (when && !when(asked))) return false
      if (values) return !values.includes(value)
      if (typeof value === 'number' && (min !== undefined || max !== undefined))
        return value < (min ?? value) || value > (max ?? value)
      if (maxItems !== undefined) return Array.isArray(value) && value.length > maxItems
      return true
    })
    .map(({ param }) => param)

it.each(all)('%s is known', (model) => {
  expect(capabilities(model).known).toBe(true)
  expect(capabilities(`models/${model}`)).toEqual(capabilities(model))
})

it('an unknown name is treated as the newest of its kind', () => {
  for (const model of ['gemini-9-ultra', 'tunedModels/mine', 'learnlm-2'])
    expect(capabilities(model).known).toBe(false)
  expect(factsOf('gemini-9-ultra')).toMatchObject({
    isModern: true,
    signs: true,
    sampling: 'taken',
  })
  expect(factsOf('tunedModels/mine')).toMatchObject({
    isModern: true,
    signs: false,
    sampling: 'taken',
  })
  expect(refused('gemini-9-ultra', { temperature: 1.5, reasoning_effort: 'max' })).toEqual([])
})

it('no rule restricts parameters that every family supports', () => {
  const plain: Partial<ChatRequest> = {
    max_tokens: 100,
    stop: ['a'],
    seed: 1,
    user: 'u',
    metadata: { a: 'b' },
    store: false,
    service_tier: 'flex',
  }
  for (const model of all) expect(refused(model, plain)).toEqual([])
})

describe('values', () => {
  it.each<[Partial<ChatRequest>, string]>([
    [{ temperature: 2.01 }, 'temperature'],
    [{ top_p: 1.1 }, 'top_p'],
    [{ top_logprobs: 21 }, 'top_logprobs'],
    [{ stop: ['1', '2', '3', '4', '5', '6'] }, 'stop'],
    [{ max_tokens: 70_000 }, 'max_tokens'],
    [{ service_tier: 'scale' }, 'service_tier'],
    [{ reasoning_effort: 'xhigh' }, 'reasoning_effort'],
    [{ logit_bias: { 1: 2 } }, 'logit_bias'],
    [{ verbosity: 'low' }, 'verbosity'],
    [{ previous_response_id: 'r' }, 'previous_response_id'],
  ])('%j is not supported by 2.5 flash', (request, param) => {
    expect(refused('gemini-2.5-flash', request)).toEqual([param])
  })

  it('parallel calls cannot be disabled with more than one tool', () => {
    const off = { parallel_tool_calls: false } as const
    expect(refused('gemini-2.5-flash', { ...off, tools: [tool('a'), tool('b')] })).toEqual([
      'parallel_tool_calls',
    ])
    expect(refused('gemini-2.5-flash', { ...off, tools: [tool('a')] })).toEqual([])
  })

  it('higher efforts become the highest supported one', () => {
    const rule = capabilities('gemini-3-flash').rules.find(
      ({ param }) => param === 'reasoning_effort',
    )
    expect(rule?.adjust?.({ ...hello, reasoning_effort: 'max' })).toBe('high')
  })
})

describe('families', () => {
  it('Gemini 4 and later reject sampling', () => {
    const sampling = { temperature: 0.2, top_p: 0.5, top_k: 3 }
    expect(refused('gemini-4-argon', sampling)).toEqual(['temperature', 'top_p', 'top_k'])
    expect(refused('gemini-3.8-flash', sampling)).toEqual([])
  })

  it('effort is for models that think', () => {
    const effort = { reasoning_effort: 'low' } as const
    expect(refused('gemini-2.0-flash', effort)).toEqual(['reasoning_effort'])
    expect(capabilities('gemini-2.0-flash').reasoning).toBe(false)
    expect(refused('gemini-2.5-pro', effort)).toEqual([])
  })

  it('before Gemini 3 hosted tools, functions and JSON cannot be combined', () => {
    const mixed = { tools: [{ googleSearch: {} }, tool('a')] }
    const json = { tools: [tool('a')], response_format: { type: 'json_object' } } as const
    expect(refused('gemini-2.5-flash', mixed)).toEqual(['tools'])
    expect(refused('gemini-2.5-flash', json)).toEqual(['response_format'])
    expect(refused('gemini-2.5-flash', { tools: [tool('a')], web_search_options: {} })).toEqual([
      'web_search_options',
    ])
    expect(refused('gemini-3-flash', { ...mixed, ...json })).toEqual([])
    const rule = capabilities('gemini-2.5-flash').rules.find(({ param }) => param === 'tools')
    expect(rule?.adjust?.({ ...hello, ...mixed })).toEqual([tool('a')])
  })

  it('models that generate audio or images have no tools', () => {
    const tools = { tools: [tool('a')], tool_choice: 'auto' } as const
    for (const model of ['gemini-2.5-flash-image', 'gemini-2.5-pro-preview-tts', 'gemma-3-27b-it'])
      expect(refused(model, tools)).toEqual(['tools', 'tool_choice'])
  })
})
