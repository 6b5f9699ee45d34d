/** Usage in the formats of many servers. */
import { describe, expect, it, test } from 'vitest'
import { toUsage } from '../../../src/providers/compatible/usage.js'

const base = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }

describe('details', () => {
  test.each([
    [
      'OpenAI',
      { prompt_tokens_details: { cached_tokens: 4, cache_write_tokens: 2, audio_tokens: 1 } },
      { cached_tokens: 4, cache_creation_tokens: 2, audio_tokens: 1 },
    ],
    ['DeepSeek', { prompt_cache_hit_tokens: 4, prompt_cache_miss_tokens: 6 }, { cached_tokens: 4 }],
    ['Moonshot', { cached_tokens: 4 }, { cached_tokens: 4 }],
    [
      'a gateway to Anthropic',
      { cache_read_input_tokens: 4, cache_creation_input_tokens: 2 },
      { cached_tokens: 4, cache_creation_tokens: 2 },
    ],
  ])('of the prompt: %s', (_, usage, expected) => {
    expect(toUsage({ ...base, ...usage })?.prompt_tokens_details).toEqual(expected)
  })

  test.each([
    [
      'OpenAI',
      { completion_tokens_details: { reasoning_tokens: 3, audio_tokens: 1, image_tokens: 2 } },
      { reasoning_tokens: 3, audio_tokens: 1, image_tokens: 2 },
    ],
    ['at the top', { reasoning_tokens: 3 }, { reasoning_tokens: 3 }],
    [
      'a zero is told',
      { completion_tokens_details: { reasoning_tokens: 0 } },
      { reasoning_tokens: 0 },
    ],
  ])('of the completion: %s', (_, reported, expected) => {
    expect(toUsage({ ...base, ...reported })?.completion_tokens_details).toEqual(expected)
  })

  it('that were not reported are absent, never 0', () => {
    expect(
      toUsage({ ...base, prompt_tokens_details: null, completion_tokens_details: {} }),
    ).toEqual(base)
  })

  test.each([
    ['OpenRouter', { cost: 0.0012 }, 0.0012],
    ['Perplexity', { cost: { total_cost: 0.006, request_cost: 0.005 } }, 0.006],
    ['xAI', { cost_in_usd_ticks: 37_756_000 }, 0.0037756],
  ])('the cost: %s', (_, told, cost) => {
    expect(toUsage({ ...base, ...told })?.cost).toBeCloseTo(cost, 12)
  })

  it('searches executed by the server', () => {
    expect(
      toUsage({ ...base, server_tool_use: { web_search_requests: 2, web_fetch_requests: 0 } })
        ?.server_tool_use,
    ).toEqual({ web_search_requests: 2 })
    expect(toUsage({ ...base, num_search_queries: 3 })?.server_tool_use).toEqual({
      web_search_requests: 3,
    })
  })
})

describe('sums', () => {
  it('xAI excludes reasoning from the completion: the total reveals it', () => {
    // 291 + 26 + 196 = 513, seen on grok
    expect(
      toUsage({
        prompt_tokens: 291,
        completion_tokens: 26,
        total_tokens: 513,
        completion_tokens_details: { reasoning_tokens: 196 },
      }),
    ).toMatchObject({ prompt_tokens: 291, completion_tokens: 222, total_tokens: 513 })
  })

  it('reasoning that is part of the completion is not counted twice', () => {
    const told = { ...base, completion_tokens_details: { reasoning_tokens: 5 } }
    expect(toUsage(told)).toMatchObject({ completion_tokens: 5, total_tokens: 15 })
  })

  it('cache reads above the prompt are not part of it', () => {
    expect(toUsage({ prompt_tokens: 3, completion_tokens: 1, cached_tokens: 40 })).toMatchObject({
      prompt_tokens: 43,
      total_tokens: 44,
    })
  })

  test.each([
    ['no total', { prompt_tokens: 10, completion_tokens: 5 }],
    ['a total that does not add up', { prompt_tokens: 10, completion_tokens: 5, total_tokens: 99 }],
    ['no completion', { prompt_tokens: 10, total_tokens: 15 }],
    ['no prompt', { completion_tokens: 5, total_tokens: 15 }],
    ['null in places', { prompt_tokens: 10, completion_tokens: 5, total_tokens: null }],
  ])('%s: prompt and completion add up to it', (_, told) => {
    expect(toUsage(told)).toEqual(base)
  })

  test.each([
    [undefined],
    [null],
    [{}],
    ['x'],
    [[]],
    [{ prompt_tokens: null }],
    [{ prompt_tokens: 'many' }],
    [{ prompt_tokens: -1 }],
    [{ total_tokens: 7 }],
  ])('%j is no usage', (told) => {
    expect(toUsage(told)).toBeUndefined()
  })
})
