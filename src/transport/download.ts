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
} from '../core/index.js'
import { type FileResponse, type Network, nodeNetwork } from './download-network.js'

export interface DownloadOptions {
  /** For errors. */
  readonly provider: string
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
export async function download(url: URL, options: DownloadOptions): Promise<Download> {
  const { signal, timeoutMs, provider } = options
  const source = { provider, phase: 'request' } as const
  const late = AbortSignal.timeout(timeoutMs)
  try {
    signal.throwIfAborted()
    return await follow(url, options, AbortSignal.any([signal, late]))
  } catch (cause) {
    if (signal.aborted) throw new AbortError(undefined, { ...source, cause: signal.reason })
    if (late.aborted)
      throw new TimeoutError(`The file at ${url.origin} did not arrive in time`, {
        ...source,
        code: 'file_timeout',
      })
    if (isTetradError(cause)) throw cause
    throw new APIConnectionError(`The file at ${url.origin} could not be fetched`, {
      ...source,
      code: 'file_unavailable',
      cause,
    })
  }
}

/** True for an address that the list of hosts allows; resolves no name. */
export function isListed(url: string, hosts: readonly string[]): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, username, password, hostname, port } = new URL(url)
  if (protocol !== 'https:' || username || password) return false
  const host = withoutDot(hostname) + (port === '' ? '' : `:${port}`)
  return hosts.some((entry) => {
    const name = entry.toLowerCase()
    return name.startsWith('*.') ? host.endsWith(name.slice(1)) : host === name
  })
}

/** `example.com.` is `example.com`. */
const withoutDot = (hostname: string) => hostname.replace(/\.$/, '')

async function follow(
  url: URL,
  options: DownloadOptions,
  signal: AbortSignal,
  redirects = 0,
): Promise<Download> {
  const { network = nodeNetwork, hosts } = options
  if (!isListed(url.href, hosts)) throw refused(url, 'it is not in the list of hosts', options)
  const addresses = await network.resolve(withoutDot(url.hostname), signal)
  const [address] = addresses
  // all of them, whichever the connection would use
  const arePublic = await Promise.all(addresses.map((one) => network.isPublic(one)))
  if (!address || arePublic.includes(false))
    throw refused(url, 'its name does not resolve to a public address', options)
  const response = await network.get(url, address, signal)
  try {
    const { status, location } = response
    if (status < 300 || status >= 400 || location === undefined)
      return await readFile(response, url, options)
    if (redirects === maxRedirects) throw refused(url, 'it has too many redirects', options)
    return await follow(new URL(location, url), options, signal, redirects + 1)
  } finally {
    response.close()
  }
}

async function readFile(
  response: FileResponse,
  url: URL,
  options: DownloadOptions,
): Promise<Download> {
  const { maxBytes } = options
  const { status, contentType, contentLength = 0, body } = response
  const tooLarge = `it is larger than ${maxBytes} bytes (option maxBytes)`
  if (status !== 200) throw refused(url, `it answered ${status}`, options)
  if (contentLength > maxBytes) throw refused(url, tooLarge, options)
  const pieces: BlobPart[] = []
  let size = 0
  for await (const piece of body) {
    size += piece.byteLength
    if (size > maxBytes) throw refused(url, tooLarge, options)
    pieces.push(piece.slice())
  }
  return { bytes: new Uint8Array(await new Blob(pieces).arrayBuffer()), contentType }
}

/** No path and no query: they may hold a signature. */
const refused = (url: URL, why: string, { provider }: DownloadOptions) =>
  new BadRequestError(`The file at ${url.origin} was not fetched: ${why}`, {
    provider,
    phase: 'request',
    status: 400,
    code: 'file_refused',
  })
