/** C: bytes that arrive intact but have an invalid meaning. */
import { callTool, events, type Reply, type SseEvent, say } from '../../../src/testing/index.js'
import type { Name } from '../../wire/support.js'
import type { Expectation, Row, Setting } from '../row.js'
import type { Answer } from '../server.js'
import { usageBehindWords } from './framing.js'
import { bodyOf, eventsFor, text, whole } from './replies.js'

const isStream = ({ mode }: Setting) => mode === 'stream'
const once = { requests: 1 } as const

const brokenOff = (setting: Setting): Expectation => ({
  error: 'StreamInterruptedError',
  phase: 'stream',
  requests: 1,
  words: 3,
  usage: usageBehindWords(setting),
})

type Json = Readonly<Record<string, unknown>>

/** The members of an event that index a call or a part, on each wire. */
const indexOf = ({ data }: SseEvent): number | undefined => {
  const { output_index, index, choices } = data as {
    output_index?: number
    index?: number
    choices?: { delta?: { tool_calls?: { index: number }[] } }[]
  }
  return output_index ?? index ?? choices?.[0]?.delta?.tool_calls?.[0]?.index
}

/** Interleaves the events of two calls; sequence numbers stay in order. */
function interleaved(list: readonly SseEvent[]): readonly SseEvent[] {
  const numbers = list.map(({ data }) => (data as Json).sequence_number)
  const of = (index: number) => list.filter((event) => indexOf(event) === index)
  const [first, second] = [of(0), of(1)]
  const woven = first.flatMap((event, at) => [event, ...second.slice(at, at + 1)])
  const all = [...woven, ...second.slice(first.length)]
  const at = list.findIndex((event) => indexOf(event) === 0)
  const others = list.filter((event) => !all.includes(event))
  const before = others.filter((event) => list.indexOf(event) < at)
  const after = others.filter((event) => list.indexOf(event) > at)
  return [...before, ...all, ...after].map((event, place) =>
    numbers[place] === undefined
      ? event
      : { ...event, data: { ...(event.data as Json), sequence_number: numbers[place] } },
  )
}

const indices = new Set(['index', 'output_index', 'content_index'])

const withIndex = (value: unknown) => (list: readonly SseEvent[]) =>
  list.map(({ data, ...event }) => ({
    ...event,
    data:
      typeof data === 'string'
        ? data
        : JSON.parse(JSON.stringify(data, (name, member) => (indices.has(name) ? value : member))),
  }))

const cities = callTool('lookup', { city: 'Rome' }, { pieces: 4 }).callTool(
  'lookup',
  { city: 'Oslo' },
  { pieces: 4 },
)

const large = callTool('lookup', { text: 'y'.repeat(40_000) }, { pieces: 2_000 })

/** Cut within the arguments: after half of the events. */
const cutCall = (name: Name): Reply => {
  const reply = callTool('lookup', { city: 'Reykjavik' }, { pieces: 6 }).splitEvents()
  const list = events(name, reply)
  const at = list.findIndex((event) => JSON.stringify(event.data).includes('lookup'))
  // Gemini sends a call in one event: there the event is cut
  return reply.cut(name === 'gemini' ? at + 0.5 : at + 2, 'end')
}

/** Sends everything, more after it, and never ends. */
const open =
  (reply: Reply): Answer =>
  (exchange) => {
    const { status, headers } = exchange.payload(reply)
    exchange.response.writeHead(status, headers)
    exchange.response.write(bodyOf(exchange, reply))
  }

/** Repeats the text after the terminal event. */
const withRepeatedText = (name: Name) => (list: readonly SseEvent[]) => [
  ...list,
  ...list.slice(eventsFor(name, 1) - 1, eventsFor(name, 1)),
]

/** The Gemini wire has no terminal event: the end of the body is the end. */
const hasTerminal = ({ name, mode }: Setting) => mode === 'stream' && name !== 'gemini'

const bad = {
  error: 'UnexpectedResponseError',
  code: 'bad_index',
  phase: 'stream',
  usage: 'counted',
} as const

/** Gemini numbers candidates: this one was not requested. */
const refused = {
  openai: bad,
  xai: bad,
  compatible: bad,
  gemini: { error: 'StreamInterruptedError', code: 'truncated', phase: 'stream', usage: 'told' },
} as const

const hasNumbers = ({ name }: Setting) => name === 'openai' || name === 'xai'

const twice = (name: Name) => (list: readonly SseEvent[]) => {
  const at = eventsFor(name, 3)
  return [...list.slice(0, at), ...list.slice(at - 1)]
}

const many = 'word '.repeat(1_000).trimEnd()

export const semanticsRows: readonly Row[] = [
  {
    id: 'C1',
    fault: 'Status 200, and the first event is an error (overloaded), every time',
    only: isStream,
    answers: () => [whole.failAfter(0, 'overloaded')],
    expect: { error: 'ServiceUnavailableError', requests: 3, waits: [525, 1050] },
  },
  {
    id: 'C1 (once)',
    fault: 'Status 200, and the first event is an error, once',
    only: isStream,
    answers: () => [whole.failAfter(0, 'overloaded'), whole],
    expect: { requests: 2, waits: [525] },
  },
  {
    id: 'C2',
    fault: 'An error event behind three words',
    only: isStream,
    answers: ({ name }) => [whole.failAfter(eventsFor(name, 3), 'overloaded')],
    expect: (setting) => ({
      error: 'ServiceUnavailableError',
      requests: 1,
      words: 3,
      usage: usageBehindWords(setting),
    }),
  },
  {
    id: 'C3 (reset)',
    fault: 'The connection is reset behind three words',
    only: isStream,
    answers: ({ name }) => [whole.cut(eventsFor(name, 3), 'reset')],
    expect: brokenOff,
  },
  {
    id: 'C3 (closed)',
    fault: 'The connection is closed behind three words',
    only: isStream,
    answers: ({ name }) => [whole.cut(eventsFor(name, 3), 'destroy')],
    expect: brokenOff,
  },
  {
    id: 'C4',
    fault: 'An event of text comes twice, with its number',
    only: (setting) => isStream(setting) && hasNumbers(setting),
    answers: ({ name }) => [whole.editEvents(twice(name))],
    expect: once,
  },
  {
    id: 'C4 (no number)',
    fault: 'An event of text comes twice, on a wire that numbers none: the word is there twice',
    only: (setting) => isStream(setting) && !hasNumbers(setting),
    answers: ({ name }) => [whole.editEvents(twice(name))],
    script: text.replace(' comes', ' comes comes'),
    expect: { requests: 1, words: 8 },
  },
  {
    id: 'C5',
    fault: 'Two calls of a tool, their pieces by turns',
    only: ({ name, mode }) => mode === 'stream' && name !== 'gemini',
    answers: () => [cities.editEvents(interleaved), whole],
    expect: { requests: 2, toolRuns: 2 },
  },
  {
    id: 'C6, C7',
    fault: 'Arguments of 40 kB in 2,000 pieces',
    only: isStream,
    answers: () => [large, whole],
    expect: { requests: 2, toolRuns: 1 },
  },
  {
    id: 'C8',
    fault: 'The body ends in the arguments of a call',
    only: isStream,
    answers: ({ name }) => [cutCall(name)],
    expect: ({ name }) => ({
      error: 'StreamInterruptedError',
      code: 'truncated',
      phase: 'stream',
      usage: name === 'anthropic' ? 'told' : 'counted',
      // nothing of a call that Gemini sends in one event had been emitted
      ...(name === 'gemini' ? { requests: 2, waits: [263] } : { requests: 1 }),
    }),
  },
  ...['__proto__', 'constructor', -1, 1e9].map(
    (value): Row => ({
      id: `C9 (${value})`,
      fault: `Each index of a stream is ${JSON.stringify(value)}`,
      only: isStream,
      expect: ({ name }) =>
        // its blocks are sequential: the ids of the calls decide
        name === 'anthropic'
          ? { requests: 2, toolRuns: 2 }
          : { ...refused[name], requests: 2, waits: [263] },
      answers: ({ name }) => [
        cities.editEvents(withIndex(value)),
        ...(name === 'anthropic' ? [whole] : []),
      ],
    }),
  ),
  {
    id: 'C10',
    fault: 'More words behind the terminal event, on a connection that stays open',
    only: hasTerminal,
    answers: ({ name }) => [open(whole.editEvents(withRepeatedText(name)))],
    expect: once,
  },
  {
    id: 'C10 (open)',
    fault: 'The connection stays open behind the terminal event',
    only: hasTerminal,
    answers: () => [open(whole)],
    expect: once,
  },
  {
    id: 'C11',
    fault: '1,000 small events',
    only: isStream,
    answers: () => [say(many, { chunks: 1_000 })],
    script: many,
    expect: { requests: 1, words: 1_000 },
  },
]
