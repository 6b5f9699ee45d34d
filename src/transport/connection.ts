/** One request and its response: a fetch and reads that end at once on abort or timeout, and a socket that is let go. */
import type { Call, ErrorDetails, TetradError } from '../core/index.js'
import { AbortError, TimeoutError } from '../core/index.js'
import { faultOf } from './connection-error.js'
import { createWatch } from './timers.js'

export interface Connection {
  /** Sends the request. Throws `AbortError`, `TimeoutError` or `APIConnectionError`. */
  fetch(url: URL, init: RequestInit): Promise<Response>
  /** The next piece of the body, undefined at its end. Throws as `fetch` does; `StreamInterruptedError` in a stream. */
  read(): Promise<Uint8Array | undefined>
  /** An event with content came: what `idleEventsMs` waits for. */
  progress(): void
  /** Lets go of socket, timers and listener. With `drainMs` a body about to end may do so first: its connection can be used again. */
  close(options?: { readonly drainMs: number }): Promise<void>
}

export interface ConnectionOptions {
  readonly fetch: typeof globalThis.fetch
  readonly call: Call
  readonly kind: 'body' | 'stream'
  /** Provider, model: for errors. */
  readonly details: ErrorDetails
}

export function openConnection({ fetch, call, kind, details }: ConnectionOptions): Connection {
  const controller = new AbortController()
  let phase: 'request' | 'headers' | 'body' | 'stream' = 'request'
  let sentAt = 0
  let failure: TetradError | undefined
  let isClosed = false
  let isEnded = false
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  let rejectFetch: ((reason: unknown) => void) | undefined

  // cancelling ends a pending read at once, whatever the body's source does about it
  const cancel = (reason?: unknown) => void reader?.cancel(reason).catch(ignore)

  const interrupt = (reason: TetradError) => {
    if (failure || isClosed) return
    failure = reason
    rejectFetch?.(reason)
    cancel(reason)
    controller.abort(reason)
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

  const onAbort = () =>
    interrupt(
      new AbortError(undefined, {
        ...details,
        phase,
        maybeBilled: phase !== 'request',
        cause: call.signal.reason,
      }),
    )
  if (call.signal.aborted) onAbort()
  else call.signal.addEventListener('abort', onAbort, { once: true })

  const fault = (thrown: unknown, at: 'headers' | 'body' | 'stream') =>
    failure ?? faultOf(thrown, { ...details, phase: at, elapsedMs: performance.now() - sentAt })

  /** Native fetch ends by its signal; one that was injected may not, and is left behind. */
  const send = (url: URL, init: RequestInit) =>
    new Promise<Response>((resolve, reject) => {
      rejectFetch = reject
      Promise.resolve()
        .then(() => fetch(url, { ...init, signal: controller.signal }))
        .then((response) => {
          if (failure || isClosed) response.body?.cancel().catch(ignore)
          else resolve(response)
        })
        .catch(reject)
    })

  return {
    async fetch(url, init) {
      if (failure) throw failure
      phase = 'headers'
      sentAt = performance.now()
      watch.begin('headers')
      try {
        const response = await send(url, init)
        if (failure) throw failure
        reader = response.body?.getReader()
        phase = kind
        return response
      } catch (error) {
        throw fault(error, 'headers')
      } finally {
        rejectFetch = undefined
        watch.end()
      }
    },

    async read() {
      if (failure) throw failure
      if (!reader || isEnded) return undefined
      watch.begin('body')
      try {
        const { done, value } = await reader.read()
        if (failure) throw failure
        isEnded = done
        return value
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
      if (options && reader && !isEnded && !failure) await drain(reader, options.drainMs)
      isClosed = true
      call.signal.removeEventListener('abort', onAbort)
      if (reader && !isEnded) cancel()
    },
  }
}

/** Reads on until the body ends, the time is over or more comes than an end would bring. */
const drain = async (reader: ReadableStreamDefaultReader<Uint8Array>, drainMs: number) => {
  const timer = setTimeout(() => void reader.cancel().catch(ignore), drainMs)
  try {
    for (let left = maxDrainBytes; left > 0; ) {
      const { done, value } = await reader.read()
      if (done) return
      left -= value.byteLength
    }
  } catch {
    // the answer is whole: what happens to the connection behind it is no news
  } finally {
    clearTimeout(timer)
  }
}

const maxDrainBytes = 64 * 1024

const waits = {
  headers: 'no response within headersMs',
  'idle-bytes': 'no byte of the answer within idleBytesMs',
  'idle-events': 'no event of the answer within idleEventsMs',
} as const

const ignore = () => {}
