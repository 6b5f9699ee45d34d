/** A recording answers as the server did: over real sockets first, then with no server at all. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { afterAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createClient } from '../../src/client.js'
import type { ChatStream } from '../../src/core/index.js'
import { cassette, fail, type MockServer, mockServer, say } from '../../src/testing/index.js'
import { adapters, ask, names, rich } from '../wire/support.js'

const folder = mkdtempSync(join(tmpdir(), 'cassette-'))
afterAll(() => rmSync(folder, { recursive: true }))
beforeEach(() => void vi.stubEnv('CI', ''))

let tapes = 0
const newPath = () => join(folder, 'deep', `${++tapes}.json`)
const keyOf = (server: MockServer) => server.options('openai').apiKey

async function serve(...script: Parameters<typeof mockServer>) {
  const server = await mockServer(...script)
  onTestFinished(() => server.close())
  return server
}

const clientOn = (server: MockServer, path: string) =>
  createClient({ providers: adapters(server, { fetch: cassette(path) }) })

/** What a stream said in all, or up to its fault. */
async function outcomeOf(stream: ChatStream) {
  const [outcome] = await Promise.allSettled([stream.response])
  const { reason } = outcome as Partial<PromiseRejectedResult>
  const { messages, finish_reason, usage } =
    outcome.status === 'fulfilled' ? outcome.value : reason.partial
  // ids that the wire has not are made by us
  const said = JSON.stringify(messages).replaceAll(/"id":"[^"]*"/g, '""')
  return { said, finish_reason, usage, fault: reason?.name }
}

describe.each(names)('of %s', (name) => {
  it('plays what was recorded, byte for byte, and asks nobody', async () => {
    const path = newPath()
    const server = await serve([rich().splitBytes(7), say('Whole.'), rich().cut(6)])
    const run = async () => {
      const ai = clientOn(server, path)
      return [
        await outcomeOf(ai.stream(ask(name))),
        (await ai.generate(ask(name))).text,
        await outcomeOf(ai.stream(ask(name))),
      ] as const
    }
    const recorded = await run()
    expect(server.requests.length).toBe(3)
    expect(recorded[0].finish_reason).toBe('tool_calls')
    expect(recorded[2].fault).toBe('StreamInterruptedError')
    expect(await run()).toEqual(recorded)
    expect(server.requests.length).toBe(3)
    expect(readFileSync(path, 'utf8')).not.toContain(keyOf(server))
  })

  it('plays the error of a provider', async () => {
    const path = newPath()
    const server = await serve(fail(429, { retryAfter: 2 }))
    for (const _ of ['recorded', 'played'])
      await expect(clientOn(server, path).generate(ask(name))).rejects.toMatchObject({
        name: 'RateLimitError',
        retryAfterMs: 2_000,
      })
    expect(server.requests.length).toBe(1)
  })
})

it('answers requests that come at once, each with its own', async () => {
  const path = newPath()
  const server = await serve()
  server.reply((request) => say(`You said ${JSON.stringify(request.body).length}`))
  const lengths = [1, 30, 300]
  const run = () => {
    const ai = clientOn(server, path)
    return Promise.all(
      lengths.map(async (length) => {
        const content = 'x'.repeat(length)
        const { text } = await ai.generate(ask('openai', { messages: [{ role: 'user', content }] }))
        return text
      }),
    )
  }
  const recorded = await run()
  expect(new Set(recorded).size).toBe(3)
  expect(await run()).toEqual(recorded)
})

it('works below an official client', async () => {
  const path = newPath()
  const server = await serve(say('Hello.'))
  const run = () =>
    new OpenAI({ ...server.options('openai'), fetch: cassette(path) }).chat.completions.create({
      model: 'gpt-5.1',
      messages: [{ role: 'user', content: 'Hi' }],
    })
  const recorded = await run()
  expect(await run()).toEqual(recorded)
  expect(server.requests.length).toBe(1)
})

it('keeps no key, wherever it stands, and no header that names an account', async () => {
  const key = 'key-of-somebody-1234567890'
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(200, {
      'set-cookie': 'a=b',
      'openai-organization': 'acme',
      'retry-after': '1',
    })
    response.write(`{"echo": "${key.slice(0, 9)}`)
    setImmediate(() => response.end(`${key.slice(9)}"}`))
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await vi.waitFor(() => expect(server.listening).toBe(true))
  const { port } = server.address() as AddressInfo
  const path = newPath()
  const send = async () => {
    const response = await cassette(path)(`http://127.0.0.1:${port}/v1?key=${key}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'x-user': 'ada' },
      body: JSON.stringify({ tool: { authorization: key } }),
    })
    return response.text()
  }
  expect(await send()).toContain(key)
  const file = readFileSync(path, 'utf8')
  for (const secret of [key, key.slice(0, 9), 'ada', 'acme', 'a=b', '127.0.0.1:9'])
    expect(file).not.toContain(secret)
  expect(file).toContain('retry-after')
  expect(await send()).toBe('{"echo": "[key]"}')
})

it('records nothing in CI', async () => {
  const server = await serve(say('Hello.'))
  vi.stubEnv('CI', 'true')
  const path = newPath()
  await expect(clientOn(server, path).generate(ask('openai'))).rejects.toMatchObject({
    name: 'MisuseError',
    message: expect.stringContaining(path),
  })
  expect(server.requests.length).toBe(0)
})

it('says what differs from the recording, and asks again where it may', async () => {
  const path = newPath()
  const server = await serve([say('First.'), say('Second.')])
  const other = ask('openai', { messages: [{ role: 'user', content: 'Something else.' }] })
  await clientOn(server, path).generate(ask('openai'))
  const played = clientOn(server, path)
  await expect(played.generate(other)).rejects.toThrow(/differs at \$\.body\.input\.0\.content/)
  expect((await played.generate(ask('openai'))).text).toBe('First.')
  await expect(played.generate(ask('openai'))).rejects.toThrow(/0 recorded requests are left/)

  const fetch = cassette(path, { record: true })
  const ai = createClient({ providers: adapters(server, { fetch }) })
  expect((await ai.generate(other)).text).toBe('Second.')
  expect((await clientOn(server, path).generate(other)).text).toBe('Second.')

  const any = cassette(path, { match: () => true })
  const loose = createClient({ providers: adapters(server, { fetch: any }) })
  expect((await loose.generate(ask('openai'))).text).toBe('Second.')
})

it('keeps what was read of an answer that was left', async () => {
  const path = newPath()
  const server = await serve(say('One two three four', { chunks: 4 }).splitEvents().stall(6))
  const run = async () => {
    for await (const chunk of clientOn(server, path).stream(ask('anthropic')))
      if (chunk.type === 'text-delta') return chunk.text
    return undefined
  }
  const recorded = await run()
  await vi.waitFor(() => expect(readFileSync(path, 'utf8')).toContain('isCut'))
  expect(await run()).toBe(recorded)
})
