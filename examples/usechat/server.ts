/** A node:http server of two routes: the page, and the chat it streams from. */
import { randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { AuthenticationError, type Client } from 'tetrad'
import { handler } from 'tetrad/http/node'
import { memoryStore } from 'tetrad/store'
import type { Visitor } from './ai.js'
import { pageFiles } from './page-files.js'

/** Only what comes from this server runs; pictures of visitor and model are in the conversation itself. */
const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
}

/** The server, not yet listening. `secret`: at least 32 characters. */
export async function chatServer(
  ai: Client<Visitor>,
  { secret }: { readonly secret: string },
): Promise<Server> {
  const files = await pageFiles()
  const chat = handler(ai, {
    format: 'ui',
    models: ['openai/gpt-5.1'],
    authorize: (request) => toVisitor(request.headers.get('cookie')),
    // a page that was reloaded, or lost its connection, reads on
    store: memoryStore(),
    // the page keeps the conversation: what models and tools said comes back signed, or is refused
    secret,
    expose: { cost: true },
    before: ({ messages, ...request }) => ({
      ...request,
      messages: [{ role: 'system', content: 'Answer briefly, in light Markdown.' }, ...messages],
      reasoning_effort: 'low',
      max_tokens: 4000,
    }),
  })
  return createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://page')
    if (pathname.startsWith('/api/chat')) return void chat(request, response)
    const file = files.get(pathname)
    if (!file) return void response.writeHead(404, headers).end('Not found')
    if (!visitorOf(request.headers.cookie)) response.setHeader('set-cookie', newVisitor())
    response.writeHead(200, { ...headers, 'content-type': `${file.type}; charset=utf-8` })
    response.end(file.body)
  })
}

/** A name that nobody can guess, which the page's own scripts cannot read. Behind TLS add `Secure`. */
const newVisitor = () => `visitor=${randomUUID()}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax`

const visitorOf = (cookies: string | null | undefined) =>
  /(?:^|;\s*)visitor=([\da-f-]{36})(?:;|$)/.exec(cookies ?? '')?.[1]

/** Whose answers are asked for. An app with accounts looks up its session here. */
function toVisitor(cookies: string | null): Visitor {
  const userId = visitorOf(cookies)
  if (!userId) throw new AuthenticationError('The page has not been opened')
  return { userId }
}
