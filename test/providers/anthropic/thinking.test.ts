import { describe, expect, it } from 'vitest'
import { called, codes, tool, write } from './support.js'

const wire = (model: string, request: object) => {
  const { body, warnings } = write({ model, ...request })
  return {
    thinking: body.thinking,
    output_config: body.output_config,
    max_tokens: body.max_tokens,
    warnings,
  }
}

const adaptive = { type: 'adaptive' }
const shown = { type: 'adaptive', display: 'summarized' }
const budget = (budget_tokens: number) => ({ type: 'enabled', budget_tokens })

describe('reasoning_effort', () => {
  it.each([
    ['claude-sonnet-4-5', 'minimal', budget(1024), undefined],
    ['claude-sonnet-4-5', 'low', budget(1024), undefined],
    ['claude-sonnet-4-5', 'medium', budget(2048), undefined],
    ['claude-sonnet-4-5', 'high', budget(4096), undefined],
    ['claude-sonnet-4-5', 'max', budget(32_768), undefined],
    ['claude-sonnet-4-5', 'none', undefined, undefined],
    ['claude-haiku-4-5', 'high', budget(4096), undefined],
    ['claude-opus-4-5', 'medium', budget(2048), { effort: 'medium' }],
    ['claude-opus-4-6', 'minimal', adaptive, { effort: 'low' }],
    ['claude-opus-4-6', 'high', adaptive, { effort: 'high' }],
    ['claude-opus-4-6', 'none', undefined, undefined],
    ['claude-opus-4-8', 'xhigh', shown, { effort: 'xhigh' }],
    ['claude-sonnet-5', 'none', { type: 'disabled' }, undefined],
    ['claude-opus-5', 'max', shown, { effort: 'max' }],
    ['claude-sonnet-5-5', 'none', { type: 'between_tools' }, undefined],
    ['claude-opus-5-5', 'low', shown, { effort: 'low' }],
    ['claude-next-9', 'low', shown, { effort: 'low' }],
    ['minimax-m3', 'high', budget(4096), undefined],
  ])('%s accepts %s', (model, reasoning_effort, thinking, output_config) => {
    const sent = wire(model, { reasoning_effort, max_tokens: 100_000 })
    expect(sent).toMatchObject({ warnings: [] })
    expect([sent.thinking, sent.output_config]).toEqual([thinking, output_config])
  })

  it.each([
    ['claude-3-5-haiku-latest', { reasoning_effort: 'high' }, 'reasoning_effort'],
    ['claude-3-5-haiku-latest', { thinking: budget(2048) }, 'thinking'],
    ['claude-opus-5-5', { reasoning_effort: 'none' }, 'reasoning_effort'],
    ['claude-fable-5', { thinking: { type: 'disabled' } }, 'thinking'],
  ])('%s does not support %j, with a warning', (model, request, param) => {
    const sent = wire(model, request)
    expect([sent.thinking, sent.output_config]).toEqual([undefined, undefined])
    expect(sent.warnings).toMatchObject([{ code: 'dropped', param }])
  })

  it('effort requires a beta header on early models', () => {
    expect(
      write({ model: 'claude-opus-4-5', reasoning_effort: 'low' }).headers['anthropic-beta'],
    ).toBe('effort-2025-11-24')
  })
})

describe('thinking', () => {
  it('is sent as requested', () => {
    expect(
      wire('claude-sonnet-4-5', { thinking: { ...budget(5000), display: 'omitted' } }).thinking,
    ).toEqual({ ...budget(5000), display: 'omitted' })
    expect(wire('claude-opus-4-6', { thinking: { type: 'disabled' } }).thinking).toEqual({
      type: 'disabled',
    })
    expect(
      wire('claude-opus-5', { thinking: { type: 'adaptive', display: 'omitted' } }).thinking,
    ).toEqual({ type: 'adaptive', display: 'omitted' })
  })

  it('without a budget has that of the effort', () => {
    expect(
      wire('claude-sonnet-4-5', { thinking: { type: 'enabled' }, reasoning_effort: 'medium' })
        .thinking,
    ).toEqual(budget(2048))
    expect(wire('claude-sonnet-4-5', { thinking: { type: 'enabled' } }).thinking).toEqual(
      budget(4096),
    )
  })

  it('raises max_tokens above its budget', () => {
    const sent = wire('claude-sonnet-4-5', { thinking: budget(5000), max_tokens: 1000 })
    expect(sent).toMatchObject({
      thinking: budget(5000),
      max_tokens: 6000,
      warnings: [{ code: 'changed', param: 'max_tokens' }],
    })
    expect(wire('minimax-m3', { thinking: budget(5000) }).max_tokens).toBe(9096)
    expect(wire('claude-sonnet-4-5', { thinking: budget(5000), max_tokens: 6000 })).toMatchObject({
      max_tokens: 6000,
      warnings: [],
    })
  })

  it('lowers its budget to the output limit of the model', () => {
    const sent = wire('claude-sonnet-4-5', { thinking: budget(70_000), max_tokens: 1000 })
    expect(sent).toMatchObject({
      thinking: budget(63_000),
      max_tokens: 64_000,
      warnings: [{ code: 'changed', param: 'thinking' }],
    })
  })

  it('in the provider options has room too', () => {
    const sent = wire('claude-sonnet-4-5', {
      max_tokens: 1000,
      provider_options: { anthropic: { thinking: budget(2000) } },
    })
    expect(sent).toMatchObject({ thinking: budget(2000), max_tokens: 3000 })
  })

  const loop = (first: object) => ({
    tools: [tool('look')],
    messages: [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: null, tool_calls: [called('a')], ...first },
      { role: 'tool', tool_call_id: 'a', content: 'ok' },
    ],
  })

  it('with a budget is dropped if the call to be answered has no thoughts', () => {
    const sent = wire('claude-sonnet-4-5', { ...loop({}), reasoning_effort: 'low' })
    expect(sent.thinking).toBeUndefined()
    expect(sent.warnings).toMatchObject([{ code: 'dropped', param: 'reasoning_effort' }])
  })

  it('stays if the thoughts are there, or the model decides itself', () => {
    const thinking_blocks = [{ type: 'thinking', thinking: 'Hm', signature: 'sig' }]
    expect(
      wire('claude-sonnet-4-5', { ...loop({ thinking_blocks }), reasoning_effort: 'low' }),
    ).toMatchObject({ thinking: budget(1024), warnings: [] })
    expect(wire('claude-opus-4-6', { ...loop({}), reasoning_effort: 'low' })).toMatchObject({
      thinking: adaptive,
      warnings: [],
    })
  })

  it('is not requested by thoughts in the history', () => {
    const written = write({ messages: [{ role: 'user', content: 'Hi' }] })
    expect(written.body).not.toHaveProperty('thinking')
    expect(codes(written)).toEqual([])
  })
})
