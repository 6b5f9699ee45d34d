/** One answer, over as many connections as it takes: nothing twice, nothing missing. */
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
  /** Tries in a row that bring nothing, before a dropped connection is an error; 0 resumes nothing. @default 8 */
  readonly maxResumes?: number | undefined
  /** A connection on which nothing comes for so long is dropped: three of the server's heartbeats. Milliseconds. @default 45_000 */
  readonly silenceMs?: number | undefined
  /** For tests. @default Math.random */
  readonly random?: (() => number) | undefined
  /** For tests: waits so many milliseconds, or until the signal fires. @default a timer, cut short when the network is back */
  readonly wait?: ((ms: number, signal: AbortSignal) => Promise<void>) | undefined
}

export interface AnswerOptions extends ResumeOptions {
  readonly route: Route
  readonly signal: AbortSignal
  /** What is asked; absent, where an answer is read again. */
  readonly body?: unknown
  /** The answer that is read again. */
  readonly id?: string | undefined
  readonly onId: (id: string) => void
}

/**
 * The chunks of an answer, one array for each network read that brought any. Throws a `TetradError`; a connection that
 * drops is resumed first, where the server has told how.
 */
export async function* readAnswer(options: AnswerOptions): AsyncGenerator<readonly StreamChunk[]> {
  const { route, signal, body, onId, silenceMs = 45_000, maxResumes = 8 } = options
  let { id } = options
  let lastEventId: string | undefined
  /** What was read is known to the server by the number of its last event. */
  let isNumbered = true
  let tries = 0

  for (;;) {
    const drop = yield* connect()
    if (signal.aborted) throw toAbortError(signal.reason)
    if (!drop) return
    if (id === undefined || !isNumbered || tries >= maxResumes) throw drop
    const ms = backoffMs(tries++, options.random ?? Math.random)
    await (options.wait ?? wait)(Math.max(ms, drop.retryAfterMs ?? 0), signal)
  }

  /** One connection: what it dropped with, undefined at the end of the answer. Throws what the answer failed with. */
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

  /** The body of a connection; a failure that the next one may not have. */
  async function open(): Promise<ReadableStream<Uint8Array> | TetradError> {
    const known = id
    try {
      const response = await (known === undefined
        ? route.ask(body, signal)
        : route.resume(known, lastEventId, signal))
      const told = response.headers.get('x-stream-id')
      if (told) {
        id = told
        onId(told)
      }
      return await bodyOf(response)
    } catch (error) {
      // an answer that nobody has a name for was perhaps never begun: asking again could cost twice
      if (known === undefined || signal.aborted || !(error instanceof TetradError)) throw error
      const { status = 0 } = error
      if (error instanceof APIConnectionError || status === 429 || status >= 500) return error
      throw options.id === undefined ? dropped(error) : error
    }
  }

  /** Adds chunks, and gives the end of the answer: true, or what it failed with. */
  function readEventsInto(chunks: StreamChunk[], events: readonly ServerEvent[]) {
    for (const event of events) {
      // already read, if the numbers say so
      if (Number(event.id) <= Number(lastEventId)) continue
      isNumbered = event.id !== undefined
      lastEventId = event.id
      if (event.data === '[DONE]') return true
      const value = parseJson(event.data ?? '')
      if (!isObject(value)) return unexpected('bad_json', 'An event is no JSON object')
      if (value.type === 'error') return toError(value.error, 500)
      if (value.type === 'abort') return new AbortError()
      // the server's own chunks: what they say is what the server says
      chunks.push(value as StreamChunk)
    }
    return undefined
  }
}

async function bodyOf(response: Response): Promise<ReadableStream<Uint8Array>> {
  if (!response.ok || response.status === 204) throw await failureOf(response)
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream')
  if (isStream && response.body) return response.body
  response.body?.cancel().catch(() => {})
  throw unexpected('not_a_stream', 'The answer is no stream: is this the address of a handler?')
}

const unexpected = (code: string, message: string) =>
  new UnexpectedResponseError(message, { code, phase: 'stream' })
