/** The files of the page: read and bundled once, sent with headers that let nothing else in. */
import { readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { sessionHeaders } from './session.js'

/**
 * Only what comes from this server is loaded and run, and nobody frames it. Trusted Types close the doors through which
 * text becomes HTML: one policy, the sanitizer's, has the key.
 */
const headers = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    'trusted-types dompurify',
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
}

interface PageFile {
  readonly type: string
  readonly body: string | Uint8Array
}

const here = (name: string) => fileURLToPath(new URL(`page/${name}`, import.meta.url))

/** Reads and bundles them; gives what sends one. */
export async function pageFiles(): Promise<(request: IncomingMessage, to: ServerResponse) => void> {
  const script = await build({
    entryPoints: [here('page.ts')],
    bundle: true,
    format: 'esm',
    minify: true,
    write: false,
  })
  const files = new Map<string, PageFile>([
    ['/', { type: 'text/html', body: await readFile(here('index.html')) }],
    ['/style.css', { type: 'text/css', body: await readFile(here('style.css')) }],
    ['/icon.svg', { type: 'image/svg+xml', body: await readFile(here('icon.svg')) }],
    ['/page.js', { type: 'text/javascript', body: script.outputFiles[0]?.contents ?? '' }],
  ])
  return (request, response) => {
    const [path = '/'] = (request.url ?? '/').split('?')
    const file = files.get(path)
    if (!file) return void response.writeHead(404, headers).end()
    const type = { 'content-type': `${file.type}; charset=utf-8` }
    const session = path === '/' ? sessionHeaders(request) : {}
    response.writeHead(200, { ...headers, ...type, ...session }).end(file.body)
  }
}
