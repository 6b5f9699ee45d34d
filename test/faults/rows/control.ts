/** D: a caller who aborts, stops reading or never starts, and a server that falls silent. */
import type { Caller, Expectation, Row, Setting } from '../row.js'
import { readToEnd, readWith } from '../run.js'
import type { Answer } from '../server.js'
import { usageBehindWords } from './framing.js'
import { eventsFor, refusal, whole, words } from './replies.js'

const isStream = ({ mode }: Setting) => mode === 'stream'
const isPlain = ({ mode }: Setting) => mode === 'generate'

const aborted = (setting: Setting): Expectation => ({
  error: 'AbortError',
  requests: 1,
  words: 3,
  usage: usageBehindWords(setting),
})

/** Three words, then silence. */
const stalled = ({ name }: Setting) => [whole.stall(eventsFor(name, 3))]

/** Stops the way `leave` does after three words; the network decides on the number of chunks. */
const leavesAfterWords =
  (leave: (calling: Parameters<Caller>[0]) => unknown): Caller =>
  (calling) => {
    let received = ''
    return readWith(calling, (chunk) => {
      if (chunk.type === 'text-delta') received += chunk.text
      return received === three && chunk.type === 'text-delta' ? leave(calling) : undefined
    })
  }

const three = words.slice(0, 3).join('')

const silent: Answer = () => {}

/** Sends a comment now and then, and a ping where the wire has one. */
const pinging =
  ({ name }: Setting): Answer =>
  (exchange) => {
    const { response, gone } = exchange
    const { status, headers, frames } = exchange.payload(whole)
    response.writeHead(status, headers)
    response.write(frames.slice(0, eventsFor(name, 3)).join(''))
    const ping = name === 'anthropic' ? 'event: ping\ndata: {"type":"ping"}\n\n' : ': ping\n\n'
    const timer = setInterval(() => response.write(ping), 10)
    gone.addEventListener('abort', () => clearInterval(timer))
  }

const reason = new Error('the user closed the page')

export const controlRows: readonly Row[] = [
  {
    id: 'D1',
    fault: 'The signal had fired before the call',
    answers: () => [whole],
    caller: (calling) => {
      calling.controller.abort(reason)
      return readToEnd(calling)
    },
    expect: { error: 'AbortError', requests: 0 },
  },
  {
    id: 'D2',
    fault: 'The signal fires behind three words, twice',
    only: isStream,
    answers: stalled,
    caller: leavesAfterWords(({ controller }) => {
      controller.abort()
      controller.abort()
    }),
    expect: aborted,
  },
  {
    id: 'D2 (plain)',
    fault: 'The signal fires while an answer is waited for',
    only: isPlain,
    answers: () => [silent],
    caller: (calling) => {
      void calling.server.arrived(1).then(() => calling.controller.abort())
      return readToEnd(calling)
    },
    expect: { error: 'AbortError', requests: 1, usage: 'counted' },
  },
  {
    id: 'D3',
    fault: 'The signal fires with a reason of its own',
    only: isStream,
    answers: stalled,
    caller: leavesAfterWords(({ controller }) => controller.abort(reason)),
    expect: aborted,
    also: ({ error }) => {
      if ((error as Error).cause !== reason) throw new Error('the reason is not the cause')
    },
  },
  {
    id: 'D4',
    fault: 'The signal fires in the wait before a retry',
    answers: () => [refusal(503), whole],
    holdsWait: true,
    caller: (calling) => {
      void calling.waiting.then(() => setImmediate(() => calling.controller.abort()))
      return readToEnd(calling)
    },
    expect: { error: 'AbortError', requests: 1, waits: [525] },
  },
  {
    id: 'D5',
    fault: 'The signal fires when the answer is whole',
    answers: () => [whole],
    caller: async (calling) => {
      const got = await readToEnd(calling)
      calling.controller.abort()
      return got
    },
    expect: { requests: 1 },
  },
  {
    id: 'D6',
    fault: 'Silence behind three words, longer than `idleBytesMs`',
    only: isStream,
    answers: stalled,
    timeouts: { idleBytesMs: 1_000 },
    expect: (setting) => ({ ...aborted(setting), error: 'TimeoutError', phase: 'idle-bytes' }),
  },
  {
    id: 'D6 (plain)',
    fault: 'A plain answer stops in its middle',
    only: isPlain,
    answers: () => [whole.stall(1)],
    timeouts: { idleBytesMs: 150 },
    expect: {
      error: 'TimeoutError',
      phase: 'idle-bytes',
      requests: 3,
      waits: [263, 525],
      usage: 'counted',
    },
  },
  {
    id: 'D7',
    fault: 'Comments and pings alone behind three words, longer than `idleEventsMs`',
    only: isStream,
    answers: (setting) => [pinging(setting)],
    timeouts: { idleEventsMs: 1_000 },
    expect: (setting) => ({ ...aborted(setting), error: 'TimeoutError', phase: 'idle-events' }),
  },
  {
    id: 'D8',
    fault: 'The consumer leaves its loop behind three words',
    only: isStream,
    answers: stalled,
    caller: leavesAfterWords(() => false),
    outcome: 'the call ends, its socket is closed',
    expect: (setting) => ({ requests: 1, words: 3, usage: usageBehindWords(setting) }),
  },
  {
    id: 'D8 (text)',
    fault: 'The consumer of `textStream` leaves behind three words',
    outcome: 'the call ends, its socket is closed',
    only: isStream,
    answers: stalled,
    caller: async ({ ai, request, controller }) => {
      let receivedText = ''
      for await (const text of ai.stream(request, { signal: controller.signal }).textStream) {
        receivedText += text
        if (receivedText === three) break
      }
      return { chunks: [], hasLeft: true }
    },
    expect: (setting) => ({ requests: 1, words: 0, usage: usageBehindWords(setting) }),
  },
  {
    id: 'D10',
    fault: 'A stream that nobody reads',
    outcome: 'nothing is asked',
    only: isStream,
    answers: () => [whole],
    caller: async ({ ai, request, controller }) => {
      ai.stream(request, { signal: controller.signal })
      await new Promise(setImmediate)
      return { chunks: [], hasLeft: true }
    },
    expect: { requests: 0, words: 0, usage: 'none' },
  },
  {
    id: 'D11',
    fault: 'The promise of an answer that fails is touched and not awaited',
    only: isStream,
    answers: ({ name }) => [whole.cut(eventsFor(name, 3), 'reset')],
    caller: async ({ ai, request, controller, onRead }) => {
      const stream = ai.stream(request, { signal: controller.signal })
      void stream.response
      const chunks = []
      try {
        for await (const chunk of stream) {
          onRead()
          chunks.push(chunk)
        }
      } catch (error) {
        return { chunks, error }
      }
      return { chunks }
    },
    expect: (setting) => ({ ...aborted(setting), error: 'StreamInterruptedError' }),
  },
]
