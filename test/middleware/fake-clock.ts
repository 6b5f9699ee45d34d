/** A clock that tests advance by hand, or that jumps to the next timer. */
import type { Clock } from '../../middleware/clock.js'

export interface FakeClock extends Clock {
  /** Every requested wait, in milliseconds. */
  readonly waits: readonly number[]
  /** Timers that have neither fired nor been cancelled. */
  readonly pending: () => number
  /** Advances the clock and fires the timers that become due. */
  readonly advance: (ms: number) => void
}

export function fakeClock({ jumps = false } = {}): FakeClock {
  const waits: number[] = []
  const timers = new Map<number, { readonly due: number; readonly run: () => void }>()
  let now = 1_000
  let handle = 0
  const advance = (ms: number) => {
    const end = now + ms
    for (;;) {
      const [next] = [...timers]
        .filter(([, { due }]) => due <= end)
        .sort(([, a], [, b]) => a.due - b.due)
      if (!next) break
      const [id, { due, run }] = next
      timers.delete(id)
      now = Math.max(now, due)
      run()
    }
    now = end
  }
  return {
    waits,
    pending: () => timers.size,
    advance,
    now: () => now,
    setTimeout: (run, ms) => {
      const id = ++handle
      waits.push(ms)
      timers.set(id, { due: now + ms, run })
      if (jumps) setImmediate(() => timers.has(id) && advance((timers.get(id)?.due ?? now) - now))
      return id
    },
    clearTimeout: (timer) => void timers.delete(Number(timer)),
  }
}
