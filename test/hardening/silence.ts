/**
 * Waits that end, each with its phase. The clock is advanced by hand, only once the wait has
 * started.
 */
import { expect, vi } from 'vitest'
import { deadline } from '../../middleware/deadline.js'
import { timeout } from '../../middleware/timeout.js'
import type { Message } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import { type Middleware, type TetradError, TimeoutError } from '../../src/core/index.js'
import { mockServer, type Reply, say, stall } from '../../src/testing/index.js'
import { fakeClock } from '../middleware/fake-clock.js'
import { adapters, drain, models, type Name, names } from '../wire/support.js'
import { failure, type HardeningCase, type Mode, modes, user } from './case.js'

const waitMs = 10_000
const request = (name: Name) => ({ model: models[name], messages: [user() as Message] })

interface Wait {
  readonly phase: 'headers' | 'idle-bytes' | 'idle-events' | 'deadline'
  readonly mode: Mode
  readonly reply: Reply
  readonly layer: Middleware
  /** Advances the clock by so many milliseconds. */
  readonly pass: (ms: number) => void
}

const texts = () => say('One two three').splitEvents().stall(3)
const half = () => say('One two three').stall(1)
const ofProcess = (ms: number) => void vi.advanceTimersByTime(ms)

function waits(): readonly Wait[] {
  const clock = fakeClock()
  const process = { pass: ofProcess }
  const idle = (mode: Mode) => (mode === 'stream' ? texts() : half())
  return [
    ...modes.flatMap((mode): Wait[] => [
      { ...process, phase: 'headers', mode, reply: stall(), layer: timeout({ headersMs: waitMs }) },
      {
        ...process,
        phase: 'idle-bytes',
        mode,
        reply: idle(mode),
        layer: timeout({ idleBytesMs: waitMs }),
      },
      {
        phase: 'deadline',
        mode,
        reply: idle(mode),
        layer: deadline(waitMs, { clock }),
        pass: clock.advance,
      },
    ]),
    {
      ...process,
      phase: 'idle-events',
      mode: 'stream',
      reply: texts(),
      layer: timeout({ idleEventsMs: waitMs }),
    },
  ]
}

/** Turns of the event loop, which the fake clock does not affect. */
const turn = () => new Promise((resolve) => setImmediate(resolve))

async function ends(name: Name, { phase, mode, reply, layer, pass }: Wait): Promise<void> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  try {
    await using server = await mockServer([reply])
    const ai = createClient({ providers: adapters(server), use: [layer] })
    let error: TetradError | undefined
    const call =
      mode === 'stream'
        ? drain(ai.stream(request(name))).then((outcome) => outcome.error)
        : failure(ai.generate(request(name)))
    const ended = call.then((thrown) => {
      error = thrown
    })
    const { closed } = await server.request(0)
    let passedMs = 0
    for (; !error; passedMs += waitMs / 10) {
      pass(waitMs / 10)
      await turn()
    }
    await ended
    expect(passedMs).toBeGreaterThanOrEqual(waitMs)
    expect(error).toBeInstanceOf(TimeoutError)
    expect(error).toMatchObject({ phase })
    expect(await closed).toBe(true)
  } finally {
    vi.useRealTimers()
  }
}

/** A connection that is never made: the error of Node's HTTP client when its own timer fires. */
const unconnected = async () => {
  const cause = Object.assign(new Error('Connect Timeout Error'), {
    code: 'UND_ERR_CONNECT_TIMEOUT',
  })
  throw new TypeError('fetch failed', { cause })
}

export const silences: readonly HardeningCase[] = names.flatMap(
  (name): readonly HardeningCase[] => [
    ...modes.map((mode) => ({
      id: 145,
      title: `a connection that is not made ends with its phase: ${name} (${mode})`,
      run: async () => {
        await using server = await mockServer([])
        const providers = adapters(server, { fetch: unconnected })
        const ai = createClient({ providers })
        const error = await failure(
          mode === 'stream' ? ai.stream(request(name)).response : ai.generate(request(name)),
        )
        expect(error).toBeInstanceOf(TimeoutError)
        expect(error).toMatchObject({ phase: 'connect', retryable: true, maybeBilled: false })
      },
    })),
    ...waits().map(({ phase, mode }, at) => ({
      id: 145,
      title: `silence ends with its phase: ${name}, ${phase} (${mode})`,
      // a new clock per test: it keeps its time
      run: () => ends(name, waits()[at] as Wait),
    })),
  ],
)
