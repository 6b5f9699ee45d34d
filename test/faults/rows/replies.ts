/** The answers that the rows are made of, and places in them. */
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

/** The whole answer, an event a word, each a network write of its own. */
export const whole: Reply = say(text, { chunks: words, usage }).splitEvents()

/** How many events bring so many words. */
export function eventsFor(name: Name, count: number, reply = whole): number {
  const word = words[count - 1]
  if (word === undefined) return 0
  const at = events(name, reply).findIndex(({ data }) => JSON.stringify(data).includes(`"${word}"`))
  if (at < 0) throw new Error(`No event of ${name} brings '${word}'`)
  return at + 1
}

export const refusal = (what: number | FailureKind, options?: FailureOptions): Reply =>
  fail(what, options)

/** With all members of a stream in one body, as the wire has it. */
export const bodyOf = (exchange: Exchange, reply: Reply): Buffer =>
  Buffer.concat(exchange.payload(reply).frames.map((frame) => Buffer.from(frame)))

/** Sends the bytes that `edit` makes of the body, under the headers of the reply and these. */
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

/** The half of a stream's bytes that lies before the end of this many events. */
export const bytesOf = (name: Name, count: number, reply = whole) => ({
  events: events(name, reply).slice(0, count),
})
