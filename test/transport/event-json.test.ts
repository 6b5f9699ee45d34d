/** Events of known shapes are read without JSON.parse, with the same result. */
import fc from 'fast-check'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { EventJson } from '../../src/transport/event-json.js'

/** The members that change from delta to delta. */
interface Delta {
  readonly text: string
  readonly pad: string
  readonly count: number
}

const thought = ({ text }: Delta) => ({ type: 'thinking_delta', thinking: text })
const wires: Readonly<Record<string, (delta: Delta) => object>> = {
  'openai text': ({ text, pad, count }) => ({
    type: 'response.output_text.delta',
    sequence_number: count,
    item_id: 'msg_1',
    output_index: 0,
    content_index: 0,
    delta: text,
    logprobs: [],
    obfuscation: pad,
  }),
  'openai arguments': ({ text, pad, count }) => ({
    delta: text,
    item_id: 'fc_1',
    obfuscation: pad,
    output_index: 1,
    sequence_number: count,
    type: 'response.function_call_arguments.delta',
  }),
  xai: ({ text, count }) => ({
    sequence_number: count,
    type: 'response.output_text.delta',
    content_index: 0,
    delta: text,
    item_id: 'msg_1',
    output_index: 1,
    logprobs: [],
  }),
  'anthropic text': ({ text }) => ({
    type: 'content_block_delta',
    index: 0,
    delta: { type: 'text_delta', text },
  }),
  'anthropic thinking': (delta) => ({
    type: 'content_block_delta',
    index: 1,
    delta: thought(delta),
  }),
  gemini: ({ text, count }) => ({
    candidates: [{ content: { parts: [{ text }], role: 'model' }, index: 0 }],
    usageMetadata: {
      promptTokenCount: 7,
      candidatesTokenCount: count,
      totalTokenCount: count + 7,
      promptTokensDetails: [{ modality: 'TEXT', tokenCount: 7 }],
    },
    modelVersion: 'gemini-2.5-flash',
  }),
  'chat completions': ({ text, pad, count }) => ({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: count,
    model: 'gpt-4.1-mini',
    choices: [{ index: 0, delta: { content: text }, logprobs: null, finish_reason: null }],
    usage: null,
    obfuscation: pad,
  }),
  'chat completions, reasoning': ({ text }) => ({
    id: 'chatcmpl-1',
    choices: [
      { delta: { reasoning: text, reasoning_details: [{ type: 'reasoning.text', text }] } },
    ],
  }),
}
const names = Object.keys(wires)
const eventOf = (name: string, delta: Delta) => wires[name]?.(delta) ?? {}

const text = fc.oneof(
  fc.string({ maxLength: 20, unit: 'binary' }),
  fc.string({ maxLength: 40, unit: 'grapheme' }),
  fc.constantFrom(' word', '"', '\\', '\\"', '{"', '}', '', '\ud800', '\u0080', '\u00800', '\n\t'),
  fc.constantFrom('"delta":"x"', '\\u0041', '__proto__', '\u2028', 'a'.repeat(200)),
)
const delta = fc.record({
  text,
  pad: fc.string({ maxLength: 16, unit: 'grapheme-ascii' }),
  count: fc.oneof(fc.nat(3000), fc.maxSafeInteger()),
})

const compact = (event: object) => JSON.stringify(event)
/** The spacing and padding that servers use in JSON. */
const spellings: readonly ((event: object) => string)[] = [
  compact,
  (event) => JSON.stringify(event, null, 1).replaceAll('\n', ''),
  (event) => compact(event).replace(/}$/, '     }'),
  (event) => `${compact(event)} `,
  // invalid JSON that a lenient server might send
  (event) => compact(event).replaceAll('\\n', '\n').replaceAll('\\t', '\t'),
  // every letter may be an escape
  (event) => compact(event).replaceAll('w', '\\u0077'),
]

/** Edits that change the shape of an event or make it invalid. */
const defects: readonly ((json: string, at: number, event: object) => string)[] = [
  (json) => json,
  (json) => json,
  (json) => json,
  (json, at) => json.slice(0, at % json.length),
  (json, at) => `${json.slice(0, at % json.length)}"${json.slice(at % json.length)}`,
  (json, at) => `${json.slice(0, at % json.length)}\\${json.slice(at % json.length)}`,
  (json, at) => `${json.slice(0, at % json.length)}\u0001${json.slice(at % json.length)}`,
  (json) => `${json}}`,
  (json) => json.replace(/}$/, ''),
  (json) => json.replace(/^\{/, '{"delta":"first","text":1,'),
  (json) => json.replace(/}$/, ',"delta":"again","content":"again","text":{"text":"again"}}'),
  (json) => json.replace(/}$/, ',"usage":{"total_tokens":3},"__proto__":{"text":"own"}}'),
  (json) => json.replace(/"finish_reason":null/, '"finish_reason":"stop"'),
  (json) => json.replace(/"(output_)?index":\d/, '"$1index":7'),
  (json) => json.replace(/"logprobs":\[\]/, '"logprobs":[{"token":"a","logprob":-0.1}]'),
  (json) => json.replace(/msg_1|chatcmpl-1/, 'other'),
  (json, at) =>
    json.replace(/(_number|created|Count)":(\d+)/, (_, name) => `${name}":${odd[at % 9]}`),
  (json) => json.replace(/"(delta|text|content)":"[^"]*"/, '"$1":null'),
]
const odd = ['-1', '01', '1.5', '1e3', '12345678901234567890', '"3"', '0', '00', '-0']

/** Mostly one shape, as in a stream. */
const stream = fc.array(
  fc.record({
    delta,
    kind: fc.oneof(
      { weight: 12, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.nat(names.length - 1) },
    ),
    spelling: fc.oneof(
      { weight: 12, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.nat(spellings.length - 1) },
    ),
    defect: fc.nat(defects.length - 1),
    at: fc.nat(500),
  }),
  { minLength: 8, maxLength: 60 },
)

/** The value with its member order, which toEqual ignores; errors by class. */
const outcome = (read: () => unknown) => {
  try {
    const value = read()
    return { value, spelled: JSON.stringify(value) }
  } catch (error) {
    return (error as Error).name
  }
}

describe.each(names)('a stream of %s', (first) => {
  const others = [first, ...names.filter((name) => name !== first)]

  it.each(spellings.map((_, i) => i))('is what JSON.parse returns, spelling %i', (usual) => {
    fc.assert(
      fc.property(stream, (events) => {
        const json = new EventJson()
        for (const { delta, kind, spelling, defect, at } of events) {
          const event = eventOf(others[kind] ?? first, delta)
          const spelled = spellings[(usual + spelling) % spellings.length]?.(event) ?? ''
          const sent = defects[defect]?.(spelled, at, event) ?? ''
          expect(outcome(() => json.parse(sent))).toStrictEqual(outcome(() => JSON.parse(sent)))
        }
      }),
      { numRuns: 60 },
    )
  })

  it('parses few of its events', () => {
    const json = new EventJson()
    const sent = Array.from({ length: 200 }, (_, count) =>
      compact(eventOf(first, { text: ` wörd ${count}\n`, pad: 'x'.repeat(count % 16), count })),
    )
    const parse = vi.spyOn(JSON, 'parse')
    onTestFinished(() => void vi.restoreAllMocks())
    for (const event of sent) json.parse(event)
    const whole = parse.mock.calls.filter(([text]) => text.startsWith('{'))
    expect(whole.length).toBeLessThan(10)
  })

  it('shares no object between its events', () => {
    const json = new EventJson()
    const read = (count: number) =>
      json.parse(compact(eventOf(first, { text: 'a', pad: 'b', count })))
    for (let count = 0; count < 20; count++) read(count)
    spoil(read(20))
    expect(read(21)).toStrictEqual(eventOf(first, { text: 'a', pad: 'b', count: 21 }))
  })
})

/** Empties a value at every depth. */
function spoil(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  for (const [key, member] of Object.entries(value)) {
    spoil(member)
    Reflect.deleteProperty(value, key)
  }
}

it.each([
  [
    'two members of one name, and the mark that stands for a slot',
    '{"text":"a","text":1,"b":"\\u00800"}',
  ],
  ['the same, and the mark as it is', '{"text":"a","text":1,"b":"\u00800"}'],
  ['a member whose name ends like one', '{"a\\"text":"a","b":1}'],
  ['a text that looks like a member', '{"a":"\\"text\\":\\"a\\"","text":"a"}'],
  ['a number with a fraction', '{"created":1.5,"text":"a"}'],
  ['a count as its last member', '{"text":"a","created":1}'],
  ['a text', '"text"'],
  ['a list', '[{"text":"a"}]'],
  ['null', 'null'],
])('events with %s are read as JSON.parse reads them', (_, sent) => {
  const json = new EventJson()
  const others = [sent, ...[...'x1"\\}, '].map((letter) => sent.replaceAll('a', letter))]
  const cut = [sent.slice(0, -1), sent.slice(0, -2), `${sent}}`, ` ${sent}`, `${sent} `]
  for (const event of [...Array(9).fill(sent), ...others, ...cut, sent, sent])
    expect(outcome(() => json.parse(event))).toStrictEqual(outcome(() => JSON.parse(event)))
})

it('any JSON, sent again with other values, is read as JSON.parse reads it', () => {
  fc.assert(
    fc.property(fc.object({ maxDepth: 3 }), fc.array(delta, { minLength: 12 }), (rest, deltas) => {
      const json = new EventJson()
      for (const { text, pad, count } of deltas) {
        const sent = compact({
          delta: text,
          rest,
          obfuscation: pad,
          list: [{ text }],
          total_tokens: count,
        })
        expect(outcome(() => json.parse(sent))).toStrictEqual(outcome(() => JSON.parse(sent)))
      }
    }),
  )
})

it('an event that is too large teaches no shape, and changing shapes cost few searches', () => {
  const json = new EventJson()
  const search = vi.spyOn(String.prototype, 'replace')
  onTestFinished(() => void vi.restoreAllMocks())
  for (let i = 0; i < 100; i++) json.parse(compact({ text: 'a', large: 'b'.repeat(5000) }))
  expect(search).not.toHaveBeenCalled()
  for (let i = 0; i < 1000; i++) json.parse(compact({ text: 'a', [`member${i}`]: i }))
  expect(search.mock.calls.length).toBeLessThan(10)
})
