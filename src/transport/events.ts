/** Parses the bytes of a stream, one array of events per read; an error waits in `failure`. */
import { isObject, parseJson } from '../chat/index.js'
import {
  type ErrorDetails,
  StreamInterruptedError,
  type TetradError,
  UnexpectedResponseError,
} from '../core/index.js'
import { type SseDecoder, type SseEvent, sseDecoder } from '../sse/index.js'
import { faultOf } from './connection-error.js'
import { isErrorBody } from './error-body.js'
import { EventJson } from './event-json.js'
import { scrub } from './scrub.js'
import type { WireEvent } from './transport.js'

export interface EventReaderOptions {
  readonly maxEventBytes: number | undefined
  readonly details: ErrorDetails
  /** Removed from error events, in case the server echoes it. */
  readonly secret: string | undefined
}

/** A class: getters of an object literal are created per stream and retain it until a full GC. */
export class EventReader {
  /** To be thrown once the events were taken. */
  failure: unknown
  /** `[DONE]` was read: later events are ignored. */
  isDone = false
  private events: WireEvent[] = []
  /** Lines that are no field of an event, since the last event. */
  private unknownLines = ''
  private readonly decoder: SseDecoder
  private readonly json = new EventJson()

  constructor(private readonly options: EventReaderOptions) {
    const { maxEventBytes } = options
    const onUnknownLine = (line: string) => {
      if (this.unknownLines.length < maxErrorLength)
        this.unknownLines += `${line.slice(0, maxErrorLength)}\n`
    }
    this.decoder = sseDecoder((event) => this.add(event), { maxEventBytes, onUnknownLine })
  }

  push(bytes: Uint8Array): void {
    this.run(() => this.decoder.push(bytes))
  }

  /** Called when the body has ended, or was cut off by `failure`. */
  end(): void {
    if (!this.failure) this.run(() => this.decoder.end())
    if (this.unknownLines === '' || this.isDone) return
    const data = errorOf(scrub(this.unknownLines, this.options.secret))
    if (data) this.events.push({ event: 'error', data })
  }

  /** Returns the events since the last call. */
  take(): readonly WireEvent[] {
    const { events } = this
    this.events = []
    return events
  }

  private run(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.failure ??= withDetails(error, this.options.details)
    }
  }

  private add(event: SseEvent): void {
    if (this.isDone || this.failure) return
    this.unknownLines = ''
    const text = event.data
    // runs for each event of each stream: only one character is checked before the parse
    if (text.charCodeAt(0) !== openingBrace) {
      if (isBlank(text)) return
      if (isDoneMark(text)) {
        this.isDone = true
        this.events.push({ data: undefined, done: true })
        return
      }
    }
    const { secret, details } = this.options
    try {
      const parsed = this.json.parse(text)
      const data = secret && isError(event.event, parsed) ? JSON.parse(scrub(text, secret)) : parsed
      this.events.push(event.event === undefined ? { data } : { event: event.event, data })
    } catch {
      this.failure = event.unterminated ? cut(details) : badJson(details)
    }
  }
}

/** Bounds what is kept of unknown lines. Characters. */
const maxErrorLength = 65_536

/**
 * The error in lines that are no fields: llama.cpp's `error: {"code":500,"message":"…"}`, or text,
 * or a JSON body of a gateway. Undefined without one.
 */
function errorOf(lines: string): unknown {
  const [, field] = /^error: ?(.*)/m.exec(lines) ?? []
  const value = parseJson(field ?? lines)
  if (field === undefined) return isErrorBody(value) ? [value].flat()[0] : undefined
  const error = isObject(value) ? (value.error ?? value) : { message: field }
  return { type: 'error', error }
}

const openingBrace = 0x7b

const isBlank = (text: string) => text.length < 8 && text.trim() === ''

const isDoneMark = (text: string) => text.length < 16 && text.trim() === '[DONE]'

const isError = (name: string | undefined, data: unknown) =>
  name === 'error' ||
  (isObject(data) &&
    (data.type === 'error' || data.type === 'response.failed' || isObject(data.error)))

const badJson = (details: ErrorDetails) =>
  new UnexpectedResponseError(
    `${details.provider}/${details.model} sent an event that is not JSON`,
    { ...details, code: 'bad_json', phase: 'stream', maybeBilled: true },
  )

const cut = (details: ErrorDetails) =>
  new StreamInterruptedError(
    `The stream of ${details.provider}/${details.model} ended in the middle of an event`,
    { ...details, code: 'truncated', phase: 'stream', maybeBilled: true },
  )

/** Adds provider and model. */
const withDetails = (error: unknown, details: ErrorDetails): TetradError =>
  error instanceof UnexpectedResponseError
    ? new UnexpectedResponseError(error.message, {
        ...details,
        code: error.code,
        phase: 'stream',
        retryable: error.retryable,
        maybeBilled: true,
      })
    : faultOf(error, { ...details, phase: 'stream', elapsedMs: 0 })
