/** The wire is correct if the official clients read from it what the script specifies. */
import { afterEach, describe, expect, test } from 'vitest'
import {
  callTool,
  type MockServer,
  mockServer,
  type Reply,
  refuse,
  say,
  think,
} from '../../src/testing/index.js'
import { everyWire, models, run } from './official.js'

let server: MockServer

afterEach(() => server.close())

const serve = async (reply: Reply) => {
  server = await mockServer(reply)
}

describe.each(everyWire)('$provider, $mode', ({ provider, mode }) => {
  const asked = async (reply: Reply) => {
    await serve(reply)
    return run(server, provider, mode)
  }

  test('text arrives as scripted', async () => {
    const read = await asked(say('Roma è bella: 🏛️ naïve “quotes”\n\n  and a\ttab.'))
    expect(read.text).toBe('Roma è bella: 🏛️ naïve “quotes”\n\n  and a\ttab.')
    expect(read.model).toBe(models[provider])
    expect(read.calls).toEqual([])
  })

  test('an empty response is a response', async () => {
    const read = await asked(say(''))
    expect(read.text).toBe('')
    expect(read.finish).toBeTruthy()
  })

  test('a thought is separate from the text', async () => {
    const read = await asked(think(['First this.', 'Then that.']).say('So it is.'))
    expect(read.reasoning).toBe('First this.\n\nThen that.')
    expect(read.text).toBe('So it is.')
  })

  test('several calls keep their names, order and arguments', async () => {
    const reply = say('Let me look.')
      .callTool('get_weather', { city: 'Rome', days: [1, 2], deep: { ok: true } })
      .callTool('get_weather', { city: 'Oslo' })
      .callTool('now')
    const read = await asked(reply)
    expect(read.text).toBe('Let me look.')
    expect(read.calls).toEqual([
      { name: 'get_weather', arguments: { city: 'Rome', days: [1, 2], deep: { ok: true } } },
      { name: 'get_weather', arguments: { city: 'Oslo' } },
      { name: 'now', arguments: {} },
    ])
  })

  test.each(['start', 'end', 1, 20] as const)(
    'arguments arrive complete with pieces: %s',
    async (pieces) => {
      const read = await asked(callTool('search', { query: 'naïve 🏛️ "x"' }, { pieces }))
      expect(read.calls).toEqual([{ name: 'search', arguments: { query: 'naïve 🏛️ "x"' } }])
    },
  )

  test('the finish reason is that of the provider', async () => {
    const finishes = async (reply: Reply) => {
      const { finish } = await asked(reply)
      await server.close()
      return finish
    }
    expect({
      stop: await finishes(say('a')),
      length: await finishes(say('a').finish('length')),
      calls: await finishes(callTool('a')),
      filter: await finishes(say('a').finish('content_filter')),
    }).toEqual(finishWords[provider])
  })

  test('a refusal', async () => {
    const read = await asked(refuse('I cannot help with that.'))
    expect(read.text).toBe('')
    expect(read.finish).toBe(refusalWords[provider])
    if (provider !== 'gemini') expect(read.refusal).toBe('I cannot help with that.')
  })

  test('usage with every detail, by the rules of the wire', async () => {
    const reply = think('hm')
      .say('Hi')
      .usage({
        prompt_tokens: 1_000,
        completion_tokens: 300,
        prompt_tokens_details: {
          cached_tokens: 600,
          cache_creation_tokens: 100,
          cache_creation: { '5m': 70, '1h': 30 },
        },
        completion_tokens_details: { reasoning_tokens: 250 },
      })
    const { usage } = await asked(reply)
    expect(usage).toEqual(usages[provider])
  })
})

const finishWords = {
  openai: {
    stop: 'completed',
    length: 'max_output_tokens',
    calls: 'completed',
    filter: 'content_filter',
  },
  xai: {
    stop: 'completed',
    length: 'max_output_tokens',
    calls: 'completed',
    filter: 'content_filter',
  },
  anthropic: { stop: 'end_turn', length: 'max_tokens', calls: 'tool_use', filter: 'refusal' },
  gemini: { stop: 'STOP', length: 'MAX_TOKENS', calls: 'STOP', filter: 'SAFETY' },
  compatible: { stop: 'stop', length: 'length', calls: 'tool_calls', filter: 'content_filter' },
}

const refusalWords = {
  openai: 'completed',
  xai: 'completed',
  anthropic: 'refusal',
  gemini: 'SAFETY',
  compatible: 'stop',
}

const usages = {
  openai: {
    input_tokens: 1_000,
    input_tokens_details: { cached_tokens: 600, cache_write_tokens: 100 },
    output_tokens: 300,
    output_tokens_details: { reasoning_tokens: 250 },
    total_tokens: 1_300,
  },
  xai: {
    input_tokens: 1_000,
    input_tokens_details: { cached_tokens: 600 },
    output_tokens: 300,
    output_tokens_details: { reasoning_tokens: 250 },
    total_tokens: 1_300,
    num_sources_used: 0,
    num_server_side_tools_used: 0,
    context_details: { input_tokens: 1_000, output_tokens: 300 },
  },
  anthropic: {
    input_tokens: 300,
    cache_creation_input_tokens: 100,
    cache_read_input_tokens: 600,
    cache_creation: { ephemeral_5m_input_tokens: 70, ephemeral_1h_input_tokens: 30 },
    output_tokens: 300,
    output_tokens_details: { thinking_tokens: 250 },
    service_tier: 'standard',
    inference_geo: 'global',
  },
  gemini: {
    promptTokenCount: 1_000,
    cachedContentTokenCount: 600,
    candidatesTokenCount: 50,
    thoughtsTokenCount: 250,
    totalTokenCount: 1_300,
    promptTokensDetails: [{ modality: 'TEXT', tokenCount: 1_000 }],
    cacheTokensDetails: [{ modality: 'TEXT', tokenCount: 600 }],
  },
  compatible: {
    prompt_tokens: 1_000,
    completion_tokens: 300,
    total_tokens: 1_300,
    prompt_tokens_details: { cached_tokens: 600, cache_write_tokens: 100, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: 250,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  },
}
