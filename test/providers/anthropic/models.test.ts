import { describe, expect, it } from 'vitest'
import type { ChatRequest, ParamRule } from '../../../src/chat/index.js'
import { createClient } from '../../../src/client.js'
import { anthropic } from '../../../src/providers/anthropic/index.js'
import { hello } from './support.js'

const capabilitiesOf = (model: string, version?: string) =>
  createClient({ providers: [anthropic({ version })] }).capabilities(`anthropic/${model}`)

const rulesOf = (model: string, version?: string) => capabilitiesOf(model, version).rules

const isBroken = (rule: ParamRule, request: ChatRequest) => {
  const value = request[rule.param]
  if (value === undefined || rule.when?.(request) === false) return false
  const { values, min, max } = rule
  if ((values ?? min ?? max) === undefined) return true
  if (values && !values.includes(value)) return true
  return typeof value === 'number' && (value < (min ?? -Infinity) || value > (max ?? Infinity))
}

/** Applies the rules to a request, in order. */
function fitted(
  model: string,
  params: Partial<ChatRequest>,
  version?: string,
): Partial<ChatRequest> {
  let request: ChatRequest = { ...hello, ...params }
  for (const rule of rulesOf(model, version)) {
    if (!isBroken(rule, request)) continue
    const value = request[rule.param]
    const isNumber = typeof value === 'number' && (rule.min ?? rule.max) !== undefined
    const nearest = rule.adjust
      ? rule.adjust(request)
      : isNumber
        ? Math.min(rule.max ?? Infinity, Math.max(rule.min ?? -Infinity, value))
        : undefined
    request = { ...request, [rule.param]: nearest }
  }
  const { model: _, messages: __, ...rest } = request
  return Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
}

const choice = { type: 'function', function: { name: 'look' } } as const
const enabled = (budget_tokens: number) => ({ type: 'enabled' as const, budget_tokens })

describe('the rules', () => {
  it.each([
    ['claude-sonnet-4-5', { temperature: 0.3, top_k: 4 }],
    ['claude-sonnet-4-5', { thinking: enabled(2048), top_p: 0.97 }],
    ['claude-sonnet-4-5', { reasoning_effort: 'max', max_tokens: 64_000 }],
    ['claude-opus-4-6', { thinking: { type: 'adaptive' }, tool_choice: 'required' }],
    ['claude-opus-4-6', { reasoning_effort: 'max' }],
    ['claude-opus-5', { temperature: 1, reasoning_effort: 'xhigh', tool_choice: choice }],
    ['claude-sonnet-5', { thinking: { type: 'disabled' }, reasoning_effort: 'max' }],
    ['claude-sonnet-5-5', { reasoning_effort: 'none' }],
    ['claude-fable-5', { tool_choice: 'required' }],
    [
      'claude-next-9',
      {
        temperature: 0.3,
        top_p: 0.5,
        reasoning_effort: 'max',
        max_tokens: 1_000_000,
        thinking: enabled(2048),
        tool_choice: 'required',
      },
    ],
    [
      'minimax-m3',
      { temperature: 1.5, top_p: 0.5, reasoning_effort: 'max', tool_choice: 'required' },
    ],
  ] as const)('%s accepts %j', (model, params) => {
    expect(fitted(model, params)).toEqual(params)
  })

  it.each([
    ['claude-sonnet-4-5', { temperature: 1.7 }, { temperature: 1 }],
    ['claude-sonnet-4-5', { temperature: 0.5, top_p: 0.9 }, { temperature: 0.5 }],
    [
      'claude-sonnet-4-5',
      { reasoning_effort: 'low', temperature: 0.5, top_p: 0.5, top_k: 3 },
      { reasoning_effort: 'low', top_p: 0.95 },
    ],
    ['claude-sonnet-4-5', { thinking: { type: 'adaptive' } }, { thinking: enabled(4096) }],
    ['claude-sonnet-4-5', { thinking: enabled(10) }, { thinking: enabled(1024) }],
    ['claude-sonnet-4-5', { thinking: enabled(64_000) }, { thinking: enabled(62_976) }],
    [
      'claude-sonnet-4-5',
      { reasoning_effort: 'low', tool_choice: choice },
      { reasoning_effort: 'low', tool_choice: 'auto' },
    ],
    ['claude-sonnet-4-5', { max_tokens: 200_000 }, { max_tokens: 64_000 }],
    ['claude-3-5-haiku-latest', { reasoning_effort: 'low', thinking: enabled(2048) }, {}],
    ['claude-opus-4-5', { reasoning_effort: 'max' }, { reasoning_effort: 'high' }],
    ['claude-opus-4-6', { reasoning_effort: 'xhigh' }, { reasoning_effort: 'max' }],
    ['claude-opus-5', { temperature: 0.2, top_p: 0.9, top_k: 3 }, {}],
    [
      'claude-opus-5',
      { thinking: { type: 'disabled' }, reasoning_effort: 'max' },
      { thinking: { type: 'disabled' }, reasoning_effort: 'high' },
    ],
    [
      'claude-opus-5-5',
      { reasoning_effort: 'none', thinking: { type: 'disabled' }, tool_choice: 'required' },
      { reasoning_effort: 'low', tool_choice: 'auto' },
    ],
    ['claude-fable-5-1', { tool_choice: choice }, { tool_choice: 'auto' }],
    ['claude-sonnet-4-5', { stop: ['\n', 'END'] }, { stop: ['END'] }],
    [
      'claude-sonnet-4-5',
      { seed: 1, logprobs: true, verbosity: 'low', modalities: ['audio'] },
      { modalities: ['text'] },
    ],
  ] as const)('%s changes %j to %j', (model, params, expected) => {
    expect(fitted(model, params)).toEqual(expected)
  })

  it('a thinking budget meant for an older model sets the effort', () => {
    const { thinking } = fitted('claude-opus-5', { thinking: enabled(20_000) })
    expect(thinking).toEqual({ type: 'adaptive', budget_tokens: 20_000 })
  })

  it('the version without sampling has none, for any model', () => {
    for (const model of ['claude-sonnet-4-5', 'claude-next-9'])
      expect(fitted(model, { temperature: 1, top_p: 0.9, top_k: 1 }, '2026-10-21')).toEqual({})
  })

  it('report parameters that the wire has no field for', () => {
    const unmapped = rulesOf('claude-sonnet-4-5').filter((rule) => rule.unmapped)
    expect(unmapped.map(({ param }) => param)).toContain('seed')
    expect(unmapped.map(({ param }) => param)).not.toContain('temperature')
  })
})

describe('model facts', () => {
  it.each([
    ['claude-fable-5-2', 1_000_000, 128_000],
    ['claude-opus-5-5', 1_000_000, 128_000],
    ['claude-opus-5-20260801', 1_000_000, 128_000],
    ['claude-opus-4-7', 1_000_000, 128_000],
    ['claude-sonnet-4-5-20250929', 200_000, 64_000],
    ['us.anthropic.claude-haiku-4-5-20251001-v1:0', 200_000, 64_000],
    ['claude-opus-4-1-20250805', 200_000, 32_000],
    ['claude-opus-4-20250514', 200_000, 32_000],
    ['claude-sonnet-4-0', 200_000, 64_000],
    ['claude-3-7-sonnet-latest', 200_000, 64_000],
    ['claude-3-5-haiku-20241022', 200_000, 8_192],
    ['claude-3-opus-latest', 200_000, 4_096],
  ])('%s reads %d and writes %d tokens', (model, contextTokens, maxOutputTokens) => {
    expect(capabilitiesOf(model)).toMatchObject({
      known: true,
      contextTokens,
      maxOutputTokens,
    })
  })

  it.each([
    'claude-opus-6',
    'claude-opus-5-6',
    'claude-sonnet-4-7',
    'claude-haiku-5',
    'mistral-large',
  ])('%s is unknown: every parameter of the API is sent', (model) => {
    const { known, maxOutputTokens } = capabilitiesOf(model)
    expect([known, maxOutputTokens]).toEqual([false, undefined])
  })

  it('bare names starting with claude belong to Anthropic', () => {
    const { models } = anthropic()
    expect(models?.test('claude-sonnet-4-5')).toBe(true)
    expect(models?.test('gpt-5')).toBe(false)
  })
})
