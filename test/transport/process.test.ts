/**
 * Behaviour that needs a process of its own: certificates, proxies from the environment, and that a
 * call keeps no process alive.
 */
import { execFile, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { CallOutcome } from './calls.js'

const script = fileURLToPath(new URL('calls.ts', import.meta.url))
const senders = ['node', 'fetch'] as const
const completion = JSON.stringify({
  choices: [{ message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
})
const patient = { timeout: 60_000 }

/** Resolves when the process has exited by itself. */
async function calls(
  sender: string,
  urls: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<readonly CallOutcome[]> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', script, sender, ...urls],
    { env: { ...process.env, ...env } },
  )
  return JSON.parse(stdout)
}

interface Listening {
  readonly url: string
  readonly connections: () => number
  readonly requests: readonly string[]
}

async function start(certificate?: { readonly key: string; readonly cert: string }) {
  const requests: string[] = []
  let connections = 0
  const answer: http.RequestListener = (request, response) => {
    requests.push(request.url ?? '')
    request.resume()
    response.setHeader('content-type', 'application/json').end(completion)
  }
  const server = certificate ? https.createServer(certificate, answer) : http.createServer(answer)
  // the client closes idle connections, not the server
  server.keepAliveTimeout = 0
  server.on('connection', () => {
    connections += 1
  })
  server.on('tlsClientError', () => {})
  // acts as a proxy: requests through the tunnel are answered here
  server.on('connect', (request, socket) => {
    requests.push(request.url ?? '')
    socket.write('HTTP/1.1 200 OK\r\n\r\n')
    server.emit('connection', socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const url = `http${certificate ? 's' : ''}://127.0.0.1:${port}`
  return { url, requests, connections: () => connections } satisfies Listening
}

describe('a process that made one call', () => {
  it.each(senders)(
    'exits over %s though the server keeps the connection open',
    patient,
    async (sender) => {
      const { url } = await start()
      // loading undici for `fetch` takes 25 ms: `node:http` loads none of it
      const hasUndici = sender === 'fetch'
      expect(await calls(sender, [url])).toMatchObject([{ name: 'ok', text: 'Hello', hasUndici }])
    },
  )
})

describe('a certificate', () => {
  let folder = ''
  const path = (name: string) => join(folder, name)
  const openssl = (...given: readonly string[]) =>
    execFileSync('openssl', given, { cwd: folder, stdio: 'ignore' })

  /** Signed by the authority of the test. */
  const issue = (name: string, subject: string, days: string) => {
    writeFileSync(path('names.cnf'), `subjectAltName=${subject}`)
    openssl(
      ...['x509', '-req', '-in', 'request.pem', '-CA', 'ca.pem', '-CAkey', 'key.pem'],
      ...['-CAcreateserial', '-extfile', 'names.cnf', '-days', days, '-out', `${name}.pem`],
    )
  }

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'certificates-'))
    openssl('genrsa', '-out', 'key.pem', '2048')
    openssl(
      ...['req', '-x509', '-key', 'key.pem', '-subj', '/CN=test', '-days', '2', '-out', 'ca.pem'],
    )
    openssl('genrsa', '-out', 'server.key', '2048')
    openssl(...['req', '-new', '-key', 'server.key', '-subj', '/CN=server', '-out', 'request.pem'])
    openssl(
      ...['req', '-x509', '-key', 'server.key', '-subj', '/CN=own', '-days', '2'],
      ...['-addext', 'subjectAltName=IP:127.0.0.1', '-out', 'own.pem'],
    )
    issue('good', 'IP:127.0.0.1', '2')
    issue('other', 'DNS:other.test', '2')
    issue('expired', 'IP:127.0.0.1', '-1')
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  const startWith = (name: string) =>
    start({
      key: readFileSync(path('server.key'), 'utf8'),
      cert: readFileSync(path(`${name}.pem`), 'utf8'),
    })

  const codes = {
    good: undefined,
    other: 'ERR_TLS_CERT_ALTNAME_INVALID',
    own: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    expired: 'CERT_HAS_EXPIRED',
  } as const

  it.each(senders)(
    'that is invalid is an error with its code, attempted once (%s); NODE_EXTRA_CA_CERTS makes one valid',
    patient,
    async (sender) => {
      const servers = await Promise.all(Object.keys(codes).map(startWith))
      const env = { NODE_EXTRA_CA_CERTS: path('ca.pem') }
      const outcomes = await calls(
        sender,
        servers.map(({ url }) => url),
        env,
      )
      const bad = { name: 'APIConnectionError', retryable: false }
      expect(outcomes).toMatchObject(
        Object.values(codes).map((code) =>
          code ? { ...bad, code } : { name: 'ok', text: 'Hello' },
        ),
      )
      expect(servers.map(({ connections }) => connections())).toEqual([1, 1, 1, 1])
    },
  )

  it.each(senders)('of an unknown authority is refused over %s', patient, async (sender) => {
    const { url, connections } = await startWith('good')
    expect(await calls(sender, [url])).toMatchObject([
      { name: 'APIConnectionError', code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', retryable: false },
    ])
    expect(connections()).toBe(1)
  })
})

/** Node reads HTTP_PROXY since version 24. */
const readsProxies = Number(process.versions.node.split('.')[0]) >= 24

it.runIf(readsProxies)('NODE_USE_ENV_PROXY sends requests through the proxy', patient, async () => {
  const proxy = await start()
  const env = { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: proxy.url, NO_PROXY: '', no_proxy: '' }
  const outcomes = await calls('node', ['http://provider.test/v1'], env)
  expect(outcomes).toMatchObject([{ name: 'ok', text: 'Hello' }])
  // through a tunnel up to Node 24
  expect(proxy.requests.join(' ')).toMatch(
    /^(provider\.test:80 |http:\/\/provider\.test)\/v1\/chat\/completions$/,
  )
})
