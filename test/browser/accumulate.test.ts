/** The small accumulator of the browser returns the same as that of the core. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { answerAccumulator } from '../../src/browser/accumulate.js'
import type { StreamChunk } from '../../src/chat/index.js'
import { Accumulator } from '../../src/core/accumulate.js'

const words = fc.string({ maxLength: 5 })
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
const compact = <T extends object>(arbitrary: fc.Arbitrary<T>) =>
  arbitrary.map(
    (value) =>
      Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T,
  )
const is = <T extends string>(type: T) => fc.constant(type)
const usage = compact(
  fc.record({
    prompt_tokens: fc.nat(9),
    completion_tokens: fc.nat(9),
    total_tokens: fc.nat(18),
    cost: maybe(fc.nat(3)),
    prompt_tokens_details: maybe(fc.record({ cached_tokens: fc.nat(9) })),
    estimated: maybe(fc.constant(true as const)),
  }),
)
const base64 = fc.constantFrom('AAAA', 'AA==', 'AAA=', 'AAAABBBB', '')

const callMembers = fc.record(
  {
    namespace: words,
    caller: fc.record({ type: words }),
    async: fc.constant(true as const),
    toolset_name: words,
  },
  { requiredKeys: [] },
)

const calls = fc
  .array(fc.tuple(words, words, fc.boolean(), fc.array(words), callMembers), { maxLength: 3 })
  .map((list) =>
    list.flatMap(([id, name, isCustom, pieces, members], index): StreamChunk[] => [
      {
        type: 'tool-call-start',
        index,
        id,
        name,
        ...(isCustom && { kind: 'custom' as const }),
        ...members,
      },
      ...pieces.map((piece): StreamChunk => ({ type: 'tool-call-delta', index, arguments: piece })),
      { type: 'tool-call-end', index },
    ]),
  )

const outside = fc.oneof(
  compact(
    fc.record({
      type: is('tool-result'),
      tool_call_id: words,
      name: words,
      content: words,
      is_error: maybe(fc.constant(true as const)),
    }),
  ),
  fc.record({ type: is('tool-approval'), id: words, tool_call_id: words }),
  fc.record({ type: is('data'), name: words, data: fc.jsonValue() }),
  fc.record({
    type: is('warning'),
    warning: fc.record({ code: fc.constant('other' as const), message: words }),
  }),
)

const inside = fc.oneof(
  compact(
    fc.record({
      type: is('text-delta'),
      text: words,
      phase: maybe(fc.constantFrom('commentary', 'final_answer')),
    }),
  ),
  compact(
    fc.record({ type: is('reasoning-delta'), text: words, estimated_tokens: maybe(fc.nat(9)) }),
  ),
  fc.record({ type: is('refusal-delta'), text: words }),
  compact(
    fc.record({
      type: is('hosted-tool'),
      id: fc.constantFrom('a', 'b'),
      name: words,
      status: fc.constantFrom('running' as const, 'done' as const),
      server: maybe(words),
      input: maybe(fc.jsonValue()),
      output: maybe(fc.jsonValue()),
      progress: maybe(fc.record({ code: words })),
    }),
  ),
  fc.record({
    type: is('annotation'),
    annotation: fc.record({ type: is('url_citation'), url_citation: fc.record({ url: words }) }),
  }),
  compact(
    fc.record({
      type: is('file'),
      media_type: fc.constantFrom('image/png', 'audio/wav', 'audio/mp3', 'text/csv'),
      data: maybe(base64),
      url: maybe(words),
      file_id: maybe(words),
      name: maybe(words),
      transcript: maybe(words),
      expires_at: maybe(fc.nat()),
    }),
  ),
  fc.record({
    type: is('logprobs'),
    content: fc.array(fc.record({ token: words, logprob: fc.nat() })),
  }),
  outside,
)

const turn = fc
  .tuple(
    compact(
      fc.record({
        type: is('start'),
        id: words,
        model: words,
        provider: words,
        created: fc.nat(),
        request_id: maybe(words),
      }),
    ),
    fc.array(inside),
    calls,
    compact(
      fc.record({
        type: is('finish'),
        finish_reason: fc.constantFrom('stop' as const, 'tool_calls' as const),
        native_finish_reason: maybe(words),
        stop_sequence: maybe(words),
        service_tier: maybe(words),
        usage,
        native: maybe(
          compact(
            fc.record({
              v: fc.constant(1 as const),
              provider: words,
              model: words,
              asked: maybe(words),
              content: maybe(fc.array(fc.jsonValue())),
            }),
          ),
        ),
        parsed: maybe(fc.jsonValue()),
      }),
    ),
    fc.array(outside),
  )
  .map(([start, content, called, finish, after]) => [
    start,
    ...content,
    ...called,
    finish,
    ...after,
  ])

const answer = fc
  .tuple(fc.array(outside), fc.array(turn, { minLength: 1, maxLength: 3 }))
  .map(([before, turns]) => [...before, ...turns.flat()] as StreamChunk[])

describe('the accumulator of the browser', () => {
  it('returns the same as the accumulator of the core, for whole and partial streams', () => {
    fc.assert(
      fc.property(answer, fc.nat(), (chunks, at) => {
        const [ours, core] = [answerAccumulator(), new Accumulator()]
        chunks.forEach((chunk, index) => {
          ours.add(chunk)
          core.add(chunk)
          if (index === at % chunks.length) expect(ours.partial()).toEqual(core.partial())
        })
        expect(ours.response()).toEqual(core.response())
        expect(ours.partial()).toEqual(core.partial())
      }),
      { numRuns: 500 },
    )
  })

  it('has no response before one is complete', () => {
    const { add, response, partial } = answerAccumulator()
    expect([response(), partial()]).toEqual([undefined, undefined])
    add({ type: 'start', id: 'c', model: 'm', provider: 'p', created: 1 })
    expect(response()).toBeUndefined()
  })
})
