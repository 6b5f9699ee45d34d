/** Reads whole bodies, up to a limit, and detects their kind by their first bytes. */
import { parseJson } from '../chat/index.js'
import { sseDecoder } from '../sse/index.js'
import type { Connection } from './connection.js'

export type BodyKind = 'empty' | 'html' | 'json' | 'sse' | 'other'

/** The whole body as text; undefined if longer than `maxBytes`. Throws the errors of `read`. */
export async function readText(
  connection: Connection,
  maxBytes: number,
  head?: Uint8Array,
): Promise<string | undefined> {
  const decoder = new TextDecoder()
  let text = head ? decoder.decode(head, streaming) : ''
  let size = head?.byteLength ?? 0
  for (let bytes = await connection.read(); bytes; bytes = await connection.read()) {
    size += bytes.byteLength
    if (size > maxBytes) return undefined
    text += decoder.decode(bytes, streaming)
  }
  return text + decoder.decode()
}

/** JSON of an error body: plain, or in the first event if the body is SSE. */
export function parseErrorText(text: string): unknown {
  return kindOf(text) === 'sse' ? firstEvent(text) : parseJson(text)
}

const firstEvent = (text: string): unknown => {
  const found: unknown[] = []
  const decoder = sseDecoder(({ data }) => void found.push(parseJson(data)), {
    onUnknownLine: (line) => void found.push(parseJson(line.replace(/^error: ?/, ''))),
  })
  decoder.push(new TextEncoder().encode(text))
  decoder.end()
  return found.find((data) => data !== undefined)
}

/**
 * Reads the start of a body until its kind is known, at most `maxHeadBytes`. Leading blank lines
 * are removed: they mean nothing in JSON, HTML or SSE.
 */
export async function readHead(
  connection: Connection,
): Promise<{ readonly kind: BodyKind; readonly bytes: Uint8Array }> {
  let head: Uint8Array = new Uint8Array(0)
  let size = 0
  for (let bytes = await connection.read(); bytes; bytes = await connection.read()) {
    size += bytes.byteLength
    head = head.length === 0 ? withoutBlanks(bytes) : concat(head, bytes)
    const kind = kindOf(startOf(head), false)
    if (kind) return { kind, bytes: head }
    // any number of blank lines is legal in a stream; a body of Unicode blanks is empty
    if (size > maxHeadBytes) return { kind: head.length > 0 ? 'empty' : 'other', bytes: head }
  }
  return { kind: kindOf(startOf(head)) ?? 'other', bytes: head }
}

const maxHeadBytes = 4096

/** The kind of a text by its start; undefined while that is too short. */
export function kindOf(text: string): BodyKind
export function kindOf(text: string, isWhole: false): BodyKind | undefined
export function kindOf(text: string, isWhole = true): BodyKind | undefined {
  const start = text.slice(0, 1024).trimStart() || text.trimStart()
  if (start === '') return isWhole ? 'empty' : undefined
  if (start.startsWith('<')) return 'html'
  if (/^[[{"]/.test(start)) return 'json'
  if (/^(:|(data|event|id|retry)[:\r\n]|error: ?\{)/.test(start)) return 'sse'
  const mayBecomeSse = !isWhole && sseFields.some((field) => field.startsWith(start))
  return mayBecomeSse ? undefined : 'other'
}

const sseFields = ['data', 'event', 'id', 'retry', 'error: {']

/** Omits an incomplete character at the end. */
const startOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes.subarray(0, 64), streaming)

/** Space, tab, line breaks, and the three bytes of a BOM, which may be split between reads. */
const blanks = new Set([0x20, 0x09, 0x0a, 0x0d, 0xef, 0xbb, 0xbf])

const withoutBlanks = (bytes: Uint8Array) => {
  const first = bytes.findIndex((byte) => !blanks.has(byte))
  return bytes.subarray(first < 0 ? bytes.length : first)
}

const concat = (a: Uint8Array, b: Uint8Array) => {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}

const streaming = { stream: true } as const
