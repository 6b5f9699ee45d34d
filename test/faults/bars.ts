/**
 * Reliability figures with their targets: derived from the matrix, measured here, or asserted by a
 * suite of their own.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { retry } from '../../middleware/retry.js'
import { createClient } from '../../src/client.js'
import { fail, type Reply, say, scripted } from '../../src/testing/index.js'
import { basePaths } from '../../src/testing/routes.js'
import { fakeClock } from '../middleware/fake-clock.js'
import { adaptersAt, names, requestFor } from '../wire/support.js'
import type { LargeReply } from './big-server.js'
import type { Ran } from './matrix.js'
import type { Noise } from './probe.js'
import { apiKey } from './run.js'
import { faultServer } from './server.js'

/** The results from which figures of the matrix are derived. */
export interface Seen {
  readonly ran: readonly Ran[]
  readonly noise: Noise
}

export interface Bar {
  readonly number: string
  readonly figure: string
  readonly target: string
  /** The current value in words, and whether it meets the target. */
  readonly measure?: (seen: Seen) => Measured | Promise<Measured>
  /** The test file that asserts the figure, and a part of the test's title. */
  readonly test?: readonly [file: string, words: string]
}

export interface Measured {
  readonly value: string
  readonly isMet: boolean
}

const rowsOf = ({ ran }: Seen, ids: RegExp) => ran.filter(({ row }) => ids.test(row.id))

/** Number of runs of these rows with the expected outcome. */
const share = (ids: RegExp, isRight: (ran: Ran) => boolean) => (seen: Seen) => {
  const all = rowsOf(seen, ids)
  const right = all.filter(isRight)
  return {
    value: `${right.length}/${all.length}`,
    isMet: all.length > 0 && right.length === all.length,
  }
}

const isSound = ({ problems }: Ran) => problems.length === 0

/** The 99th percentile of 100 waits for the last socket of a call. */
const closedWithin = (ids: RegExp, mostMs: number) => (seen: Seen) => {
  const waits = rowsOf(seen, ids)
    .map(({ observed }) => observed.closedMs)
    .sort((a, b) => a - b)
  const p99 = waits[Math.ceil(waits.length * 0.99) - 1] ?? Number.POSITIVE_INFINITY
  return { value: `p99 ${p99.toFixed(1)} ms of ${waits.length}`, isMet: p99 <= mostMs }
}

const clientAt = (baseURL: string) =>
  createClient({ providers: adaptersAt({ apiKey, baseURL }), use: [] })

/**
 * CPU time of the client to read this reply as a stream, and the longest block of its event loop,
 * for the slowest provider.
 */
async function slowest(
  reply: LargeReply,
  mostMs: number,
  of: readonly (typeof names)[number][] = names,
  mostStallMs = Number.POSITIVE_INFINITY,
): Promise<Measured> {
  let [worst, stall, who] = [0, 0, '']
  for (const name of of) {
    const child = fork(bigServer, [reply], { execArgv: ['--import', 'tsx'] })
    const [url] = await once(child, 'message')
    const delay = monitorEventLoopDelay({ resolution: 5 })
    const before = process.cpuUsage()
    delay.enable()
    for await (const _ of clientAt(`${url}${basePaths[name]}`).stream(requestFor(name)));
    delay.disable()
    const { user, system } = process.cpuUsage(before)
    stall = Math.max(stall, delay.max / 1e6)
    const took = (user + system) / 1_000
    if (took > worst) [worst, who] = [took, name]
    child.kill()
  }
  const value = `${Math.round(worst)} ms of processor (${who}), loop stops for at most ${Math.round(stall)} ms`
  return { value, isMet: worst <= mostMs && stall <= mostStallMs }
}

const responses: readonly (typeof names)[number][] = ['openai', 'xai']
const others = names.filter((name) => !responses.includes(name))

const bigServer = new URL('./big-server.ts', import.meta.url)

/** A first event, then silence, with a limit of 500 ms. */
async function stallOf(reply: Reply, timeouts: object): Promise<Measured> {
  const took: number[] = []
  for (const name of names) {
    const server = await faultServer([reply])
    const started = performance.now()
    const stream = clientAt(server.baseURL(name)).stream(requestFor(name), { timeouts })
    await stream.response.catch(() => {})
    took.push(performance.now() - started)
    await server.close()
  }
  const [least, most] = [Math.min(...took), Math.max(...took)]
  return {
    value: `${Math.round(least)} to ${Math.round(most)} ms`,
    isMet: least >= 495 && most <= 550,
  }
}

async function amplification(calls: number, most: number): Promise<Measured> {
  let attempts = 0
  const dead = scripted()
  dead.reply(() => {
    attempts++
    return fail(503)
  })
  const clock = fakeClock({ jumps: true })
  const ai = createClient({ providers: [dead], use: [retry({ clock })] })
  const call = () => ai.generate({ ...requestFor('openai'), model: 'scripted/m' }).catch(() => {})
  await Promise.all(Array.from({ length: calls }, call))
  const times = attempts / calls
  return { value: `${times.toFixed(3)}×`, isMet: times <= most }
}

export const bars: readonly Bar[] = [
  {
    number: '1',
    figure: 'split-invariance',
    target: '0 differences',
    test: ['test/sse/decode.test.ts', 'yields the same events for any split of any bytes'],
  },
  {
    number: '2',
    figure: 'random bytes into the decoder',
    target: '0 crashes',
    test: ['test/sse/decode.test.ts', 'never throws for random bytes'],
  },
  {
    number: '3',
    figure: 'truncation detected, at every event of every wire',
    target: '100 %',
    test: [
      'test/wire/ends.test.ts',
      'that is cut after any event is an error that keeps the text and the usage sent so far',
    ],
  },
  {
    number: '3',
    figure: 'truncation detected, in the matrix',
    target: '100 %',
    measure: share(/^B7/, ({ observed }) => observed.error !== undefined),
  },
  {
    number: '4',
    figure: 'a 200 that is no stream is detected',
    target: 'all',
    measure: share(/^A13/, ({ observed }) => observed.error !== undefined),
  },
  {
    number: '5',
    figure: 'partial text of an error is what was delivered',
    target: 'all',
    measure: share(/^[A-D]/, ({ problems }) => !problems.some((one) => one.startsWith('I2'))),
  },
  {
    number: '6',
    figure: 'one record of usage a call',
    target: 'all',
    measure: share(/^[A-E]/, ({ observed }) => observed.records.length === observed.outer.entered),
  },
  {
    number: '7',
    figure: 'abort → socket closed',
    target: '≤ 50 ms',
    measure: closedWithin(/^D[23]/, 50),
  },
  {
    number: '8',
    figure: 'break → socket closed',
    target: '≤ 50 ms',
    measure: closedWithin(/^D8/, 50),
  },
  {
    number: '9',
    figure: 'abort in the wait before a retry',
    target: '0 more requests',
    measure: share(/^D4/, ({ observed }) => observed.requests === 1),
  },
  {
    number: '10',
    figure: 'browser gone → socket of the provider closed',
    target: '≤ 100 ms',
    measure: closedWithin(/^E[12]/, 100),
  },
  {
    number: '11',
    figure: 'reset in a route: the process lives, the browser gets its error event',
    target: 'all',
    measure: share(/^E3/, isSound),
  },
  {
    number: '12',
    figure: 'a stream that stalls is ended at 500 ms',
    target: '500 to 550 ms',
    measure: () => stallOf(say('one two').stall(1), { idleBytesMs: 500 }),
  },
  {
    number: '13',
    figure: 'headers that stall are ended at 500 ms',
    target: '500 to 550 ms',
    measure: () => stallOf(say('one').stall(), { headersMs: 500 }),
  },
  {
    number: '14',
    figure: 'bytes taken while nobody reads',
    target: '≤ 8 MB',
    test: ['test/wire/backpressure.test.ts', 'from the socket of a provider'],
  },
  {
    number: '15, 16',
    figure: 'a word of 10 MiB in one event; on the Responses wire, which says it five times',
    target: '≤ 3 s, loop ≤ 150 ms',
    measure: () => slowest('word', 3_000, responses, 150),
  },
  {
    number: '15, 16',
    figure: 'a word of 10 MiB in one event, on the other wires',
    target: '≤ 1 s, loop ≤ 150 ms',
    measure: () => slowest('word', 1_000, others, 150),
  },
  {
    number: '17',
    figure: 'tool arguments of 1 MB in 20-byte pieces',
    target: '≤ 3 s',
    measure: () => slowest('arguments', 3_000),
  },
  {
    number: '18',
    figure: 'browser: arguments of 200 KB in 20-byte pieces',
    target: '≤ 0.5 s',
    test: ['test/browser/client.test.ts', '200 KB of arguments in pieces of 20 bytes'],
  },
  {
    number: '19',
    figure: '20,000 deltas',
    target: '≤ 1.2 s',
    measure: () => slowest('deltas', 1_200),
  },
  {
    number: '20',
    figure: '1,000 streams at once',
    target: '1000/1000',
    test: [
      'test/wire/ends.test.ts',
      'a thousand concurrent streams each finish with their own text',
    ],
  },
  {
    number: '21',
    figure: 'soak: growth of the heap',
    target: '≤ 100 B a call',
    test: ['test/soak/main.ts', 'a call, at most 100'],
  },
  {
    number: '22',
    figure: 'unhandled rejections over the matrix',
    target: '0',
    measure: ({ noise }) => ({
      value: String(noise.unhandled.length),
      isMet: noise.unhandled.length === 0,
    }),
  },
  {
    number: '23',
    figure: 'attempts of 500 calls on a dead server',
    target: '≤ 1.20×',
    measure: () => amplification(500, 1.2),
  },
  {
    number: '23',
    figure: 'attempts of 5,000 calls on a dead server',
    target: '≤ 1.05×',
    measure: () => amplification(5_000, 1.05),
  },
  {
    number: '24',
    figure: 'most retries in any 100 ms',
    target: '≤ 15 %',
    test: ['test/middleware/retry.test.ts', 'none of 100 milliseconds has more than 15 in 100'],
  },
  {
    number: '25',
    figure: 'recovery where every fifth answer is a 503',
    target: '≥ 98 %',
    test: ['test/middleware/retry.test.ts', 'allows retries for a server that fails now and then'],
  },
  {
    number: '26',
    figure: 'Retry-After: seconds, date, ms, negative, junk, an hour',
    target: 'all',
    measure: share(/^A(8|9|10|11)\b/, isSound),
  },
  {
    number: '27',
    figure: 'clock jump of a day',
    target: 'no change',
    test: ['test/middleware/retry.test.ts', 'do not depend on the wall clock'],
  },
  {
    number: '28',
    figure: 'layers unwind once, whatever the end',
    target: 'all',
    measure: share(/^[A-E]/, ({ problems }) => !problems.some((one) => one.startsWith('I7'))),
  },
  {
    number: '29',
    figure: 'keys in what is captured of a run',
    target: '0',
    test: ['test/security/leaks.test.ts', 'no key in anything exposed by a run over %s, %s'],
  },
  {
    number: '29',
    figure: 'lines on the console over the matrix',
    target: '0',
    measure: ({ noise }) => ({
      value: String(noise.printed.length),
      isMet: noise.printed.length === 0,
    }),
  },
  {
    number: '30',
    figure: 'prototypes after hostile streams and bodies',
    target: 'clean',
    test: ['test/security/prototypes.test.ts', 'with prototype members in all its objects'],
  },
  {
    number: '31',
    figure: 'redaction at every cut',
    target: '0 leaks',
    test: [
      'test/middleware/redact.test.ts',
      '%s %s is masked at every split, one character per chunk too',
    ],
  },
  {
    number: '32',
    figure: 'regular expressions are linear',
    target: 'all',
    test: ['test/regular-expressions.test.ts', 'recheck'],
  },
  {
    number: '33',
    figure: 'one event a write, whatever is in it',
    target: '1',
    test: ['test/sse/encode.test.ts', 'makes one event of any data'],
  },
  {
    number: '34',
    figure: 'roles, models, tools and approvals that a browser forges',
    target: '4xx, 0 requests',
    test: ['test/http/web.test.ts', 'hostile bodies'],
  },
  {
    number: '35',
    figure: 'a body without an end',
    target: 'cut at its limit',
    test: [
      'test/http/node.test.ts',
      'without an end is rejected at its limit, and the sender is disconnected',
    ],
  },
  {
    number: '36',
    figure: 'redirects: requests at the other origin',
    target: '0',
    measure: share(/^A15/, isSound),
  },
  {
    number: '36b',
    figure: 'addresses that lead inside (inlineFiles)',
    target: '0 hits',
    test: ['test/providers/gemini/inline-files.test.ts', 'public addresses are public'],
  },
  {
    number: '37',
    figure: 'words of the provider that reach the browser',
    target: '0',
    measure: share(/^E5/, isSound),
  },
  {
    number: '38',
    figure: 'cap overshoot, four processes',
    target: '0',
    test: ['test/middleware/budget.test.ts', 'budget over processes'],
  },
  {
    number: '39',
    figure: 'cap after kill -9',
    target: 'no hold is left',
    test: [
      'test/middleware/budget.test.ts',
      'a killed process leaves no hold when its leases expire',
    ],
  },
  {
    number: '40',
    figure: 'usage of a cut answer',
    target: 'told, or counted and marked',
    measure: share(/^(B7|C2|C3|D[236])/, isSound),
  },
  {
    number: '41',
    figure: 'spans and metrics of the conventions, no content',
    target: '1 span, 1 record a call',
    test: ['test/middleware/telemetry.test.ts', 'is in no span and no metric by default, in %s'],
  },
  {
    number: '42',
    figure: 'packages installed',
    target: '≤ 2, no install scripts',
    test: ['test/pack/install.mjs', 'the install is'],
  },
  {
    number: '43',
    figure: 'a provider in a page',
    target: 'refuses its key',
    test: ['test/e2e/keys.test.ts', 'keeps its key to itself'],
  },
]
