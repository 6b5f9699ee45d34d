import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type {
  AssistantMessage,
  ChatResponse,
  StreamChunk,
  ToolMessage,
} from '../../src/chat/index.js'
import { accumulate, MisuseError, toChunks } from '../../src/core/index.js'
import { finish, say, start, text, usage } from './support.js'

const word = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' })
const json = fc
  .dictionary(word, fc.oneof(word, fc.integer()), { noNullPrototype: true })
  .map((value) => JSON.stringify(value))
const base64 = fc
  .uint8Array({ minLength: 1, maxLength: 9 })
  .map((bytes) => Buffer.from(bytes).toString('base64'))
const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.array(arbitrary, { minLength: 1, maxLength: 3 })

const toolCall = fc.oneof(
  fc.record({
    id: word,
    type: fc.constant('function' as const),
    function: fc.record({ name: word, arguments: json }),
  }),
  fc.record({
    id: word,
    type: fc.constant('custom' as const),
    custom: fc.record({ name: word, input: word }),
  }),
)

const assistant: fc.Arbitrary<AssistantMessage> = fc.record(
  {
    role: fc.constant('assistant' as const),
    content: fc.option(word, { nil: null }),
    refusal: word,
    tool_calls: some(toolCall),
    reasoning_content: word,
    annotations: some(
      fc.record({
        type: fc.constant('url_citation' as const),
        url_citation: fc.record({ url: word, title: word }),
      }),
    ),
    images: some(
      base64.map((data) => ({
        type: 'image_url' as const,
        image_url: { url: `data:image/png;base64,${data}` },
      })),
    ),
    audio: fc.record({
      data: base64,
      format: fc.constantFrom('wav', 'mp3'),
      id: word,
      transcript: word,
      expires_at: fc.nat(),
    }),
    files: some(fc.record({ media_type: fc.constant('text/csv'), data: base64, name: word })),
    hosted_tools: fc.uniqueArray(
      fc.record({
        id: word,
        name: word,
        status: fc.constantFrom('running', 'done', 'failed'),
        output: word,
      }),
      { minLength: 1, maxLength: 3, selector: (tool) => tool.id },
    ),
    native: fc.record({
      provider: word,
      model: word,
      content: fc.array(fc.jsonValue(), { maxLength: 2 }),
    }),
  },
  { requiredKeys: ['role', 'content'], noNullPrototype: true },
) as fc.Arbitrary<AssistantMessage>

const toolMessage: fc.Arbitrary<ToolMessage> = fc.record(
  {
    role: fc.constant('tool' as const),
    tool_call_id: word,
    content: word,
    name: word,
    is_error: fc.constant(true as const),
  },
  { requiredKeys: ['role', 'tool_call_id', 'content'], noNullPrototype: true },
) as fc.Arbitrary<ToolMessage>

/** The last call waits for approval. */
function waiting(messages: readonly (AssistantMessage | ToolMessage)[]) {
  const call = messages.flatMap((one) => ('tool_calls' in one ? (one.tool_calls ?? []) : [])).at(-1)
  if (!call) return {}
  const result =
    call.type === 'custom'
      ? { name: call.custom.name, arguments: call.custom.input }
      : call.function
  return { approvals: [{ id: 'a1', tool_call_id: call.id, ...result }] }
}

const response: fc.Arbitrary<ChatResponse> = fc
  .record({
    before: fc.array(fc.oneof(assistant, toolMessage), { maxLength: 4 }),
    message: assistant,
    meta: fc.record(
      {
        native_finish_reason: word,
        stop_sequence: word,
        service_tier: word,
        request_id: word,
        parsed: fc.jsonValue().filter((value) => value !== null),
        logprobs: fc.record({
          content: some(fc.record({ token: word, logprob: fc.double({ noNaN: true }) })),
        }),
      },
      { requiredKeys: [], noNullPrototype: true },
    ),
    warnings: fc.array(fc.record({ code: fc.constant('other' as const), message: word }), {
      maxLength: 2,
    }),
    finish_reason: fc.constantFrom('stop', 'length', 'tool_calls', 'content_filter'),
    tokens: fc.nat({ max: 1000 }),
  })
  .map(({ before, message, meta, warnings, finish_reason, tokens }) => ({
    id: 'r1',
    created: 1,
    model: 'm',
    provider: 'p',
    text: message.content ?? '',
    message,
    messages: [...before, message],
    finish_reason,
    usage: { ...usage(tokens, 3), completion_tokens_details: { reasoning_tokens: 1 } },
    attempts: [],
    warnings,
    ...waiting([...before, message]),
    ...meta,
  })) as fc.Arbitrary<ChatResponse>

describe('accumulate', () => {
  it('accumulate(toChunks(response)) equals the response', () => {
    fc.assert(
      fc.property(response, (given) => {
        expect(accumulate(toChunks(given))).toEqual(given)
      }),
    )
  })

  it('returns undefined for no chunks and for an open turn', () => {
    expect(accumulate([])).toBeUndefined()
    expect(accumulate([start(), text('a')])).toBeUndefined()
  })

  it('does not depend on where text and arguments are split', () => {
    fc.assert(
      fc.property(response, fc.infiniteStream(fc.nat({ max: 7 })), (given, sizes) => {
        const chunks = toChunks(given).flatMap((chunk) => cut(chunk, sizes))
        expect(accumulate(chunks)).toEqual(given)
      }),
    )
  })

  const impossible: Record<string, StreamChunk[]> = {
    'content before a start': [text('a')],
    'a start in an open turn': [start(), start()],
    'a finish outside of a turn': [finish()],
    'content after the finish': [...say('a'), text('b')],
    'a delta of a call that did not start': [
      start(),
      { type: 'tool-call-delta', index: 0, arguments: '' },
    ],
    'a delta of a call that has ended': [
      start(),
      { type: 'tool-call-start', index: 0, id: 'c', name: 'f' },
      { type: 'tool-call-end', index: 0 },
      { type: 'tool-call-delta', index: 0, arguments: '' },
    ],
    'an index that leaves a hole': [
      start(),
      { type: 'tool-call-start', index: 1, id: 'c', name: 'f' },
    ],
    'a finish while a call is open': [
      start(),
      { type: 'tool-call-start', index: 0, id: 'c', name: 'f' },
      finish(),
    ],
  }
  it.each(Object.entries(impossible))('rejects %s', (_, chunks) => {
    expect(() => accumulate(chunks)).toThrow(MisuseError)
  })

  it('accepts tool results, approvals, data and warnings outside of turns', () => {
    const answer = accumulate([
      { type: 'warning', warning: { code: 'other', message: 'w' } },
      { type: 'data', name: 'd', data: 1 },
      ...say('a'),
      { type: 'tool-result', tool_call_id: 'c', name: 'f', content: '1' },
      { type: 'tool-approval', id: 'a', tool_call_id: 'c' },
      ...say('b'),
    ])
    expect(answer?.messages.map((message) => message.role)).toEqual([
      'assistant',
      'tool',
      'assistant',
    ])
    expect(answer?.approvals).toEqual([{ id: 'a', tool_call_id: 'c', name: '', arguments: '' }])
    expect(answer?.usage.total_tokens).toBe(30)
    expect(answer?.text).toBe('b')
  })

  it('joins the pieces of one audio part by bytes', () => {
    const pieces = ['abc', 'd', 'efgh'].map((piece) => Buffer.from(piece).toString('base64'))
    const chunks = pieces.map(
      (data): StreamChunk => ({ type: 'file', media_type: 'audio/pcm', data }),
    )
    const { audio } = accumulate([start(), ...chunks, finish()])?.message ?? {}
    expect(Buffer.from(audio?.data ?? '', 'base64').toString()).toBe('abcdefgh')
  })
})

/** Splits a text chunk into two or three. */
function cut(chunk: StreamChunk, sizes: Iterator<number>): StreamChunk[] {
  const pieces = (whole: string) => {
    const at = sizes.next().value as number
    return [whole.slice(0, at), whole.slice(at, at * 2), whole.slice(at * 2)]
  }
  if (
    chunk.type === 'text-delta' ||
    chunk.type === 'reasoning-delta' ||
    chunk.type === 'refusal-delta'
  )
    return pieces(chunk.text).map((piece) => ({ ...chunk, text: piece }))
  if (chunk.type === 'tool-call-delta')
    return pieces(chunk.arguments).map((piece) => ({ ...chunk, arguments: piece }))
  return [chunk]
}
