import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { isObject } from '../../src/chat/index.js'
import {
  AbortError,
  APIConnectionError,
  InternalServerError,
  TimeoutError,
} from '../../src/core/index.js'
import {
  call,
  caught,
  collect,
  overBoth,
  request,
  serve,
  sse,
  stall,
  transportOn,
} from './loopback.js'

overBoth(() => {
  describe('an abort', () => {
    it('before the call sends nothing', async () => {
      const server = await serve(sse('data: {}\n\n'))
      const signal = AbortSignal.abort('no')
      const transport = transportOn(server.url)
      const { error } = await collect(transport.events(request(), call({ signal })))
      expect(error).toBeInstanceOf(AbortError)
      expect(error).toMatchObject({ cause: 'no', maybeBilled: false })
      expect(await caught(transport.json(request(), call({ signal })))).toBeInstanceOf(AbortError)
      expect(server.seen).toHaveLength(0)
    })

    it.each(['events', 'json'] as const)(
      'before the headers ends %s at once and closes the socket',
      async (method) => {
        const server = await serve(() => {})
        const controller = new AbortController()
        const options = call({ signal: controller.signal })
        const transport = transportOn(server.url)
        const seen = server.next()
        const error =
          method === 'json'
            ? caught(transport.json(request(), options))
            : collect(transport.events(request(), options)).then((outcome) => outcome.error)
        const { closed } = await seen
        const reason = new Error('stop')
        controller.abort(reason)
        expect(await error).toBeInstanceOf(AbortError)
        expect(await error).toMatchObject({ cause: reason, maybeBilled: true, provider: 'acme' })
        await closed
        expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
      },
    )

    it('in the middle of a stream ends the pending read and closes the socket', async () => {
      const server = await serve(stall('data: {"a":1}\n\n'))
      const controller = new AbortController()
      const { events, error } = await collect(
        transportOn(server.url).events(request(), call({ signal: controller.signal })),
        () => setImmediate(() => controller.abort()),
      )
      expect(events).toHaveLength(1)
      expect(error).toBeInstanceOf(AbortError)
      expect(error).toMatchObject({ phase: 'stream' })
      await server.seen[0]?.closed
      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
    })

    it('between two reads ends the stream, although more bytes have arrived', async () => {
      const server = await serve(stall('data: {"a":1}\n\n'))
      const controller = new AbortController()
      const { error } = await collect(
        transportOn(server.url).events(request(), call({ signal: controller.signal })),
        () => controller.abort(),
      )
      expect(error).toBeInstanceOf(AbortError)
    })

    it('does not wait for a fetch that ignores the signal, and cancels a response that arrives later', async () => {
      const resolvers: ((response: Response) => void)[] = []
      let isCancelled = false
      const controller = new AbortController()
      const fetch = () => new Promise<Response>((resolve) => void resolvers.push(resolve))
      const running = collect(
        transportOn('http://127.0.0.1', { fetch }).events(
          request(),
          call({ signal: controller.signal }),
        ),
      )
      await new Promise(setImmediate)
      controller.abort()
      expect((await running).error).toBeInstanceOf(AbortError)
      const cancelled = new Promise<void>((resolve) => {
        const body = new ReadableStream({
          cancel() {
            isCancelled = true
            resolve()
          },
        })
        resolvers[0]?.(new Response(body))
      })
      await cancelled
      expect(isCancelled).toBe(true)
    })

    it('ends a read of a body that ignores it', async () => {
      const body = new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode('data: {}\n\n')),
        pull: () => new Promise(() => {}),
        cancel: () => new Promise(() => {}),
      })
      const controller = new AbortController()
      const { error } = await collect(
        transportOn('http://127.0.0.1', { fetch: async () => new Response(body) }).events(
          request(),
          call({ signal: controller.signal }),
        ),
        () => setImmediate(() => controller.abort()),
      )
      expect(error).toBeInstanceOf(AbortError)
    })

    it('while an error body is read is an AbortError', async () => {
      const server = await serve((response) => {
        response.writeHead(500)
        response.write('{"error":')
      })
      const controller = new AbortController()
      const { error } = await collect(
        transportOn(server.url).events(
          request(),
          call({
            signal: controller.signal,
            onResponse: () => void setImmediate(() => controller.abort()),
          }),
        ),
      )
      expect(error).toBeInstanceOf(AbortError)
    })

    it('after the end changes nothing', async () => {
      const server = await serve(sse('data: {}\n\n'))
      const controller = new AbortController()
      const transport = transportOn(server.url)
      const { error } = await collect(
        transport.events(request(), call({ signal: controller.signal })),
      )
      controller.abort()
      expect(error).toBeUndefined()
    })
  })

  describe('a consumer that stops reading', () => {
    it('closes the socket', async () => {
      const server = await serve(stall('data: {"a":1}\n\n'))
      for await (const _ of transportOn(server.url).events(request(), call())) break
      await server.seen[0]?.closed
    })

    it('lets a body that is about to end do so: the connection serves the next call', async () => {
      const ports = new Set<number | undefined>()
      const server = await serve((response) => {
        ports.add(response.socket?.remotePort)
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write('data: {"a":1}\n\n')
        setImmediate(() => response.end('data: [DONE]\n\n'))
      })
      const transport = transportOn(server.url)
      for (let left = 6; left > 0; left--)
        for await (const _ of transport.events(request(), call())) break
      // the HTTP client alternates between two connections
      expect(ports.size).toBeLessThanOrEqual(2)
    })

    it('before the first read sends no request', async () => {
      const server = await serve(sse('data: {}\n\n'))
      await transportOn(server.url).events(request(), call()).return(undefined)
      expect(server.seen).toHaveLength(0)
    })
  })

  describe('timers', () => {
    const streamWith = async (
      timeouts: Readonly<Record<string, number>>,
      answer: Parameters<typeof serve>[0],
    ) => {
      const server = await serve(answer)
      const outcome = await collect(transportOn(server.url).events(request(), call({ timeouts })))
      if (outcome.error) await server.seen[0]?.closed
      return outcome
    }

    /** Stands for an adapter that emits chunks only for `a`. */
    const readA = async (url: string, timeouts: Readonly<Record<string, number>>) => {
      let isProgress = false
      return collect(
        transportOn(url).events(request(), call({ timeouts }), () => isProgress),
        (events) => {
          isProgress = events.some(({ data }) => isObject(data) && 'a' in data)
        },
      )
    }

    it('headersMs limits the wait for the headers', async () => {
      const { error } = await streamWith({ headersMs: 30 }, () => {})
      expect(error).toBeInstanceOf(TimeoutError)
      expect(error).toMatchObject({ phase: 'headers', retryable: true, maybeBilled: true })
    })

    it('headersMs ends with the headers', async () => {
      const { events, error } = await streamWith({ headersMs: 1000 }, (response) => {
        response.writeHead(200)
        response.flushHeaders()
        setTimeout(() => response.end('data: {}\n\n'), 1200)
      })
      expect(error).toBeUndefined()
      expect(events).toHaveLength(1)
    })

    it('idleBytesMs limits the wait for the next byte, even if headersMs is longer', async () => {
      const { events, error } = await streamWith(
        { headersMs: 60_000, idleBytesMs: 30 },
        stall('data: {}\n\n'),
      )
      expect(events).toHaveLength(1)
      expect(error).toBeInstanceOf(TimeoutError)
      expect(error).toMatchObject({ phase: 'idle-bytes' })
    })

    it.each([': keep-alive\n\n', 'event: ping\ndata: {"type":"ping"}\n\n', 'data: {"new":1}\n\n'])(
      'idleEventsMs ends a stream whose events produce no chunk: %j',
      async (ping) => {
        let pings: ReturnType<typeof setInterval> | undefined
        const server = await serve((response) => {
          stall('data: {"a":1}\n\n')(response, undefined as never)
          pings = setInterval(() => response.write(ping), 10)
          response.on('close', () => clearInterval(pings))
        })
        const { events, error } = await readA(server.url, { idleBytesMs: 5000, idleEventsMs: 120 })
        await server.seen[0]?.closed
        clearInterval(pings)
        expect(events[0]).toEqual({ data: { a: 1 } })
        expect(error).toBeInstanceOf(TimeoutError)
        expect(error).toMatchObject({ phase: 'idle-events' })
      },
    )

    it('comments reset idleBytesMs', async () => {
      const { events, error } = await streamWith({ idleBytesMs: 200 }, (response) => {
        stall(': hi\n\n')(response, undefined as never)
        let left = 12
        const timer = setInterval(() => {
          if (left-- > 0) response.write(': hi\n\n')
          else {
            clearInterval(timer)
            response.end('data: {}\n\n')
          }
        }, 30)
      })
      expect(error).toBeUndefined()
      expect(events).toHaveLength(1)
    })

    it('do not count the time of a slow consumer', async () => {
      const server = await serve(sse('data: 1\n\n', 'data: 2\n\n'))
      const timeouts = { idleBytesMs: 40, idleEventsMs: 40 }
      const seen: unknown[] = []
      for await (const events of transportOn(server.url).events(request(), call({ timeouts }))) {
        seen.push(...events)
        await new Promise((resolve) => setTimeout(resolve, 120))
      }
      expect(seen).toHaveLength(2)
    })

    it('read what is in the socket first after the process was busy', async () => {
      const server = await serve((response) => {
        stall('data: 1\n\n')(response, undefined as never)
        setTimeout(() => response.end('data: 2\n\n'), 20)
      })
      const timeouts = { idleBytesMs: 100 }
      const { events, error } = await collect(
        transportOn(server.url).events(request(), call({ timeouts })),
        (batch) => {
          if (batch.some(({ data }) => data === 1))
            setTimeout(() => {
              const until = performance.now() + 250
              while (performance.now() < until);
            }, 25)
        },
      )
      expect(error).toBeUndefined()
      expect(events).toHaveLength(2)
    })

    it('are off if they are 0, absent or infinite', async () => {
      const timeouts = { headersMs: 0, idleBytesMs: Number.POSITIVE_INFINITY }
      const { error } = await streamWith(timeouts, sse('data: {}\n\n'))
      expect(error).toBeUndefined()
    })

    it('report the status if the body of an error response does not arrive', async () => {
      const { error } = await streamWith({ idleBytesMs: 30 }, (response) => {
        response.writeHead(500)
        response.write('{"error":')
      })
      expect(error).toBeInstanceOf(InternalServerError)
    })

    it('apply to generate too', async () => {
      const server = await serve((response) => {
        response.writeHead(200)
        response.write('{')
      })
      const timeouts = { headersMs: 5000, idleBytesMs: 60, idleEventsMs: 5 }
      const error = await caught(transportOn(server.url).json(request(), call({ timeouts })))
      expect(error).toBeInstanceOf(TimeoutError)
      expect(error).toMatchObject({ phase: 'idle-bytes' })
    })
  })

  describe('what a call leaves behind', () => {
    it('is no listener and no timer, however it ends', async () => {
      const timers = () =>
        process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
      const before = timers()
      const { signal } = new AbortController()
      const timeouts = { headersMs: 60_000, idleBytesMs: 60_000, idleEventsMs: 60_000 }
      const answers = [
        sse('data: {}\n\n'),
        sse('data: {bad\n\n'),
        sse('<html>'),
        stall('data: {}\n\ndata: [DONE]\n\n'),
      ]
      for (const answer of answers) {
        const server = await serve(answer)
        await collect(transportOn(server.url).events(request(), call({ signal, timeouts })))
      }
      const fetch = () => Promise.reject(new TypeError('fetch failed'))
      const error = await caught(
        transportOn('http://127.0.0.1', { fetch }).json(request(), call({ signal, timeouts })),
      )
      expect(error).toBeInstanceOf(APIConnectionError)
      expect(getEventListeners(signal, 'abort')).toHaveLength(0)
      // only timers of this package are counted: the server and the HTTP client have their own
      expect(timers() - before).toBeLessThanOrEqual(answers.length * 2)
    })
  })
})
