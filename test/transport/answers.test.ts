import { inspect } from 'node:util'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import {
  APIConnectionError,
  AuthenticationError,
  BadGatewayError,
  type Call,
  RateLimitError,
  ServiceUnavailableError,
  UnexpectedResponseError,
} from '../../src/core/index.js'
import { errorOf, type Failure } from '../../src/transport/index.js'
import {
  type Answer,
  apiKey,
  call,
  caught,
  collect,
  overBoth,
  reply,
  request,
  serve,
  sse,
  transportOn,
} from './loopback.js'

overBoth(() => {
  const send = async (answer: Answer, options: Partial<Call> = {}) => {
    const server = await serve(answer)
    return transportOn(server.url).json(request(), call(options))
  }

  const failure = (answer: Answer) => caught(send(answer))

  describe('a plain response', () => {
    it('is parsed JSON with the request id', async () => {
      expect(await send(reply(200, { a: 'é🦔' }, { 'x-request-id': 'r-1' }))).toEqual({
        body: { a: 'é🦔' },
        request_id: 'r-1',
      })
    })

    it('may be gzipped, have a BOM, and arrive in pieces', async () => {
      const answer = await send((response) => {
        response.writeHead(200, { 'content-encoding': 'gzip' })
        for (const byte of gzipSync('\uFEFF {"a":"🦔"}\n')) response.write(Uint8Array.of(byte))
        response.end()
      })
      expect(answer).toEqual({ body: { a: '🦔' } })
    })

    it.each([
      ['html', '<html>secret</html>'],
      ['empty', ''],
      ['empty', '\n'],
      ['bad_json', '{"a":'],
      ['bad_json', 'data: {"a":1}\n\n'],
      ['bad_json', 'secret'],
    ])('that is not JSON is an UnexpectedResponseError with code %s for %j', async (code, body) => {
      const error = await failure(reply(200, body))
      expect(error).toBeInstanceOf(UnexpectedResponseError)
      expect(error).toMatchObject({ code, status: 200, provider: 'acme', model: 'acme-1' })
      expect(`${error}`).not.toContain('secret')
    })

    it('without a body is empty', async () => {
      expect(await failure((response) => response.writeHead(204).end())).toMatchObject({
        code: 'empty',
        status: 204,
      })
    })

    it('above maxBodyBytes is rejected', async () => {
      const server = await serve(reply(200, { a: 'x'.repeat(2000) }))
      const transport = transportOn(server.url, { maxBodyBytes: 1000 })
      expect(await caught(transport.json(request(), call()))).toMatchObject({
        code: 'too_large',
        retryable: false,
      })
    })

    it('that contains an error throws that error', async () => {
      const error = await failure(reply(200, { error: { type: 'overloaded_error', message: 'm' } }))
      expect(error).toBeInstanceOf(ServiceUnavailableError)
      expect(error).toMatchObject({ status: 529 })
      const gateway = { error: { code: 429, message: 'm' }, choices: [] }
      expect(await failure(reply(200, gateway))).toBeInstanceOf(RateLimitError)
    })

    it('with error: null, or with output beside an error, is a response', async () => {
      const bodies = [
        { error: null, output: [] },
        { error: { code: 'server_error' }, status: 'failed', output: [] },
        { error: { code: 1 }, choices: [{ message: {} }] },
      ]
      for (const body of bodies) expect(await send(reply(200, body))).toMatchObject({ body })
    })

    it('with a truncated body is a connection error', async () => {
      const error = await failure((response) => {
        response.writeHead(200, { 'content-length': '100' })
        response.write('{"a":', () => response.destroy())
      })
      expect(error).toBeInstanceOf(APIConnectionError)
      expect(error).toMatchObject({ phase: 'body', retryable: true, maybeBilled: true })
    })
  })

  describe('an error status', () => {
    it('is passed to toError as parsed body, headers and id', async () => {
      const failures: Failure[] = []
      const server = await serve(
        reply(418, { error: { message: 'tea' } }, { 'x-request-id': 'r', 'x-b': '1' }),
      )
      const transport = transportOn(server.url, {
        toError: (given) => {
          failures.push(given)
          return errorOf(given, { provider: 'acme' })
        },
      })
      await caught(transport.json(request(), call()))
      expect(failures).toMatchObject([
        { status: 418, body: { error: { message: 'tea' } }, model: 'acme-1', request_id: 'r' },
      ])
      expect(failures[0]?.headers?.get('x-b')).toBe('1')
    })

    it.each(['events', 'json'] as const)(
      'with an HTML body reports only the status (%s)',
      async (method) => {
        const server = await serve(reply(502, '<html>internal.host.example</html>'))
        const transport = transportOn(server.url)
        const error =
          method === 'json'
            ? await caught(transport.json(request(), call()))
            : (await collect(transport.events(request(), call()))).error
        expect(error).toBeInstanceOf(BadGatewayError)
        expect(String(error)).not.toContain('internal')
      },
    )

    it('may have its JSON in an SSE event', async () => {
      const body = 'event: error\ndata: {"error":{"message":"too fast"}}\n\n'
      const error = await failure((response) => response.writeHead(429).end(body))
      expect(error).toBeInstanceOf(RateLimitError)
      expect(String(error)).toContain('too fast')
    })

    it('with a body above 64 KiB reports only the status, and is not read to the end', async () => {
      const server = await serve((response) => {
        response.writeHead(429)
        const more = () => {
          while (response.write(`{"error":{"message":"${'x'.repeat(50_000)}`));
        }
        response.on('drain', more)
        more()
      })
      const error = await caught(transportOn(server.url).json(request(), call()))
      expect(error).toBeInstanceOf(RateLimitError)
      await server.seen[0]?.closed
    })

    it('with a truncated body still reports the status', async () => {
      const error = await failure((response) => {
        response.writeHead(429, { 'content-length': '100' })
        response.write('{"err', () => response.destroy())
      })
      expect(error).toBeInstanceOf(RateLimitError)
    })

    it.each([
      { error: { message: `bad key ${apiKey}`, code: apiKey } },
      { error: { message: 'Authorization: Bearer abcdefgh12345678 is wrong' } },
      { error: { message: 'bad key sk-other-0123456789abcdef' } },
      { error: { message: 'GET https://acme.test/?key=AIzaSecret1234 failed' } },
      { error: { message: 'Proxy-Authorization: Basic YWxhZGRpbjpvcGVu is wrong' } },
      { error: { message: 'expired: eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmVk' } },
    ])('never shows a key echoed by the server: %j', async (body) => {
      const error = await failure(reply(401, body))
      expect(error).toBeInstanceOf(AuthenticationError)
      const shown = `${error} ${JSON.stringify(error)} ${inspect(error, { depth: 9, showHidden: true })} ${(error as Error).stack}`
      for (const secret of [
        apiKey,
        'abcdefgh12345678',
        'sk-other',
        'AIzaSecret',
        'YWxhZGRp',
        'eyJhbGci',
        'c2lnbmVk',
      ])
        expect(shown).not.toContain(secret)
    })

    it('keeps words that only look like credentials', async () => {
      const message = 'A Basic subscription does not include this model'
      expect(String(await failure(reply(403, { error: { message } })))).toContain(message)
    })

    it('keeps a key that the provider has already masked', async () => {
      const message = 'Incorrect API key provided: sk-pr*****************cdef. See the docs'
      expect(String(await failure(reply(401, { error: { message } })))).toContain(message)
    })
  })

  describe('a redirect', () => {
    it.each([301, 302, 303, 307, 308])('%d is an error and is not followed', async (status) => {
      const other = await serve(sse('data: {}\n\n'))
      const server = await serve((response) =>
        response.writeHead(status, { location: other.url }).end(),
      )
      const error = await caught(transportOn(server.url).json(request(), call()))
      expect(error).toBeInstanceOf(UnexpectedResponseError)
      expect(error).toMatchObject({ code: 'redirect', status, retryable: false })
      expect(String(error)).not.toContain(other.url)
      expect(other.seen).toHaveLength(0)
    })
  })
})
