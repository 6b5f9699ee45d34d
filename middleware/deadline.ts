/** A wall-clock limit on everything inside: attempts, waits, tools, a slow consumer. */
import { layer, type Middleware, MisuseError, TimeoutError } from '../src/core/index.js'
import { after, type Clock, systemClock, timeLeft } from './clock.js'

export interface DeadlineOptions {
  /** For tests. @default the monotonic clock of the process */
  readonly clock?: Clock | undefined
}

/**
 * Aborts what is inside after `ms` milliseconds with a `TimeoutError` of phase `deadline`. It
 * includes provider calls, the waits between them, tools, nested calls, and the time a consumer
 * takes.
 *
 * Place: outside `retry` it limits the call, inside `retry` each attempt (which `retry` may then
 * repeat). `retry` starts no attempt and no wait that an enclosing deadline would cut off.
 *
 * Throws `MisuseError` at construction for anything but a positive number.
 *
 * @example
 * const ai = createClient({ use: [deadline(30_000), retry()] })
 */
export function deadline(ms: number, { clock = systemClock }: DeadlineOptions = {}): Middleware {
  if (!(ms > 0)) throw new MisuseError('deadline() takes a positive number of milliseconds')

  return layer('deadline', async (ctx, next) => {
    const due = clock.now() + ms
    const outer = ctx.get(timeLeft)
    ctx.set(timeLeft, () => Math.min(due - clock.now(), outer?.() ?? Infinity))
    const end = () => {
      const last = ctx.attempts.at(-1)
      ctx.abort(
        new TimeoutError(`The deadline of ${ms} ms has passed for ${ctx.request.model}`, {
          phase: 'deadline',
          provider: last?.provider,
          model: last?.model ?? ctx.request.model,
          maybeBilled: last?.status === 'running',
        }),
      )
    }
    const cancel = after(ms, end, clock)
    try {
      return await next()
    } finally {
      cancel()
      ctx.set(timeLeft, outer)
    }
  })
}
