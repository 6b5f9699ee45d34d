/** The webhook: Meta's handshake (GET), signed deliveries (POST), answered before the model is asked. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { once } from './once.js'
import { createQueue } from './queue.js'
import { isSame, isSigned } from './signature.js'
import { type Inbound, inboundOf } from './webhook.js'

export interface WebhookOptions {
  readonly appSecret: string
  readonly verifyToken: string
  /** Answers one message. Must not reject. */
  readonly answer: (inbound: Inbound) => Promise<void>
}

export interface Webhook {
  readonly server: Server
  /** Resolves when every message that arrived is answered. */
  idle(): Promise<void>
}

interface Result {
  readonly status: number
  readonly text?: string
}

/** A webhook brings at most 3 MB. */
const maxBytes = 3 * 1024 * 1024

export function createWebhook(options: WebhookOptions): Webhook {
  const isFirst = once()
  const queue = createQueue()

  const receive = async (request: IncomingMessage): Promise<Result> => {
    const body = await read(request)
    if (!body) return { status: 413 }
    if (!isSigned(body, request.headers['x-hub-signature-256'], options.appSecret))
      return { status: 401 }
    for (const inbound of inboundOf(parse(body)))
      if (isFirst(inbound.id)) queue.add(inbound.from, () => options.answer(inbound))
    return { status: 200 }
  }
  const handle = async (request: IncomingMessage): Promise<Result> => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    if (pathname !== '/webhook') return { status: 404 }
    if (request.method === 'GET') return verify(searchParams, options.verifyToken)
    return request.method === 'POST' ? receive(request) : { status: 405 }
  }
  const server = createServer(async (request, response) => {
    const { status, text = '' } = await handle(request).catch(() => ({ status: 400 }) as Result)
    response.writeHead(status, { 'content-type': 'text/plain' }).end(text)
  })
  return { server, idle: queue.idle }
}

/** Meta asks once, when the address is entered in the app's settings. */
function verify(query: URLSearchParams, token: string): Result {
  const isOurs = isSame(query.get('hub.verify_token') ?? '', token)
  if (query.get('hub.mode') !== 'subscribe' || !isOurs) return { status: 403 }
  return { status: 200, text: query.get('hub.challenge') ?? '' }
}

/** The bytes as they came: the signature is of them. Undefined for too many. */
async function read(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size <= maxBytes) chunks.push(chunk)
  }
  return size <= maxBytes ? Buffer.concat(chunks) : undefined
}

/** Signed, yet no JSON: nothing to answer. */
function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}
