/** Limits how many calls run at once, or the rate of calls of a user. */
import { isObject } from '../src/chat/index.js'
import {
  type Context,
  key,
  layer,
  type Middleware,
  MisuseError,
  RateLimitError,
  ServiceUnavailableError,
} from '../src/core/index.js'
import { inTime } from '../src/store/patient.js'
import { after, type Clock, systemClock, unlessAborted } from './clock.js'

/** The key that a limit applies to: a user, a tenant, anything of `ctx`. */
export type LimitKey<State = {}> = (ctx: Context<State>) => string | number

export interface ConcurrencyOptions<State = {}> {
  /** Calls that run at once. */
  readonly concurrency: number
  /** Calls that may wait; further ones are refused. @default 1_000 */
  readonly queue?: number | undefined
  /** A call that has waited this long is refused. Milliseconds. @default 60_000 */
  readonly waitMs?: number | undefined
  /** Each key has its own limits. @default all calls share them */
  readonly per?: LimitKey<State> | undefined
  /** For tests. @default the monotonic clock of the process */
  readonly clock?: Clock | undefined
}

/** rate-limiter-flexible: rejects with `msBeforeNext`, or with an Error if its store fails. */
export interface PointsLimiter {
  consume(key: string | number, points?: number): Promise<unknown>
}

/** @upstash/ratelimit: `reset` is the epoch in milliseconds. */
export interface UpstashLimiter {
  limit(
    key: string,
    options?: { rate?: number },
  ): Promise<{
    readonly success: boolean
    readonly reset: number
    /** Analytics and other regions: continues after the result. */
    readonly pending?: Promise<unknown>
  }>
}

export interface RateOptions<State = {}> {
  /** The rate limiter, shared by all processes that share its store. */
  readonly by: PointsLimiter | UpstashLimiter
  readonly per: LimitKey<State>
  /** Points that a call consumes. @default 1 */
  readonly points?: number | ((ctx: Context<State>) => number) | undefined
}

/**
 * Limits the calls that run at once, the others wait in order; or asks a rate limiter before each
 * call. A refused call throws `RateLimitError` (429, code `limit`) with `retryAfterMs`, before any
 * provider call. A waiting call leaves the queue when it is aborted.
 *
 * Place: outside `usage`, once a call.
 *
 * Throws `MisuseError` at construction for an invalid limit, and at a call for an invalid key;
 * `ServiceUnavailableError` if the rate limiter fails, or does not respond for 10 seconds.
 *
 * @example
 * const ai = createClient({ use: standard({ with: [limit({ concurrency: 20, queue: 100 })] }) })
 */
export function limit<State = {}>(
  options: ConcurrencyOptions<State> | RateOptions<State>,
): Middleware<State> {
  if (options && 'by' in options) return limitRate(options)
  const {
    concurrency = 0,
    queue = 1_000,
    waitMs = 60_000,
    per,
    clock = systemClock,
  } = options ?? {}
  if (!(concurrency >= 1) || !(queue >= 0) || !(waitMs >= 0))
    throw new MisuseError(
      'limit() takes a concurrency of at least 1, queue and waitMs of at least 0',
    )
  const gates = new Map<string, Gate>()
  const passed = key<readonly Gate[]>('limit', { isInherited: true })

  return layer<State>(
    'limit',
    async (ctx, next) => {
      const name = per ? keyOf(per(ctx)) : ''
      const gate = gates.get(name) ?? new Gate({ concurrency, queue, waitMs, clock })
      const held = ctx.get(passed) ?? []
      // a call within a call would wait for the slot of its own outer call
      if (held.includes(gate)) return next()
      gates.set(name, gate)
      await gate.enter(ctx.signal)
      ctx.set(passed, [...held, gate])
      try {
        return await next()
      } finally {
        ctx.set(passed, held)
        gate.leave()
        if (gate.isIdle) gates.delete(name)
      }
    },
    { place: 'outside usage' },
  )
}

/** An invalid key would make unrelated calls share one limit. */
function keyOf(key: unknown): string {
  if (typeof key === 'number' || (typeof key === 'string' && key !== '')) return String(key)
  throw new MisuseError(
    '`per` of limit() must return a key: a string that is not empty, or a number',
  )
}

const refused = (why: string, retryAfterMs: number) =>
  new RateLimitError(`limit(): ${why}`, { status: 429, code: 'limit', retryAfterMs })

/** When a running call ends is unknown. */
const shortWhileMs = 1_000

interface Bounds {
  readonly concurrency: number
  readonly queue: number
  readonly waitMs: number
  readonly clock: Clock
}

/** A fair semaphore. */
class Gate {
  private running = 0
  private readonly waiting = new Set<() => void>()

  constructor(private readonly bounds: Bounds) {}

  get isIdle() {
    return this.running === 0 && this.waiting.size === 0
  }

  async enter(signal: AbortSignal): Promise<void> {
    const { concurrency, queue } = this.bounds
    if (this.running < concurrency) {
      this.running++
      return
    }
    if (this.waiting.size >= queue)
      throw refused(`${concurrency} calls are running and ${queue} are waiting`, shortWhileMs)
    await this.turn(signal)
  }

  /** The longest-waiting call takes over the slot. */
  leave(): void {
    const [first] = this.waiting
    if (first) first()
    else this.running--
  }

  private async turn(signal: AbortSignal): Promise<void> {
    const { waitMs, clock } = this.bounds
    let enter = () => {}
    let hasEntered = false
    let cancel = () => {}
    const turn = new Promise<void>((resolve, reject) => {
      enter = () => {
        this.waiting.delete(enter)
        hasEntered = true
        resolve()
      }
      this.waiting.add(enter)
      cancel = after(
        waitMs,
        () => reject(refused(`waited ${waitMs} ms in the queue`, shortWhileMs)),
        clock,
      )
    })
    try {
      await unlessAborted(turn, signal)
    } catch (error) {
      this.waiting.delete(enter)
      if (hasEntered) this.leave()
      throw error
    } finally {
      cancel()
    }
  }
}

function limitRate<State>({ by, per, points = 1 }: RateOptions<State>): Middleware<State> {
  if (!('consume' in by || 'limit' in by) || typeof per !== 'function')
    throw new MisuseError('limit({ by, per }) takes a rate limiter and a function that gives a key')
  return layer<State>(
    'limit',
    async (ctx, next) => {
      const name = keyOf(per(ctx))
      const amount = typeof points === 'function' ? points(ctx) : points
      const permit =
        'consume' in by ? consume(by, name, amount) : requestPermit(by, name, amount, ctx.defer)
      await unlessAborted(permit, ctx.signal)
      return next()
    },
    { place: 'outside usage' },
  )
}

/** Time limit of the rate limiter. Milliseconds. */
const patienceMs = 10_000

async function consume(limiter: PointsLimiter, key: string, points: number): Promise<void> {
  try {
    await inTime(async () => limiter.consume(key, points), patienceMs)
  } catch (thrown) {
    const ms = isObject(thrown) ? thrown.msBeforeNext : undefined
    throw typeof ms === 'number' ? tooMany(ms) : failed(thrown)
  }
}

async function requestPermit(
  limiter: UpstashLimiter,
  key: string,
  rate: number,
  defer: Context['defer'],
): Promise<void> {
  const response = inTime(async () => limiter.limit(key, { rate }), patienceMs)
  const { success, reset, pending } = await response.catch((cause: unknown) => {
    throw failed(cause)
  })
  if (pending) defer(pending)
  if (!success) throw tooMany(reset - Date.now())
}

const tooMany = (ms: number) => refused('too many calls', Math.max(0, Math.ceil(ms)))

const failed = (cause: unknown) =>
  new ServiceUnavailableError('limit(): the rate limiter failed', {
    status: 503,
    code: 'limiter_unavailable',
    cause,
  })
