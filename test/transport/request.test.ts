import { afterEach, describe, expect, it, vi } from 'vitest'
import { AuthenticationError, BadRequestError, MisuseError } from '../../src/core/index.js'
import type { HttpOptions } from '../../src/transport/index.js'
import { apiKey, call, caught, overBoth, reply, request, serve, transportOn } from './loopback.js'

overBoth(() => {
  afterEach(() => vi.unstubAllEnvs())

  /** Sends one request and returns what the server received. */
  const send = async (
    options: Partial<HttpOptions> & { readonly base?: string } = {},
    wire = request(),
    callOptions = call(),
  ) => {
    const { base = '', ...rest } = options
    const server = await serve(reply(200, { ok: true }))
    await transportOn(server.url + base, rest).json(wire, callOptions)
    const [seen] = server.seen
    if (!seen) throw new Error('nothing was sent')
    return seen
  }

  /** The error that prevents a request from being sent. */
  const refusal = async (options: Partial<HttpOptions>, wire = request(), callOptions = call()) => {
    const server = await serve(reply(200, { ok: true }))
    const error = await caught(
      transportOn(options.baseURL ?? server.url, options).json(wire, callOptions),
    )
    expect(server.seen).toHaveLength(0)
    return error
  }

  describe('the request', () => {
    it('is a POST of JSON', async () => {
      const seen = await send()
      expect(seen).toMatchObject({ method: 'POST', url: '/v1/answer' })
      expect(seen.headers).toMatchObject({
        'content-type': 'application/json',
        accept: 'application/json',
        authorization: `Bearer ${apiKey}`,
      })
      expect(JSON.parse(seen.body)).toEqual({ hello: 'there' })
    })

    it.each([
      ['', '/v1/answer', '/v1/answer'],
      ['/', '/v1/answer', '/v1/answer'],
      ['/prefix//', 'v1/answer', '/prefix/v1/answer'],
      ['/prefix?version=1', '/v1/answer', '/prefix/v1/answer?version=1'],
      ['/?version=1#x', '/a:stream?alt=sse', '/a:stream?version=1&alt=sse'],
      ['', '/models/a%2Fb:go', '/models/a%2Fb:go'],
    ])('is sent for base %j and path %j to %j', async (base, path, url) => {
      expect((await send({ base }, request({ path }))).url).toBe(url)
    })

    it.each(['/models/../keys', '/models/%2e%2E/keys', '/./x'])(
      'never leaves its base URL: %s',
      async (path) => {
        const error = await refusal({}, request({ path }))
        expect(error).toBeInstanceOf(BadRequestError)
        expect(error).toMatchObject({ code: 'bad_path', status: 400 })
      },
    )

    it.each(['api.acme.test', '', 'ftp://acme.test', 'http://user:secret@acme.test'])(
      'is rejected for the base URL %j',
      async (baseURL) => {
        for (const base of [baseURL, () => baseURL]) {
          const error = await refusal({ baseURL: base })
          expect(error).toBeInstanceOf(BadRequestError)
          expect(error).toMatchObject({ code: 'bad_base_url' })
          expect(String(error)).not.toContain('secret')
        }
      },
    )

    it('replaces a lone surrogate and keeps escaped text', async () => {
      const seen = await send({}, request({ body: { a: 'x\ud800', b: '\\ud800', c: '🦔' } }))
      expect(JSON.parse(seen.body)).toEqual({ a: 'x\ufffd', b: '\\ud800', c: '🦔' })
    })

    it('is rejected if its body cannot be JSON', async () => {
      const cycle: { self?: unknown } = {}
      cycle.self = cycle
      for (const body of [cycle, { big: 1n }])
        expect(await refusal({}, request({ body }))).toMatchObject({ code: 'bad_body' })
    })

    it('does not change its arguments', async () => {
      const body = Object.freeze({ list: Object.freeze([1]) })
      await send({}, Object.freeze(request({ body, headers: Object.freeze({ a: '1' }) })))
    })
  })

  describe('headers', () => {
    it('of the call override those of the request, the key and the options, in any case', async () => {
      const seen = await send(
        { headers: { 'X-A': 'option', 'X-B': 'option', 'X-C': 'option', 'Content-Type': 'a/b' } },
        request({ headers: { 'x-b': 'request', 'x-c': 'request' } }),
        call({ headers: { 'X-c': 'call' } }),
      )
      expect(seen.headers).toMatchObject({
        'x-a': 'option',
        'x-b': 'request',
        'x-c': 'call',
        'content-type': 'a/b',
      })
    })

    it('are removed by null and undefined', async () => {
      // untyped callers pass null
      const headers = { 'x-a': undefined, 'x-b': null } as never
      const seen = await send({ headers: { 'x-a': '1', 'x-b': '2' } }, request({ headers }))
      expect(seen.headers).not.toHaveProperty('x-a')
      expect(seen.headers).not.toHaveProperty('x-b')
    })

    it('are own properties only', async () => {
      const headers = Object.create({ 'x-inherited': '1' }) as Record<string, string>
      expect((await send({ headers })).headers).not.toHaveProperty('x-inherited')
    })

    it.each([
      ['x-a', 'line\nbreak secret'],
      ['x-a', 'secret ☃'],
      ['bad name', 'secret'],
    ])('that are invalid are named, not shown: %j', async (name, value) => {
      const error = await refusal({}, request({ headers: { [name]: value } }))
      expect(error).toBeInstanceOf(BadRequestError)
      expect(error).toMatchObject({ code: 'bad_header' })
      expect(String(error)).toContain(name)
      expect(String(error)).not.toContain('secret')
    })
  })

  describe('the API key', () => {
    const bearer = async (options: Partial<HttpOptions>, callOptions = call()) =>
      (await send({ apiKey: undefined, ...options }, request(), callOptions)).headers.authorization

    it('is that of the call, then the option, then the first environment variable that is set', async () => {
      vi.stubEnv('ACME_API_KEY', '')
      vi.stubEnv('ACME_KEY', 'from-environment')
      const apiKeyVariables = ['ACME_API_KEY', 'ACME_KEY']
      expect(await bearer({ apiKeyVariables })).toBe('Bearer from-environment')
      expect(await bearer({ apiKeyVariables, apiKey: () => undefined })).toContain('environment')
      expect(await bearer({ apiKeyVariables, apiKey: () => 'option' })).toBe('Bearer option')
      expect(await bearer({ apiKeyVariables, apiKey: 'option' }, call({ apiKey: 'of-call' }))).toBe(
        'Bearer of-call',
      )
    })

    it('is read at the call, not when the transport is created', async () => {
      const server = await serve(reply(200, {}))
      const transport = transportOn(server.url, { apiKey: undefined })
      vi.stubEnv('ACME_API_KEY', 'set-later')
      await transport.json(request(), call())
      expect(server.seen[0]?.headers.authorization).toBe('Bearer set-later')
    })

    it('that is missing is an error that names the environment variable', async () => {
      vi.stubEnv('ACME_API_KEY', undefined)
      const error = await refusal({ apiKey: undefined })
      expect(error).toBeInstanceOf(AuthenticationError)
      expect(error).toMatchObject({ code: 'missing_api_key', provider: 'acme', retryable: false })
      expect(String(error)).toContain('ACME_API_KEY')
    })

    it('that is given but empty is not replaced by the environment', async () => {
      vi.stubEnv('ACME_API_KEY', 'house')
      for (const options of [call({ apiKey: '' })])
        expect(await refusal({}, request(), options)).toMatchObject({ code: 'missing_api_key' })
      expect(await refusal({ apiKey: '' })).toMatchObject({ code: 'missing_api_key' })
    })

    it('is not required by a server without environment variables', async () => {
      expect(await bearer({ apiKeyVariables: [] })).toBeUndefined()
    })

    it.each(['secret\n', 'secret key', '\u00a0secret', 'secret☃', ' secret'])(
      'that is no valid header value is rejected and not shown: %j',
      async (key) => {
        const error = await refusal({ apiKey: key })
        expect(error).toBeInstanceOf(AuthenticationError)
        expect(error).toMatchObject({ code: 'bad_api_key' })
        expect(`${error} ${JSON.stringify(error)}`).not.toContain('secret')
      },
    )

    it('may come from a function that throws its own error', async () => {
      const apiKey = () => {
        throw new MisuseError('vault')
      }
      expect(await refusal({ apiKey })).toBeInstanceOf(MisuseError)
    })
  })
})
