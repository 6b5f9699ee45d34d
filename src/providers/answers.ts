/** Shared by the readers of all wires: a whole body read as a stream, citations. */
import type { ChatResponse, FileCitation, StreamChunk, UrlCitation } from '../chat/index.js'
import { asNumber, asObject, defined, type JsonObject } from '../chat/json.js'
import { accumulate, UnexpectedResponseError } from '../core/index.js'
import type { StreamReader } from './adapter.js'
import type { Loose, TurnWriter } from './turn-writer.js'

export interface AnswerReader extends StreamReader {
  readonly writer: TurnWriter
}

/** Reads a body as a stream of one event, so that both modes agree. Undefined if incomplete. */
export function readWhole(reader: StreamReader, data: unknown): ChatResponse | undefined {
  const chunks: StreamChunk[] = []
  const push = (chunk: StreamChunk) => void chunks.push(chunk)
  reader.read({ data }, push)
  return reader.end(push) ? accumulate(chunks) : undefined
}

/** Like `readWhole`, but throws `UnexpectedResponseError` for an incomplete answer: `what` it is. */
export function readAnswer(
  reader: AnswerReader,
  data: unknown,
  code: string,
  what: string,
): ChatResponse {
  const answer = readWhole(reader, data)
  if (answer) return answer
  throw reader.writer.unexpected(code, `answered with ${what}`, 'body')
}

/** Reads the count of a counting endpoint. Throws `UnexpectedResponseError` without one. */
export function readCount(body: unknown, member: string, provider: string): number {
  const count = asNumber(asObject(body)[member])
  if (count !== undefined) return count
  const details = { provider, code: 'bad_shape', phase: 'body' } as const
  throw new UnexpectedResponseError(`${provider} returned no token count`, details)
}

export const namesIn = (words: string): ReadonlySet<string> => new Set(words.split(' '))

/** Merges; `after` wins, except where it is null or undefined. */
export const mergeGiven = (before: JsonObject, after: JsonObject): JsonObject => ({
  ...before,
  ...Object.fromEntries(Object.entries(after).filter(([, value]) => value != null)),
})

export const urlCitation = (
  url: string,
  members: Loose<Omit<UrlCitation['url_citation'], 'url'>>,
): UrlCitation => ({ type: 'url_citation', url_citation: { url, ...defined(members) } })

export const fileCitation = (members: Loose<FileCitation['file_citation']>): FileCitation => ({
  type: 'file_citation',
  file_citation: defined(members),
})
