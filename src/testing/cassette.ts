/**
 * Records real HTTP exchanges in a file: requested once with a key, replayed byte for byte from
 * then on.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { isObject } from '../chat/index.js'
import { MisuseError } from '../core/errors.js'
import { scrub } from '../transport/scrub.js'

/** A request as it is recorded: without headers, and without keys in its URL and body. */
export interface TapedRequest {
  readonly method: string
  readonly url: string
  /** Parsed if it is JSON; else text. */
  readonly body: unknown
}

export interface CassetteOptions {
  /** True records again and overwrites the file. @default true if there is no file */
  readonly record?: boolean | undefined
  /** Whether a recorded exchange answers a request. @default the same method, URL and body */
  readonly match?: ((recorded: TapedRequest, asked: TapedRequest) => boolean) | undefined
  /** Called while recording. @default globalThis.fetch */
  readonly fetch?: typeof globalThis.fetch | undefined
}

interface Exchange {
  readonly request: TapedRequest
  readonly response: {
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    /** One for each network read; base64 if a read is not valid UTF-8. */
    readonly reads: readonly (string | { readonly base64: string })[]
    /** The body broke off, or its reader canceled it. */
    readonly isCut?: true
  }
}

/**
 * A `fetch` for a provider, or for an official client. If the file is missing it calls the real
 * server and records each exchange; otherwise it calls no server, and answers each request by the
 * next matching exchange: its status, its bytes and their chunk boundaries, including a break in
 * the middle. It records no request header, no key, and no response header that identifies an
 * account. Content is recorded unchanged.
 *
 * Throws `MisuseError` without a path, and for a file that is no recording. The fetch throws
 * `MisuseError` instead of recording if `CI` is set in the environment, and for a request without a
 * matching (unused) exchange; the message names the first difference.
 *
 * @example
 * const fetch = cassette('test/tapes/rivers.json')
 * const ai = createClient({ providers: [anthropic({ fetch, apiKey: process.env.ANTHROPIC_API_KEY ?? 'on tape' })] })
 */
export function cassette(path: string, options: CassetteOptions = {}): typeof globalThis.fetch {
  if (typeof path !== 'string' || path === '')
    throw new MisuseError(
      "cassette() needs the path of its file: cassette('test/tapes/rivers.json')",
    )
  const isRecording = options.record ?? !existsSync(path)
  if (!isRecording) return playing(path, options)
  const { fetch = globalThis.fetch } = options
  return recording(path, fetch)
}

function playing(path: string, { match = isSame }: CassetteOptions): typeof globalThis.fetch {
  const left = read(path)
  return async (input, init) => {
    const request = new Request(input, init)
    request.signal.throwIfAborted()
    const asked = await tape(request)
    const index = left.findIndex((exchange) => match(exchange.request, asked))
    const [exchange] = index < 0 ? [] : left.splice(index, 1)
    if (!exchange) throw notOnTape(path, left, asked)
    return play(exchange.response)
  }
}

function recording(path: string, fetch: typeof globalThis.fetch): typeof globalThis.fetch {
  const exchanges: (Exchange | undefined)[] = []
  return async (input, init) => {
    if (process.env.CI)
      throw new MisuseError(
        `${path} does not exist, and CI does not record: record it on your machine and commit it`,
      )
    const request = new Request(input, init)
    const secrets = secretsOf(request.headers)
    const asked = await tape(request, secrets)
    const place = exchanges.push(undefined) - 1
    const response = await fetch(request)
    return listenTo(response, secrets, (taped) => {
      exchanges[place] = { request: asked, response: taped }
      write(path, exchanges)
    })
  }
}

/** Passes the response through; what was read of it goes to `keep` at its end. */
function listenTo(
  { status, statusText, headers, body }: Response,
  secrets: readonly string[],
  keep: (response: Exchange['response']) => void,
): Response {
  const reads: Uint8Array[] = []
  const end = (isCut?: true) =>
    keep({
      status,
      headers: kept(headers),
      reads: readsOf(reads, secrets),
      ...(isCut && { isCut }),
    })
  const reader = body?.getReader()
  if (!reader) {
    end()
    return new Response(null, { status, statusText, headers })
  }
  const heard = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (!done) {
            reads.push(value)
            return controller.enqueue(value)
          }
          end()
          controller.close()
        } catch (error) {
          end(true)
          controller.error(error)
        }
      },
      cancel(reason) {
        end(true)
        return reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
  return new Response(heard, { status, statusText, headers })
}

function play({ status, headers, reads, isCut }: Exchange['response']): Response {
  const parts = reads.map((read) =>
    typeof read === 'string' ? Buffer.from(read) : Buffer.from(read.base64, 'base64'),
  )
  const hasBody = parts.length > 0 || isCut
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const part = parts.shift()
        if (part) controller.enqueue(new Uint8Array(part))
        else if (isCut) controller.error(new TypeError('terminated: the recording ends here'))
        else controller.close()
      },
    },
    { highWaterMark: 0 },
  )
  return new Response(hasBody ? body : null, { status, headers })
}

async function tape(request: Request, secrets?: readonly string[]): Promise<TapedRequest> {
  const hidden = secrets ?? secretsOf(request.headers)
  const hide = (text: string) => hidden.reduce(scrub, scrub(text))
  const text = hide(await request.clone().text())
  return { method: request.method, url: hide(request.url), body: parsed(text) }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** Key headers of the four providers, Azure and compatible servers. */
const keyHeaders = ['authorization', 'x-api-key', 'x-goog-api-key', 'api-key']

const secretsOf = (headers: Headers): readonly string[] =>
  keyHeaders
    .map((name) => headers.get(name)?.replace(/^Bearer /i, '') ?? '')
    .filter((secret) => secret.length >= 6)

/**
 * Headers that identify no account or connection. Rate limits belong to an account, but do not
 * identify it.
 */
const keptHeader =
  /^(?:content-type|retry-after(?:-ms)?|x-should-retry|(?:x-|anthropic-)ratelimit-.*)$/

const kept = (headers: Headers) =>
  Object.fromEntries([...headers].filter(([name]) => keptHeader.test(name)))

/** A key echoed by the server may span reads: then they are merged. */
function readsOf(reads: readonly Uint8Array[], secrets: readonly string[]) {
  const whole = Buffer.concat(reads)
  const echoed = secrets.filter((secret) => whole.includes(secret))
  if (echoed.length === 0) return reads.map(textOrBase64)
  return [echoed.reduce((text, secret) => text.replaceAll(secret, '[key]'), whole.toString())]
}

function textOrBase64(read: Uint8Array) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(read)
  } catch {
    return { base64: Buffer.from(read).toString('base64') }
  }
}

function read(path: string): Exchange[] {
  const text = readFileSync(path, 'utf8')
  const file = parsed(text)
  if (Array.isArray(file) && file.every(isExchange)) return file
  throw new MisuseError(`${path} is not a recording: delete it to record it again`)
}

const isExchange = (one: unknown): one is Exchange =>
  isObject(one) &&
  isObject(one.request) &&
  isObject(one.response) &&
  isObject(one.response.headers) &&
  Array.isArray(one.response.reads)

/** Atomic: a reader never gets a partial file. */
function write(path: string, exchanges: readonly (Exchange | undefined)[]): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(`${path}.new`, `${JSON.stringify(exchanges.filter(Boolean), null, 2)}\n`)
  renameSync(`${path}.new`, path)
}

const isSame = (recorded: TapedRequest, asked: TapedRequest) => isDeepStrictEqual(recorded, asked)

function notOnTape(path: string, left: readonly Exchange[], asked: TapedRequest): MisuseError {
  const { method, url } = asked
  const near = left.find(({ request }) => request.url === url)
  const reason = near
    ? `the next recorded request differs at ${difference(near.request, asked)}`
    : `${left.length} recorded requests are left, none to that address`
  return new MisuseError(
    `${path} has no answer to ${method} ${url}: ${reason}. Delete the file, or pass \`record: true\`, to record again`,
  )
}

/** The path to the first difference. */
function difference(a: unknown, b: unknown, path = '$'): string {
  if (typeof a !== 'object' || typeof b !== 'object' || !a || !b) return path
  const [before, after] = [new Map(Object.entries(a)), new Map(Object.entries(b))]
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const [one, other] = [before.get(name), after.get(name)]
    if (!isDeepStrictEqual(one, other)) return difference(one, other, `${path}.${name}`)
  }
  return path
}
