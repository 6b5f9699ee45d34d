/** A node:http server of two routes: the page, and the chat it streams from. */
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Client } from 'tetrad'
import { handler } from 'tetrad/http/node'
import { memoryStore } from 'tetrad/store'
import { models } from './ai.js'

export interface Site {
  readonly url: string
  close(): Promise<void>
}

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** Only what comes from this server runs, and nobody frames it. */
const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
}

/** Serves the page and the chat on the loopback interface. */
export async function serve(ai: Client, { port = 0 } = {}): Promise<Site> {
  const files = await pageFiles()
  const chat = handler(ai, {
    public: true,
    models,
    store: memoryStore(),
    expose: { cost: true },
    before: (request) => ({
      ...request,
      messages: [
        { role: 'system', content: 'Answer briefly, in plain text.' },
        ...request.messages,
      ],
      reasoning_effort: 'low',
      max_tokens: 4000,
      drop_params: true,
    }),
  })
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/chat')) return void chat(request, response)
    sendFile(files, request, response)
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  // a TCP server that listens has an address with a port
  const { port: bound } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${bound}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

interface PageFile {
  readonly type: string
  readonly body: string | Uint8Array
}

async function pageFiles(): Promise<ReadonlyMap<string, PageFile>> {
  const script = await build({
    entryPoints: [here('page.ts')],
    bundle: true,
    format: 'esm',
    minify: true,
    write: false,
    tsconfig: here('../../tsconfig.json'),
  })
  return new Map([
    ['/', { type: 'text/html', body: await readFile(here('index.html')) }],
    ['/style.css', { type: 'text/css', body: await readFile(here('style.css')) }],
    ['/icon.svg', { type: 'image/svg+xml', body: await readFile(here('icon.svg')) }],
    ['/page.js', { type: 'text/javascript', body: script.outputFiles[0]?.contents ?? '' }],
  ])
}

function sendFile(
  files: ReadonlyMap<string, PageFile>,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const file = files.get(new URL(request.url ?? '/', 'http://page').pathname)
  if (!file) return void response.writeHead(404, headers).end('Not found')
  response
    .writeHead(200, { ...headers, 'content-type': `${file.type}; charset=utf-8` })
    .end(file.body)
}
