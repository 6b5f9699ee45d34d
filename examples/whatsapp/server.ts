/** The webhook: Meta's handshake (GET), signed deliveries (POST), kept before they are answered. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { isSame, isSigned } from './signature.js'

export interface WebhookOptions {
  readonly appSecret: string
  readonly verifyToken: string
  /** Keeps what a webhook brings; rejects where it cannot: Meta then delivers it again, for days. */
  readonly receive: (body: unknown) => Promise<void>
  readonly onError: (error: unknown) => void
}

export interface Webhook {
  readonly server: Server
  /** `/health` says 503 from now on, so that a balancer sends nothing more; what comes is kept all the same. */
  drain(): void
}

interface Result {
  readonly status: number
  readonly text?: string
}

/** A webhook brings at most 3 MB. */
const maxBytes = 3 * 1024 * 1024

export function createWebhook(options: WebhookOptions): Webhook {
  let isDraining = false

  const receive = async (request: IncomingMessage): Promise<Result> => {
    const body = await read(request)
    if (!body) return { status: 413 }
    if (!isSigned(body, request.headers['x-hub-signature-256'], options.appSecret))
      return { status: 401 }
    try {
      await options.receive(parse(body))
    } catch (error) {
      options.onError(error)
      return { status: 503 }
    }
    return { status: 200 }
  }
  const handle = async (request: IncomingMessage): Promise<Result> => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    if (pathname === '/health') return { status: isDraining ? 503 : 200 }
    if (pathname !== '/webhook') return { status: 404 }
    if (request.method === 'GET') return verify(searchParams, options.verifyToken)
    return request.method === 'POST' ? receive(request) : { status: 405 }
  }
  const server = createServer(async (request, response) => {
    const { status, text = '' } = await handle(request).catch(() => ({ status: 400 }) as Result)
    response.writeHead(status, { 'content-type': 'text/plain' }).end(text)
  })
  const drain = () => {
    isDraining = true
  }
  return { server, drain }
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
