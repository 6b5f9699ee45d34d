/** What a server may do to a connection, over `node:http` and `fetch`. */

import type { Socket } from 'node:net'
import zlib, { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { retry } from '../../middleware/retry.js'
import { createClient } from '../../src/client.js'
import {
  APIConnectionError,
  StreamInterruptedError,
  TetradError,
  TimeoutError,
  UnexpectedResponseError,
} from '../../src/core/index.js'
import { compatible } from '../../src/providers/compatible/index.js'
import { fakeClock } from '../middleware/fake-clock.js'
import {
  call,
  caught,
  collect,
  eachRequest,
  listen,
  overBoth,
  request,
  transportOn,
} from './loopback.js'

const head = (lines: string, status = '200 OK') => `HTTP/1.1 ${status}\r\n${lines}\r\n\r\n`
const whole = `${head('content-type: application/json\r\ncontent-length: 2')}{}`
const answer = '{"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]}'
const completion = `${head(`content-type: application/json\r\ncontent-length: ${answer.length}`)}${answer}`
const streamHead = head('content-type: text/event-stream\r\ntransfer-encoding: chunked')
const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
const stream = `${streamHead}${chunk('data: {"a":"é"}\n\n')}${chunk('data: {"b":2}\n\n')}0\r\n\r\n`

const server = (answer: (socket: Socket, count: number) => void, host?: string) =>
  listen((socket) => eachRequest(socket, (count) => answer(socket, count)), host)

/** Undefined before Node 22.15. */
const zstd: unknown = Reflect.get(zlib, 'zstdCompressSync')

/** Log2 of the window size. */
const windowLog = Number(Reflect.get(zlib.constants, 'ZSTD_c_windowLog'))

const packed = (text: string, coding: 'gzip' | 'zstd') => {
  // one of two zlib functions; each ignores the options of the other
  const pack = (coding === 'zstd' ? zstd : gzipSync) as (text: string, options: object) => Buffer
  const body = pack(text, { params: { [windowLog]: text.length > 8 * 1024 * 1024 ? 25 : 20 } })
  return server((socket) => {
    socket.write(
      head(
        `content-type: text/event-stream\r\ncontent-encoding: ${coding}\r\ncontent-length: ${body.length}`,
      ),
    )
    socket.write(body)
  })
}

/** Every way a server can end a connection before its response. */
const deaths: Readonly<Record<string, (socket: Socket) => void>> = {
  closes: (socket) => socket.end(),
  resets: (socket) => socket.resetAndDestroy(),
  'closes after half a status line': (socket) => socket.end('HTTP/1.1 2'),
  'closes after a whole status line': (socket) => socket.end('HTTP/1.1 200 OK\r\n'),
  'closes in the middle of the headers': (socket) => socket.end('HTTP/1.1 200 OK\r\nx-a: 1\r\n'),
  'closes after 100 Continue': (socket) => socket.end('HTTP/1.1 100 Continue\r\n\r\n'),
  'closes after 103 Early Hints': (socket) =>
    socket.end('HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n'),
  'resets after one byte': (socket) => void socket.write('H', () => socket.resetAndDestroy()),
  'closes 80 ms later': (socket) => void setTimeout(() => socket.end(), 80),
}

overBoth((transport) => {
  const send = (url: string) => caught(transportOn(url).json(request(), call()))
  const read = (url: string, timeouts = {}) =>
    collect(transportOn(url).events(request(), call({ timeouts })))

  describe('a server that ends the connection before its response', () => {
    it.each(Object.entries(deaths))(
      '%s: a request on a new connection may have been billed',
      async (_, die) => {
        const error = await send(await server(die))
        expect(error).toBeInstanceOf(APIConnectionError)
        expect(error).toMatchObject({ maybeBilled: true, retryable: true, phase: 'headers' })
        expect((error as TetradError).code).not.toBe('stale_socket')
      },
    )

    it.each(Object.entries(deaths))(
      '%s: so may a request on a kept connection',
      async (name, die) => {
        const url = await server(
          (socket, count) => void (count === 1 ? socket.write(whole) : die(socket)),
        )
        const used = transportOn(url)
        const isFree = transport === 'node' && (name === 'closes' || name === 'resets')
        let error: unknown
        // undici alternates between connections, so requests repeat until one reuses a kept
        // connection; a busy machine may exceed the 50 ms
        const isWanted = () => error && (!isFree || (error as TetradError).code === 'stale_socket')
        for (let left = 12; left > 0 && !isWanted(); left--) {
          error = (await caught(used.json(request(), call()))) ?? error
          await new Promise(setImmediate)
        }
        expect(error).toBeInstanceOf(APIConnectionError)
        expect((error as TetradError).code === 'stale_socket').toBe(isFree)
        expect((error as TetradError).maybeBilled).toBe(!isFree)
      },
    )

    /** Sends 500 requests through `retry()` with a clock that jumps. */
    const send500 = async (baseURL: string, attempts: number) => {
      const fetch = transport === 'fetch' ? globalThis.fetch : undefined
      const ai = createClient({
        providers: [compatible({ name: 'acme', baseURL, fetch })],
        use: [retry({ attempts, clock: fakeClock({ jumps: true }) })],
      })
      const messages = [{ role: 'user', content: 'Hi' }] as const
      let answered = 0
      for (let left = 500; left > 0; left -= 100)
        await Promise.all(
          Array.from({ length: 100 }, async () => {
            const error = await caught(ai.generate({ model: 'acme/m', messages }))
            if (error === undefined) answered += 1
          }),
        )
      return answered
    }

    it.each(Object.entries(deaths))(
      '%s, always: 500 calls send at most 600 requests, and each attempt is one request',
      async (_, die) => {
        let requests = 0
        const url = await server((socket) => {
          requests += 1
          die(socket)
        })
        await send500(url, 3)
        expect(requests).toBeLessThanOrEqual(600)
        requests = 0
        await send500(url, 1)
        expect(requests).toBe(500)
      },
    )

    it.each(Object.entries(deaths))(
      '%s, on each connection after one response: beyond the retry budget, a call costs at most one extra request',
      async (name, die) => {
        let requests = 0
        const url = await server((socket, count) => {
          requests += 1
          if (count === 1) socket.write(completion)
          else die(socket)
        })
        const answered = await send500(url, 3)
        const isFree = transport === 'node' && (name === 'closes' || name === 'resets')
        const free = isFree ? 500 : 0
        // a retry costs 5 of 500, a success returns 1
        expect((requests - 500 - free) * 5).toBeLessThanOrEqual(500 + answered)
      },
    )
  })

  describe('a truncated response', () => {
    it('is an error at any byte, and keeps what has arrived', async () => {
      let at = 0
      const url = await server((socket) => void socket.end(Buffer.from(stream).subarray(0, at)))
      for (at = 1; at < stream.length; at++) {
        const { events, error } = await read(url)
        expect(error, `cut at ${at}`).toBeInstanceOf(TetradError)
        expect(error).toMatchObject({ maybeBilled: true, retryable: true })
        const isInBody = at > streamHead.length + chunk('data: {"a":"é"}\n\n').length + 1
        if (isInBody) expect(events[0]).toEqual({ data: { a: 'é' } })
        if (isInBody) expect(error).toBeInstanceOf(StreamInterruptedError)
      }
    })

    it('that is no stream is an error at any byte too', async () => {
      let at = 0
      const url = await server((socket) => void socket.end(Buffer.from(whole).subarray(0, at)))
      for (at = 1; at < whole.length; at++) {
        const error = await send(url)
        expect(error, `cut at ${at}`).toBeInstanceOf(APIConnectionError)
        expect(error).toMatchObject({ maybeBilled: true, retryable: true })
      }
    })

    it('shorter than its content-length is an error, in both methods', async () => {
      const short = `${head('content-type: text/event-stream\r\ncontent-length: 99')}data: {"a":1}\n\n`
      const url = await server((socket) => void socket.end(short))
      const { events, error } = await read(url)
      expect(events).toEqual([{ data: { a: 1 } }])
      expect(error).toBeInstanceOf(StreamInterruptedError)
      const plain = await send(
        await server((socket) => void socket.end(`${head('content-length: 99')}{}`)),
      )
      expect(plain).toBeInstanceOf(APIConnectionError)
      expect(plain).toMatchObject({ phase: 'body', maybeBilled: true })
    })
  })

  describe('a complete response', () => {
    const jsonOf = async (url: string) => (await transportOn(url).json(request(), call())).body

    it('longer than its content-length ends there, and the rest is never read as the next response', async () => {
      const url = await server((socket) => void socket.write(`${whole}HTTP/1.1 200 OK\r\n`))
      const used = transportOn(url)
      for (let left = 3; left > 0; left--) {
        const answer = await used.json(request(), call()).catch((error: unknown) => error)
        if (!(answer instanceof APIConnectionError)) expect(answer).toMatchObject({ body: {} })
      }
    })

    it('may follow any number of 1xx responses', async () => {
      // undici treats an unrequested 100 as an error
      const continues = transport === 'node' ? 'HTTP/1.1 100 Continue\r\n\r\n' : ''
      const hints = 'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n'
      expect(
        await jsonOf(await server((socket) => void socket.write(continues + hints + whole))),
      ).toEqual({})
    })

    it('may have trailers', async () => {
      const trailed = stream.replace(/0\r\n\r\n$/, '0\r\nx-checksum: 1\r\n\r\n')
      const { events, error } = await read(await server((socket) => void socket.write(trailed)))
      expect(error).toBeUndefined()
      expect(events).toEqual([{ data: { a: 'é' } }, { data: { b: 2 } }])
    })

    it('may arrive byte by byte', async () => {
      const url = await server(async (socket) => {
        socket.setNoDelay()
        for (const byte of Buffer.from(stream)) {
          socket.write(Buffer.of(byte))
          await new Promise(setImmediate)
        }
      })
      expect((await read(url)).events).toEqual([{ data: { a: 'é' } }, { data: { b: 2 } }])
    })

    it('may end with the connection', async () => {
      const url = await server((socket) => void socket.end(`${head('x-a: 1')}{"a":1}`))
      expect(await jsonOf(url)).toEqual({ a: 1 })
    })

    it('may come from an IPv6 address', async () => {
      expect(await jsonOf(await server((socket) => void socket.write(whole), '::1'))).toEqual({})
    })

    it.each([
      ['gzip', gzipSync],
      ['x-gzip', gzipSync],
      ['deflate', deflateSync],
      ['br', brotliCompressSync],
      ['gzip, br', (text: string) => brotliCompressSync(gzipSync(text))],
    ] as const)('may be compressed with %s without being requested', async (coding, pack) => {
      const body = pack('data: {"a":1}\n\n')
      const url = await server((socket) => {
        socket.write(
          head(
            `content-type: text/event-stream\r\ncontent-encoding: ${coding}\r\ncontent-length: ${body.length}`,
          ),
        )
        socket.write(body)
      })
      const { events, error } = await read(url)
      expect(error).toBeUndefined()
      expect(events).toEqual([{ data: { a: 1 } }])
    })

    it.runIf(transport === 'node' && zstd)('may be compressed with zstd', async () => {
      const { events } = await read(await packed('data: {"a":1}\n\n', 'zstd'))
      expect(events).toEqual([{ data: { a: 1 } }])
    })

    it('that is compressed and empty is an empty response', async () => {
      const url = await server(
        (socket) => void socket.write(head('content-encoding: gzip\r\ncontent-length: 0')),
      )
      expect(await send(url)).toBeInstanceOf(TetradError)
    })
  })

  describe('a hostile response', () => {
    const codings = transport === 'node' && zstd ? (['gzip', 'zstd'] as const) : ['gzip' as const]

    it.each(codings)(
      'that decompresses (%s) beyond the limit of an event or a body is rejected',
      async (coding) => {
        const bomb = await packed(`data: "${'a'.repeat(4 * 1024 * 1024)}"\n\n`, coding)
        const events = transportOn(bomb, { maxEventBytes: 65_536 }).events(request(), call())
        expect((await collect(events)).error).toMatchObject({ code: 'too_large' })
        const json = transportOn(bomb, { maxBodyBytes: 65_536 }).json(request(), call())
        expect(await caught(json)).toMatchObject({ code: 'too_large' })
      },
    )

    it.runIf(transport === 'node' && zstd)(
      'that needs a zstd window above 8 MiB is rejected',
      async () => {
        const wide = await packed(`data: "${'a'.repeat(16 * 1024 * 1024)}"\n\n`, 'zstd')
        const { events, error } = await read(wide)
        expect(events).toEqual([])
        expect(error).toBeInstanceOf(StreamInterruptedError)
      },
    )

    it.each(['constructor', '__proto__', 'toString', 'gzip, constructor', ',', 'x'])(
      'with the unknown coding %j is read as it is',
      async (coding) => {
        const url = await server((socket) => {
          const lines = `content-encoding: ${coding}\r\ncontent-type: text/event-stream`
          socket.end(`${head(lines)}data: {"a":1}\n\n`)
        })
        expect((await read(url)).events).toEqual([{ data: { a: 1 } }])
      },
    )

    it.each([
      ['\u00a0', 'text/event-stream', 'empty'],
      ['\u2003', 'text/plain', 'empty'],
      ['\ufeff', 'text/plain', 'not_a_stream'],
      ['\n', 'text/plain', 'not_a_stream'],
      ['d', 'text/plain', 'not_a_stream'],
    ])(
      'that begins with %j without end (%s) is rejected after 4 KiB',
      async (filler, type, code) => {
        const url = await server((socket) => {
          socket.write(head(`content-type: ${type}`))
          const more = () => {
            if (socket.writable) socket.write(filler.repeat(256), () => setImmediate(more))
          }
          more()
        })
        expect((await read(url)).error).toMatchObject({ code })
      },
    )

    it('that starts with blank lines and then is a stream is read', async () => {
      const body = `${'\n'.repeat(64 * 1024)}data: {"a":1}\n\n`
      const url = await server((socket) => {
        socket.end(head('content-type: text/event-stream') + body)
      })
      expect((await read(url)).events).toEqual([{ data: { a: 1 } }])
    })

    it('with endless headers is rejected', async () => {
      const url = await server((socket) => {
        socket.write('HTTP/1.1 200 OK\r\n')
        const more = () => socket.writable && socket.write(`x-a: ${'b'.repeat(4096)}\r\n`, more)
        more()
      })
      expect(await send(url)).toBeInstanceOf(APIConnectionError)
    })

    it('that changes the protocol is rejected', async () => {
      const url = await server((socket) => {
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
        )
      })
      expect(await send(url)).toBeInstanceOf(TetradError)
    })

    it('that redirects is not followed', async () => {
      let requests = 0
      const url = await server((socket) => {
        requests += 1
        socket.write(head('location: /elsewhere\r\ncontent-length: 0', '307 Temporary Redirect'))
      })
      expect(await send(url)).toBeInstanceOf(UnexpectedResponseError)
      expect(await send(url)).toMatchObject({ code: 'redirect' })
      expect(requests).toBe(2)
    })
  })

  describe('silence', () => {
    const phases = [
      ['headers', ''],
      ['headers', 'HTTP/1.1 200'],
      ['headers', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
      ['idle-bytes', streamHead],
      ['idle-bytes', `${streamHead}${chunk('data: {"a":1}\n\n')}5\r\nda`],
    ] as const

    it.each(phases)('of phase %s ends the call and closes the socket: %j', async (phase, sent) => {
      let closed: Promise<unknown> | undefined
      const url = await server((socket) => {
        closed = new Promise((resolve) => socket.once('close', resolve))
        socket.write(sent)
      })
      const { error } = await read(url, { headersMs: 150, idleBytesMs: 150 })
      expect(error).toBeInstanceOf(TimeoutError)
      expect(error).toMatchObject({ phase, maybeBilled: true })
      await closed
    })
  })

  describe('what a fault leaves behind', () => {
    const streams = (socket: Socket) => void socket.write(streamHead)
    const faults = { ...deaths, 'answers no more': () => {}, 'streams no more': streams }

    const open = (kind: string) =>
      process.getActiveResourcesInfo().filter((name) => name === kind).length

    it.each(Object.entries(faults))(
      'after a server that %s is no socket and no timer',
      async (_, die) => {
        let sockets = 0
        const url = await listen((socket) => {
          sockets += 1
          socket.once('close', () => {
            sockets -= 1
          })
          eachRequest(socket, () => die(socket))
        })
        const timers = open('Timeout')
        const timeouts = { headersMs: 300, idleBytesMs: 300 }
        await read(url, timeouts)
        await caught(transportOn(url).json(request(), call({ timeouts })))
        while (sockets > 0) await new Promise(setImmediate)
        // undici keeps one timer for all its connections
        expect(open('Timeout') - timers).toBeLessThanOrEqual(transport === 'node' ? 0 : 1)
      },
    )
  })

  it.runIf(transport === 'node')(
    'an idle connection is closed at its Keep-Alive timeout',
    async () => {
      const closed: Promise<unknown>[] = []
      const url = await listen((socket) => {
        closed.push(new Promise((resolve) => socket.once('close', resolve)))
        const kept = head('keep-alive: timeout=2\r\nconnection: keep-alive\r\ncontent-length: 2')
        eachRequest(socket, () => void socket.write(`${kept}{}`))
      })
      const used = transportOn(url)
      await used.json(request(), call())
      await used.json(request(), call())
      expect(closed).toHaveLength(1)
      // without the header this would be a minute
      await closed[0]
    },
  )
})
