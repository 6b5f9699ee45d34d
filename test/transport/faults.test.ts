import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { APIConnectionError, MisuseError, TimeoutError } from '../../src/core/index.js'
import { call, caught, listen, overBoth, request, transportOn } from './loopback.js'

overBoth((transport) => {
  const send = (url: string) => caught(transportOn(url).json(request(), call()))

  const fetchThrows = (thrown: unknown) =>
    caught(
      transportOn('http://127.0.0.1', { fetch: () => Promise.reject(thrown) }).json(
        request(),
        call(),
      ),
    )

  const systemError = (code: string, more: object = {}) =>
    new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code, ...more }) })

  describe('a connection', () => {
    it('that is refused was never billed', async () => {
      const server = net.createServer()
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      server.close()
      await once(server, 'close')
      const error = await send(`http://127.0.0.1:${port}`)
      expect(error).toBeInstanceOf(APIConnectionError)
      expect(error).toMatchObject({
        code: 'ECONNREFUSED',
        phase: 'connect',
        retryable: true,
        maybeBilled: false,
        cause: { code: 'ECONNREFUSED' },
      })
    })

    it('that closes before any response may have been billed', async () => {
      const url = await listen((socket) => socket.once('data', () => socket.end()))
      const error = await send(url)
      expect(error).toBeInstanceOf(APIConnectionError)
      expect(error).toMatchObject({
        code: transport === 'node' ? 'ECONNRESET' : 'UND_ERR_SOCKET',
        retryable: true,
        maybeBilled: true,
        phase: 'headers',
      })
    })

    it('to a server that does not speak HTTP is a connection error', async () => {
      const url = await listen((socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'))
      expect(await send(url)).toBeInstanceOf(APIConnectionError)
    })
  })

  describe('an error thrown by fetch', () => {
    it.each([
      ['ENOTFOUND', true, false],
      ['EAI_AGAIN', true, false],
      ['ENETUNREACH', true, false],
      ['EHOSTUNREACH', true, false],
      ['ConnectionRefused', true, false],
      ['DEPTH_ZERO_SELF_SIGNED_CERT', false, false],
      ['SELF_SIGNED_CERT_IN_CHAIN', false, false],
      ['CERT_HAS_EXPIRED', false, false],
      ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', false, false],
      ['ERR_TLS_CERT_ALTNAME_INVALID', false, false],
      ['ERR_SSL_WRONG_VERSION_NUMBER', false, false],
      ['EPROTO', false, false],
      ['UND_ERR_SOCKET', true, true],
      ['SOMETHING_NEW', true, true],
    ])('%s: retryable %s, maybe billed %s', async (code, retryable, maybeBilled) => {
      const error = await fetchThrows(systemError(code))
      expect(error).toBeInstanceOf(APIConnectionError)
      expect(error).toMatchObject({ code, retryable, maybeBilled, cause: { code } })
    })

    it('is never classified as an idle connection that was closed: fetch does not show which one it used', async () => {
      for (const code of ['ECONNRESET', 'EPIPE'])
        expect(await fetchThrows(systemError(code))).toMatchObject({ code, maybeBilled: true })
      expect(
        await fetchThrows(systemError('UND_ERR_SOCKET', { socket: { bytesRead: 5 } })),
      ).toMatchObject({ code: 'UND_ERR_SOCKET', maybeBilled: true })
    })

    it('of a connect timeout was never sent', async () => {
      const error = await fetchThrows(systemError('ETIMEDOUT', { syscall: 'connect' }))
      expect(error).toBeInstanceOf(TimeoutError)
      expect(error).toMatchObject({ phase: 'connect', maybeBilled: false })
    })

    it.each([
      ['UND_ERR_CONNECT_TIMEOUT', 'connect', false],
      ['UND_ERR_HEADERS_TIMEOUT', 'headers', true],
      ['UND_ERR_BODY_TIMEOUT', 'idle-bytes', true],
    ])('%s is a timeout of phase %s', async (code, phase, maybeBilled) => {
      const error = await fetchThrows(systemError(code))
      expect(error).toBeInstanceOf(TimeoutError)
      // a timer of the HTTP client would end the next attempt too
      expect(error).toMatchObject({ phase, retryable: phase === 'connect', maybeBilled })
    })

    it.each([new TypeError('Failed to fetch'), 'a string', undefined, null, { code: 5 }])(
      'is a connection error, whatever it is: %s',
      async (thrown) => {
        const error = await fetchThrows(thrown)
        expect(error).toBeInstanceOf(APIConnectionError)
        expect(error).toMatchObject({ retryable: true, maybeBilled: true })
      },
    )

    it('is classified the same if fetch throws synchronously', async () => {
      const fetch = () => {
        throw new TypeError('no')
      }
      const transport = transportOn('http://127.0.0.1', { fetch })
      expect(await caught(transport.json(request(), call()))).toBeInstanceOf(APIConnectionError)
    })

    it('is passed on if it is typed already', async () => {
      const own = new MisuseError('mine')
      expect(await fetchThrows(own)).toBe(own)
    })
  })
})
