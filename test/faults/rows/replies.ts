/** The replies of the rows, and positions in them. */
import { gzipSync } from 'node:zlib'
import {
  events,
  type FailureKind,
  type FailureOptions,
  fail,
  type Reply,
  say,
} from '../../../src/testing/index.js'
import type { Name } from '../../wire/support.js'
import type { Answer, Exchange } from '../server.js'

export const words = ['The', ' answer', ' comes', ' in', ' a', ' few', ' wörds🌍.']
export const text = words.join('')

const usage = { prompt_tokens: 120, completion_tokens: 45 }

/** The whole response, one event per word, one network write each. */
export const whole: Reply = say(text, { chunks: words, usage }).splitEvents()

/** Number of events that contain so many words. */
export function eventsFor(name: Name, count: number, reply = whole): number {
  const word = words[count - 1]
  if (word === undefined) return 0
  const at = events(name, reply).findIndex(({ data }) => JSON.stringify(data).includes(`"${word}"`))
  if (at < 0) throw new Error(`No event of ${name} brings '${word}'`)
  return at + 1
}

export const refusal = (what: number | FailureKind, options?: FailureOptions): Reply =>
  fail(what, options)

/** One body with all members of a stream, in the format of the wire. */
export const bodyOf = (exchange: Exchange, reply: Reply): Buffer =>
  Buffer.concat(exchange.payload(reply).frames.map((frame) => Buffer.from(frame)))

/** Sends the body as changed by `edit`, with the headers of the reply and the given ones. */
export const edited =
  (
    reply: Reply,
    edit: (body: Buffer) => Buffer,
    more: Readonly<Record<string, string>> = {},
  ): Answer =>
  (exchange) => {
    const { status, headers } = exchange.payload(reply)
    const { 'content-length': _, ...rest } = headers
    exchange.response.writeHead(status, { ...rest, ...more })
    exchange.response.end(edit(bodyOf(exchange, reply)))
  }

export const gzipped = (reply: Reply, edit: (body: Buffer) => Buffer = (body) => body): Answer =>
  edited(reply, (body) => edit(gzipSync(body)), { 'content-encoding': 'gzip' })

/** The part of the stream's bytes that ends in the middle of the event at this index. */
export const bytesOf = (name: Name, count: number, reply = whole) => ({
  events: events(name, reply).slice(0, count),
})
