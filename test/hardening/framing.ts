/**
 * Recorded streams, split at every byte, in their own format and with every variation that SSE
 * allows.
 */
import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { isObject, parseJson } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import { accumulate } from '../../src/core/index.js'
import { mockServer } from '../../src/testing/index.js'
import { adapters, drain, models, type Name, names } from '../wire/support.js'
import type { HardeningCase } from './case.js'

/** One short recording per wire. */
const recordings: Readonly<Record<Name, string>> = {
  openai: 'openai/text-stream.json',
  anthropic: 'anthropic/stream-call.json',
  gemini: 'gemini/stream-function-call.json',
  xai: 'xai/call-stream.json',
  compatible: 'compatible/stream-length.json',
}

interface Frame {
  readonly event?: string | undefined
  readonly data: string
}

/** The content of an event for the response; the long echo of the request is left out. */
const members = ['id', 'model', 'created_at', 'status', 'output', 'usage', 'error']

function recorded(name: Name): readonly Frame[] {
  const file = new URL(`../fixtures/${recordings[name]}`, import.meta.url)
  const { sse } = JSON.parse(readFileSync(file, 'utf8')) as { readonly sse: string }
  const events = sse.split(/\r?\n\r?\n/).filter((event) => event !== '')
  return events.map((event) => ({
    event: /^event: ?(.*)$/m.exec(event)?.[1],
    data: withLetters(withoutEcho(/^data: ?(.*)$/m.exec(event)?.[1] ?? '')),
  }))
}

function withoutEcho(data: string): string {
  const value = parseJson(data)
  if (!isObject(value) || !isObject(value.response)) return data
  const kept = Object.entries(value.response).filter(([key]) => members.includes(key))
  return JSON.stringify({ ...value, response: Object.fromEntries(kept) })
}

/** Letters of two, three and four bytes in a member of every wire. */
const withLetters = (data: string) => data.replace(/"(model|modelVersion)": ?"/, '"$1":"é日🙂')

/** In the format of the wire. */
const plain = (frames: readonly Frame[]) =>
  frames.map(({ event, data }) => `${event ? `event: ${event}\n` : ''}data: ${data}\n\n`).join('')

/**
 * A byte order mark, line ends of two bytes, comments, pings, unknown fields, and data over several
 * lines.
 */
function dressed(frames: readonly Frame[]): string {
  const all = frames.map(({ event, data }, at) => {
    const value = parseJson(data)
    const text = isObject(value) && at % 2 === 0 ? JSON.stringify(value, null, 1) : data
    const lines = text.split('\n').map((line) => `data:${at % 3 ? ' ' : ''}${line}`)
    const noise = [
      ': é',
      '',
      'event: ping',
      'data: {"type":"ping"}',
      '',
      `id: ${at}`,
      'retry: 1',
      'own: x',
    ]
    return [...(at % 2 ? [':'] : noise), ...(event ? [`event: ${event}`] : []), ...lines, '', '']
  })
  return `\uFEFF${all.flat().join('\r\n')}`
}

/** One read per piece, which a socket does not guarantee. */
const answerOf = (pieces: readonly Uint8Array[]) =>
  new Response(
    new ReadableStream<Uint8Array>({
      start(controller) {
        for (const piece of pieces) controller.enqueue(piece)
        controller.close()
      },
    }),
    { headers: { 'content-type': 'text/event-stream' } },
  )

/** Responses of one client, each from other pieces. */
async function reader(name: Name, server: Parameters<typeof adapters>[0]) {
  let pieces: readonly Uint8Array[] = []
  const providers = adapters(server, { fetch: async () => answerOf(pieces) })
  const ai = createClient({ providers })
  const request = { model: models[name], messages: [{ role: 'user', content: 'Hi' }] } as const
  return async (...given: readonly Uint8Array[]) => {
    pieces = given
    const { chunks, error } = await drain(ai.stream(request))
    if (error) throw error
    const { created: _, ...answer } = accumulate(chunks) ?? {}
    // ids that the wire lacks are generated for each response
    return JSON.stringify(answer).replace(/call_[0-9a-f]{32}/g, 'call')
  }
}

export const framing: readonly HardeningCase[] = names.flatMap((name) =>
  (
    [
      ['as it came', plain],
      ['with all liberties of the format', dressed],
    ] as const
  ).map(([how, write]) => ({
    id: 121,
    title: `a recorded stream ${how}, cut at every byte, says the same: ${name}`,
    run: async () => {
      await using server = await mockServer([])
      const read = await reader(name, server)
      const bytes = new TextEncoder().encode(write(recorded(name)))
      const whole = await read(new TextEncoder().encode(plain(recorded(name))))
      expect(whole).toContain('é日🙂')
      const different: number[] = []
      for (let at = 0; at <= bytes.length; at++)
        if ((await read(bytes.subarray(0, at), bytes.subarray(at))) !== whole) different.push(at)
      expect(different).toEqual([])
      expect(await read(...Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)))).toBe(whole)
    },
  })),
)
