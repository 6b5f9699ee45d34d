/** How the bytes are sent: cut, stalled, held, split, delayed. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type Clock,
  callTool,
  events,
  type MockServer,
  mockServer,
  say,
  think,
} from '../../src/testing/index.js'
import { providers, run } from './official.js'
import { endingOf, framesOf, post, reads } from './plain-http.js'

let server: MockServer

beforeEach(async () => {
  server = await mockServer()
})
afterEach(() => server.close())

const reply = think('hm').say('Rome — città eterna 🏛️.').callTool('get_weather', { city: 'Rome' })

const streamed = async (provider: (typeof providers)[number]) =>
  endingOf(await post(server, provider, { stream: true, body: includeUsage }))

const stopped: Clock = { now: () => 1_700_000_000_000, wait: async () => {} }

const includeUsage = { stream_options: { include_usage: true } }

describe.each(providers)('%s', (provider) => {
  const whole = events(provider, reply, { model: 'm' }).length

  test('a stream can be cut after each of its events', async () => {
    for (let after = 0; after <= whole; after++) {
      server.script(reply.cut(after))
      const { text, isBroken } = await streamed(provider)
      expect(framesOf(text)).toHaveLength(after)
      expect(isBroken).toBe(true)
      expect(await server.requests[after]?.closed).toBe(false)
      expect(server.requests[after]?.sent).toBe(after)
    }
  })

  test('a cut stream can end as if it were complete', async () => {
    server.script(reply.cut(2, 'end'))
    const { text, isBroken } = await streamed(provider)
    expect(framesOf(text)).toHaveLength(2)
    expect(isBroken).toBe(false)
  })

  test('a cut can be in the middle of an event', async () => {
    server.script(reply, reply.cut(2.5))
    const full = framesOf((await streamed(provider)).text)
    const { text, isBroken } = await streamed(provider)
    const frames = framesOf(text)
    expect(isBroken).toBe(true)
    expect(frames).toHaveLength(3)
    expect(frames[2]?.length).toBeLessThan(full[2]?.length ?? 0)
  })

  test('a generate body is cut in the middle, or as if it were complete', async () => {
    server.script(reply.cut(1), reply.cut(1, 'end'), reply.cut(0, 'end'))
    const broken = await endingOf(await post(server, provider))
    expect(broken.isBroken).toBe(true)
    expect(broken.text).toMatch(/^\{/)
    const short = await endingOf(await post(server, provider))
    expect(short.isBroken).toBe(false)
    expect(() => JSON.parse(short.text)).toThrow(SyntaxError)
    expect(await endingOf(await post(server, provider))).toEqual({ text: '', isBroken: false })
  })

  test('any split sends the same bytes', async () => {
    const plain = say('Rome — città eterna 🏛️.')
    const split = [plain.splitEvents(), plain.splitBytes(1), plain.splitBytes({ seed: 7 })]
    const texts = []
    for (const sent of [plain, ...split]) {
      // ids are derived from the index of a request
      await server.close()
      server = await mockServer(sent, { clock: stopped })
      texts.push((await streamed(provider)).text)
    }
    expect(texts[0]).toContain('Rome')
    expect(new Set(texts).size).toBe(1)
  })

  test('the official client reads any split', async () => {
    server.script(say('città 🏛️').splitBytes(1), say('città 🏛️').splitBytes({ seed: 3, max: 9 }))
    expect((await run(server, provider, 'streamed')).text).toBe('città 🏛️')
    expect((await run(server, provider, 'streamed')).text).toBe('città 🏛️')
  })

  test('a stall sends so much and then nothing until the client disconnects', async () => {
    const leaving = new AbortController()
    server.script(reply.stall(2))
    const response = await post(server, provider, { stream: true, signal: leaving.signal })
    let text = ''
    const decoder = new TextDecoder()
    try {
      for await (const bytes of reads(response)) {
        text += decoder.decode(bytes, { stream: true })
        if (framesOf(text).length === 2) leaving.abort()
      }
    } catch {}
    const request = await server.request(0)
    expect(await request.closed).toBe(true)
    expect(request.aborted).toBe(true)
    expect(request.sent).toBe(2)
  })
})

test('without a number a stall does not even send headers', async () => {
  const leaving = new AbortController()
  server.script(reply.stall())
  const response = post(server, 'openai', { stream: true, signal: leaving.signal })
  response.catch(() => {})
  const request = await server.request(0)
  leaving.abort()
  await expect(response).rejects.toThrow()
  expect(await request.closed).toBe(true)
})

test('a hold pauses between two events', async () => {
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  server.script(say('one two three').hold(3, held))
  const response = await post(server, 'anthropic', { stream: true })
  let text = ''
  for await (const bytes of reads(response)) {
    text += new TextDecoder().decode(bytes)
    if (framesOf(text).length === 3) release()
  }
  expect(text).toContain('message_stop')
  expect(await server.requests[0]?.closed).toBe(false)
})

test('a hold after the last event keeps the body open', async () => {
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  server.script(say('Hi').hold(Number.POSITIVE_INFINITY, held))
  const response = await post(server, 'openai', { stream: true })
  let text = ''
  for await (const bytes of reads(response)) {
    text += new TextDecoder().decode(bytes)
    if (!text.includes('response.completed')) continue
    expect(server.open).toBe(1)
    release()
  }
  expect(await server.requests[0]?.closed).toBe(false)
})

test('a reset is an error for the client at once', async () => {
  server.script(reply.cut(3, 'reset'))
  const { isBroken } = await streamed('openai')
  expect(isBroken).toBe(true)
})

test('delays use the injected clock', async () => {
  const waits: number[] = []
  const clock: Clock = {
    now: () => 1_700_000_000_000,
    wait: async (ms) => void waits.push(ms),
  }
  await server.close()
  server = await mockServer(callTool('a').delay({ firstMs: 500, eachMs: 20 }), { clock })
  const { text } = await streamed('openai')
  expect(waits).toEqual([500, ...framesOf(text).map(() => 20)])
  expect(text).toContain('"created_at":1700000000')
})

test('formats vary, and a reader must accept all of them', async () => {
  const hello = say('Hi there')
  server.script(
    hello.framing({ lineEnd: '\r\n', bom: true, noise: true, done: true, eventLines: false }),
    hello.framing({ done: false }),
  )
  const response = await post(server, 'openai', { stream: true })
  const bytes = new Uint8Array(await response.arrayBuffer())
  expect([...bytes.subarray(0, 3)]).toEqual([0xef, 0xbb, 0xbf])
  const text = new TextDecoder().decode(bytes)
  expect(text).not.toMatch(/^event:/m)
  expect(text).not.toMatch(/[^\r]\n/)
  expect(text).toContain(': keep-alive')
  expect(text.trimEnd()).toMatch(/data: \[DONE\]$/)
  expect((await streamed('compatible')).text).not.toContain('[DONE]')
})

test('events and bodies can be edited', async () => {
  server.script(
    say('Hi').editEvents((list) => [...list, { event: 'response.surprise', data: { new: 1 } }]),
    say('Hi').editBody((body) => ({ ...body, output: [] })),
  )
  expect((await streamed('openai')).text).toMatch(
    /event: response\.surprise\ndata: \{"new":1\}\n\n$/,
  )
  expect(await (await post(server, 'openai')).json()).toMatchObject({ output: [] })
})

test('a consumer that stops reading leaves the rest unsent', async () => {
  const words = Array.from({ length: 50_000 }, (_, index) => `word${index} `)
  const leaving = new AbortController()
  server.script(say(words.join(''), { chunks: words }))
  const response = await post(server, 'openai', { stream: true, signal: leaving.signal })
  for await (const bytes of reads(response)) {
    expect(bytes.length).toBeGreaterThan(0)
    break
  }
  leaving.abort()
  const request = await server.request(0)
  expect(await request.closed).toBe(true)
  expect(request.sent).toBeLessThan(words.length)
})
