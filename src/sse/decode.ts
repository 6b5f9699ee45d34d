/** Server-sent events out of bytes: any cut, any line ending, linear in the size of the stream. */
import { createParser } from 'eventsource-parser'
import { UnexpectedResponseError } from '../core/errors.js'

export interface SseEvent {
  readonly event?: string | undefined
  readonly id?: string | undefined
  readonly data: string
  /** The stream ended before the blank line that closes the event: its data may be cut. */
  readonly unterminated?: true
}

export interface SseDecoderOptions {
  /** Size of one event, counted in characters of its decoded text. @default 67_108_864 */
  readonly maxEventBytes?: number | undefined
  /** The server's wish for the wait before a reconnect, in milliseconds. */
  readonly onRetry?: ((retryMs: number) => void) | undefined
}

export interface SseDecoder {
  /**
   * Takes one network read. Events that it completes are handed over first; then throws `UnexpectedResponseError` with
   * code `too_large` if an event has outgrown the limit.
   */
  push(bytes: Uint8Array): void
  /** The body has ended: hands over an event that lacks only its blank line, marked as `unterminated`. */
  end(): void
}

/** 64 MiB: a 28 MiB base64 image in one event is legal. */
const defaultMaxEventBytes = 64 * 1024 * 1024

/** Decodes a stream that is pushed in; `onEvent` is called for each event in order, comments are passed over. */
export function sseDecoder(
  onEvent: (event: SseEvent) => void,
  { maxEventBytes = defaultMaxEventBytes, onRetry }: SseDecoderOptions = {},
): SseDecoder {
  const text = pieces()
  const lines = lineFeeds()
  let isTooLarge = false
  let isEnding = false
  const parser = createParser({
    maxBufferSize: maxEventBytes,
    onRetry,
    onEvent: (event) => {
      // the parser measures what it still holds; an event that came whole in one read is measured here
      if (event.data.length > maxEventBytes) isTooLarge = true
      if (isTooLarge) return
      onEvent(isEnding ? { ...event, unterminated: true } : event)
    },
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded') isTooLarge = true
    },
  })
  const feed = (piece: string) => {
    if (piece !== '' && !isTooLarge) parser.feed(piece)
    if (isTooLarge) throw tooLarge(maxEventBytes)
  }
  return {
    push: (bytes) => feed(lines(text.decode(bytes))),
    end() {
      feed(lines(text.end()))
      isEnding = true
      feed('\n\n')
    },
  }
}

/** Decodes a body: one array of events for each network read that completed any. Leaving it early cancels the body. */
export async function* decodeSse(
  body: ReadableStream<Uint8Array>,
  options?: SseDecoderOptions,
): AsyncGenerator<readonly SseEvent[]> {
  let events: SseEvent[] = []
  const decoder = sseDecoder((event) => void events.push(event), options)
  const take = () => {
    const taken = events
    events = []
    return taken
  }
  const reader = body.getReader()
  try {
    for (let isOpen = true; isOpen; ) {
      const { done, value } = await reader.read()
      isOpen = !done
      const failure = attempt(() => (done ? decoder.end() : decoder.push(value)))
      if (events.length > 0) yield take()
      if (failure) throw failure.error
    }
  } finally {
    reader.cancel().catch(() => {})
  }
}

const attempt = (run: () => void): { readonly error: unknown } | undefined => {
  try {
    run()
  } catch (error) {
    return { error }
  }
  return undefined
}

/**
 * Text of bytes that come in pieces. A `TextDecoder` that is told of more to come is three times slower on Node, and makes
 * texts of twice the size: only the first piece, which may begin with a BOM, and one that ends in a cut character have one.
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
 * Makes LF of CR and CRLF, also where a cut parts the two. The parser would wait for the character behind a CR, so that
 * an event ended by CR would come one read late, and the last one never.
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
    `An event of the stream is larger than ${maxEventBytes} bytes (option maxEventBytes)`,
    { code: 'too_large', phase: 'stream', retryable: false, maybeBilled: true },
  )
