/** One request and its response: reads that end at once on abort or timeout, and a socket that is let go. */
import type { Call, ErrorDetails, TetradError } from '../core/index.js'
import { AbortError, createWatch, TimeoutError } from '../core/index.js'
import { faultOf } from './connection-error.js'
import type { IncomingResponse, OutgoingRequest, Sender, Sending } from './sender.js'

export interface Connection {
  /** Sends the request. Throws `AbortError`, `TimeoutError` or `APIConnectionError`. */
  send(request: OutgoingRequest): Promise<IncomingResponse>
  /** The next piece of the body, undefined at its end. Throws as `send` does; `StreamInterruptedError` in a stream. */
  read(): Promise<Uint8Array | undefined>
  /** An event became chunks: what `idleEventsMs` waits for. */
  progress(): void
  /** Lets go of socket, timers and listener. With `drainMs` a body about to end may do so first: its connection can be used again. */
  close(options?: { readonly drainMs: number }): Promise<void>
}

export interface ConnectionOptions {
  readonly sender: Sender
  readonly call: Call
  readonly kind: 'body' | 'stream'
  /** Provider, model: for errors. */
  readonly details: ErrorDetails
}

export function openConnection({ sender, call, kind, details }: ConnectionOptions): Connection {
  let phase: 'request' | 'headers' | 'body' | 'stream' = 'request'
  let sentAt = 0
  let failure: TetradError | undefined
  let isClosed = false
  let isEnded = false
  let sending: Sending | undefined
  let response: IncomingResponse | undefined
  let rejectSend: ((reason: unknown) => void) | undefined

  const interrupt = (reason: TetradError) => {
    if (failure || isClosed) return
    failure = reason
    rejectSend?.(reason)
    sending?.cancel(reason)
  }

  const { headersMs, idleBytesMs, idleEventsMs } = call.timeouts ?? {}
  // a plain answer is one event, however long it takes
  const eventsMs = kind === 'stream' ? idleEventsMs : undefined
  const watch = createWatch({ headersMs, idleBytesMs, idleEventsMs: eventsMs }, (expired) =>
    interrupt(
      new TimeoutError(`${details.provider}/${details.model}: ${waits[expired]}`, {
        ...details,
        phase: expired,
        code: 'timeout',
        maybeBilled: true,
      }),
    ),
  )

  const release = onAbort(call, (cause) =>
    interrupt(
      new AbortError(undefined, {
        ...details,
        phase,
        maybeBilled: phase !== 'request',
        cause,
      }),
    ),
  )

  const fault = (thrown: unknown, at: 'headers' | 'body' | 'stream') =>
    failure ??
    faultOf(thrown, {
      ...details,
      phase: at,
      elapsedMs: performance.now() - sentAt,
      isStale: at === 'headers' && sending?.isStale() === true,
    })

  /** The wait ends with the call, also where the sender ignores that it was cancelled. */
  const answered = (pending: Promise<IncomingResponse>) =>
    new Promise<IncomingResponse>((resolve, reject) => {
      rejectSend = reject
      pending.then(resolve, reject)
    })

  return {
    async send(request) {
      if (failure) throw failure
      phase = 'headers'
      sentAt = performance.now()
      watch.begin('headers')
      try {
        sending = sender(request)
        response = await answered(sending.response)
        if (failure) throw failure
        phase = kind
        return response
      } catch (error) {
        throw fault(error, 'headers')
      } finally {
        rejectSend = undefined
        watch.end()
      }
    },

    async read() {
      if (failure) throw failure
      if (!response || isEnded) return undefined
      watch.begin('body')
      try {
        const bytes = await response.read()
        if (failure) throw failure
        isEnded = bytes === undefined
        return bytes
      } catch (error) {
        throw fault(error, kind)
      } finally {
        watch.end()
      }
    },

    progress: watch.progress,

    async close(options) {
      if (isClosed) return
      watch.close()
      if (options && response && sending && !isEnded && !failure)
        isEnded = await drain(response, sending, options.drainMs)
      isClosed = true
      release()
      if (!isEnded) sending?.cancel()
    },
  }
}

/** One listener on the end of a call, which most have without a signal. Returns what takes it off. */
function onAbort(call: Call, listener: (reason: unknown) => void): () => void {
  if (call.onAbort) return call.onAbort(listener)
  const { signal } = call
  const fire = () => listener(signal.reason)
  if (signal.aborted) fire()
  else signal.addEventListener('abort', fire, { once: true })
  return () => signal.removeEventListener('abort', fire)
}

/** Reads on until the body ends, the time is over or more comes than an end would bring. True: it has ended. */
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
    // the answer is whole: what happens to the connection behind it is no news
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
