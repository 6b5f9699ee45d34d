/** Encodes server-sent events; no field value can break their framing. */
import { MisuseError } from '../core/errors.js'

export interface SseMessage {
  readonly event?: string | undefined
  readonly id?: string | undefined
  /** Line breaks in it become further `data` lines, so that it is received as one event. */
  readonly data?: string | undefined
  /** Wait before a reconnect, in whole milliseconds. */
  readonly retry?: number | undefined
  /** Ignored by readers; keeps a connection alive. */
  readonly comment?: string | undefined
}

/**
 * Encodes one message, blank line included.
 * Throws `MisuseError` for an `event` or `id` with CR, LF, NUL or a Unicode line break, and for a
 * `retry` that is not a whole number.
 *
 * @example
 * encodeSse({ event: 'tick', data: '1' }) // 'event: tick\ndata: 1\n\n'
 */
export function encodeSse({ event, id, data, retry, comment }: SseMessage): string {
  let text = comment === undefined ? '' : lines('', comment)
  if (event !== undefined) text += `event: ${oneLine('event', event)}\n`
  if (id !== undefined) text += `id: ${oneLine('id', id)}\n`
  if (retry !== undefined) text += `retry: ${wholeNumber(retry)}\n`
  if (data !== undefined) text += lines('data', data)
  return `${text}\n`
}

/**
 * JSON for a `data` field. Escapes the Unicode line breaks that JSON allows: readers that split
 * text by Unicode's rules (Python's `splitlines`) would cut the event there.
 */
export function jsonLine(value: unknown): string {
  const json = JSON.stringify(value) ?? 'null'
  return unicodeBreak.test(json) ? json.replace(unicodeBreaks, escapeUnicode) : json
}

const unicodeBreak = /[\u0085\u2028\u2029]/
const unicodeBreaks = /[\u0085\u2028\u2029]/g
const escapeUnicode = (character: string) =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

const lines = (field: string, text: string) =>
  // JSON, the data of nearly all events, has none
  lineBreak.test(text)
    ? text
        .split(lineBreak)
        .map((line) => `${field}: ${line}\n`)
        .join('')
    : `${field}: ${text}\n`

const lineBreak = /\r\n|\r|\n/

const breaks = /[\0\n\r\u0085\u2028\u2029]/

const oneLine = (field: string, value: string) => {
  if (breaks.test(value))
    throw new MisuseError(`The ${field} of a server-sent event must be one line`)
  return value
}

const wholeNumber = (value: number) => {
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new MisuseError('The retry of a server-sent event must be a whole number of milliseconds')
}
