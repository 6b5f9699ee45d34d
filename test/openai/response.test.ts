/** A response as a chat.completion object. */
import { describe, expect, it } from 'vitest'
import type { AssistantMessage, ChatResponse, ToolMessage } from '../../src/chat/index.js'
import { asOpenAI } from '../../src/openai/index.js'

const call = (id: string) =>
  ({ id, type: 'function', function: { name: 'f', arguments: '{}' } }) as const
const result = (tool_call_id: string): ToolMessage => ({
  role: 'tool',
  tool_call_id,
  content: 'ok',
})

function answer(
  message: Partial<AssistantMessage>,
  more: Partial<ChatResponse> & { readonly tools?: readonly ToolMessage[] } = {},
): ChatResponse {
  const { tools = [], ...rest } = more
  const whole: AssistantMessage = { role: 'assistant', content: 'Hi', ...message }
  return {
    id: 'msg_1',
    created: 1_700_000_000,
    model: 'claude-x',
    provider: 'anthropic',
    text: whole.content ?? '',
    message: whole,
    messages: [whole, ...tools],
    finish_reason: 'stop',
    usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    attempts: [],
    warnings: [],
    ...rest,
  }
}

describe('the object', () => {
  it('has the members that a client of OpenAI reads', () => {
    expect(asOpenAI(answer({}))).toEqual({
      id: 'msg_1',
      object: 'chat.completion',
      created: 1_700_000_000,
      model: 'claude-x',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Hi', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    })
  })

  it('shows the requested model name if that is enabled', () => {
    expect(asOpenAI(answer({}), { model: 'fast' }).model).toBe('fast')
  })

  it('keeps reasoning, refusal, sources, images, audio and files', () => {
    const rest: Partial<AssistantMessage> = {
      content: null,
      refusal: 'No.',
      reasoning_content: 'hm',
      annotations: [{ type: 'url_citation', url_citation: { url: 'https://a.test' } }],
      images: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }],
      audio: { data: 'AAAA' },
      files: [{ media_type: 'text/csv', data: 'AAAA' }],
    }
    expect(asOpenAI(answer(rest)).choices[0].message).toEqual({ role: 'assistant', ...rest })
  })

  it('keeps logprobs, tier and the native finish reason', () => {
    const content = [{ token: 'Hi', logprob: -1 }]
    const object = asOpenAI(
      answer({}, { logprobs: { content }, service_tier: 'flex', native_finish_reason: 'end_turn' }),
    )
    expect(object.service_tier).toBe('flex')
    expect(object.choices[0]).toMatchObject({
      logprobs: { content, refusal: null },
      native_finish_reason: 'end_turn',
    })
  })

  it('reports cache writes under both names', () => {
    const details = { cached_tokens: 1, cache_creation_tokens: 2 }
    const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
    expect(
      asOpenAI(answer({}, { usage: { ...usage, prompt_tokens_details: details } })).usage,
    ).toEqual({
      ...usage,
      prompt_tokens_details: { ...details, cache_write_tokens: 2 },
    })
  })
})

describe('calls', () => {
  it('that wait for the client set the finish reason', () => {
    const [choice] = asOpenAI(
      answer({ content: null, tool_calls: [call('a')] }, { finish_reason: 'tool_calls' }),
    ).choices
    expect(choice).toMatchObject({
      finish_reason: 'tool_calls',
      message: { content: null, tool_calls: [call('a')] },
    })
  })

  it('that were executed here are omitted', () => {
    const [choice] = asOpenAI(
      answer(
        { tool_calls: [call('a'), call('b')] },
        { finish_reason: 'tool_calls', tools: [result('a'), result('b')] },
      ),
    ).choices
    expect(choice.message).not.toHaveProperty('tool_calls')
    expect(choice.finish_reason).toBe('stop')
  })

  it('of which some were executed: the others are included', () => {
    const [choice] = asOpenAI(
      answer(
        { tool_calls: [call('a'), call('b')] },
        { finish_reason: 'tool_calls', tools: [result('a')] },
      ),
    ).choices
    expect(choice).toMatchObject({
      finish_reason: 'tool_calls',
      message: { tool_calls: [call('b')] },
    })
  })

  it('keep `length` if it was the finish reason', () => {
    const { choices } = asOpenAI(answer({ tool_calls: [call('a')] }, { finish_reason: 'length' }))
    expect(choices[0].finish_reason).toBe('length')
  })
})

it('native blocks are exposed only if that is enabled', () => {
  const native = { provider: 'anthropic', model: 'claude-x', content: [{ signature: 's' }] }
  expect(JSON.stringify(asOpenAI(answer({ native })))).not.toContain('signature')
  const shown = asOpenAI(answer({ native }), { includeNative: true })
  expect(shown.choices[0].message.native).toEqual(native)
})
