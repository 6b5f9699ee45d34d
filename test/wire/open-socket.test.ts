/**
 * What follows a terminal event on a raw socket: a connection that stays open or is reset changes
 * nothing.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createClient } from '../../src/client.js'
import { StreamInterruptedError, TimeoutError } from '../../src/core/index.js'
import { events } from '../../src/testing/index.js'
import { adaptersAt, drain, type Name, names, requestFor, rich, textOf } from './support.js'

type Ending = (socket: Socket) => void
const stays: Ending = () => {}
const endings = { 'stays open': stays, 'is reset': (socket: Socket) => socket.resetAndDestroy() }

const head =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n'

const framesOf = (name: Name) =>
  events(name, rich()).map(({ event, data }) => {
    const text = typeof data === 'string' ? data : JSON.stringify(data)
    return `${event === undefined ? '' : `event: ${event}\n`}data: ${text}\n\n`
  })

/**
 * Responds to each request with the frames as one chunk of an unfinished body, then runs `ending`.
 */
async function serveRaw(frames: readonly string[], ending: Ending): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => {
      const body = frames.join('')
      socket.write(`${head}${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n`, () =>
        ending(socket),
      )
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const clientOn = (baseURL: string) => {
  const options = { apiKey: 'test-key', baseURL }
  return createClient({
    providers: adaptersAt(options),
  })
}

/** The Gemini wire has no terminal event: the end of the body is the end. */
const withTerminal = names.filter((name) => name !== 'gemini')

describe.each(withTerminal)('a stream of %s', (name) => {
  it.each(Object.entries(endings))(
    'is complete with its terminal event, though the socket %s',
    async (_, ending) => {
      const ai = clientOn(await serveRaw(framesOf(name), ending))
      const { chunks, error } = await drain(ai.stream(requestFor(name)))
      expect(error).toBeUndefined()
      expect(chunks.at(-1)).toMatchObject({ type: 'finish', usage: { total_tokens: 165 } })
      expect(textOf(chunks)).toBe('The answer comes in a few words.')
    },
  )

  it('closes a socket that stays open', async () => {
    let onClose = () => {}
    const closed = new Promise<void>((resolve) => {
      onClose = resolve
    })
    const onSent: Ending = (socket) => void socket.once('close', onClose).resume()
    const ai = clientOn(await serveRaw(framesOf(name), onSent))
    await drain(ai.stream(requestFor(name)))
    await closed
  })
})

describe.each(names)('silence of %s', (name) => {
  it('ends a stream of events that produce no chunk, however many arrive', async () => {
    let timer: ReturnType<typeof setInterval> | undefined
    const unknown = 'event: brand.new\ndata: {"type":"brand.new"}\n\n'
    const url = await serveRaw([unknown], (socket) => {
      timer = setInterval(() => {
        if (socket.writable) socket.write(`${unknown.length.toString(16)}\r\n${unknown}\r\n`)
      }, 10)
    })
    onTestFinished(() => clearInterval(timer))
    const timeouts = { idleBytesMs: 20_000, idleEventsMs: 150 }
    const { error } = await drain(clientOn(url).stream(requestFor(name), { timeouts }))
    expect(error).toBeInstanceOf(TimeoutError)
    expect(error).toMatchObject({ phase: 'idle-events', maybeBilled: true })
  })

  it('after the headers of a generate call ends at idleBytesMs, however long headersMs is', async () => {
    const ai = clientOn(await serveRaw([' '], stays))
    const timeouts = { headersMs: 600_000, idleBytesMs: 150 }
    const error = await ai
      .generate(requestFor(name), { timeouts })
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(TimeoutError)
    expect(error).toMatchObject({ phase: 'idle-bytes', maybeBilled: true })
  })
})

it('usage after the finish reason of Chat Completions counts, though [DONE] never arrives', async () => {
  const frames = framesOf('compatible')
  const url = await serveRaw(frames.slice(0, -1), (socket) => void socket.end('0\r\n\r\n'))
  const { chunks } = await drain(clientOn(url).stream(requestFor('compatible')))
  expect(chunks.at(-1)).toMatchObject({ type: 'finish', usage: { total_tokens: 165 } })
})

it('a gemini stream that is reset is an error, as more might have followed', async () => {
  const ai = clientOn(await serveRaw(framesOf('gemini'), endings['is reset']))
  const { error } = await drain(ai.stream(requestFor('gemini')))
  expect(error).toBeInstanceOf(StreamInterruptedError)
})
