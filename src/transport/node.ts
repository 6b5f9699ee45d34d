/** Requests over `node:http` and `node:https`: no timers but ours, and exact knowledge of a connection that was kept. */
import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import type { Socket } from 'node:net'
import type { Readable, Transform } from 'node:stream'
import type { ResponseHeaders } from '../core/index.js'
import { headersOf, type IncomingResponse, type Sender, type Sending } from './sender.js'

/**
 * Undefined where there is no Node (Bun, Deno and workerd have the modules, but a `fetch` that is better than them), where
 * the app has put something in the way of `fetch`, or given undici a dispatcher: a proxy, a mock, an agent with
 * certificates are to see our requests too. Node before 20.16 has no way to its modules that a bundler does not follow.
 */
export const nodeSender = (): Sender | undefined =>
  isNode() && hasModules() && isBuiltInFetch(globalThis.fetch) && isBuiltInDispatcher()
    ? send
    : undefined

/** Node itself: others take its name, and put theirs into `navigator`. */
export const isNode = (): boolean => {
  const { process, Bun, Deno, navigator }: Globals = globalThis
  const isOther = Bun !== undefined || Deno !== undefined
  const agent = navigator?.userAgent ?? 'Node.js'
  return process?.release?.name === 'node' && !isOther && agent.startsWith('Node.js')
}

interface Globals {
  readonly process?: { readonly release?: { readonly name?: string } }
  readonly Bun?: unknown
  readonly Deno?: unknown
  readonly navigator?: { readonly userAgent?: string }
}

/** Its source names where Node keeps undici: a wrapper, a mock and a polyfill have another. */
const isBuiltInFetch = (fetch: unknown) => {
  if (fetch !== seenFetch.fetch)
    seenFetch = {
      fetch,
      isBuiltIn: typeof fetch === 'function' && /internal\/deps\/undici/.test(sourceOf(fetch)),
    }
  return seenFetch.isBuiltIn
}

let seenFetch: { readonly fetch: unknown; readonly isBuiltIn: boolean } = {
  fetch: undefined,
  isBuiltIn: false,
}

/**
 * None yet, as nobody has used the `fetch` of Node, or the one that Node made for it: known by where its class throws from
 * when it is first seen, by identity from then on.
 */
const isBuiltInDispatcher = () => dispatcherKeys.every(isBuiltInAt)

/** That of undici up to 7, and that of 8. */
const dispatcherKeys = [
  Symbol.for('undici.globalDispatcher.1'),
  Symbol.for('undici.globalDispatcher.2'),
]

const builtIn = new Map<symbol, unknown>()

const isBuiltInAt = (key: symbol) => {
  const dispatcher: unknown = Reflect.get(globalThis, key)
  if (dispatcher === undefined) return true
  if (!builtIn.has(key) && isMadeByNode(dispatcher)) builtIn.set(key, dispatcher)
  return dispatcher === builtIn.get(key)
}

/** An `Agent` of the package undici looks the same, but throws from a file of the app. */
const isMadeByNode = (dispatcher: unknown) => {
  const maker = typeof dispatcher === 'object' ? dispatcher?.constructor : undefined
  if (maker?.name !== 'Agent') return false
  try {
    Reflect.construct(maker, [{ factory: 'none' }])
  } catch (error) {
    const [, origin = ''] = String(error instanceof Error && error.stack).split(/\n {1,8}at /)
    return origin.includes('(node:internal/deps/undici/')
  }
  return false
}

const sourceOf = (thing: Function) => Function.prototype.toString.call(thing)

const hasModules = () => typeof globalThis.process.getBuiltinModule === 'function'

/** Idle connections are kept so long, or as the server's `Keep-Alive` asks where that is shorter. They keep no process alive. */
const idleMs = 60_000
const agentOptions = {
  keepAlive: true,
  maxFreeSockets: 128,
  timeout: idleMs,
  scheduling: 'lifo',
} as const

/** What undici waits for a connection. It is no part of the wait for an answer: nothing has been asked yet. */
const connectMs = 10_000

interface Protocol {
  readonly request: (url: URL, options: RequestOptions) => ClientRequest
  readonly agent: Agent
}

const protocols = new Map<string, Protocol>()

const protocolOf = (name: string): Protocol => {
  const known = protocols.get(name)
  if (known) return known
  const { process } = globalThis
  const isSecure = name === 'https:'
  const { request, Agent } = process.getBuiltinModule(isSecure ? 'node:https' : 'node:http')
  const made = { request, agent: new Agent(agentOptions) }
  protocols.set(name, made)
  return made
}

function send({ url, headers, body }: Parameters<Sender>[0]): Sending {
  const reading: { body?: Body } = {}
  let request: ClientRequest | undefined
  let bytesBefore: number | undefined
  const response = new Promise<IncomingResponse>((resolve, reject) => {
    const { request: open, agent } = protocolOf(url.protocol)
    request = open(url, { method: 'POST', agent, headers: nodeHeaders(headers, body) })
    request.on('socket', (socket) => {
      bytesBefore = socket.bytesRead
      if (socket.connecting) limitConnect(request, socket, url.protocol)
    })
    // stays: what happens to the connection of an answer that is whole is no news
    request.on('error', (error) => {
      reading.body?.fail(error)
      reject(error)
    })
    request.on('upgrade', (_response, socket) => {
      socket.destroy()
      reject(failure('the server switched protocols', 'ERR_UPGRADE'))
    })
    request.on('response', (incoming) => {
      const received = receivedIn(incoming)
      const whole = new Body(decoded(incoming, received.get('content-encoding')))
      reading.body = whole
      resolve({ status: incoming.statusCode ?? 0, headers: received, read: () => whole.read() })
    })
    request.end(body)
  })
  return {
    response,
    cancel() {
      if (!reading.body?.isOver) request?.destroy()
      reading.body?.cancel()
    },
    isStale: () => request?.reusedSocket === true && request.socket?.bytesRead === bytesBefore,
  }
}

/** The length is ours to say; what speaks of the connection, and `expect`, would have us wait for an answer to the head. */
const nodeHeaders = (
  headers: Readonly<Record<string, string>>,
  body: string,
): Record<string, string> => {
  const sent: Record<string, string> = { 'accept-encoding': 'identity' }
  for (const [name, value] of Object.entries(headers))
    if (!ofTheConnection.has(name)) sent[name] = value
  sent['content-length'] = String(Buffer.byteLength(body))
  return sent
}

const ofTheConnection = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

const limitConnect = (request: ClientRequest | undefined, socket: Socket, protocol: string) => {
  const error = failure(`no connection within ${connectMs} ms`, 'ETIMEDOUT', 'connect')
  const timer = setTimeout(() => request?.destroy(error), connectMs)
  const stop = () => clearTimeout(timer)
  socket.once(protocol === 'https:' ? 'secureConnect' : 'connect', stop).once('close', stop)
}

const failure = (message: string, code: string, syscall?: string): Error =>
  Object.assign(new Error(message), { code, ...(syscall && { syscall }) })

/** Of a name that comes twice both values count, as in `Headers`, whose class would load all of undici. */
const receivedIn = ({ rawHeaders }: IncomingMessage): ResponseHeaders => {
  const values = new Map<string, string>()
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]?.toLowerCase() ?? ''
    const before = values.get(name)
    const value = rawHeaders[i + 1] ?? ''
    values.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return headersOf(values)
}

/** We ask for none; a server that packs all the same is read. An unknown coding, or one too many, stays: no JSON is in it. */
function decoded(incoming: IncomingMessage, contentEncoding: string | null): Readable {
  const codings = codingsOf(contentEncoding ?? '')
  if (codings.length === 0 || codings.length > maxCodings) return incoming
  const { pipeline } = globalThis.process.getBuiltinModule('node:stream')
  // what Node has of zstd is looked at where it is used
  const zlib = globalThis.process.getBuiltinModule('node:zlib') as Zlib
  const transforms = codings.map((name) => decoders.get(name)?.(zlib))
  if (transforms.includes(undefined)) return incoming
  return transforms.reduceRight<Readable>(
    (source, transform) => (transform ? pipeline(source, transform, ignore) : source),
    incoming,
  )
}

const codingsOf = (contentEncoding: string) =>
  contentEncoding
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity')

const maxCodings = 5

/** zstd came with Node 22.15. */
type Zlib = typeof import('node:zlib') & {
  readonly createZstdDecompress?: (options: {
    readonly params: Readonly<Record<number, number>>
  }) => Transform
  readonly constants: { readonly ZSTD_d_windowLogMax: number }
}

/** 8 MiB: a larger window is not for HTTP (RFC 9659). */
const maxZstdWindowLog = 23

/** A map: the name is the server's, and `constructor` is none. */
const decoders: ReadonlyMap<string, (zlib: Zlib) => Transform | undefined> = new Map([
  ['gzip', (zlib: Zlib) => zlib.createGunzip()],
  ['x-gzip', (zlib: Zlib) => zlib.createGunzip()],
  ['deflate', (zlib: Zlib) => zlib.createInflate()],
  ['br', (zlib: Zlib) => zlib.createBrotliDecompress()],
  [
    'zstd',
    ({ createZstdDecompress, constants }: Zlib) =>
      createZstdDecompress?.({ params: { [constants.ZSTD_d_windowLogMax]: maxZstdWindowLog } }),
  ],
] as const)

/** A body that is read at the pace of its reader: what comes meanwhile is joined, up to `maxWaitingBytes`. */
class Body {
  isOver = false
  private waiting: Uint8Array[] = []
  private size = 0
  private failure: unknown
  private settle: (() => void) | undefined

  constructor(private readonly source: Readable) {
    source
      .on('data', (bytes: Uint8Array) => this.add(bytes))
      .on('end', () => this.finish())
      .on('error', (error) => this.fail(error))
      .on('close', () => {
        // an error costs a look at the stack: nearly every body is whole here
        if (!this.isOver) this.fail(failure('the connection was closed', 'ECONNRESET'))
      })
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.size === 0 && !this.isOver)
      await new Promise<void>((resolve) => {
        this.settle = resolve
      })
    if (this.size > 0) return this.take()
    if (this.failure !== undefined) throw this.failure
    return undefined
  }

  fail(error: unknown): void {
    if (this.isOver) return
    this.failure = error
    this.finish()
  }

  /** What waits is no longer wanted. */
  cancel(): void {
    this.waiting = []
    this.size = 0
    this.finish()
  }

  private finish(): void {
    this.isOver = true
    this.wake()
  }

  private add(bytes: Uint8Array): void {
    if (this.isOver) return
    this.waiting.push(bytes)
    this.size += bytes.byteLength
    if (this.size >= maxWaitingBytes) this.source.pause()
    this.wake()
  }

  private take(): Uint8Array {
    const [first, ...rest] = this.waiting
    const bytes = first && rest.length === 0 ? first : Buffer.concat(this.waiting)
    this.waiting = []
    if (this.size >= maxWaitingBytes) this.source.resume()
    this.size = 0
    return bytes
  }

  private wake(): void {
    this.settle?.()
    this.settle = undefined
  }
}

const maxWaitingBytes = 64 * 1024

const ignore = () => {}
