/** Sends over `node:http` and `node:https`: without other timers, and aware of reused sockets. */
import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import type { Socket } from 'node:net'
import type { Readable, Transform } from 'node:stream'
import type { ResponseHeaders } from '../core/index.js'
import { headersOf, type IncomingResponse, type Sender, type Sending } from './sender.js'

/**
 * Undefined outside Node (Bun, Deno and workerd have the modules, but a better `fetch`), and if the
 * app has replaced `fetch` or set a dispatcher of undici: its proxy, mock or agent with
 * certificates must receive our requests too. Node before 20.16 has no access to its modules that
 * bundlers do not follow.
 */
export const nodeSender = (): Sender | undefined =>
  isNode() && hasModules() && isBuiltInFetch(globalThis.fetch) && isBuiltInDispatcher()
    ? send
    : undefined

/** True on Node itself: others use its name, but set their own in `navigator`. */
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

/** Its source has the path of Node's undici, unlike that of a wrapper, a mock or a polyfill. */
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
 * True if there is none yet, as Node's `fetch` was not used, or if Node made it: recognized at
 * first by where its class throws, then by identity.
 */
const isBuiltInDispatcher = () => dispatcherKeys.every(isBuiltInAt)

/** Of undici up to 7, and of 8, which sets a wrapper of its own under the first for older copies. */
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

/** An `Agent` of the undici package looks the same, but throws from a file of the app. */
const isMadeByNode = (dispatcher: unknown) => {
  const maker = typeof dispatcher === 'object' ? dispatcher?.constructor : undefined
  if (maker?.name !== 'Agent' && maker?.name !== 'Dispatcher1Wrapper') return false
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

/** Maximum idle time of a connection; `Keep-Alive` may shorten it. Keeps no process alive. */
const idleMs = 60_000
const agentOptions = {
  keepAlive: true,
  maxFreeSockets: 128,
  timeout: idleMs,
  scheduling: 'lifo',
} as const

/** undici's connect timeout. It is no part of the wait for an answer, as nothing was sent. */
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
    // never removed: connection errors after a complete answer are ignored
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

/** Sets the length; removes headers about the connection, and `expect`, which delays the body. */
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

/** Joins repeated names, as `Headers` does, whose class would load all of undici. */
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

/** We request no compression, but read it. An unknown coding, or one too many, is not decoded. */
function decoded(incoming: IncomingMessage, contentEncoding: string | null): Readable {
  const codings = codingsOf(contentEncoding ?? '')
  if (codings.length === 0 || codings.length > maxCodings) return incoming
  const { pipeline } = globalThis.process.getBuiltinModule('node:stream')
  // zstd is checked where it is used
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

/** zstd exists since Node 22.15. */
type Zlib = typeof import('node:zlib') & {
  readonly createZstdDecompress?: (options: {
    readonly params: Readonly<Record<number, number>>
  }) => Transform
  readonly constants: { readonly ZSTD_d_windowLogMax: number }
}

/** 8 MiB: larger windows are not allowed in HTTP (RFC 9659). */
const maxZstdWindowLog = 23

/** A map: names come from the server, and `constructor` is none. */
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

/** A body read at the pace of its reader: bytes in between are joined up to `maxWaitingBytes`. */
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
        // an error captures a stack: nearly every body is complete here
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

  /** Discards the waiting bytes. */
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
