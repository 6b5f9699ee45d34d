/**
 * Specific to Node: unusual request lines, body parsers, interrupted uploads, HTTP/2, compression,
 * stalled sockets.
 */
import type http from 'node:http'
import http2 from 'node:http2'
import { type AddressInfo, connect } from 'node:net'
import compression from 'compression'
import express, { type RequestHandler } from 'express'
import fastify from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { createClient } from '../../src/client.js'
import { AbortError } from '../../src/core/index.js'
import { handler } from '../../src/http/node.js'
import type { BaseHandlerOptions } from '../../src/http/web.js'
import { say, scripted } from '../../src/testing/index.js'
import { dataOf, gate } from './requests.js'
import { type Serving, serve } from './support.js'

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

function setUp(script = say('Hello'), options: Partial<BaseHandlerOptions<{}>> = {}) {
  const provider = scripted()
  provider.reply(script)
  const errors: unknown[] = []
  const urls: string[] = []
  const ai = createClient({ providers: [provider] })
  const chat = handler(ai, {
    authorize: (request) => {
      urls.push(request.url)
      return {}
    },
    models: ['scripted/any'],
    onError: (error) => errors.push(error),
    ...options,
  })
  return { provider, chat, errors, urls }
}

async function start(listener: http.RequestListener): Promise<Serving> {
  const running = await serve(listener)
  closers.push(running.close)
  return running
}

const hello = JSON.stringify({ messages: [{ role: 'user', content: 'Hi' }] })
const json = { 'content-type': 'application/json' }
const send = (url: string, init: RequestInit = {}) =>
  fetch(url, { method: 'POST', headers: json, body: hello, ...init })

/** Writes to a socket and reads until the server closes it, or until a text has arrived. */
function exchange({ port }: Serving, text: string, until?: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(text)
  let answer = ''
  return new Promise((resolve) => {
    socket.setEncoding('utf8').on('data', (part) => {
      answer += part
      if (until !== undefined && answer.includes(until)) socket.destroy()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(answer))
  })
}

const request = (line: string, headers = 'host: app.test') =>
  `${line} HTTP/1.1\r\n${headers}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${hello.length}\r\n\r\n${hello}`

describe('the request line', () => {
  it.each([
    ['//evil.test/api/chat', 'http://app.test//evil.test/api/chat'],
    ['http://evil.test/api/chat?a=b', 'http://app.test/api/chat?a=b'],
    ['HTTPS://evil.test', 'http://app.test/'],
    ['/api/chat?a=b?c', 'http://app.test/api/chat?a=b?c'],
    ['/\\evil.test', 'http://app.test//evil.test'],
    ['/api/chat#there', 'http://app.test/api/chat'],
    ['/@evil.test', 'http://app.test/@evil.test'],
  ])('%s does not override the host', async (target, url) => {
    const { chat, urls } = setUp()
    const answer = await exchange(await start(chat), request(`POST ${target}`))
    expect(answer).toMatch(/^HTTP\/1.1 200 /)
    expect(urls).toEqual([url])
  })

  it.each([
    ['a host that is none', 'POST /', 'host: a b', 400],
    ['a host with a name and a password', 'POST /', 'host: ann:secret@app.test', 400],
    ['a method that is none of the web', 'TRACE /', 'host: app.test', 400],
    ['an asterisk', 'OPTIONS *', 'host: app.test', 403],
  ])('%s is answered', async (_, line, headers, status) => {
    const { chat, provider } = setUp()
    const answer = await exchange(await start(chat), request(line, headers))
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(provider.calls).toHaveLength(0)
  })

  it('of HTTP/1.0 without a host is accepted', async () => {
    const { chat } = setUp()
    const line = `POST / HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: ${hello.length}\r\n\r\n${hello}`
    expect(await exchange(await start(chat), line)).toContain('[DONE]')
  })
})

describe('a request body', () => {
  it('without an end is rejected at its limit, and the sender is disconnected', async () => {
    const { chat, provider } = setUp()
    const running = await start(chat)
    const socket = connect(running.port, '127.0.0.1').on('error', () => {})
    let answer = ''
    socket.setEncoding('utf8').on('data', (part) => {
      answer += part
    })
    const closed = new Promise((resolve) => socket.on('close', resolve))
    socket.write(
      'POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n',
    )
    const piece = `10000\r\n${'a'.repeat(0x10000)}\r\n`
    const more = () => {
      while (!socket.destroyed && socket.write(piece));
    }
    socket.on('drain', more)
    more()
    await closed
    expect(answer).toMatch(/^HTTP\/1.1 413 /)
    expect(answer).toContain('too_large')
    expect(provider.calls).toHaveLength(0)
  })

  it('that is too large leaves the connection usable for the next request', async () => {
    const { chat } = setUp()
    const running = await start(chat)
    const long = 'a'.repeat(300_000)
    const first = `POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n${long.length.toString(16)}\r\n${long}\r\n0\r\n\r\n`
    const answer = await exchange(running, first + request('POST /'), '[DONE]')
    expect(answer.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 413', 'HTTP/1.1 200'])
  })

  it('that is interrupted calls no model, and is reported as an abort', async () => {
    const { chat, provider, errors } = setUp()
    const ends: Promise<void>[] = []
    const running = await start((request, response) => void ends.push(chat(request, response)))
    const socket = connect(running.port, '127.0.0.1')
    socket.write(
      'POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{',
    )
    await expect.poll(() => ends.length).toBe(1)
    socket.destroy()
    await Promise.all(ends)
    expect(errors).toEqual([expect.any(AbortError)])
    expect(provider.calls).toHaveLength(0)
  })

  it.each<[string, RequestHandler]>([
    ['an object', express.json()],
    ['a text', express.text({ type: '*/*' })],
    ['bytes', express.raw({ type: '*/*' })],
    [
      'what Express 4 puts there when no parser wants it',
      (request, _, next) => {
        request.body = {}
        next()
      },
    ],
  ])('that was already parsed may be %s', async (_, parser) => {
    const { chat } = setUp()
    const { url } = await start(express().use(parser).post('/', chat))
    expect(await (await send(url)).text()).toContain('[DONE]')
  })

  it('that was read by other middleware and not kept is a bad request', async () => {
    const { chat } = setUp()
    const { url } = await start((request, response) => {
      request.resume().on('end', () => chat(request, response))
    })
    expect((await send(url)).status).toBe(400)
  })

  it('that was already parsed is validated all the same', async () => {
    const { chat, provider } = setUp()
    const { url } = await start(
      express()
        .use(express.json({ limit: '1mb' }))
        .post('/', chat),
    )
    const body = JSON.stringify({ messages: [{ role: 'user', content: 'a'.repeat(300_000) }] })
    expect((await send(url, { body })).status).toBe(413)
    expect(
      (await send(url, { body: '{"messages":[],"constructor":{"prototype":{}}}' })).status,
    ).toBe(400)
    expect(provider.calls).toHaveLength(0)
  })
})

describe('other code that writes to the response', () => {
  it('may have set headers, and several cookies stay separate', async () => {
    const { chat } = setUp(undefined, { origins: ['https://a.test'] })
    const refuse = handler(createClient({ providers: [] }), {
      models: ['m'],
      authorize: () => {
        const headers = new Headers([
          ['set-cookie', 'a=1'],
          ['set-cookie', 'b=2'],
        ])
        return new Response(null, { status: 302, headers })
      },
    })
    const { url } = await start((request, response) => {
      response.setHeader('vary', 'Cookie')
      response.setHeader('x-app', 'yes')
      return request.url === '/in' ? refuse(request, response) : chat(request, response)
    })
    const response = await send(url)
    await response.text()
    expect(response.headers.get('vary')).toBe('Cookie, Origin')
    expect(response.headers.get('x-app')).toBe('yes')
    const moved = await send(`${url}/in`, { redirect: 'manual' })
    expect(moved.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
  })

  it('may be the hooks of Fastify', async () => {
    const { chat } = setUp()
    const app = fastify()
    app.addHook('onRequest', async (_, reply) => void reply.header('x-app', 'yes'))
    app.post('/', chat)
    closers.push(() => app.close())
    const response = await send(await app.listen({ port: 0, host: '127.0.0.1' }))
    expect(response.headers.get('x-app')).toBe('yes')
    expect(await response.text()).toContain('[DONE]')
  })

  it('may have responded before: no model is called', async () => {
    const { chat, provider } = setUp()
    const { url } = await start((request, response) => {
      response.end('first')
      return chat(request, response)
    })
    expect(await (await send(url)).text()).toBe('first')
    expect(provider.calls).toHaveLength(0)
  })

  it('may respond meanwhile: that response stays complete, and the call is ended', async () => {
    const held = gate()
    const { chat, provider } = setUp(say('One two').hold(1, held.opened).stall(3))
    const { url } = await start((request, response) => {
      void chat(request, response)
      request.on('end', () => response.writeHead(503).write('too '))
      void held.opened.then(() => setImmediate(() => response.end('late')))
    })
    const response = await send(url)
    held.open()
    expect([response.status, await response.text()]).toEqual([503, 'too late'])
    await expect.poll(() => provider.open).toBe(0)
  })
})

describe('compression that ignores no-transform', () => {
  /** Removes the directive that exempts a stream from `compression()`. */
  const transformed: RequestHandler = (_, response, next) => {
    const { writeHead } = response
    response.writeHead = ((status: number, headers: http.OutgoingHttpHeaders) =>
      writeHead.call(response, status, {
        ...headers,
        'cache-control': 'no-store',
      } as never)) as never
    next()
  }

  it('is flushed after each event', async () => {
    const held = gate()
    const { chat } = setUp(say('One two').hold(2, held.opened))
    const { url } = await start(express().use(compression(), transformed).post('/', chat))
    const response = await send(url)
    expect(response.headers.get('content-encoding')).toBeTruthy()
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    while (!text.includes('One')) text += (await reader?.read())?.value
    held.open()
    for (let part = await reader?.read(); !part?.done; part = await reader?.read())
      text += part?.value
    expect(dataOf(text).at(-1)).toBe('[DONE]')
  })

  it('applies backpressure without adding a listener per write', async () => {
    const noise = Array.from({ length: 30_000 }, (_, index) =>
      ((index * 7919) % 99_991).toString(36),
    )
    const { chat } = setUp(say(noise.join(' '), { chunks: 6_000 }))
    const warnings: Error[] = []
    const note = (warning: Error) => void warnings.push(warning)
    process.on('warning', note)
    const { url } = await start(express().use(compression(), transformed).post('/', chat))
    const text = await (await send(url)).text()
    process.off('warning', note)
    const words = dataOf(text).flatMap((data) => /"text":"([^"]*)"/.exec(data)?.[1] ?? [])
    expect(words.join('')).toBe(noise.join(' '))
    expect(warnings).toEqual([])
  })
})

describe('a socket', () => {
  it('whose client reads nothing for too long is closed, and the call is ended', async () => {
    const long = 'a'.repeat(100_000)
    const script = say(long.repeat(120), { chunks: Array<string>(120).fill(long) })
    const { chat, provider } = setUp(script, { stalledMs: 50 })
    const running = await start(chat)
    const socket = connect(running.port, '127.0.0.1').on('error', () => {})
    closers.push(async () => socket.destroy())
    socket.pause().write(request('POST /'))
    await expect.poll(() => provider.calls.length).toBe(1)
    await expect.poll(() => provider.open).toBe(0)
    await expect
      .poll(
        () => new Promise((resolve) => running.server.getConnections((_, count) => resolve(count))),
      )
      .toBe(0)
  })

  it('that fails throws nothing', async () => {
    const { chat, provider } = setUp(say('One two').stall(2))
    const { url } = await start((request, response) => {
      void chat(request, response)
      void expect
        .poll(() => provider.open)
        .toBe(1)
        .then(() => {
          response.emit('error', new Error('EPIPE'))
          request.socket.destroy(new Error('ECONNRESET'))
        })
    })
    await expect(send(url).then((response) => response.text())).rejects.toThrow()
    await expect.poll(() => provider.open).toBe(0)
  })

  it('that was closed before the handler ran is a disconnected client', async () => {
    const { chat, provider } = setUp(say('One two').stall(0))
    const ends: Promise<void>[] = []
    const running = await start((request, response) => {
      request.resume()
      response.once('close', () => void ends.push(chat(request, response)))
    })
    const socket = connect(running.port, '127.0.0.1')
    socket.write(request('POST /'))
    running.server.once('request', () => socket.destroy())
    await expect.poll(() => ends.length).toBe(1)
    await Promise.all(ends)
    expect(provider.open).toBe(0)
  })
})

describe('HTTP/2', () => {
  async function open(script = say('Hello')) {
    const { chat, ...rest } = setUp(script)
    const server = http2.createServer((request, response) => void chat(request, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const client = http2.connect(`http://127.0.0.1:${port}`)
    closers.push(async () => {
      client.destroy()
      server.close()
    })
    const stream = client.request({ ':method': 'POST', ':path': '/api/chat', ...json })
    stream.setEncoding('utf8').end(hello)
    const status = new Promise<number | undefined>((resolve) =>
      stream.once('response', (headers) => resolve(headers[':status'])),
    )
    return { ...rest, stream, status, port }
  }

  it('streams', async () => {
    const { stream, status, urls, port } = await open()
    expect(await status).toBe(200)
    let text = ''
    for await (const part of stream) text += part
    expect(dataOf(text).at(-1)).toBe('[DONE]')
    expect(urls).toEqual([`http://127.0.0.1:${port}/api/chat`])
  })

  it('ends the call when the client resets its stream', async () => {
    const { stream, status, provider } = await open(say('One two').stall(2))
    await status
    expect(provider.open).toBe(1)
    stream.close(http2.constants.NGHTTP2_CANCEL)
    await expect.poll(() => provider.open).toBe(0)
  })
})
