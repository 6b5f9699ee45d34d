/**
 * Every point at which a stream can end, on every wire: cut after each event, aborted at each
 * chunk, left by its consumer.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type UsageRecord, usage } from '../../middleware/usage.js'
import {
  AbortError,
  type Middleware,
  StreamInterruptedError,
  TetradError,
  UnexpectedResponseError,
} from '../../src/core/index.js'
import { events, type MockServer, mockServer } from '../../src/testing/index.js'
import { clientOf, drain, listenersOf, names, requestFor, rich, say, textOf } from './support.js'

let server: MockServer
beforeEach(async () => {
  server = await mockServer()
})
afterEach(() => server.close())

describe.each(names)('a stream of %s', (name) => {
  const count = events(name, rich()).length

  it('that is cut after any event is an error that keeps the text and the usage sent so far', async () => {
    const whole = await (async () => {
      server.script(rich().splitEvents())
      const stream = clientOf(server).stream(requestFor(name))
      const { chunks } = await drain(stream)
      return { chunks, usage: (await stream.response).usage }
    })()
    expect(whole.usage.total_tokens).toBe(165)
    for (const how of ['destroy', 'end'] as const) {
      let lastUsage = 0
      for (let after = 0; after < count; after++) {
        server.script(rich().splitEvents().cut(after, how))
        const { chunks, error } = await drain(clientOf(server).stream(requestFor(name)))
        const at = `${how} after ${after} of ${count}`
        // a wire whose terminal event is followed only by irrelevant events is complete before its
        // last event
        if (!error) {
          expect(chunks.at(-1)?.type, at).toBe('finish')
          expect(textOf(chunks), at).toBe(textOf(whole.chunks))
          continue
        }
        expect(error, at).toBeInstanceOf(TetradError)
        expect(
          chunks.some(({ type }) => type === 'finish'),
          at,
        ).toBe(false)
        expect(error.partial?.text ?? '', at).toBe(textOf(chunks))
        expect(error.attempts, at).toHaveLength(1)
        expect(error.attempts?.[0]?.status, at).toBe('failed')
        if (after > 0)
          expect(
            [StreamInterruptedError, UnexpectedResponseError].some((type) => error instanceof type),
            `${at}: ${error}`,
          ).toBe(true)
        expect(error.usage?.total_tokens ?? 0, at).toBeGreaterThanOrEqual(lastUsage)
        lastUsage = name === 'anthropic' ? Math.max(0, error.usage?.prompt_tokens ?? 0) : 0
      }
    }
  })

  it('that is aborted at any chunk has one outcome, closes the socket and leaves no listener', async () => {
    const { signal: baseline } = new AbortController()
    // chunks before the last event: the server stalls there
    server.script(
      rich()
        .splitEvents()
        .cut(count - 1),
    )
    const { chunks: reachable } = await drain(clientOf(server).stream(requestFor(name)))
    for (let at = 1; at <= reachable.length; at++) {
      const controller = new AbortController()
      server.script(
        rich()
          .splitEvents()
          .stall(count - 1),
      )
      const records: UsageRecord[] = []
      const accounting = usage({ prices: false, onUsage: (record) => void records.push(record) })
      const stream = clientOf(server, accounting).stream(requestFor(name), {
        signal: controller.signal,
      })
      const { chunks, error } = await drain(stream, (_, seen) => {
        if (seen === at) controller.abort()
      })
      expect(records).toHaveLength(1)
      const [record] = records
      expect(record?.status).toBe('aborted')
      // the ledger is the sum of the attempts: at least the reported usage, marked as estimated
      // where it is counted
      expect(record?.usage).toEqual(error?.attempts?.[0]?.usage)
      // these wires report usage only at the end
      const isSilent = name !== 'anthropic' && name !== 'gemini'
      if (isSilent) expect(record?.usage.estimated).toBe(true)
      expect(error, `abort at ${at}`).toBeInstanceOf(AbortError)
      expect(chunks.some(({ type }) => type === 'finish')).toBe(false)
      expect(error?.attempts?.[0]?.status).toBe('aborted')
      expect(error?.usage?.prompt_tokens).toBeGreaterThan(0)
      if (name === 'anthropic') expect(error?.usage?.prompt_tokens).toBe(120)
      expect(await server.requests.at(-1)?.closed).toBe(true)
      expect(listenersOf(controller.signal)).toBe(listenersOf(baseline))
    }
    expect(server.open).toBe(0)
  })

  it('that is left by break closes the socket', async () => {
    server.script(
      rich()
        .splitEvents()
        .stall(count - 1),
    )
    for await (const chunk of clientOf(server).stream(requestFor(name)))
      if (chunk.type === 'text-delta') break
    expect(await server.requests.at(-1)?.closed).toBe(true)
  })

  it('that stops being read after three chunks costs at most highWaterMark and one read', async () => {
    let produced = 0
    const counting: Middleware = (ctx, next) => {
      ctx.transform((chunk, emit) => {
        produced++
        emit(chunk)
      })
      return next()
    }
    // an event is at least 60 bytes, a network read at most 64 KiB
    const perRead = Math.ceil(65_536 / 60)
    server.script(say('word '.repeat(10_000), { chunks: 10_000 }).stall(9_000))
    let seen = 0
    for await (const _ of clientOf(server, counting).stream(requestFor(name))) {
      if (++seen < 3) continue
      // long enough to read everything if there were no backpressure
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
      break
    }
    expect(produced).toBeLessThanOrEqual(3 + 256 + perRead)
    expect(await server.requests.at(-1)?.closed).toBe(true)
  })

  it('accumulates to the same response whole, by lines and byte by byte, and as a generate call', async () => {
    const ai = clientOf(server)
    const answers: unknown[] = []
    for (const reply of [
      rich(),
      rich().splitEvents(),
      rich().splitBytes(1),
      rich().splitBytes({ seed: 7, max: 40 }),
    ]) {
      server.script(reply)
      const {
        id: _,
        created: __,
        request_id: ___,
        attempts: ____,
        ...rest
      } = await ai.stream(requestFor(name)).response
      answers.push(JSON.parse(JSON.stringify(rest)))
    }
    server.script(rich())
    const plain = await ai.generate(requestFor(name))
    for (const answer of answers.slice(1))
      expect(withoutIds(answer)).toEqual(withoutIds(answers[0]))
    const { text, usage, finish_reason, message } = plain
    expect(answers[0]).toMatchObject({ text, usage, finish_reason })
    expect(withoutIds(message.tool_calls)).toEqual(
      withoutIds((answers[0] as typeof plain).message.tool_calls),
    )
    expect(message.reasoning_content).toEqual(
      (answers[0] as typeof plain).message.reasoning_content,
    )
  })
})

/** Ids created by the server differ on each call. */
const withoutIds = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value ?? null), (key, member) =>
    /^(id|call_id|item_id|signature|thoughtSignature|encrypted_content)$/.test(key) ? '' : member,
  )

it('a thousand concurrent streams each finish with their own text', async () => {
  const crowd = await mockServer()
  try {
    crowd.reply(({ body }) => {
      const asked = JSON.stringify(body).match(/number (\d+)/)?.[1] ?? ''
      return say(`${asked} `.repeat(200), { chunks: 200 })
    })
    const ai = clientOf(crowd)
    const texts = await Promise.all(
      Array.from({ length: 1_000 }, async (_, i) => {
        const name = names[i % names.length] ?? 'openai'
        const messages = [{ role: 'user' as const, content: `number ${i}` }]
        return textOf((await drain(ai.stream(requestFor(name, { messages })))).chunks)
      }),
    )
    texts.forEach((text, i) => {
      expect(text).toBe(`${i} `.repeat(200))
    })
  } finally {
    await crowd.close()
  }
  // 200,000 chunks, written and read by one process
}, 60_000)
