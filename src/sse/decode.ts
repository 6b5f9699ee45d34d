/** Decodes server-sent events from bytes: any cut, any line ending, linear in the stream's size. */
import { createParser } from 'eventsource-parser'
import { UnexpectedResponseError } from '../core/errors.js'

export interface SseEvent {
  readonly event?: string | undefined
  readonly id?: string | undefined
  readonly data: string
  /** The stream ended before the event's blank line: its data may be truncated. */
  readonly unterminated?: true
}

export interface SseDecoderOptions {
  /**
   * Maximum size of an event, in characters of its decoded text: never more than its bytes, and as
   * many for ASCII, such as base64. @default 67_108_864
   */
  readonly maxEventBytes?: number | undefined
  /** Receives the server's `retry` field: milliseconds before a reconnect. */
  readonly onRetry?: ((retryMs: number) => void) | undefined
  /** Receives lines with an unknown field, which the standard ignores: some servers send errors so. */
  readonly onUnknownLine?: ((line: string) => void) | undefined
}

export interface SseDecoder {
  /**
   * Decodes one network read. Emits the events that it completes, then throws
   * `UnexpectedResponseError` with code `too_large` if an event exceeds the limit.
   */
  push(bytes: Uint8Array): void
  /** Ends the stream; emits an event that lacks only its blank line, marked as `unterminated`. */
  end(): void
}

/** 64 MiB of ASCII: a 28 MiB base64 image in one event is legal. */
const defaultMaxEventBytes = 64 * 1024 * 1024

/** Decodes a pushed stream; calls `onEvent` for each event in order and skips comments. */
export function sseDecoder(
  onEvent: (event: SseEvent) => void,
  { maxEventBytes = defaultMaxEventBytes, onRetry, onUnknownLine }: SseDecoderOptions = {},
): SseDecoder {
  const text = pieces()
  const lines = lineFeeds()
  /** The line that a read ended in: version 4 of the parser drops one that is no field unseen. */
  let begun = ''
  let isTooLarge = false
  let isEnding = false
  const parser = createParser({
    maxBufferSize: maxEventBytes,
    onRetry,
    onEvent: (event) => {
      // the parser measures only its buffer; an event that arrived in one read is measured here
      if (event.data.length > maxEventBytes) isTooLarge = true
      if (isTooLarge) return
      onEvent(isEnding ? { ...event, unterminated: true } : event)
    },
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded') isTooLarge = true
      if (error.type === 'unknown-field') onUnknownLine?.(error.line ?? '')
    },
  })
  const feed = (decoded: string) => {
    const piece = lines(decoded)
    const end = piece.lastIndexOf('\n') + 1
    const whole = end > 0 ? begun + piece.slice(0, end) : ''
    begun = end > 0 ? piece.slice(end) : begun + piece
    if (whole !== '' && !isTooLarge) parser.feed(whole)
    if (isTooLarge || begun.length > maxEventBytes) throw tooLarge(maxEventBytes)
  }
  return {
    push: (bytes) => feed(text.decode(bytes)),
    end() {
      feed(text.end())
      isEnding = true
      feed('\n\n')
    },
  }
}

/**
 * Decodes text from pieces of bytes. On Node a streaming `TextDecoder` is three times slower and
 * its strings take twice the memory: only the first piece, which may begin with a BOM, and pieces
 * that end in a cut character use one.
 */
const pieces = () => {
  const whole = new TextDecoder('utf-8', keepingBom)
  let cut: TextDecoder | undefined = new TextDecoder()
  return {
    decode(bytes: Uint8Array): string {
      const stream = (bytes.at(-1) ?? 0x80) >= 0x80
      if (stream) cut ??= new TextDecoder('utf-8', keepingBom)
      const text = (cut ?? whole).decode(bytes, { stream })
      if (!stream) cut = undefined
      return text
    },
    end: () => cut?.decode() ?? '',
  }
}

const keepingBom = { ignoreBOM: true } as const

/**
 * Converts CR and CRLF to LF, also where a read ends between the two. The parser would wait for the
 * character after a CR: an event that ends in CR would be emitted one read late, the last one
 * never.
 */
const lineFeeds = () => {
  let endedInCr = false
  return (text: string): string => {
    let piece = text
    if (endedInCr && piece !== '') {
      endedInCr = false
      if (piece.charCodeAt(0) === 10) piece = piece.slice(1)
    }
    if (!piece.includes('\r')) return piece
    endedInCr = piece.endsWith('\r')
    return piece.replace(/\r\n?/g, '\n')
  }
}

const tooLarge = (maxEventBytes: number) =>
  new UnexpectedResponseError(
    `An event of the stream is longer than ${maxEventBytes} characters (option maxEventBytes)`,
    { code: 'too_large', phase: 'stream', retryable: false, maybeBilled: true },
  )
