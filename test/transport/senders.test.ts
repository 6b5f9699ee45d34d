/**
 * Which HTTP client sends a request: Node's own modules, unless the app has replaced or configured
 * `fetch`.
 */
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Warning } from '../../src/chat/index.js'
import { APIConnectionError } from '../../src/core/index.js'
import { call, caught, reply, request, serve, transportOn } from './loopback.js'

/** Of the dispatcher that Node's own `fetch` reads: undici 8 has one of its own. */
const key = Symbol.for(
  `undici.globalDispatcher.${Number.parseInt(process.versions.undici ?? '', 10) < 8 ? 1 : 2}`,
)
const answer = reply(200, { a: 1 })

/** The transport without the option `fetch`. */
const send = async (url: string) => (await transportOn(url).json(request(), call())).body

/** `fetch` sends a header that `node:http` does not. */
const senderOf = (headers: Readonly<Record<string, unknown>>) =>
  headers['sec-fetch-mode'] === undefined ? 'node:http' : 'fetch'

const sentOver = async () => {
  const { url, seen } = await serve(answer)
  await send(url)
  return senderOf(seen[0]?.headers ?? {})
}

/** Closes it when the test is over. */
const replace = (target: object, name: string | symbol, value: unknown) => {
  const before: unknown = Reflect.get(target, name)
  Reflect.set(target, name, value)
  onTestFinished(() => void Reflect.set(target, name, before))
}

describe('a request is sent', () => {
  it('over node:http by default, also after a fetch', async () => {
    expect(await sentOver()).toBe('node:http')
    const { url } = await serve(answer)
    await (await fetch(url)).text()
    expect(await sentOver()).toBe('node:http')
  })

  it('over a fetch given by the app', async () => {
    const { url, seen } = await serve(answer)
    await transportOn(url, { fetch: globalThis.fetch }).json(request(), call())
    expect(senderOf(seen[0]?.headers ?? {})).toBe('fetch')
  })

  it('over a global fetch that was replaced after the transport was created, and back', async () => {
    const { url, seen } = await serve(answer)
    const transport = transportOn(url)
    const own = globalThis.fetch
    let calls = 0
    globalThis.fetch = (...given) => {
      calls += 1
      return own(...given)
    }
    onTestFinished(() => {
      globalThis.fetch = own
    })
    await transport.json(request(), call())
    expect([calls, senderOf(seen[0]?.headers ?? {})]).toEqual([1, 'fetch'])
    globalThis.fetch = own
    await transport.json(request(), call())
    expect([calls, senderOf(seen[1]?.headers ?? {})]).toEqual([1, 'node:http'])
  })

  it('over fetch if the package undici has set another dispatcher, such as a mock', async () => {
    await sentOver()
    const { MockAgent } = await import('undici')
    const agent = new MockAgent()
    agent.disableNetConnect()
    agent.get('http://provider.test').intercept({ path: '/v1/answer', method: 'POST' }).reply(200, {
      mocked: true,
    })
    replace(globalThis, key, agent)
    expect(await send('http://provider.test')).toEqual({ mocked: true })
    const error = await caught(send('http://other.test'))
    expect(error).toBeInstanceOf(APIConnectionError)
  })

  it('over fetch if a proxy is the dispatcher', async () => {
    const { ProxyAgent } = await import('undici')
    const proxy = await serve(answer)
    const agent = new ProxyAgent({ uri: proxy.url, proxyTunnel: false })
    replace(globalThis, key, agent)
    onTestFinished(() => agent.close())
    await caught(send('http://provider.test'))
    expect(proxy.seen.map(({ url }) => url)).toContain('http://provider.test/v1/answer')
  })

  it('over fetch if an agent of the package is the dispatcher, as it may hold certificates', async () => {
    const { Agent } = await import('undici')
    const agent = new Agent()
    replace(globalThis, key, agent)
    onTestFinished(() => agent.close())
    expect(await sentOver()).toBe('fetch')
  })
})

describe("a limit above the 300 s of Node's fetch", () => {
  const warningsOf = async (options: Parameters<typeof transportOn>[1], headersMs: number) => {
    const { url } = await serve(answer)
    const transport = transportOn(url, options)
    const warnings: Warning[] = []
    const warn = (warning: Warning) => void warnings.push(warning)
    for (let left = 2; left > 0; left--)
      await transport.json(request(), call({ timeouts: { headersMs }, warn }))
    return warnings
  }

  it('is a warning over fetch, once per provider', async () => {
    const fetch = globalThis.fetch
    const warnings = await warningsOf({ fetch }, 900_000)
    expect(warnings).toMatchObject([{ message: expect.stringContaining('headersMs is 900000 ms') }])
    expect(await warningsOf({ fetch }, 300_000)).toEqual([])
  })

  it('causes no warning over node:http, which has no such limit', async () => {
    expect(await warningsOf({}, 900_000)).toEqual([])
  })
})
