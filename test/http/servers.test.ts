/** One suite for all servers, over sockets, including the sockets of the provider. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClient } from '../../src/client.js'
import type { HandlerOptions } from '../../src/http/web.js'
import { openai } from '../../src/providers/openai/index.js'
import { memoryStore } from '../../src/store/index.js'
import { fail, type MockServer, mockServer, say } from '../../src/testing/index.js'
import { dataOf, eventsOf, gate } from './requests.js'
import { type Serving, servers } from './support.js'

let provider: MockServer
let running: Serving
beforeEach(async () => {
  provider = await mockServer()
})
afterEach(async () => {
  await running.close()
  await provider.close()
})

const hello = { id: 'room', messages: [{ role: 'user', content: 'Hi' }] }

/** Reads until a text has arrived; returns what was read. */
function readerOf(response: Response) {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  return {
    async until(wanted: string) {
      while (!text.includes(wanted)) {
        const part = await reader?.read()
        if (!part || part.done) throw new Error(`The answer ended without ${wanted}: ${text}`)
        text += part.value
      }
      return text
    },
    async rest() {
      for (let part = await reader?.read(); part && !part.done; part = await reader?.read())
        text += part.value
      return text
    },
    leave: () => reader?.cancel(),
  }
}

describe.each(Object.entries(servers))('%s', (_, start) => {
  /** The errors that the server logged. */
  let errors: unknown[]

  async function run(options: Partial<HandlerOptions> = {}) {
    errors = []
    const ai = createClient({ providers: [openai(provider.options('openai'))] })
    const settings = {
      public: true as const,
      models: { fast: 'openai/gpt-5.1' },
      onError: (error: unknown) => errors.push(error),
    }
    running = await start(ai, { ...settings, ...options } as HandlerOptions)
    return (body: unknown = hello, init: RequestInit = {}) =>
      fetch(`${running.url}/api/chat`, {
        method: 'POST',
        body: typeof body === 'string' ? body : JSON.stringify(body),
        ...init,
        headers: { 'content-type': 'application/json', ...init.headers },
      })
  }

  it('sends the first words while the model is still generating', async () => {
    const ask = await run()
    const held = gate()
    provider.script(say('One two three').splitEvents().hold(5, held.opened))
    const response = await ask()
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    const reader = readerOf(response)
    const early = await reader.until('One')
    expect(early).not.toContain('[DONE]')
    expect(provider.open).toBe(1)
    held.open()
    expect(dataOf(await reader.rest()).at(-1)).toBe('[DONE]')
  })

  it('reports a failure before the first word by status', async () => {
    const ask = await run()
    provider.script(fail(429, { retryAfter: 2, message: 'canary' }))
    const response = await ask()
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '2'])
    const text = await response.text()
    expect(JSON.parse(text).error.code).toBe('rate_limited')
    expect(text).not.toContain('canary')
  })

  it('reports a failure after the first word in the stream', async () => {
    const ask = await run()
    provider.script(say('One two three').failAfter(6, 'overloaded'))
    const response = await ask()
    expect(response.status).toBe(200)
    const last = dataOf(await response.text()).at(-1) ?? ''
    expect(JSON.parse(last).type).toBe('error')
  })

  it('survives a provider whose socket is reset, and ends the stream properly', async () => {
    const ask = await run()
    provider.script(say('One two three').splitEvents().cut(6, 'reset'), say('Again'))
    const last = dataOf(await (await ask()).text()).at(-1) ?? ''
    expect(JSON.parse(last)).toMatchObject({ type: 'error', error: { code: 'interrupted' } })
    expect(await (await ask()).text()).toContain('Again')
  })

  it('closes the provider socket when the client disconnects before the first word', async () => {
    const ask = await run()
    provider.script(say('One').stall())
    const gone = new AbortController()
    const pending = ask(hello, { signal: gone.signal }).catch((error) => error.name)
    const { closed } = await provider.request(0)
    gone.abort()
    expect(await pending).toBe('AbortError')
    expect(await closed).toBe(true)
    expect(provider.open).toBe(0)
  })

  it('closes the provider socket when the client disconnects in the middle', async () => {
    const ask = await run()
    provider.script(say('One two three').splitEvents().stall(5))
    const reader = readerOf(await ask())
    await reader.until('One')
    await reader.leave()
    expect(await provider.requests[0]?.closed).toBe(true)
    expect(provider.open).toBe(0)
  })

  it('closes the provider socket when a client that waits for JSON disconnects', async () => {
    const ask = await run()
    provider.script(say('One').stall())
    const gone = new AbortController()
    const asked = ask({ ...hello, stream: false }, { signal: gone.signal }).catch(() => 'gone')
    const { closed } = await provider.request(0)
    gone.abort()
    expect(await asked).toBe('gone')
    expect(await closed).toBe(true)
  })

  it('responds with JSON, compressed if the client supports it', async () => {
    const ask = await run()
    provider.script(say('Hello'))
    const response = await ask({ ...hello, stream: false })
    expect(await response.json()).toMatchObject({ text: 'Hello' })
  })

  it('sends comments while the stream is idle', async () => {
    const ask = await run({ commitAfterMs: 1, heartbeatMs: 5 })
    const held = gate()
    provider.script(say('One').splitEvents().hold(0, held.opened))
    const reader = readerOf(await ask())
    await reader.until(': \n\n: \n\n')
    held.open()
    expect(await reader.rest()).toContain('One')
  })

  it.each([
    ['HEAD', 405],
    ['GET', 405],
    ['PUT', 405],
    ['DELETE', 405],
    ['OPTIONS', 403],
  ])('responds to %s with %i', async (method, status) => {
    await run()
    const response = await fetch(`${running.url}/api/chat`, { method })
    expect(response.status).toBe(status)
    if (status === 405) expect(response.headers.get('allow')).toContain('POST')
  })

  it('answers the preflight of allowed origins', async () => {
    await run({ origins: ['https://a.test'] })
    const response = await fetch(`${running.url}/api/chat`, {
      method: 'OPTIONS',
      headers: { origin: 'https://a.test', 'access-control-request-method': 'POST' },
    })
    expect(response.status).toBe(204)
    expect(response.headers.get('access-control-allow-origin')).toBe('https://a.test')
  })

  it('serves the paths below the mount', async () => {
    await run()
    const response = await fetch(`${running.url}/api/chat/models`)
    expect(await response.json()).toMatchObject({ data: [{ id: 'fast' }] })
  })

  it.each([
    ['too large', JSON.stringify({ ...hello, messages: 'a'.repeat(5_000_000) }), 413],
    ['of the wrong shape', '{"messages":7}', 400],
  ])(
    'rejects a body that is %s, and a client that is still sending can read the response',
    async (_, body, status) => {
      const ask = await run()
      const response = await ask(body)
      expect(response.status).toBe(status)
      expect((await response.json()).error.request_id).toBe(response.headers.get('x-request-id'))
      expect(provider.requests).toHaveLength(0)
    },
  )

  it('rejects a form, whoever has parsed it', async () => {
    const ask = await run()
    const response = await ask('{"messages":[]}', { headers: { 'content-type': 'text/plain' } })
    expect(response.status).toBe(415)
  })

  it('trusts no proxy headers', async () => {
    const ask = await run()
    const response = await ask(hello, {
      headers: {
        origin: 'https://evil.test',
        forwarded: 'host=evil.test;proto=https',
        'x-forwarded-host': 'evil.test',
        'x-forwarded-proto': 'https',
      },
    })
    expect(response.status).toBe(403)
  })

  it('resumes after the last event that arrived, after a lost connection', async () => {
    const ask = await run({ store: memoryStore() })
    const held = gate()
    provider.script(say('One two three').splitEvents().hold(6, held.opened))
    const response = await ask()
    const id = response.headers.get('x-stream-id')
    const reader = readerOf(response)
    const before = eventsOf(await reader.until('One'))
    await reader.leave()
    held.open()
    const again = await fetch(`${running.url}/api/chat/${id}/stream`, {
      headers: { 'last-event-id': String(before.at(-1)?.id) },
    })
    const events = [...before, ...eventsOf(await again.text())]
    expect(events.map((event) => Number(event.id))).toEqual(events.map((_, index) => index + 1))
    const words = events.flatMap(({ data }) => /"text":"([^"]*)"/.exec(data)?.[1] ?? [])
    expect(words.join('')).toBe('One two three')
    expect(events.at(-1)?.data).toBe('[DONE]')
    expect(provider.requests).toHaveLength(1)
  })

  it('stops on request, and reports it', async () => {
    const ask = await run()
    provider.script(say('One two three').splitEvents().stall(5))
    const response = await ask()
    const reader = readerOf(response)
    await reader.until('One')
    const id = response.headers.get('x-stream-id')
    const stop = `${running.url}/api/chat/${id}/stop`
    expect((await fetch(stop, { method: 'POST' })).status).toBe(204)
    expect(dataOf(await reader.rest()).at(-1)).toBe('{"type":"abort"}')
    expect(await provider.requests[0]?.closed).toBe(true)
  })
})
