/**
 * Timers of one provider call: they run only while its answer or a read is pending; a read costs
 * two clock reads.
 */
import type { Timeouts } from '../chat/index.js'

export type WatchPhase = 'headers' | 'idle-bytes' | 'idle-events'

export interface Watch {
  /** Starts waiting for the headers, or for a read of the body. */
  begin(what: 'headers' | 'body'): void
  /** Stops waiting. The time until the next `begin` is not counted. */
  end(): void
  /** An event became chunks. */
  progress(): void
  close(): void
}

/** Calls `onExpire` once, with the phase of the expired timer. A limit not above 0 is disabled. */
export function createWatch(timeouts: Timeouts, onExpire: (phase: WatchPhase) => void): Watch {
  const headersMs = limit(timeouts.headersMs)
  const idleBytesMs = limit(timeouts.idleBytesMs)
  const idleEventsMs = limit(timeouts.idleEventsMs)
  if (Math.min(headersMs, idleBytesMs, idleEventsMs) === Number.POSITIVE_INFINITY) return idle

  let awaited: 'headers' | 'body' | undefined
  let since = 0
  /** Time that earlier reads waited for an event. */
  let waitedMs = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let dueAt = 0

  const leftMs = (now: number): readonly [number, WatchPhase] => {
    if (awaited === 'headers') return [headersMs - (now - since), 'headers']
    const bytesLeft = idleBytesMs - (now - since)
    const eventsLeft = idleEventsMs - waitedMs - (now - since)
    return bytesLeft <= eventsLeft ? [bytesLeft, 'idle-bytes'] : [eventsLeft, 'idle-events']
  }

  const arm = (now: number, ms: number) => {
    clearTimeout(timer)
    timer = undefined
    if (ms === Number.POSITIVE_INFINITY) return
    dueAt = now + ms
    timer = setTimeout(check, Math.min(ms, maxTimerMs))
  }

  const check = () => {
    timer = undefined
    if (awaited === undefined) return
    const now = performance.now()
    const [ms, phase] = leftMs(now)
    if (ms > 0) return arm(now, ms)
    // the process was busy or suspended: data may be in the socket, so it is read first
    if (now - dueAt > lateMs) return arm(now, secondLookMs)
    onExpire(phase)
  }

  return {
    begin(what) {
      awaited = what
      since = performance.now()
      const [ms] = leftMs(since)
      // a timer due earlier re-arms when it fires, so most reads set none
      if (timer === undefined || since + ms < dueAt) arm(since, ms)
    },
    end() {
      waitedMs += awaited === 'body' ? performance.now() - since : 0
      awaited = undefined
    },
    progress() {
      waitedMs = 0
    },
    close() {
      awaited = undefined
      clearTimeout(timer)
    },
  }
}

/** Longest delay of `setTimeout`. */
const maxTimerMs = 2 ** 31 - 1
const lateMs = 50
const secondLookMs = 5

const limit = (ms: number | undefined) =>
  ms !== undefined && ms > 0 ? ms : Number.POSITIVE_INFINITY

const idle: Watch = { begin() {}, end() {}, progress() {}, close() {} }
