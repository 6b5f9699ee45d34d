/**
 * Recorded replies of OpenAI's own server, split at every offset, compared with a minimal reader.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { afterEach, describe, expect, it, test } from 'vitest'
import { type ChatResponse, isObject, type JsonObject } from '../../../src/chat/index.js'
import { createClient } from '../../../src/client.js'
import { accumulate, isTetradError } from '../../../src/core/index.js'
import { compatible } from '../../../src/providers/compatible/index.js'
import { sseDecoder } from '../../../src/sse/index.js'
import { type MockServer, mockServer, raw } from '../../../src/testing/index.js'
import type { WireEvent } from '../../../src/transport/index.js'
import { hello, read, readWhole } from './support.js'

interface Recording {
  readonly model: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body?: JsonObject
  readonly sse?: string
}

const folder = new URL('../../fixtures/compatible/', import.meta.url)
const recordings = readdirSync(folder).map((name): [string, Recording] => [
  name.replace('.json', ''),
  JSON.parse(readFileSync(new URL(name, folder), 'utf8')),
])
const streams = recordings.flatMap(([name, { sse }]) => (sse ? [[name, sse] as const] : []))
const answers = recordings.filter(([, { sse, status }]) => !sse && status === 200)
const refusals = recordings.filter(([, { status }]) => status >= 400)

const eventsOf = (pieces: readonly Uint8Array[]): readonly WireEvent[] => {
  const events: WireEvent[] = []
  const decoder = sseDecoder(({ data }) => {
    events.push(data === '[DONE]' ? { data: undefined, done: true } : { data: JSON.parse(data) })
  })
  for (const piece of pieces) decoder.push(piece)
  decoder.end()
  return events
}

const facts = ({ text, message, finish_reason, usage }: ChatResponse) => ({
  text,
  refusal: message.refusal ?? '',
  calls: (message.tool_calls ?? []).map((call) =>
    call.type === 'function' ? call.function : call.custom,
  ),
  finish_reason,
  usage: [usage.prompt_tokens, usage.completion_tokens, usage.total_tokens],
})

/** All strings of one member, in order. */
const strings = (sse: string, member: string) =>
  [...sse.matchAll(new RegExp(`"${member}":("(?:[^"\\\\]|\\\\.)*")`, 'g'))].map(([, text]) =>
    JSON.parse(text ?? ''),
  )

describe('streams', () => {
  test.each(streams)('%s equals its deltas', (_, sse) => {
    const { answer } = read(eventsOf([new TextEncoder().encode(sse)]))
    expect(answer && facts(answer)).toMatchObject({
      text: strings(sse, 'content').join(''),
      refusal: strings(sse, 'refusal').join(''),
    })
    expect(
      (answer?.message.tool_calls ?? []).map(
        (call) => call.type === 'function' && call.function.name,
      ),
    ).toEqual(strings(sse, 'name'))
    expect(answer?.native_finish_reason).toBe(strings(sse, 'finish_reason').at(-1))
    const counts = sse.match(/"prompt_tokens":(\d+),"completion_tokens":(\d+)/)
    expect([answer?.usage.prompt_tokens, answer?.usage.completion_tokens]).toEqual(
      counts?.slice(1).map(Number),
    )
  })

  test.each(streams)('%s is the same wherever it is split', (_, sse) => {
    const bytes = new TextEncoder().encode(sse)
    const whole = read(eventsOf([bytes])).answer
    for (let cut = 1; cut < bytes.length; cut += 7) {
      const { answer } = read(eventsOf([bytes.subarray(0, cut), bytes.subarray(cut)]))
      expect(answer, `cut at ${cut}`).toEqual(whole)
    }
  })

  test.each(streams)('%s that ends after any event but the last is an error', (_, sse) => {
    const events = eventsOf([new TextEncoder().encode(sse)])
    const last = events.findIndex(({ data }) => JSON.stringify(data)?.includes('"finish_reason":"'))
    for (let end = 0; end <= last; end++) {
      const { isWhole, chunks } = read(events.slice(0, end))
      expect(isWhole).toBe(false)
      expect(chunks.some(({ type }) => type === 'finish')).toBe(false)
      expect(accumulate(chunks)).toBeUndefined()
    }
  })
})

test.each(answers)('%s equals its message', (_, { body }) => {
  const choice = Array.isArray(body?.choices) && isObject(body.choices[0]) ? body.choices[0] : {}
  const message = isObject(choice.message) ? choice.message : {}
  const answer = readWhole(body)
  expect(answer.message.content ?? '').toBe(message.content ?? '')
  expect(answer.message.tool_calls ?? []).toEqual(message.tool_calls ?? [])
  expect(answer).toMatchObject({
    id: body?.id,
    model: body?.model,
    finish_reason: choice.finish_reason,
  })
  expect(answer.usage).toMatchObject(
    isObject(body?.usage) ? { total_tokens: body.usage.total_tokens } : {},
  )
})

describe('over a socket', () => {
  let server: MockServer
  afterEach(() => server.close())

  const ask = async ({ status, headers, sse, body }: Recording) => {
    server = await mockServer([
      raw(sse ?? JSON.stringify(body), {
        status,
        headers: { ...headers, 'content-type': sse ? 'text/event-stream' : 'application/json' },
      }).splitBytes({ seed: 7 }),
    ])
    const ai = createClient({
      providers: [compatible({ name: 'local', ...server.options('compatible') })],
    })
    const request = { ...hello, model: 'local/m-1' }
    return sse ? ai.stream(request).response : ai.generate(request)
  }

  test.each(streams)('%s', async (name, sse) => {
    const recording = recordings.find(([other]) => other === name)?.[1]
    const { answer } = read(eventsOf([new TextEncoder().encode(sse)]))
    const reply = recording && (await ask(recording))
    expect(reply && facts(reply)).toEqual(answer && facts(answer))
  })

  test.each(answers)('%s', async (_, recording) => {
    const { message, finish_reason } = readWhole(recording.body)
    expect(await ask(recording)).toMatchObject({ message, finish_reason })
  })

  test.each(refusals)('%s', async (_, recording) => {
    const error = await ask(recording).catch((thrown: unknown) => thrown)
    expect(isTetradError(error)).toBe(true)
    const expected = isObject(recording.body?.error) ? recording.body.error.message : undefined
    expect(error).toMatchObject({ status: recording.status, provider: 'local' })
    expect(String(error)).toContain(String(expected).slice(0, 40))
  })
})

it('exist', () => {
  expect([streams.length, answers.length, refusals.length]).toEqual([6, 4, 2])
})
