/** One request and its response: reads end at once on abort or timeout; the socket is released. */
import type { Call, ErrorDetails, TetradError, Watch, WatchPhase } from '../core/index.js'
import { AbortError, createWatch, onAbort, TimeoutError } from '../core/index.js'
import { faultOf } from './connection-error.js'
import type { IncomingResponse, OutgoingRequest, Sender, Sending } from './sender.js'

export interface Connection {
  /** Sends the request. Throws `AbortError`, `TimeoutError` or `APIConnectionError`. */
  send(request: OutgoingRequest): Promise<IncomingResponse>
  /** The next bytes, undefined at the end. Throws like `send`, or `StreamInterruptedError`. */
  read(): Promise<Uint8Array | undefined>
  /** Resets `idleEventsMs`: an event became chunks. */
  progress(): void
  /**
   * Releases socket, timers and listener. With `drainMs` a body near its end may finish first, so
   * that its connection can be reused.
   */
  close(options?: { readonly drainMs: number }): Promise<void>
}

export interface ConnectionOptions {
  readonly sender: Sender
  readonly call: Call
  readonly kind: 'body' | 'stream'
  /** Provider and model, for errors. */
  readonly details: ErrorDetails
}

export const openConnection = (options: ConnectionOptions): Connection => new OneConnection(options)

class OneConnection implements Connection {
  private phase: 'request' | 'headers' | 'body' | 'stream' = 'request'
  private sentAt = 0
  private failure: TetradError | undefined
  private isClosed = false
  private isEnded = false
  private sending: Sending | undefined
  private response: IncomingResponse | undefined
  private rejectSend: ((reason: unknown) => void) | undefined
  private readonly watch: Watch
  private readonly release: () => void

  constructor(private readonly options: ConnectionOptions) {
    const { call, kind } = options
    const { headersMs, idleBytesMs, idleEventsMs } = call.timeouts ?? {}
    // a plain answer is one event, whatever its duration
    const eventsMs = kind === 'stream' ? idleEventsMs : undefined
    this.watch = createWatch({ headersMs, idleBytesMs, idleEventsMs: eventsMs }, (expired) =>
      this.expire(expired),
    )
    this.release = onAbort(call, (cause) => this.abort(cause))
  }

  async send(request: OutgoingRequest): Promise<IncomingResponse> {
    if (this.failure) throw this.failure
    this.phase = 'headers'
    this.sentAt = performance.now()
    this.watch.begin('headers')
    try {
      this.sending = this.options.sender(request)
      this.response = await this.answered(this.sending.response)
      if (this.failure) throw this.failure
      this.phase = this.options.kind
      return this.response
    } catch (error) {
      throw this.fault(error, 'headers')
    } finally {
      this.rejectSend = undefined
      this.watch.end()
    }
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.failure) throw this.failure
    if (!this.response || this.isEnded) return undefined
    this.watch.begin('body')
    try {
      const bytes = await this.response.read()
      if (this.failure) throw this.failure
      this.isEnded = bytes === undefined
      return bytes
    } catch (error) {
      throw this.fault(error, this.options.kind)
    } finally {
      this.watch.end()
    }
  }

  progress(): void {
    this.watch.progress()
  }

  async close(options?: { readonly drainMs: number }): Promise<void> {
    if (this.isClosed) return
    const { response, sending } = this
    this.watch.close()
    if (options && response && sending && !this.isEnded && !this.failure)
      this.isEnded = await drain(response, sending, options.drainMs)
    this.isClosed = true
    this.release()
    if (!this.isEnded) sending?.cancel()
  }

  private interrupt(reason: TetradError): void {
    if (this.failure || this.isClosed) return
    this.failure = reason
    this.rejectSend?.(reason)
    this.sending?.cancel(reason)
  }

  private expire(phase: WatchPhase): void {
    const { details } = this.options
    this.interrupt(
      new TimeoutError(`${details.provider}/${details.model}: ${waits[phase]}`, {
        ...details,
        phase,
        code: 'timeout',
        maybeBilled: true,
      }),
    )
  }

  private abort(cause: unknown): void {
    const { phase } = this
    const maybeBilled = phase !== 'request'
    this.interrupt(
      new AbortError(undefined, { ...this.options.details, phase, maybeBilled, cause }),
    )
  }

  private fault(thrown: unknown, phase: 'headers' | 'body' | 'stream'): unknown {
    if (this.failure) return this.failure
    return faultOf(thrown, {
      ...this.options.details,
      phase,
      elapsedMs: performance.now() - this.sentAt,
      isStale: phase === 'headers' && this.sending?.isStale() === true,
    })
  }

  /** Ends the wait on abort or timeout, even if the sender ignores `cancel`. */
  private answered(pending: Promise<IncomingResponse>): Promise<IncomingResponse> {
    return new Promise((resolve, reject) => {
      this.rejectSend = reject
      pending.then(resolve, reject)
    })
  }
}

/** Reads until the body ends, the time is over or `maxDrainBytes` were read. True if it ended. */
const drain = async (response: IncomingResponse, sending: Sending, drainMs: number) => {
  let isInTime = true
  const timer = setTimeout(() => {
    isInTime = false
    sending.cancel()
  }, drainMs)
  try {
    for (let left = maxDrainBytes; left > 0; ) {
      const bytes = await response.read()
      if (!bytes) return isInTime
      left -= bytes.byteLength
    }
  } catch {
    // the answer is complete: later connection errors are ignored
  } finally {
    clearTimeout(timer)
  }
  return false
}

const maxDrainBytes = 64 * 1024

const waits = {
  headers: 'no response within headersMs',
  'idle-bytes': 'no byte of the answer within idleBytesMs',
  'idle-events': 'no event of the answer within idleEventsMs',
} as const
