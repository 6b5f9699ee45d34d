import { describe, expect, it } from 'vitest'
import { updateCounts } from '../../../src/chat/index.js'
import { fromWireUsage } from '../../../src/providers/anthropic/usage.js'

describe('usage', () => {
  it('adds the cache to the prompt, and keeps the cache writes by lifetime', () => {
    const wire = {
      input_tokens: 10,
      cache_read_input_tokens: 90,
      cache_creation_input_tokens: 5,
      cache_creation: { ephemeral_5m_input_tokens: 2, ephemeral_1h_input_tokens: 3 },
      output_tokens: 7,
      output_tokens_details: { thinking_tokens: 4 },
      server_tool_use: { web_search_requests: 2, web_fetch_requests: 0 },
    }
    expect(fromWireUsage(wire)).toEqual({
      prompt_tokens: 105,
      completion_tokens: 7,
      total_tokens: 112,
      prompt_tokens_details: {
        cached_tokens: 90,
        cache_creation_tokens: 5,
        cache_creation: { '5m': 2, '1h': 3 },
      },
      completion_tokens_details: { reasoning_tokens: 4 },
      server_tool_use: { web_search_requests: 2, web_fetch_requests: 0 },
    })
  })

  it('omits values that were not reported', () => {
    expect(
      fromWireUsage({ input_tokens: 1, output_tokens: 2, cache_read_input_tokens: null }),
    ).toEqual({ prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 })
    expect(
      fromWireUsage({ input_tokens: 1, output_tokens: 2, cache_creation_input_tokens: 5 })
        ?.prompt_tokens_details,
    ).toEqual({ cache_creation_tokens: 5 })
    expect(fromWireUsage({})).toBeUndefined()
    expect(fromWireUsage(undefined)).toBeUndefined()
  })

  it.each([
    [{ ephemeral_5m_input_tokens: 5, ephemeral_1h_input_tokens: 0 }, { '5m': 9 }],
    [{ ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 5 }, { '1h': 9 }],
    [{ ephemeral_5m_input_tokens: 2, ephemeral_1h_input_tokens: 3 }, undefined],
    [{ ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 }, undefined],
  ])('a split %j from before the total was corrected becomes %j', (cache_creation, split) => {
    const usage = fromWireUsage({
      input_tokens: 1,
      output_tokens: 1,
      cache_creation_input_tokens: 9,
      cache_creation,
    })
    expect(usage?.prompt_tokens_details?.cache_creation).toEqual(split)
  })

  it('a split without a total is a total', () => {
    const usage = fromWireUsage({
      input_tokens: 1,
      output_tokens: 1,
      cache_creation: { ephemeral_5m_input_tokens: 5 },
    })
    expect(usage?.prompt_tokens).toBe(6)
  })

  it('adds the cost of a compaction, and earlier passes if only the last is reported', () => {
    const pass = (type: string, input_tokens: number, output_tokens: number) => ({
      type,
      input_tokens,
      output_tokens,
    })
    const top = { input_tokens: 612, output_tokens: 2819 }
    const usageOf = (...iterations: ReturnType<typeof pass>[]) => {
      const { prompt_tokens, completion_tokens } = fromWireUsage({ ...top, iterations }) ?? {}
      return [prompt_tokens, completion_tokens]
    }
    expect(usageOf(pass('compaction', 60_385, 522), pass('message', 612, 2819))).toEqual([
      60_997, 3341,
    ])
    expect(usageOf(pass('message', 100, 10), pass('message', 612, 2819))).toEqual([712, 2829])
    expect(usageOf(pass('message', 512, 2809), pass('message', 100, 10))).toEqual([612, 2819])
    expect(usageOf(pass('advisor_message', 9, 9), pass('message', 612, 2819))).toEqual([612, 2819])
  })

  it('later values win, null and missing ones change nothing', () => {
    const counts = { input_tokens: 43, output_tokens: 1 }
    updateCounts(counts, { input_tokens: 61, output_tokens: null })
    updateCounts(counts, { input_tokens: null })
    updateCounts(counts, undefined)
    expect(counts).toEqual({ input_tokens: 61, output_tokens: 1 })
  })
})
