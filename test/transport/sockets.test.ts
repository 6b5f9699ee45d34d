/** What a server may do to a connection, over both ways to send. */

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

/** Node has it from 22.15 on. */
const zstd: unknown = Reflect.get(zlib, 'zstdCompressSync')

/** Log2 of the window. */
const windowLog = Number(Reflect.get(zlib.constants, 'ZSTD_c_windowLog'))

const packed = (text: string, coding: 'gzip' | 'zstd') => {
  // one function of zlib, or the other; each ignores what is not its own
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

/** All the ways in which a server can die before its answer. */
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
  const ask = (url: string) => caught(transportOn(url).json(request(), call()))
  const read = (url: string, timeouts = {}) =>
    collect(transportOn(url).events(request(), call({ timeouts })))

  describe('a server that dies before its answer', () => {
    it.each(Object.entries(deaths))('%s: a new connection may have been billed', async (_, die) => {
      const error = await ask(await server(die))
      expect(error).toBeInstanceOf(APIConnectionError)
      expect(error).toMatchObject({ maybeBilled: true, retryable: true, phase: 'headers' })
      expect((error as TetradError).code).not.toBe('stale_socket')
    })

    it.each(Object.entries(deaths))('%s: so may one that was kept', async (name, die) => {
      const url = await server(
        (socket, count) => void (count === 1 ? socket.write(whole) : die(socket)),
      )
      const used = transportOn(url)
      const isFree = transport === 'node' && (name === 'closes' || name === 'resets')
      let error: unknown
      // undici turns between connections: until one is used again; and a busy machine is later than the 50 ms
      const isWanted = () => error && (!isFree || (error as TetradError).code === 'stale_socket')
      for (let left = 12; left > 0 && !isWanted(); left--) {
        error = (await caught(used.json(request(), call()))) ?? error
        await new Promise(setImmediate)
      }
      expect(error).toBeInstanceOf(APIConnectionError)
      expect((error as TetradError).code === 'stale_socket').toBe(isFree)
      expect((error as TetradError).maybeBilled).toBe(!isFree)
    })

    /** Each request on its way through `retry()`, which waits for nothing. */
    const ask500 = async (baseURL: string, attempts: number) => {
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
      '%s, always: 500 calls are at most 600 requests, and one attempt is one request',
      async (_, die) => {
        let requests = 0
        const url = await server((socket) => {
          requests += 1
          die(socket)
        })
        await ask500(url, 3)
        expect(requests).toBeLessThanOrEqual(600)
        requests = 0
        await ask500(url, 1)
        expect(requests).toBe(500)
      },
    )

    it.each(Object.entries(deaths))(
      '%s, on each connection that answered once: what the budget does not pay is one request a call at most',
      async (name, die) => {
        let requests = 0
        const url = await server((socket, count) => {
          requests += 1
          if (count === 1) socket.write(completion)
          else die(socket)
        })
        const answered = await ask500(url, 3)
        const isFree = transport === 'node' && (name === 'closes' || name === 'resets')
        const free = isFree ? 500 : 0
        // a retry costs 5 of 500, a success gives 1 back
        expect((requests - 500 - free) * 5).toBeLessThanOrEqual(500 + answered)
      },
    )
  })

  describe('an answer that is cut', () => {
    it('at any byte is an error, and gives what had come', async () => {
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

    it('and is no stream is an error at any byte too', async () => {
      let at = 0
      const url = await server((socket) => void socket.end(Buffer.from(whole).subarray(0, at)))
      for (at = 1; at < whole.length; at++) {
        const error = await ask(url)
        expect(error, `cut at ${at}`).toBeInstanceOf(APIConnectionError)
        expect(error).toMatchObject({ maybeBilled: true, retryable: true })
      }
    })

    it('below its content-length is an error, in both methods', async () => {
      const short = `${head('content-type: text/event-stream\r\ncontent-length: 99')}data: {"a":1}\n\n`
      const url = await server((socket) => void socket.end(short))
      const { events, error } = await read(url)
      expect(events).toEqual([{ data: { a: 1 } }])
      expect(error).toBeInstanceOf(StreamInterruptedError)
      const plain = await ask(
        await server((socket) => void socket.end(`${head('content-length: 99')}{}`)),
      )
      expect(plain).toBeInstanceOf(APIConnectionError)
      expect(plain).toMatchObject({ phase: 'body', maybeBilled: true })
    })
  })

  describe('an answer that is whole', () => {
    const jsonOf = async (url: string) => (await transportOn(url).json(request(), call())).body

    it('above its content-length ends there, and what follows is never the next answer', async () => {
      const url = await server((socket) => void socket.write(`${whole}HTTP/1.1 200 OK\r\n`))
      const used = transportOn(url)
      for (let left = 3; left > 0; left--) {
        const answer = await used.json(request(), call()).catch((error: unknown) => error)
        if (!(answer instanceof APIConnectionError)) expect(answer).toMatchObject({ body: {} })
      }
    })

    it('comes after any number of 1xx', async () => {
      // undici takes a 100 that nobody asked for as a fault
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

    it('may come byte by byte', async () => {
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

    it('comes from an IPv6 address', async () => {
      expect(await jsonOf(await server((socket) => void socket.write(whole), '::1'))).toEqual({})
    })

    it.each([
      ['gzip', gzipSync],
      ['x-gzip', gzipSync],
      ['deflate', deflateSync],
      ['br', brotliCompressSync],
      ['gzip, br', (text: string) => brotliCompressSync(gzipSync(text))],
    ] as const)('may be packed as %s though nobody asked', async (coding, pack) => {
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

    it.runIf(transport === 'node' && zstd)('may be packed as zstd', async () => {
      const { events } = await read(await packed('data: {"a":1}\n\n', 'zstd'))
      expect(events).toEqual([{ data: { a: 1 } }])
    })

    it('packed and empty is an empty answer', async () => {
      const url = await server(
        (socket) => void socket.write(head('content-encoding: gzip\r\ncontent-length: 0')),
      )
      expect(await ask(url)).toBeInstanceOf(TetradError)
    })
  })

  describe('a hostile answer', () => {
    const codings = transport === 'node' && zstd ? (['gzip', 'zstd'] as const) : ['gzip' as const]

    it.each(codings)(
      'that unpacks (%s) to more than an event or a body may be is refused',
      async (coding) => {
        const bomb = await packed(`data: "${'a'.repeat(4 * 1024 * 1024)}"\n\n`, coding)
        const events = transportOn(bomb, { maxEventBytes: 65_536 }).events(request(), call())
        expect((await collect(events)).error).toMatchObject({ code: 'too_large' })
        const json = transportOn(bomb, { maxBodyBytes: 65_536 }).json(request(), call())
        expect(await caught(json)).toMatchObject({ code: 'too_large' })
      },
    )

    it.runIf(transport === 'node' && zstd)(
      'that wants a window above 8 MiB is refused',
      async () => {
        const wide = await packed(`data: "${'a'.repeat(16 * 1024 * 1024)}"\n\n`, 'zstd')
        const { events, error } = await read(wide)
        expect(events).toEqual([])
        expect(error).toBeInstanceOf(StreamInterruptedError)
      },
    )

    it.each(['constructor', '__proto__', 'toString', 'gzip, constructor', ',', 'x'])(
      'with the coding %j, which nobody has, is read as it is',
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
      'that begins with %j without end (%s) is given up after 4 KiB',
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

    it('of blank lines that is a stream after all is read', async () => {
      const body = `${'\n'.repeat(64 * 1024)}data: {"a":1}\n\n`
      const url = await server((socket) => {
        socket.end(head('content-type: text/event-stream') + body)
      })
      expect((await read(url)).events).toEqual([{ data: { a: 1 } }])
    })

    it('whose headers have no end is refused', async () => {
      const url = await server((socket) => {
        socket.write('HTTP/1.1 200 OK\r\n')
        const more = () => socket.writable && socket.write(`x-a: ${'b'.repeat(4096)}\r\n`, more)
        more()
      })
      expect(await ask(url)).toBeInstanceOf(APIConnectionError)
    })

    it('that changes the protocol is refused', async () => {
      const url = await server((socket) => {
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
        )
      })
      expect(await ask(url)).toBeInstanceOf(TetradError)
    })

    it('that redirects is not followed', async () => {
      let requests = 0
      const url = await server((socket) => {
        requests += 1
        socket.write(head('location: /elsewhere\r\ncontent-length: 0', '307 Temporary Redirect'))
      })
      expect(await ask(url)).toBeInstanceOf(UnexpectedResponseError)
      expect(await ask(url)).toMatchObject({ code: 'redirect' })
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

    it.each(phases)('of phase %s is ended, and the socket closed: %j', async (phase, sent) => {
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
      'of a server that %s is no socket, and no timer',
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
    'an idle connection is closed when its Keep-Alive says so',
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
      // without it this would be a minute
      await closed[0]
    },
  )
})
