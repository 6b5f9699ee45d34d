/**
 * Runs one row in one setting with the standard stack, and records everything that the contract
 * checks.
 */
import { standard } from '../../middleware/standard.js'
import type { UsageRecord } from '../../middleware/usage.js'
import type { StreamChunk } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import type { Middleware } from '../../src/core/index.js'
import { fakeClock } from '../middleware/fake-clock.js'
import { adaptersAt, listenersOf, requestFor } from '../wire/support.js'
import { watchTimers } from './probe.js'
import type { Caller, Calling, Got, Row, Setting } from './row.js'
import { faultServer } from './server.js'

export interface Observed extends Got {
  readonly requests: number
  readonly waits: readonly number[]
  readonly records: readonly UsageRecord[]
  readonly toolRuns: number
  /** Layers that were entered and left, outermost and next to the provider. */
  readonly outer: Passes
  readonly inner: Passes
  readonly listeners: number
  /** Timers of the package: real ones and those of the clock given to `retry`. */
  readonly timers: number
  /** The largest number of chunks buffered at once. */
  readonly behind: number
  /** Milliseconds from the end of the call to the end of its last socket. */
  readonly closedMs: number
}

interface Passes {
  entered: number
  left: number
}

export const apiKey = 'key-of-the-fault-matrix-0123456789'

export async function run(row: Row, setting: Setting): Promise<Observed> {
  const answers = row.answers(setting)
  const server = await faultServer(answers)
  if (answers.length === 0) await server.close()
  const clock = fakeClock({ jumps: !row.holdsWait })
  const records: UsageRecord[] = []
  const [outer, inner] = [passes(), passes()]
  const flow = { produced: 0, consumed: 0, most: 0 }
  let toolRuns = 0
  let onWait = () => {}
  const waiting = new Promise<void>((resolve) => {
    onWait = resolve
  })
  const execute = () => ++toolRuns && 'found'
  const stack = standard({
    tools: { lookup: { execute, description: 'Looks a city up.' } },
    usage: { prices: false, onUsage: (record) => void records.push(record) },
    retry: { clock, random: () => 0.5, onRetry: () => onWait(), ...row.retry },
    outside: { log: counting(outer) },
    inside: { params: [counting(inner), producing(flow)] },
  })
  const ai = createClient({
    providers: adaptersAt({
      apiKey,
      baseURL: server.baseURL(setting.name),
      ...(setting.transport === 'fetch' && { fetch: globalThis.fetch }),
      ...row.limits,
    }),
    use: stack,
  })
  const controller = new AbortController()
  const calling: Calling = {
    ai,
    request: requestFor(setting.name),
    mode: setting.mode,
    server,
    controller,
    timeouts: row.timeouts ?? {},
    waiting,
    onRead: () => void flow.consumed++,
  }
  const caller = row.caller ?? readToEnd
  const [got, timers] = await watchTimers(() => caller(calling))
  const ended = performance.now()
  if (answers.length > 0) await server.settled()
  const closedMs = performance.now() - ended
  // a destroyed socket reports its end a few turns later, and its timers end then
  for (let turn = 0; turn < 100 && timers() > 0; turn++) await new Promise(setImmediate)
  const observed = {
    ...got,
    requests: server.requests,
    waits: clock.waits,
    records,
    toolRuns,
    outer,
    inner,
    listeners: listenersOf(controller.signal),
    timers: timers() + clock.pending(),
    behind: setting.mode === 'stream' ? flow.most : 0,
    closedMs,
  }
  if (answers.length > 0) await server.close()
  return observed
}

const passes = (): Passes => ({ entered: 0, left: 0 })

const counting =
  (passes: Passes): Middleware =>
  async (_, next) => {
    passes.entered++
    try {
      return await next()
    } finally {
      passes.left++
    }
  }

/** Counts the chunks that the consumer has not read yet. */
const producing =
  (flow: { produced: number; consumed: number; most: number }): Middleware =>
  (ctx, next) => {
    ctx.transform((chunk, emit) => {
      flow.most = Math.max(flow.most, ++flow.produced - flow.consumed)
      return emit(chunk)
    })
    return next()
  }

/** Reads a stream to its end, whatever that is. */
export const readToEnd: Caller = (calling) => readWith(calling)

/** Called for each chunk as it arrives; `false` stops the loop. */
export async function readWith(
  { ai, request, mode, controller, timeouts, onRead }: Calling,
  onChunk: (chunk: StreamChunk, seen: number) => unknown = () => {},
): Promise<Got> {
  const chunks: StreamChunk[] = []
  const options = { signal: controller.signal, timeouts }
  try {
    if (mode === 'generate') return { chunks, response: await ai.generate(request, options) }
    const stream = ai.stream(request, options)
    for await (const chunk of stream) {
      onRead()
      chunks.push(chunk)
      if (onChunk(chunk, chunks.length) === false) return { chunks, hasLeft: true }
    }
    return { chunks, response: await stream.response }
  } catch (error) {
    return { chunks, error }
  }
}
