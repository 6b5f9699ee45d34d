/**
 * Downloads a file that a user named, without access to the internal network (SSRF): https, listed
 * hosts and public addresses only, checked again on each redirect; connects to the checked address.
 */
import {
  AbortError,
  APIConnectionError,
  BadRequestError,
  isTetradError,
  TimeoutError,
} from '../../core/index.js'
import {
  type Address,
  type FileResponse,
  type Network,
  nodeNetwork,
} from './inline-files-network.js'

export interface DownloadOptions {
  /** `cdn.example.com`, `*.example.com`, with a port if it is not 443. */
  readonly hosts: readonly string[]
  readonly maxBytes: number
  /** For the whole download, including redirects. Milliseconds. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly network?: Network
}

export interface Download {
  readonly bytes: Uint8Array
  /** The `content-type` of the response. */
  readonly contentType: string | undefined
}

const maxRedirects = 3

/**
 * Throws `BadRequestError` for an address that must not be fetched and a file that is missing or
 * too large, `TimeoutError`, `APIConnectionError`, and `AbortError` once the signal fired.
 */
export async function download(url: string, options: DownloadOptions): Promise<Download> {
  const { signal, timeoutMs } = options
  if (signal.aborted) throw aborted(signal)
  const late = AbortSignal.timeout(timeoutMs)
  try {
    return await follow(new URL(url), options, AbortSignal.any([signal, late]))
  } catch (error) {
    if (signal.aborted) throw aborted(signal)
    if (late.aborted) throw lateness(url)
    if (isTetradError(error)) throw error
    throw new APIConnectionError(`The file at ${originOf(url)} could not be fetched`, {
      provider: 'gemini',
      code: 'file_unavailable',
      phase: 'request',
      cause: error,
    })
  }
}

const aborted = (signal: AbortSignal) =>
  new AbortError(undefined, { provider: 'gemini', phase: 'request', cause: signal.reason })

const lateness = (url: string) =>
  new TimeoutError(`The file at ${originOf(url)} did not come in time`, {
    provider: 'gemini',
    code: 'file_timeout',
    phase: 'request',
  })

/** True for an address that the list of hosts allows; resolves no name. */
export function isListed(url: string, hosts: readonly string[]): boolean {
  const parsed = parse(url)
  if (parsed?.protocol !== 'https:' || parsed.username || parsed.password) return false
  const host = withoutDot(parsed)
  return hosts.some((entry) => {
    const name = entry.toLowerCase()
    return name.startsWith('*.') ? host.endsWith(name.slice(1)) : host === name
  })
}

const parse = (url: string) => {
  try {
    return new URL(url)
  } catch {
    return undefined
  }
}

/** `example.com.` is `example.com`. */
const withoutDot = ({ hostname, port }: URL) =>
  hostname.replace(/\.$/, '') + (port === '' ? '' : `:${port}`)

async function follow(
  url: URL,
  options: DownloadOptions,
  signal: AbortSignal,
  redirects = 0,
): Promise<Download> {
  const { network = nodeNetwork, hosts } = options
  if (!isListed(url.href, hosts)) throw refused(url, 'it is not in the list of hosts')
  const addresses = await network.resolve(url.hostname.replace(/\.$/, ''), signal)
  const [address] = addresses
  if (!address || !(await allPublic(addresses, network)))
    throw refused(url, 'its name does not lead to a public address')
  const response = await network.get(url, address, signal)
  try {
    const { status, location } = response
    if (status < 300 || status >= 400 || location === undefined)
      return await readFile(response, url, options.maxBytes)
    if (redirects === maxRedirects) throw refused(url, 'it leads on and on')
    return await follow(new URL(location, url), options, signal, redirects + 1)
  } finally {
    response.close()
  }
}

/** False if one address is private, whichever the connection would use. */
async function allPublic(addresses: readonly Address[], network: Network): Promise<boolean> {
  for (const address of addresses) if (!(await network.isPublic(address))) return false
  return true
}

async function readFile(response: FileResponse, url: URL, maxBytes: number): Promise<Download> {
  if (response.status !== 200) throw refused(url, `it answered ${response.status}`)
  if (response.contentLength !== undefined && response.contentLength > maxBytes)
    throw tooLarge(url, maxBytes)
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of response.body) {
    size += piece.byteLength
    if (size > maxBytes) throw tooLarge(url, maxBytes)
    pieces.push(piece)
  }
  const bytes = new Uint8Array(size)
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.byteLength
  }
  return { bytes, contentType: response.contentType }
}

/** No path and no query: they may hold a signature. */
const originOf = (url: string) => parse(url)?.origin ?? 'no valid address'

const refused = (url: URL, why: string) =>
  new BadRequestError(`The file at ${url.origin} was not fetched: ${why}`, {
    provider: 'gemini',
    status: 400,
    code: 'file_refused',
    phase: 'request',
  })

const tooLarge = (url: URL, maxBytes: number) =>
  refused(url, `it is larger than ${maxBytes} bytes (inlineFiles.maxBytes)`)
