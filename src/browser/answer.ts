/** One answer across reconnects: no chunk is repeated or lost. */
import { isObject, parseJson, type StreamChunk } from '../chat/index.js'
import {
  AbortError,
  APIConnectionError,
  TetradError,
  UnexpectedResponseError,
} from '../core/errors.js'
import { dropped, failureOf, toAbortError, toError } from './errors.js'
import { readEvents, type ServerEvent } from './events.js'
import type { Route } from './route.js'
import { backoffMs, wait } from './wait.js'

export interface ResumeOptions {
  /**
   * Attempts in a row without chunks before a dropped connection is an error; 0 disables resuming.
   * @default 8
   */
  readonly maxResumes?: number | undefined
  /**
   * Drops a connection without data for this long: three of the server's heartbeats. Milliseconds.
   * @default 45_000
   */
  readonly silenceMs?: number | undefined
  /** For tests. @default Math.random */
  readonly random?: (() => number) | undefined
  /**
   * For tests: waits this many milliseconds, or until the signal fires.
   * @default a timer, ended early when the network is back
   */
  readonly wait?: ((ms: number, signal: AbortSignal) => Promise<void>) | undefined
}

export interface AnswerOptions extends ResumeOptions {
  readonly route: Route
  readonly signal: AbortSignal
  /** The request body; absent when an answer is resumed. */
  readonly body?: unknown
  /** The id of the answer to resume. */
  readonly id?: string | undefined
  readonly onId: (id: string) => void
}

/**
 * The chunks of an answer, one array for each network read that has any. Throws a `TetradError`; a
 * dropped connection is resumed first, if the server has sent the answer's id.
 */
export async function* readAnswer(options: AnswerOptions): AsyncGenerator<readonly StreamChunk[]> {
  const { route, signal, body, onId, silenceMs = 45_000, maxResumes = 8 } = options
  let { id } = options
  let lastEventId: string | undefined
  /** True while events have ids, from which the server can resume. */
  let isNumbered = true
  let tries = 0
  let absences = 0

  for (;;) {
    const drop = yield* connect()
    if (signal.aborted) throw toAbortError(signal.reason)
    if (!drop) return
    if (id === undefined || !isNumbered || tries >= maxResumes) throw drop
    const ms = backoffMs(tries++, options.random ?? Math.random)
    await (options.wait ?? wait)(Math.max(ms, drop.retryAfterMs ?? 0), signal)
  }

  /** One connection: returns the error it dropped with, if any. Throws the answer's own error. */
  async function* connect(): AsyncGenerator<readonly StreamChunk[], TetradError | undefined> {
    const stream = await open()
    if (stream instanceof TetradError) return stream
    let end: true | TetradError | undefined
    try {
      for await (const events of readEvents(stream, silenceMs)) {
        const chunks: StreamChunk[] = []
        end = readEventsInto(chunks, events)
        if (chunks.length > 0) {
          tries = 0
          yield chunks
        }
        if (end) break
      }
    } catch (error) {
      return dropped(error)
    }
    if (end instanceof TetradError) throw end
    return end ? undefined : dropped()
  }

  /** Opens a connection: returns its body, or an error that a retry may resolve. */
  async function open(): Promise<ReadableStream<Uint8Array> | TetradError> {
    const known = id
    try {
      const response = await (known === undefined
        ? route.post(body, signal)
        : route.resume(known, lastEventId, signal))
      const streamId = response.headers.get('x-stream-id')
      if (streamId) {
        id = streamId
        onId(streamId)
      }
      return await bodyOf(response)
    } catch (error) {
      // without an id the answer cannot be resumed: a second request could cost twice
      if (known === undefined || signal.aborted || !(error instanceof TetradError)) throw error
      if (isTransient(error)) return error
      if (options.id !== undefined) throw error
      if (error.status === 404 && ++absences <= maxAbsences) return dropped(error)
      throw dropped(error)
    }
  }

  /** Adds chunks; returns true at the end of the answer, or its error. */
  function readEventsInto(chunks: StreamChunk[], events: readonly ServerEvent[]) {
    for (const event of events) {
      // read before the connection dropped
      if (Number(event.id) <= Number(lastEventId)) continue
      isNumbered = event.id !== undefined
      lastEventId = event.id
      if (event.data === '[DONE]') return true
      const chunk = chunkOf(event.data ?? '')
      if (chunk instanceof TetradError) return chunk
      chunks.push(chunk)
    }
    return undefined
  }
}

/** 404s of an answer of this page: another process does not find it before it is in the store. */
const maxAbsences = 3

function isTransient(error: TetradError): boolean {
  const { status = 0 } = error
  return error instanceof APIConnectionError || status === 429 || status >= 500
}

/** The chunk of an event, or the error that ends the answer. */
function chunkOf(data: string): StreamChunk | TetradError {
  const value = parseJson(data)
  if (!isObject(value)) return unexpected('bad_json', 'An event is not a JSON object')
  if (value.type === 'error') return toError(value.error, 500)
  if (value.type === 'abort') return new AbortError()
  // trusted: the chunks come from the app's own server
  return value as StreamChunk
}

async function bodyOf(response: Response): Promise<ReadableStream<Uint8Array>> {
  if (!response.ok || response.status === 204) throw await failureOf(response)
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream')
  if (isStream && response.body) return response.body
  response.body?.cancel().catch(() => {})
  throw unexpected('not_a_stream', 'Not an event stream: is this URL a handler?')
}

const unexpected = (code: string, message: string) =>
  new UnexpectedResponseError(message, { code, phase: 'stream' })
