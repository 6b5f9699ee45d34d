import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  AbortError,
  APIConnectionError,
  AuthenticationError,
  BadGatewayError,
  BadRequestError,
  type BrowserClientOptions,
  BudgetExceededError,
  ContextWindowExceededError,
  createBrowserClient,
  InternalServerError,
  isTetradError,
  MisuseError,
  NotFoundError,
  RateLimitError,
  StreamInterruptedError,
  TimeoutError,
  UnexpectedResponseError,
} from '../../src/browser/index.js'
import { asObject, type StreamChunk } from '../../src/chat/index.js'
import {
  drop,
  eventsOf,
  finish,
  refuse,
  rest,
  type Seen,
  serve,
  start,
  stream,
  type Turn,
  text,
  usage,
  withoutIds,
} from './support.js'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function setUp(turns: readonly Turn[], options: Partial<BrowserClientOptions> = {}) {
  const server = await serve(...turns)
  closers.push(server.close)
  const waits: number[] = []
  const wait = async (ms: number) => void waits.push(ms)
  const ai = createBrowserClient({ url: server.url, wait, random: () => 0.5, ...options })
  return { ...server, ai, waits }
}

const messages = [{ role: 'user' as const, content: 'Hi' }]
const chunks = [start, text('Hel'), text('lo'), text(' there'), finish]
const events = eventsOf([...chunks, '[DONE]'])

const collect = async (source: AsyncIterable<StreamChunk>) => {
  const seen: StreamChunk[] = []
  for await (const chunk of source) seen.push(chunk)
  return seen
}
const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error) => error,
  )

describe('a response in the browser', () => {
  it('arrives chunk by chunk, and whole', async () => {
    const { ai, seen } = await setUp([stream(events)])
    const answer = ai.stream({ messages, model: 'fast' })
    expect(answer.id).toBeUndefined()
    expect(await collect(answer)).toEqual(chunks)
    expect(answer.id).toBe('answer/1')
    expect(await answer.response).toMatchObject({
      text: 'Hello there',
      finish_reason: 'stop',
      usage,
      messages: [{ role: 'assistant', content: 'Hello there' }],
    })
    expect(seen).toEqual([
      {
        method: 'POST',
        path: '/api/chat',
        lastEventId: undefined,
        body: { messages, model: 'fast', stream: true, answer_name: expect.any(String) },
      },
    ])
  })

  it('is requested when it is read, and once', async () => {
    const { ai, seen } = await setUp([stream(events)])
    const answer = ai.stream({ messages })
    await new Promise(setImmediate)
    expect(seen).toEqual([])
    const [whole, again] = await Promise.all([answer.response, answer.response])
    expect(whole).toBe(again)
    expect(await collect(answer)).toEqual(chunks)
    expect(seen).toHaveLength(1)
  })

  it('yields only its text', async () => {
    const { ai } = await setUp([stream(events)])
    const seen: string[] = []
    for await (const piece of ai.stream({ messages }).textStream) seen.push(piece)
    expect(seen).toEqual(['Hel', 'lo', ' there'])
  })

  it('has one consumer', async () => {
    const { ai } = await setUp([stream(events)])
    const answer = ai.stream({ messages })
    await collect(answer)
    expect(() => answer[Symbol.asyncIterator]()).toThrow(MisuseError)
  })

  it('can be iterated and awaited at the same time', async () => {
    const { ai } = await setUp([stream(events)])
    const answer = ai.stream({ messages })
    const [whole, seen] = await Promise.all([answer.response, collect(answer)])
    expect(whole.text).toBe('Hello there')
    expect(seen).toEqual(chunks)
  })

  it('is the same for any split of its bytes', async () => {
    const bytes = new TextEncoder().encode(
      eventsOf([start, text('Grüße 🎉'), finish, '[DONE]']).join(''),
    )
    const turn: Turn = async (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (const byte of bytes) response.write(Uint8Array.of(byte))
      response.end()
    }
    const { ai } = await setUp([turn])
    expect((await ai.stream({ messages }).response).text).toBe('Grüße 🎉')
  })

  it('is one JSON body without streaming', async () => {
    const { ai, seen } = await setUp([refuse(200, { text: 'Hello' })])
    expect(await ai.generate({ messages, id: 'chat' })).toEqual({ text: 'Hello' })
    const answer_name = expect.any(String)
    expect(seen[0]?.body).toEqual({ messages, id: 'chat', stream: false, answer_name })
  })
})

describe('a route', () => {
  it('keeps its own query, with the format appended', async () => {
    const asked: string[] = []
    const fetch: typeof globalThis.fetch = async (input) => {
      asked.push(String(input))
      return new Response('{}')
    }
    for (const url of ['/api/chat', '/api/chat/', '/api/chat?a=1#x', '/c?format=chunks&b=2'])
      await createBrowserClient({ url, fetch }).generate({ messages })
    expect(asked).toEqual([
      '/api/chat?format=chunks',
      '/api/chat?format=chunks',
      '/api/chat?a=1&format=chunks',
      '/c?format=chunks&b=2',
    ])
  })

  it('calls the headers function for each request, and passes credentials on', async () => {
    const inits: RequestInit[] = []
    const fetch: typeof globalThis.fetch = async (_, init) => {
      inits.push(init ?? {})
      return new Response('{}')
    }
    let token = 0
    const headers = async () => ({ authorization: `Bearer ${++token}` })
    const ai = createBrowserClient({ url: '/c', fetch, headers, credentials: 'include' })
    await ai.generate({ messages })
    await ai.generate({ messages })
    expect(inits.map(({ headers }) => new Headers(headers).get('authorization'))).toEqual([
      'Bearer 1',
      'Bearer 2',
    ])
    expect(inits[0]?.credentials).toBe('include')
  })
})

describe('a connection that drops', () => {
  it('is resumed after the last event: nothing twice, nothing missing', async () => {
    const { ai, seen, waits } = await setUp([stream(events.slice(0, 2), 'cut'), rest(events)])
    const answer = ai.stream({ messages })
    expect(await collect(answer)).toEqual(chunks)
    expect((await answer.response).text).toBe('Hello there')
    expect(seen[1]).toMatchObject({
      method: 'GET',
      path: '/api/chat/answer%2F1/stream',
      lastEventId: '2',
    })
    expect(waits).toHaveLength(1)
  })

  it.each(events.map((_, at) => at))(
    'is resumed wherever it broke: after %i events',
    async (at) => {
      const { ai } = await setUp([stream(events.slice(0, at), 'cut'), rest(events)])
      expect(await collect(ai.stream({ messages }))).toEqual(chunks)
    },
  )

  it('is resumed in the middle of an event', async () => {
    const half = events[2]?.slice(0, 20) ?? ''
    const { ai } = await setUp([stream([...events.slice(0, 2), half], 'cut'), rest(events)])
    expect(await collect(ai.stream({ messages }))).toEqual(chunks)
  })

  it('is resumed any number of times, as long as each delivers something', async () => {
    const turns = events.slice(1).map((_, at) => rest(events, at + 2, 'cut'))
    const { ai, waits } = await setUp([stream(events.slice(0, 1), 'cut'), ...turns], {
      maxResumes: 1,
    })
    expect(await collect(ai.stream({ messages }))).toEqual(chunks)
    expect(new Set(waits)).toEqual(new Set([187.5]))
  })

  it('is resumed when the server closes it before the end', async () => {
    const { ai } = await setUp([stream(events.slice(0, 3), 'end'), rest(events)])
    expect(await collect(ai.stream({ messages }))).toEqual(chunks)
  })

  it('is not read twice if the server starts again', async () => {
    const { ai } = await setUp([stream(events.slice(0, 3), 'cut'), stream(events)])
    expect(await collect(ai.stream({ messages }))).toEqual(chunks)
  })

  it('waits longer after each attempt without events, through error statuses and reset sockets', async () => {
    const { ai, waits } = await setUp([
      stream(events.slice(0, 2), 'cut'),
      refuse(503),
      drop,
      refuse(429, undefined, { 'retry-after': '7' }),
      rest(events),
    ])
    expect(await collect(ai.stream({ messages }))).toEqual(chunks)
    expect(waits).toEqual([187.5, 375, 750, 7000])
  })

  it('is an error after so many attempts, with the content so far', async () => {
    const { ai, waits } = await setUp([stream(events.slice(0, 3), 'cut')], { maxResumes: 3 })
    const answer = ai.stream({ messages })
    const error = await failureOf(collect(answer))
    expect(error).toBeInstanceOf(APIConnectionError)
    expect(isTetradError(error) && error.partial).toMatchObject({
      text: 'Hello',
      finish_reason: null,
    })
    expect(waits).toHaveLength(3)
  })

  it.each([204, 405, 400])('is an error when the server cannot resume: %i', async (status) => {
    const { ai } = await setUp([stream(events.slice(0, 3), 'cut'), refuse(status)])
    expect(await failureOf(collect(ai.stream({ messages })))).toBeInstanceOf(StreamInterruptedError)
  })

  it('is resumed behind a few 404s, as a store may be slow, but not behind many', async () => {
    const absent = () => Array.from({ length: 3 }, () => refuse(404))
    const slow = await setUp([stream(events.slice(0, 3), 'cut'), ...absent(), rest(events)])
    expect(await collect(slow.ai.stream({ messages }))).toEqual(chunks)
    const gone = await setUp([stream(events.slice(0, 3), 'cut'), ...absent(), refuse(404)])
    const error = await failureOf(collect(gone.ai.stream({ messages })))
    expect(error).toBeInstanceOf(StreamInterruptedError)
    expect(gone.seen).toHaveLength(5)
  })

  it('is an error at once if the server does not number its events', async () => {
    const { ai, seen } = await setUp([stream(withoutIds(events.slice(0, 3)), 'cut')])
    const error = await failureOf(collect(ai.stream({ messages })))
    expect(error).toBeInstanceOf(StreamInterruptedError)
    expect(seen).toHaveLength(1)
  })

  it('is an error at once if the response has no id, or resuming is disabled', async () => {
    const nameless = await setUp([stream(events.slice(0, 3), 'cut', { 'x-stream-id': '' })])
    const unwanted = await setUp([stream(events.slice(0, 3), 'cut')], { maxResumes: 0 })
    for (const { ai, seen } of [nameless, unwanted]) {
      const error = await failureOf(collect(ai.stream({ messages })))
      expect(error).toBeInstanceOf(StreamInterruptedError)
      expect(seen).toHaveLength(1)
    }
  })

  it('is aborted when it is silent', async () => {
    const { ai } = await setUp([stream(events.slice(0, 2), 'open'), rest(events)], {
      silenceMs: 20,
    })
    expect(await collect(ai.stream({ messages }))).toEqual(chunks)
  })

  it('never repeats a request whose response may have started', async () => {
    const { ai, seen } = await setUp([drop])
    expect(await failureOf(ai.stream({ messages }).response)).toBeInstanceOf(APIConnectionError)
    expect(seen).toHaveLength(1)
  })

  it('is resumed after a reload: the response is read from its start by its id', async () => {
    const { ai, seen } = await setUp([rest(events, 3, 'cut'), rest(events)])
    const answer = ai.resume('answer/1')
    expect(answer.id).toBe('answer/1')
    expect(await collect(answer)).toEqual(chunks)
    expect(seen.map(({ method, lastEventId }) => [method, lastEventId])).toEqual([
      ['GET', undefined],
      ['GET', '3'],
    ])
  })

  it.each([204, 404])('reports that a response no longer exists: %i', async (status) => {
    const { ai } = await setUp([refuse(status)])
    expect(await failureOf(ai.resume('x').response)).toBeInstanceOf(NotFoundError)
  })
})

describe('a failure', () => {
  const body = (code: string, status: number, more: object = {}) => ({
    error: { status, code, message: `about ${code}`, request_id: 'r1', ...more },
  })

  it.each([
    [400, 'bad_request', BadRequestError],
    [400, 'context_length_exceeded', ContextWindowExceededError],
    [401, 'unauthorized', AuthenticationError],
    [429, 'rate_limited', RateLimitError],
    [429, 'budget_exceeded', BudgetExceededError],
    [500, 'internal_error', InternalServerError],
    [502, 'provider_unavailable', BadGatewayError],
    [504, 'timeout', TimeoutError],
  ])('has the class of its status and code: %i %s', async (status, code, Class) => {
    const expected = { code, status, requestId: 'r1', message: `about ${code}` }
    const refused = await setUp([
      refuse(status, body(code, status)),
      refuse(status, body(code, status)),
    ])
    const inStream = await setUp([
      stream(eventsOf([start, text('Hal'), { type: 'error', ...body(code, status) }])),
    ])
    const failures = [
      await failureOf(refused.ai.stream({ messages }).response),
      await failureOf(refused.ai.generate({ messages })),
      await failureOf(inStream.ai.stream({ messages }).response),
    ]
    for (const error of failures) {
      expect(error).toBeInstanceOf(Class)
      expect(error).toMatchObject(expected)
    }
    expect(failures[2]).toMatchObject({ partial: { text: 'Hal' } })
    expect(inStream.seen).toHaveLength(1)
  })

  it('has the retry time', async () => {
    const { ai } = await setUp([
      refuse(429, body('rate_limited', 429, { retryAfterMs: 1500 })),
      refuse(429, body('rate_limited', 429), { 'retry-after': '3' }),
    ])
    expect(await failureOf(ai.generate({ messages }))).toMatchObject({ retryAfterMs: 1500 })
    expect(await failureOf(ai.generate({ messages }))).toMatchObject({ retryAfterMs: 3000 })
  })

  it.each([
    ['a page of a proxy', (response) => response.writeHead(502).end('<html>')],
    ['nothing', refuse(502)],
    ['JSON of its own', refuse(502, { error: 'bad' })],
  ] satisfies [string, Turn][])('has a class when its body is %s', async (_, turn) => {
    const { ai } = await setUp([turn])
    expect(await failureOf(ai.generate({ messages }))).toBeInstanceOf(BadGatewayError)
  })

  it.each<[string, Turn]>([
    [
      'a page',
      (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
    ],
    ['JSON', refuse(200, { text: 'Hello' })],
    ['an event that is no JSON', stream(eventsOf([start, '<html>']))],
    ['an event that is no object', stream(eventsOf([start, '7']))],
  ])('is reported in place of a stream: %s', async (_, turn) => {
    const { ai, seen } = await setUp([turn])
    const error = await failureOf(collect(ai.stream({ messages })))
    expect(error).toBeInstanceOf(UnexpectedResponseError)
    expect(seen).toHaveLength(1)
  })

  it('rejects the awaited promise, and causes no unhandled rejection', async () => {
    const unhandled: unknown[] = []
    const note = (error: unknown) => unhandled.push(error)
    process.on('unhandledRejection', note)
    const { ai } = await setUp([refuse(500)])
    const answer = ai.stream({ messages })
    void answer.response
    expect(await failureOf(collect(answer))).toBeInstanceOf(InternalServerError)
    await new Promise(setImmediate)
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  })
})

describe('a stop', () => {
  const nameIn = ([request]: readonly Seen[]) => asObject(request?.body).answer_name
  it('ends the response here and on the server', async () => {
    const { ai, stopped, open } = await setUp([stream(events.slice(0, 3), 'open')])
    const answer = ai.stream({ messages })
    const error = await failureOf(
      (async () => {
        for await (const chunk of answer) if (chunk.type === 'text-delta') answer.abort('enough')
      })(),
    )
    expect(error).toBeInstanceOf(AbortError)
    expect(error).toMatchObject({ cause: 'enough', partial: { text: 'Hello' } })
    await expect.poll(() => stopped).toEqual(['answer/1'])
    await expect.poll(open).toBe(0)
    expect(await failureOf(answer.response)).toBeInstanceOf(AbortError)
  })

  it('happens when the loop is left', async () => {
    const { ai, stopped, open } = await setUp([stream(events.slice(0, 3), 'open')])
    for await (const _ of ai.stream({ messages })) break
    await expect.poll(() => stopped).toEqual(['answer/1'])
    await expect.poll(open).toBe(0)
  })

  it('sends nothing if the response is complete', async () => {
    const { ai, stopped } = await setUp([stream(events)])
    const answer = ai.stream({ messages })
    await collect(answer)
    answer.abort()
    await new Promise(setImmediate)
    expect(stopped).toEqual([])
    expect((await answer.response).text).toBe('Hello there')
  })

  it('comes from the signal of the caller, whose listeners are removed', async () => {
    const { ai, stopped } = await setUp([stream(events.slice(0, 3), 'open'), stream(events)])
    const controller = new AbortController()
    const { signal } = controller
    const listeners = new Set<unknown>()
    const add = vi.spyOn(signal, 'addEventListener')
    const remove = vi.spyOn(signal, 'removeEventListener')
    const answer = ai.stream({ messages }, { signal })
    const error = await failureOf(
      (async () => {
        for await (const _ of answer) controller.abort('gone')
      })(),
    )
    expect(error).toBeInstanceOf(AbortError)
    await expect.poll(() => stopped).toEqual(['answer/1'])
    for (const [type, listener] of add.mock.calls) if (type === 'abort') listeners.add(listener)
    for (const [, listener] of remove.mock.calls) listeners.delete(listener)
    expect(add).toHaveBeenCalled()
    expect(listeners.size).toBe(0)
    expect(await failureOf(ai.stream({ messages }, { signal }).response)).toBeInstanceOf(AbortError)
    expect(await failureOf(ai.generate({ messages }, { signal }))).toBeInstanceOf(AbortError)
  })

  it('before the request sends nothing', async () => {
    const { ai, seen } = await setUp([stream(events)])
    const answer = ai.stream({ messages })
    answer.abort()
    expect(await failureOf(collect(answer))).toBeInstanceOf(AbortError)
    expect(seen).toEqual([])
  })

  it('before the response is sent once, by the name that went with the request', async () => {
    const { ai, seen, stopped, open } = await setUp([() => {}])
    const answer = ai.stream({ messages })
    const error = failureOf(answer.response)
    await expect.poll(() => seen.length).toBe(1)
    answer.abort('enough')
    answer.abort('again')
    expect(await error).toMatchObject({ name: 'AbortError', cause: 'enough' })
    expect(nameIn(seen)).toMatch(/^(\d+,){3}\d+$/)
    await expect.poll(() => stopped).toEqual([nameIn(seen)])
    await expect.poll(open).toBe(0)
  })

  it('before the response to a resume is sent by the id', async () => {
    const { ai, seen, stopped, open } = await setUp([() => {}])
    const answer = ai.resume('answer/1')
    const error = failureOf(answer.response)
    await expect.poll(() => seen.length).toBe(1)
    answer.abort()
    expect(await error).toBeInstanceOf(AbortError)
    await expect.poll(() => stopped).toEqual(['answer/1'])
    await expect.poll(open).toBe(0)
  })

  it('by the signal of the caller, before the response, is sent too', async () => {
    const { ai, seen, stopped } = await setUp([() => {}])
    const controller = new AbortController()
    const error = failureOf(ai.stream({ messages }, { signal: controller.signal }).response)
    await expect.poll(() => seen.length).toBe(1)
    controller.abort()
    expect(await error).toBeInstanceOf(AbortError)
    await expect.poll(() => stopped).toEqual([nameIn(seen)])
  })

  it('of a response that is not streamed is sent by its name, unless it is complete', async () => {
    const { ai, seen, stopped, open } = await setUp([refuse(200, {}), () => {}])
    const [complete, controller] = [new AbortController(), new AbortController()]
    await ai.generate({ messages }, { signal: complete.signal })
    complete.abort()
    const error = failureOf(ai.generate({ messages }, { signal: controller.signal }))
    await expect.poll(() => seen.length).toBe(2)
    controller.abort()
    expect(await error).toBeInstanceOf(AbortError)
    await expect.poll(() => stopped).toEqual([nameIn(seen.slice(1))])
    await expect.poll(open).toBe(0)
  })

  it('ends the wait for a dropped connection', async () => {
    const server = await serve(stream(events.slice(0, 2), 'cut'))
    closers.push(server.close)
    const ai = createBrowserClient({
      url: server.url,
      wait: async () => answer.abort(),
    })
    const answer = ai.stream({ messages })
    expect(await failureOf(collect(answer))).toBeInstanceOf(AbortError)
    expect(server.seen).toHaveLength(1)
  })

  it('by the server is an AbortError, with the content so far', async () => {
    const { ai } = await setUp([stream(eventsOf([start, text('Hal'), { type: 'abort' }]))])
    const error = await failureOf(ai.stream({ messages }).response)
    expect(error).toBeInstanceOf(AbortError)
    expect(error).toMatchObject({ partial: { text: 'Hal' } })
  })
})

describe('200 KB of arguments in pieces of 20 bytes', () => {
  const answerOf = (pieces: number) =>
    eventsOf([
      start,
      { type: 'tool-call-start', index: 0, id: 'c1', name: 'write' },
      ...Array.from({ length: pieces }, () => ({
        type: 'tool-call-delta',
        index: 0,
        arguments: 'x'.repeat(20),
      })),
      { type: 'tool-call-end', index: 0 },
      finish,
      '[DONE]',
    ])

  it('are accumulated completely', async () => {
    const { ai } = await setUp([stream(answerOf(10_000))])
    const { message } = await ai.stream({ messages }).response
    expect(message.tool_calls?.[0]).toMatchObject({ function: { arguments: 'x'.repeat(200_000) } })
  })
})
