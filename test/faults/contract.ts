/**
 * The guarantees I1 to I10 that hold for every call, whatever its outcome, as checks of the
 * observations.
 */
import { emptyUsage, type Usage } from '../../src/chat/index.js'
import { isTetradError, type TetradError } from '../../src/core/index.js'
import { textOf } from '../wire/support.js'
import { type Expectation, expectationOf, type Row, type Setting } from './row.js'
import { text, words } from './rows/replies.js'
import type { Observed } from './run.js'

/** A violation in words, or undefined. */
type Check = (observed: Observed, setting: Setting) => string | false | undefined

const errorIn = ({ error }: Observed): TetradError | undefined =>
  isTetradError(error) ? error : undefined

const attemptsOf = ({ records }: Observed) => records.flatMap(({ attempts }) => attempts)

/** At most a mebibyte of `words` is buffered: 256 chunks wait, plus those of one network read. */
const mostChunks = 256 + Math.ceil(65_536 / 30)

export const contract: Readonly<Record<string, Check>> = {
  'I1 one outcome': (observed, { mode }) => {
    const { chunks, response, error, hasLeft } = observed
    if (error !== undefined && !errorIn(observed)) return `an error of no class: ${error}`
    if (Number(response !== undefined) + Number(error !== undefined) + Number(hasLeft ?? 0) !== 1)
      return 'no outcome, or two'
    const isFinished = chunks.at(-1)?.type === 'finish'
    if (mode === 'stream' && response && !isFinished) return 'an answer without a finish'
    return error !== undefined && isFinished && 'a finish before an error'
  },
  'I2 the partial answer is kept': (observed, { mode }) => {
    const error = errorIn(observed)
    if (!error) return undefined
    if (!error.attempts) return 'no attempts on the error'
    if (error.attempts.some(({ status }) => status === 'running')) return 'an attempt still runs'
    const delivered = textOf(observed.chunks)
    const kept = error.partial?.text ?? ''
    return (
      mode === 'stream' &&
      kept !== delivered &&
      `delivered ${delivered.length} characters, kept ${kept.length}`
    )
  },
  'I3 usage is kept': (observed) => {
    const { records, outer } = observed
    if (records.length !== outer.entered) return `${records.length} records of usage`
    const record = records.at(-1)
    if (!record) return undefined
    // a response has the usage of its own turns, an error that of all attempts
    const reported = errorIn(observed)?.usage ?? record.usage
    if (totalOf(reported) !== totalOf(record.usage)) return 'the record is not what the caller got'
    const sum = record.attempts.reduce((total, { usage }) => total + totalOf(usage), 0)
    return sum !== totalOf(record.usage) && 'the record is not the sum of its attempts'
  },
  // run() waits for the sockets: a call that leaves one open never ends
  'I4 sockets are closed': ({ closedMs }) => !Number.isFinite(closedMs) && 'a socket is open',
  // rejections and output of the process are watched around all rows
  'I5 errors are errors': ({ error }) =>
    error !== undefined && !(error instanceof Error) && 'no Error was thrown',
  'I6 no listener and no timer is left': ({ listeners, timers }) =>
    listeners + timers > 0 && `${listeners} listeners, ${timers} timers`,
  'I7 the onion unwinds': (observed) => {
    const { outer, inner } = observed
    if (outer.entered !== outer.left || inner.entered !== inner.left) return 'a layer was not left'
    const attempts = attemptsOf(observed).length
    return inner.entered !== attempts && `${inner.entered} passes for ${attempts} attempts`
  },
  'I8 in order, and once': ({ chunks }) => {
    const first = chunks.findIndex(({ type }) => type === 'finish')
    const turns = chunks.filter(({ type }) => type === 'start').length
    const isOneTurn = turns <= 1
    return isOneTurn && first >= 0 && first !== chunks.length - 1 && 'chunks behind the finish'
  },
  'I9 memory is bounded': ({ behind }) => behind > mostChunks && `${behind} chunks waited`,
  'I10 tools run once their call is whole': ({ toolRuns, chunks, response }, { mode }) => {
    if (mode === 'generate') return !response && toolRuns > 0 && 'a tool ran in a call that failed'
    const whole = chunks.filter(({ type }) => type === 'tool-call-end').length
    return toolRuns > whole && `${toolRuns} runs for ${whole} calls`
  },
}

const totalOf = ({ total_tokens }: Usage = emptyUsage) => total_tokens

/** Every guarantee that was violated, in words. */
export const violations = (observed: Observed, setting: Setting): readonly string[] =>
  Object.entries(contract).flatMap(([name, check]) => {
    const wrong = check(observed, setting)
    return wrong ? [`${name}: ${wrong}`] : []
  })

/** Every difference between a call and the expectation of its row, in words. */
export function differences(row: Row, setting: Setting, observed: Observed): readonly string[] {
  const { response } = observed
  const isFree = response !== undefined && row.isFree?.(response, setting)
  const free: Partial<Expectation> = isFree ? { waits: [], usage: 'told' } : {}
  const expected = { ...withDefaults(expectationOf(row, setting)), ...free }
  const got = outcomeOf(observed, row.script ?? text)
  // a request that is cancelled early may not have reached a busy server
  const isCut = row.timeouts?.headersMs !== undefined && got.requests <= expected.requests
  return Object.entries(expected)
    .filter(([name]) => !(name === 'requests' && isCut))
    .flatMap(([name, value]) => {
      const is = JSON.stringify(got[name as keyof Expectation])
      const should = JSON.stringify(value)
      return is === should ? [] : [`${name}: ${is} where ${should} is expected`]
    })
}

export const withDefaults = (expected: Expectation): Expectation => ({
  attempts: expected.requests,
  waits: [],
  words: expected.error === undefined ? allWords : 0,
  usage: expected.error === undefined ? 'told' : 'none',
  toolRuns: 0,
  ...expected,
})

export const allWords = words.length

/** The outcome of a call, in the terms of an expectation. */
function outcomeOf(observed: Observed, scriptText: string): Required<Expectation> {
  const error = errorIn(observed)
  const record = observed.records.at(-1)
  const kept = observed.response?.text ?? error?.partial?.text ?? textOf(observed.chunks)
  const { name, code, phase, retryAfterMs } = error ?? {}
  return {
    error: name,
    code,
    phase,
    retryAfterMs,
    requests: observed.requests,
    attempts: record?.attempts.length ?? 0,
    waits: observed.waits.map((ms) => Math.round(ms)),
    words: scriptText.startsWith(kept) ? kept.split(' ').filter(Boolean).length : Number.NaN,
    usage: usageOf(record?.usage),
    toolRuns: observed.toolRuns,
  } as Required<Expectation>
}

function usageOf(usage: Usage | undefined): 'told' | 'counted' | 'none' {
  if (!usage || usage.total_tokens === 0) return 'none'
  return usage.estimated ? 'counted' : 'told'
}
