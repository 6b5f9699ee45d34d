import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  RateLimitError,
  ServiceUnavailableError,
  StreamInterruptedError,
  UnexpectedResponseError,
} from '../../src/core/index.js'
import {
  apiKey,
  call,
  collect,
  overBoth,
  reply,
  request,
  serve,
  sse,
  stall,
  transportOn,
} from './loopback.js'

overBoth((transport) => {
  const streamOf = async (...pieces: readonly string[]) => {
    const server = await serve(sse(...pieces))
    return collect(transportOn(server.url).events(request(), call()))
  }

  describe('a stream', () => {
    it('yields parsed events with their names, and marks [DONE]', async () => {
      const { events, error } = await streamOf(
        ': hi\n\nevent: start\ndata: {"a":1}\n\ndata: {"b":[2]}\n\ndata: [DONE]\n\n',
      )
      expect(error).toBeUndefined()
      expect(events).toEqual([
        { event: 'start', data: { a: 1 } },
        { data: { b: [2] } },
        { data: undefined, done: true },
      ])
    })

    it('skips what follows [DONE], and empty data', async () => {
      const { events } = await streamOf('data:\n\ndata: {}\n\ndata: [DONE] \n\ndata: {bad\n\n')
      expect(events).toEqual([{ data: {} }, { data: undefined, done: true }])
    })

    it('takes only [DONE] itself as the end', async () => {
      const { error } = await streamOf('data: [DONE]x\n\n')
      expect(error).toMatchObject({ code: 'bad_json' })
    })

    it('ends after [DONE] though the server keeps the connection open', async () => {
      const server = await serve(stall('data: {}\n\ndata: [DONE]\n\n'))
      const { events, error } = await collect(transportOn(server.url).events(request(), call()))
      expect(error).toBeUndefined()
      expect(events).toHaveLength(2)
      await server.seen[0]?.closed
    })

    it('yields one array per network read', async () => {
      const { batches } = await streamOf('data: 1\n\ndata: 2\n\ndata: 3\n\n')
      expect(batches).toEqual([[{ data: 1 }, { data: 2 }, { data: 3 }]])
    })

    it('yields the same events for any split of the body', async () => {
      const text = '\uFEFFevent: a\r\ndata: {"text":"🦔é"}\r\n\r\n: c\r\rdata: {"x":\ndata: 2}\n\n'
      const bytes = new TextEncoder().encode(text)
      const whole = await eventsOf([bytes])
      expect(whole).toEqual([{ event: 'a', data: { text: '🦔é' } }, { data: { x: 2 } }])
      for (let at = 1; at < bytes.length; at++)
        expect(await eventsOf([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(whole)
      await fc.assert(
        fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 10 }), async (places) => {
          const borders = [0, ...places.sort((a, b) => a - b), bytes.length]
          const pieces = borders.slice(1).map((to, index) => bytes.subarray(borders[index], to))
          expect(await eventsOf(pieces)).toEqual(whole)
        }),
      )
    })

    it('emits a last event without its blank line if its data is complete', async () => {
      const { events, error } = await streamOf('data: {"a":1}\n\ndata: {"b":2}')
      expect(error).toBeUndefined()
      expect(events).toEqual([{ data: { a: 1 } }, { data: { b: 2 } }])
    })

    it('reports an event cut at the end as an interruption', async () => {
      const { events, error } = await streamOf('data: {"a":1}\n\ndata: {"b":')
      expect(events).toEqual([{ data: { a: 1 } }])
      expect(error).toBeInstanceOf(StreamInterruptedError)
      expect(error).toMatchObject({ code: 'truncated', phase: 'stream', maybeBilled: true })
    })

    const refusal = { type: 'error', error: { code: 500, message: 'no slot' } }
    it.each([
      ['JSON', 'error: {"code":500,"message":"no slot"}\n\n', refusal],
      ['JSON around it', 'error: {"error":{"code":500,"message":"no slot"}}\n\n', refusal],
      ['text', 'error:no slot\n\n', { type: 'error', error: { message: 'no slot' } }],
      ['no blank line behind it', 'error: {"code":500,"message":"no slot"}', refusal],
      ['another behind it', 'error: {"code":500,"message":"no slot"}\n\nerror: x\n\n', refusal],
    ])('ends with an error field as an error event: %s', async (_, field, data) => {
      for (const before of ['', 'data: 1\n\n']) {
        const { events, error } = await streamOf(before + field)
        expect(error).toBeUndefined()
        expect(events.at(-1)).toEqual({ event: 'error', data })
      }
    })

    it('skips an error field that an event follows', async () => {
      const { events } = await streamOf('error: x\ndata: 1\n\nerror: y\n\ndata: [DONE]\n\n')
      expect(events).toEqual([{ data: 1 }, { data: undefined, done: true }])
    })

    it('keeps 64 Ki characters of an error field, and no key', async () => {
      const { events } = await streamOf(`error: ${apiKey} ${'x'.repeat(200_000)}\n\n`)
      const text = JSON.stringify(events)
      expect(text.length).toBeLessThan(70_000)
      expect(text).not.toContain(apiKey)
    })

    it('reports an error field before the connection that breaks behind it', async () => {
      const server = await serve((response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write('data: 1\n\n')
        response.write('error: {"code":500,"message":"no slot"}\n\n', () => response.destroy())
      })
      const { events, error } = await collect(transportOn(server.url).events(request(), call()))
      expect(events).toEqual([{ data: 1 }, { event: 'error', data: refusal }])
      expect(error).toBeDefined()
    })

    it('emits the events before invalid JSON, and shows nothing of that JSON', async () => {
      const { events, error } = await streamOf(
        'data: {"a":1}\n\ndata: {secret\n\ndata: {"c":3}\n\n',
      )
      expect(events).toEqual([{ data: { a: 1 } }])
      expect(error).toBeInstanceOf(UnexpectedResponseError)
      expect(error).toMatchObject({ code: 'bad_json', provider: 'acme', model: 'acme-1' })
      expect(String(error)).not.toContain('secret')
    })

    it('rejects an event above maxEventBytes, with provider and model', async () => {
      const server = await serve(stall(`data: {}\n\ndata: ${'x'.repeat(5000)}`))
      const transport = transportOn(server.url, { maxEventBytes: 1000 })
      const { events, error } = await collect(transport.events(request(), call()))
      expect(events).toEqual([{ data: {} }])
      expect(error).toBeInstanceOf(UnexpectedResponseError)
      expect(error).toMatchObject({ code: 'too_large', retryable: false, provider: 'acme' })
      await server.seen[0]?.closed
    })

    it('reports a socket that closes in the body, with its cause', async () => {
      const server = await serve((response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write('data: {"a":1}\n\n', () => response.destroy())
      })
      const { events, error } = await collect(transportOn(server.url).events(request(), call()))
      expect(events).toEqual([{ data: { a: 1 } }])
      expect(error).toBeInstanceOf(StreamInterruptedError)
      expect(error).toMatchObject({ retryable: true, maybeBilled: true, phase: 'stream' })
      expect((error as StreamInterruptedError).cause).toMatchObject({
        code: transport === 'node' ? 'ECONNRESET' : 'UND_ERR_SOCKET',
      })
    })

    it.each([
      `event: error\ndata: {"message":"bad key ${apiKey}"}\n\n`,
      `data: {"error":{"message":"bad key ${apiKey}"}}\n\n`,
      `data: {"type":"response.failed","response":{"error":{"message":"${apiKey}"}}}\n\n`,
    ])('removes a key that an error event echoes', async (event) => {
      const { events } = await streamOf('data: {}\n\n', event)
      expect(events).toHaveLength(2)
      expect(JSON.stringify(events)).not.toContain(apiKey)
    })

    it('does not report a body that ends between two events: the adapter decides', async () => {
      const { events, error } = await streamOf('data: {"a":1}\n\n')
      expect(error).toBeUndefined()
      expect(events).toHaveLength(1)
    })
  })

  describe('a 200 that is no stream', () => {
    const streamFrom = async (body: string, headers: Readonly<Record<string, string>> = {}) => {
      const server = await serve((response) => {
        response.writeHead(200, { 'x-request-id': 'r-1', ...headers })
        response.end(body)
      })
      return collect(transportOn(server.url).events(request(), call()))
    }

    it.each([
      ['html', '<!doctype html><title>Sign in</title>', 'text/html'],
      ['html', '\n\n  <html>', 'text/event-stream'],
      ['empty', '', 'text/event-stream'],
      ['empty', '\r\n \n', 'text/event-stream'],
      ['not_a_stream', '{"id":"resp_1","output":[]}', 'application/json'],
      ['not_a_stream', 'upstream connect error', 'text/plain'],
      ['not_a_stream', 'identity required', 'text/plain'],
      ['not_a_stream', 'data', 'text/plain'],
    ])('is an UnexpectedResponseError with code %s for %j', async (code, body, type) => {
      const { events, error } = await streamFrom(body, { 'content-type': type })
      expect(events).toEqual([])
      expect(error).toBeInstanceOf(UnexpectedResponseError)
      expect(error).toMatchObject({
        code,
        status: 200,
        requestId: 'r-1',
        retryable: true,
        maybeBilled: true,
      })
      if (body.trim()) expect(String(error)).not.toContain(body.trim())
    })

    it.each(['application/json', 'text/plain', 'text/html'])(
      'is read as a stream if its bytes are one, though its type is %s',
      async (type) => {
        const { events, error } = await streamFrom('data: {"a":1}\n\n', { 'content-type': type })
        expect(error).toBeUndefined()
        expect(events).toEqual([{ data: { a: 1 } }])
      },
    )

    it('is a stream if its type says so, though it starts with an unknown field', async () => {
      const { events } = await streamFrom('x-trace: 1\ndata: {"a":1}\n\n', {
        'content-type': 'text/event-stream',
      })
      expect(events).toEqual([{ data: { a: 1 } }])
    })

    it('is recognised when its first bytes arrive one by one', async () => {
      const server = await serve(async (response) => {
        response.writeHead(200)
        response.flushHeaders()
        for (const character of '\uFEFF\n data: {"a":1}\n\n') {
          response.write(character)
          await new Promise(setImmediate)
        }
        response.end()
      })
      const { events } = await collect(transportOn(server.url).events(request(), call()))
      expect(events).toEqual([{ data: { a: 1 } }])
    })

    it.each([
      [{ error: { type: 'overloaded_error', message: 'busy' } }, ServiceUnavailableError, 529],
      [
        { error: { code: 429, message: 'slow', status: 'RESOURCE_EXHAUSTED' } },
        RateLimitError,
        429,
      ],
      [[{ error: { code: 503, message: 'slow' } }], ServiceUnavailableError, 503],
      [
        { code: 'The service is currently unavailable', error: 'later' },
        ServiceUnavailableError,
        503,
      ],
    ])('is the error that its JSON contains: %j', async (body, Class, status) => {
      const { error } = await streamFrom(JSON.stringify(body))
      expect(error).toBeInstanceOf(Class)
      expect(error).toMatchObject({ status, requestId: 'r-1' })
    })

    it('is a server error if its JSON has no status', async () => {
      const { error } = await streamFrom(JSON.stringify({ error: { message: 'what' } }))
      expect(error).toMatchObject({ status: 500 })
    })
  })

  const eventsOf = async (pieces: readonly Uint8Array[]) => {
    const left = [...pieces]
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const piece = left.shift()
        if (piece === undefined) controller.close()
        else controller.enqueue(piece)
      },
    })
    const transport = transportOn('http://127.0.0.1', { fetch: async () => new Response(body) })
    const { events, error } = await collect(transport.events(request(), call()))
    if (error) throw error
    return events
  }

  describe('a status other than 200', () => {
    it('is a typed error, after onResponse has been called', async () => {
      const server = await serve(
        reply(
          429,
          { error: { message: 'slow down' } },
          { 'retry-after': '2', 'x-request-id': 'r' },
        ),
      )
      const responses: unknown[] = []
      const onResponse = ({ status, request_id }: { status: number; request_id?: string }) =>
        void responses.push([status, request_id])
      const { error } = await collect(
        transportOn(server.url).events(request(), call({ onResponse })),
      )
      expect(responses).toEqual([[429, 'r']])
      expect(error).toBeInstanceOf(RateLimitError)
      expect(error).toMatchObject({ retryAfterMs: 2000, requestId: 'r', maybeBilled: false })
    })
  })
})
