/** B: how the bytes of a stream are split, framed, broken and ended. */
import { type Reply, raw, type SseEvent, say } from '../../../src/testing/index.js'
import type { Expectation, Row, Setting } from '../row.js'
import { edited, eventsFor, text, whole } from './replies.js'

const isStream = ({ mode }: Setting) => mode === 'stream'
const once = { requests: 1 } as const

/**
 * Alternating line ends, and blank lines of two different ends. A CR before an LF would be a single
 * end.
 */
const mixed = (body: Buffer): Buffer => {
  const ends = ['\n', '\r\n', '\r']
  const blanks = ['\n\r\n', '\r\n\n', '\r\r', '\r\n\r', '\n\r']
  let count = 0
  const next = (list: readonly string[]) => list[count++ % list.length] ?? ''
  const text = body.toString().replaceAll('\r\n', '\n')
  return Buffer.from(text.replace(/\n\n|\n/g, (end) => next(end === '\n' ? ends : blanks)))
}

/** JSON over several lines, each in a `data:` of its own. */
const spread = (body: Buffer): Buffer =>
  Buffer.from(
    body.toString().replace(/^data: (\{.*\})\r?$/gm, (_, json: string) =>
      JSON.stringify(JSON.parse(json), null, 1)
        .split('\n')
        .map((line) => `data: ${line}`)
        .join('\n'),
    ),
  )

/** Inserts unknown events between all events, and unknown members into them. */
const withUnknown = (list: readonly SseEvent[]): readonly SseEvent[] =>
  list.flatMap((event) => {
    if (typeof event.data !== 'object' || event.data === null) return [event]
    const unknown = { event: 'brand.new', data: { type: 'brand.new', brand_new: { index: 7 } } }
    return [unknown, { ...event, data: { brand_new: [1], ...event.data } }]
  })

/** Replaces the JSON of the event after the second word. */
const broken =
  (name: Setting['name'], data: string) =>
  (list: readonly SseEvent[]): readonly SseEvent[] =>
    list.with(eventsFor(name, 2), { ...list[eventsFor(name, 2)], data })

const framed = (id: string, fault: string, reply: Reply): Row => ({
  id,
  fault,
  only: isStream,
  answers: () => [reply],
  expect: once,
})

/** A break after some words is not retried, and keeps them. */
const behind = (count: number, expect: Partial<Expectation>) => (setting: Setting) =>
  ({
    error: 'StreamInterruptedError',
    phase: 'stream',
    requests: 1,
    words: count,
    usage: usageBehindWords(setting),
    ...expect,
  }) as Expectation

/**
 * The known usage after a word: Anthropic and Gemini report it during the stream, the rest is
 * counted.
 */
export const usageBehindWords = ({ name }: Setting) =>
  name === 'gemini' ? ('told' as const) : ('counted' as const)

const giant = `${text} ${'x'.repeat(262_144)}`

export const framingRows: readonly Row[] = [
  framed('B1 (bytes)', 'Writes of 31 bytes, through characters', whole.splitBytes(31)),
  framed('B1 (seeded)', 'Writes of 1 to 200 bytes', whole.splitBytes({ seed: 7, max: 200 })),
  framed('B2', 'Lines end with CRLF', whole.framing({ lineEnd: '\r\n' })),
  framed('B3', 'Lines end with CR alone', whole.framing({ lineEnd: '\r' })),
  {
    id: 'B4',
    fault: 'Lines end with LF, CRLF and CR by turns',
    only: isStream,
    answers: () => [edited(whole, mixed)],
    expect: once,
  },
  framed(
    'B5',
    'Byte order mark, comments, `id:` and `retry:` lines',
    whole.framing({ bom: true, noise: true }),
  ),
  {
    id: 'B5 (lines)',
    fault: 'JSON spread over many `data:` lines',
    only: isStream,
    answers: () => [edited(whole, spread)],
    expect: once,
  },
  {
    id: 'B6',
    fault: 'An event that is no JSON behind two words',
    only: isStream,
    answers: ({ name }) => [whole.editEvents(broken(name, '{"a":'))],
    expect: behind(2, { error: 'UnexpectedResponseError', code: 'bad_json' }),
  },
  {
    id: 'B6 (plain)',
    fault: 'A plain answer that is no JSON',
    only: ({ mode }) => mode === 'generate',
    answers: () => [raw('{"a":', { headers: { 'content-type': 'application/json' } })],
    expect: {
      error: 'UnexpectedResponseError',
      code: 'bad_json',
      phase: 'body',
      requests: 2,
      waits: [263],
      usage: 'counted',
    },
  },
  {
    id: 'B7 (end)',
    fault: 'The body ends behind three words, without its terminal event',
    only: isStream,
    answers: ({ name }) => [whole.cut(eventsFor(name, 3), 'end')],
    expect: behind(3, { code: 'truncated' }),
  },
  {
    id: 'B7 (json)',
    fault: 'An event is cut in its JSON, and has its blank line',
    only: isStream,
    answers: ({ name }) => [
      whole.editEvents(broken(name, '{"type":"x","te')).cut(eventsFor(name, 2) + 1, 'end'),
    ],
    expect: behind(2, { error: 'UnexpectedResponseError', code: 'bad_json' }),
  },
  {
    id: 'B7 (half)',
    fault: 'The body ends in the middle of an event',
    only: isStream,
    answers: ({ name }) => [whole.cut(eventsFor(name, 3) + 0.5, 'end')],
    expect: behind(3, { code: 'truncated' }),
  },
  {
    id: 'B7 (start)',
    fault: 'The body ends before the first word',
    // the first event of Gemini contains a word
    only: ({ name, mode }) => mode === 'stream' && name !== 'gemini',
    answers: ({ name }) => [whole.cut(Math.max(1, eventsFor(name, 1) - 1), 'end')],
    expect: ({ name }) => ({
      error: 'StreamInterruptedError',
      code: 'truncated',
      phase: 'stream',
      requests: 2,
      waits: [263],
      usage: name === 'anthropic' ? 'told' : 'counted',
    }),
  },
  {
    id: 'B7 (plain)',
    fault: 'A plain answer is cut in its middle',
    only: ({ mode }) => mode === 'generate',
    answers: () => [whole.cut(1)],
    expect: {
      error: 'APIConnectionError',
      phase: 'body',
      requests: 3,
      waits: [263, 525],
      usage: 'counted',
    },
  },
  {
    id: 'B8',
    fault: 'A word of 256 KiB in one event',
    only: isStream,
    answers: () => [say(giant, { chunks: [text, giant.slice(text.length)] })],
    script: giant,
    expect: { requests: 1, words: 8 },
  },
  {
    id: 'B9',
    fault: 'Events and members that nobody knows',
    only: isStream,
    answers: () => [whole.editEvents(withUnknown)],
    expect: once,
  },
]
