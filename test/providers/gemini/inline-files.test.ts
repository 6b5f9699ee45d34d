/** Files by URL: fetched only from listed hosts, and never from private networks. */
import http from 'node:http'
import { describe, expect, it } from 'vitest'
import type { Message } from '../../../src/chat/index.js'
import { AbortError, BadRequestError, TimeoutError } from '../../../src/core/index.js'
import { gemini } from '../../../src/providers/gemini/index.js'
import { inlineFiles } from '../../../src/providers/gemini/inline-files.js'
import { type Address, type Network, nodeNetwork } from '../../../src/transport/download-network.js'
import { type Answer, reply, serve } from '../../transport/loopback.js'
import { callOf, flash25, frozen, hello, stop } from './support.js'

const png = Buffer.from('\x89PNG\r\n\x1a\n and so on', 'latin1')
const publicAddress: Address = { address: '93.184.216.34', family: 4 }

/**
 * Names resolve to public addresses, and every connection ends at the test server: only TLS is left
 * out.
 */
const to = (port: string, names: Readonly<Record<string, Address>> = {}): Network => ({
  ...nodeNetwork,
  resolve: async (hostname) => [names[hostname] ?? publicAddress],
  get: (url, _address, signal) =>
    new Promise((resolve, reject) => {
      const options = {
        port,
        host: '127.0.0.1',
        path: url.pathname,
        headers: { host: url.host },
        signal,
      }
      http
        .get(options, (response) =>
          resolve({
            status: response.statusCode ?? 0,
            location: response.headers.location,
            contentType: response.headers['content-type'],
            contentLength: Number(response.headers['content-length'] ?? Number.NaN) || undefined,
            body: response,
            close: () => void response.destroy(),
          }),
        )
        .once('error', reject)
    }),
})

const bytes =
  (body: Uint8Array, headers: http.OutgoingHttpHeaders = {}, status = 200): Answer =>
  (response) => {
    response.writeHead(status, headers)
    response.end(body)
  }

const image = (url: string): Message => ({
  role: 'user',
  content: [{ type: 'image_url', image_url: { url } }],
})
const document = (file_url: string): Message => ({
  role: 'user',
  content: [{ type: 'file', file: { file_url } }],
})

const hosts = ['cdn.example.com', '*.files.example']

async function fetching(answer: Answer, names?: Readonly<Record<string, Address>>) {
  const server = await serve(answer)
  const network = to(new URL(server.url).port, names)
  const signal = new AbortController().signal
  const load = (messages: readonly Message[], options = {}) =>
    inlineFiles(frozen(messages), { hosts, ...options }, { signal, network })
  return { server, load }
}

describe('inlineFiles fetches', () => {
  it('an image of a listed host as bytes', async () => {
    const { load } = await fetching(bytes(png, { 'content-type': 'text/html' }))
    expect(await load([image('https://cdn.example.com/a.jpg')])).toEqual([
      image(`data:image/png;base64,${png.toString('base64')}`),
    ])
  })

  it('the same URL once', async () => {
    const { server, load } = await fetching(bytes(png))
    await load([image('https://cdn.example.com/a'), image('https://cdn.example.com/a')])
    expect(server.seen).toHaveLength(1)
  })

  it('files of results and of earlier responses too', async () => {
    const { load } = await fetching(bytes(png))
    const url = 'https://a.files.example/x'
    const messages: Message[] = [
      { role: 'assistant', content: 'Here', images: [{ type: 'image_url', image_url: { url } }] },
      {
        role: 'tool',
        tool_call_id: 'a',
        content: [{ type: 'file', file: { file_url: url, filename: 'a.png' } }],
      },
    ]
    const [answer, result] = await load(messages)
    expect(JSON.stringify(answer)).toContain('data:image/png')
    expect(result).toMatchObject({
      content: [
        { file: { file_data: expect.stringContaining('data:image/png'), filename: 'a.png' } },
      ],
    })
  })

  it('text only with a text media type and valid text', async () => {
    const named = await fetching(
      bytes(Buffer.from('grüße'), { 'content-type': 'text/csv; charset=utf-8' }),
    )
    expect(await named.load([document('https://cdn.example.com/a.csv')])).toEqual([
      {
        role: 'user',
        content: [
          {
            type: 'file',
            file: { file_data: `data:text/csv;base64,${Buffer.from('grüße').toString('base64')}` },
          },
        ],
      },
    ])
    const binary = await fetching(
      bytes(Buffer.from([0xff, 0, 1]), { 'content-type': 'text/plain' }),
    )
    await expect(binary.load([document('https://cdn.example.com/a')])).rejects.toBeInstanceOf(
      BadRequestError,
    )
    await expect(named.load([image('https://cdn.example.com/a')])).rejects.toBeInstanceOf(
      BadRequestError,
    )
  })

  it('no unlisted URL, and none that Google reads itself', async () => {
    const { server, load } = await fetching(bytes(png))
    const messages = [
      image('https://elsewhere.example/a.png'),
      image('https://evilcdn.example.com/a.png'),
      image('https://files.example/a.png'),
      image('http://cdn.example.com/a.png'),
      image('https://user:pass@cdn.example.com/a.png'),
      image('https://cdn.example.com:8443/a.png'),
      image('data:image/png;base64,AAAA'),
      document('https://youtu.be/abc'),
      document('gs://bucket/a.pdf'),
    ]
    expect(await load(messages, { hosts: [...hosts, 'youtu.be'] })).toEqual(messages)
    expect(server.seen).toHaveLength(0)
  })

  it('a redirect to a listed host', async () => {
    const { server, load } = await fetching((response, request) => {
      if (request.url === '/a')
        response.writeHead(302, { location: 'https://b.files.example/b' }).end()
      else response.writeHead(200).end(png)
    })
    await load([image('https://cdn.example.com/a')])
    expect(server.seen.map(({ url, headers }) => [headers.host, url])).toEqual([
      ['cdn.example.com', '/a'],
      ['b.files.example', '/b'],
    ])
  })
})

describe('inlineFiles rejects', () => {
  it.each([
    ['a redirect to a host that is not listed', 'https://169.254.169.254/latest'],
    ['a redirect to http', 'http://cdn.example.com/b'],
    ['a redirect without end', 'https://cdn.example.com/a'],
  ])('%s', async (_, location) => {
    const { server, load } = await fetching(bytes(Buffer.alloc(0), { location }, 302))
    await expect(load([image('https://cdn.example.com/a')])).rejects.toBeInstanceOf(BadRequestError)
    expect(server.seen.length).toBeLessThanOrEqual(4)
  })

  it.each([
    ['127.0.0.1', 4],
    ['10.1.2.3', 4],
    ['169.254.169.254', 4],
    ['172.31.255.255', 4],
    ['192.168.0.1', 4],
    ['100.64.0.1', 4],
    ['0.0.0.0', 4],
    ['255.255.255.255', 4],
    ['::1', 6],
    ['::', 6],
    ['fd00::1', 6],
    ['fe80::1', 6],
    ['::ffff:127.0.0.1', 6],
    ['::ffff:8.8.8.8', 6],
    ['64:ff9b::7f00:1', 6],
    ['2002:7f00:1::', 6],
    ['2001:0:7f00:1::', 6],
  ] as const)('a name that resolves to %s', async (address, family) => {
    const { server, load } = await fetching(bytes(png), { 'cdn.example.com': { address, family } })
    await expect(load([image('https://cdn.example.com/a')])).rejects.toBeInstanceOf(BadRequestError)
    expect(server.seen).toHaveLength(0)
  })

  it.each([
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://0177.0.0.1/',
    'https://127.1/',
    'https://[::1]/',
    'https://[::ffff:169.254.169.254]/',
    'https://[64:ff9b::a9fe:a9fe]/',
    'https://localhost/',
    'https://localhost./',
  ])("%s, even if it is listed, using Node's network", async (url) => {
    const signal = new AbortController().signal
    const listed = { hosts: [new URL(url).host.replace(/\.$/, '')] }
    await expect(inlineFiles([image(url)], listed, { signal })).rejects.toBeInstanceOf(
      BadRequestError,
    )
  })

  it('public addresses are public', async () => {
    for (const address of ['8.8.8.8', '93.184.216.34'])
      expect(await nodeNetwork.isPublic({ address, family: 4 })).toBe(true)
    expect(await nodeNetwork.isPublic({ address: '2606:4700:4700::1111', family: 6 })).toBe(true)
  })

  it('a file above the limit, declared or not', async () => {
    const declared = await fetching(bytes(png, { 'content-length': String(png.length) }))
    const undeclared = await fetching((response) => {
      response.write(png)
      response.write(png)
      response.end()
    })
    for (const { load } of [declared, undeclared])
      await expect(
        load([image('https://cdn.example.com/a')], { maxBytes: png.length - 1 }),
      ).rejects.toMatchObject({
        code: 'file_refused',
      })
  })

  it.each([403, 404, 500])('a file whose server responds with %i', async (status) => {
    const { load } = await fetching(reply(status, {}))
    await expect(load([image('https://cdn.example.com/secret?sig=1')])).rejects.toThrow(
      expect.objectContaining({ message: expect.not.stringMatching(/secret|sig/) }),
    )
  })

  it('bytes of no known type', async () => {
    const { load } = await fetching(bytes(Buffer.from('<html>'), { 'content-type': 'image/png' }))
    await expect(load([image('https://cdn.example.com/a')])).rejects.toMatchObject({
      code: 'invalid_file',
    })
  })
})

describe('the wait for a file', () => {
  it('ends at its timeout', async () => {
    const { load } = await fetching((response) => void response.write(png))
    await expect(
      load([image('https://cdn.example.com/a')], { timeoutMs: 20 }),
    ).rejects.toBeInstanceOf(TimeoutError)
  })

  it('ends with the call', async () => {
    const server = await serve((response) => void response.write(png))
    const controller = new AbortController()
    const network = to(new URL(server.url).port)
    const arrived = server.next()
    const loading = inlineFiles(
      [image('https://cdn.example.com/a')],
      { hosts },
      { signal: controller.signal, network },
    )
    const seen = await arrived
    controller.abort(new Error('left'))
    await expect(loading).rejects.toBeInstanceOf(AbortError)
    await seen.closed
  })
})

describe('the adapter', () => {
  it('fetches nothing by default', async () => {
    const failed = await gemini({ apiKey: 'k' })
      .generate?.(
        { ...hello, model: flash25, messages: [image('https://cdn.example.com/a.png')] },
        callOf().call,
      )
      .catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(BadRequestError)
    expect(failed).toMatchObject({
      message: expect.stringContaining('inlineFiles'),
      code: 'url_not_taken',
    })
  })

  it('rejects a listed host that resolves to a private address, before the model is called', async () => {
    const server = await serve(reply(200, stop()))
    const adapter = gemini({
      apiKey: 'k',
      baseURL: server.url,
      inlineFiles: { hosts: ['localhost'] },
    })
    const messages = [image('https://localhost/a.png')]
    for (const run of [adapter.generate, adapter.countTokens])
      await expect(run?.({ ...hello, messages }, callOf().call)).rejects.toMatchObject({
        code: 'file_refused',
      })
    expect(server.seen).toHaveLength(0)
  })
})
