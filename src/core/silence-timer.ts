/** Watches an adapter that has no timers of its own; a wait for a slow consumer counts for nothing. */
import type { Timeouts } from '../chat/index.js'

export type SilencePhase = 'headers' | 'idle-bytes' | 'idle-events'

/** Runs while a read of the adapter is pending. A limit that is not above 0 is off. */
export class SilenceTimer {
  onExpire: (phase: SilencePhase) => void = () => {}
  private readonly limits: Readonly<Record<SilencePhase, number>>
  private timer: ReturnType<typeof setTimeout> | undefined
  private isPending = false
  private hasAnswer = false
  private since = 0
  /** Time that earlier reads waited for an event. */
  private waitedMs = 0

  constructor({ headersMs, idleBytesMs, idleEventsMs }: Timeouts) {
    this.limits = {
      headers: limit(headersMs),
      'idle-bytes': limit(idleBytesMs),
      'idle-events': limit(idleEventsMs),
    }
  }

  /** A read is pending. */
  begin(): void {
    this.isPending = true
    this.arm()
  }

  /** It came, with an event or with bytes alone. */
  end(isEvent: boolean): void {
    clearTimeout(this.timer)
    this.isPending = false
    this.hasAnswer = true
    this.waitedMs = isEvent ? 0 : this.waitedMs + performance.now() - this.since
  }

  /** The server has answered, the read goes on. */
  answered(): void {
    if (this.hasAnswer) return
    this.hasAnswer = true
    if (this.isPending) this.arm()
  }

  close(): void {
    clearTimeout(this.timer)
    this.isPending = false
  }

  private arm(): void {
    clearTimeout(this.timer)
    this.since = performance.now()
    const [ms, phase] = this.nextLimit()
    if (ms < Number.POSITIVE_INFINITY)
      this.timer = setTimeout(() => this.onExpire(phase), Math.min(ms, longestMs))
  }

  private nextLimit(): readonly [number, SilencePhase] {
    const { limits } = this
    if (!this.hasAnswer) return [limits.headers, 'headers']
    const events = limits['idle-events'] - this.waitedMs
    return limits['idle-bytes'] <= events
      ? [limits['idle-bytes'], 'idle-bytes']
      : [events, 'idle-events']
  }
}

const limit = (ms: number | undefined) =>
  ms !== undefined && ms > 0 ? ms : Number.POSITIVE_INFINITY

/** The longest wait that `setTimeout` knows. */
const longestMs = 2 ** 31 - 1
