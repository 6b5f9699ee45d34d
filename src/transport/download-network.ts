/** DNS, addresses and connections of Node, loaded only to download a file. */
import { MisuseError } from '../core/index.js'

export interface Address {
  readonly address: string
  /** 4 or 6. */
  readonly family: number
}

export interface FileResponse {
  readonly status: number
  readonly location: string | undefined
  readonly contentType: string | undefined
  readonly contentLength: number | undefined
  readonly body: AsyncIterable<Uint8Array>
  /** Closes the connection. */
  close(): void
}

/** Network access of a download. */
export interface Network {
  resolve(hostname: string, signal: AbortSignal): Promise<readonly Address[]>
  isPublic(address: Address): Promise<boolean>
  /** Connects to this address, whatever the name resolves to now. Follows no redirect. */
  get(url: URL, address: Address, signal: AbortSignal): Promise<FileResponse>
}

/** https://www.iana.org/assignments/iana-ipv4-special-registry */
const specialV4 =
  '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4'
/** In 2000::/3, the only public range: tunnels and examples. */
const specialV6 = '2001::/23 2001:db8::/32 2002::/16 3fff::/20'

export const nodeNetwork: Network = {
  async resolve(hostname, signal) {
    const { lookup } = nodeModule('node:dns/promises')
    const { isIP } = nodeModule('node:net')
    const literal = hostname.replace(/^\[(.*)\]$/, '$1')
    const family = isIP(literal)
    if (family !== 0) return [{ address: literal, family }]
    return orAbort(lookup(hostname, { all: true }), signal)
  },

  async isPublic(address) {
    if (address.family === 4) return !isIn(address, specialV4)
    return isIn(address, '2000::/3') && !isIn(address, specialV6)
  },

  async get(url, { address, family }, signal) {
    const { request } = nodeModule('node:https')
    return new Promise((resolve, reject) => {
      const sent = request(url, {
        signal,
        agent: false,
        headers: { accept: '*/*', 'accept-encoding': 'identity' },
        // the name is for TLS alone: the address was checked
        lookup: (_hostname, options, done) =>
          options.all ? done(null, [{ address, family }]) : done(null, address, family),
      })
      sent.once('error', reject)
      sent.once('response', (response) => {
        const length = Number(response.headers['content-length'] ?? Number.NaN)
        resolve({
          status: response.statusCode ?? 0,
          location: response.headers.location,
          contentType: response.headers['content-type'],
          contentLength: Number.isNaN(length) ? undefined : length,
          body: response,
          close: () => void response.destroy(),
        })
      })
      sent.end()
    })
  },
}

interface NodeModules {
  'node:dns/promises': typeof import('node:dns/promises')
  'node:https': typeof import('node:https')
  'node:net': typeof import('node:net')
}

/** No `import`: bundlers for pages and edges resolve a literal one even if it never runs. */
function nodeModule<Name extends keyof NodeModules>(name: Name): NodeModules[Name] {
  const found = globalThis.process?.getBuiltinModule?.(name)
  // each name is that of its module
  if (found) return found as NodeModules[Name]
  throw new MisuseError(
    `A download of files needs ${name}, which is missing: use Node.js 20.16 or newer, or put the bytes of the file into the message`,
  )
}

/** A name lookup cannot be canceled: its result is ignored. */
function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
    if (signal.aborted) onAbort()
  })
}

/** True if one of the subnets contains the address. */
function isIn({ address, family }: Address, subnets: string): boolean {
  const { BlockList } = nodeModule('node:net')
  const list = new BlockList()
  const type = family === 4 ? 'ipv4' : 'ipv6'
  for (const subnet of subnets.split(' ')) {
    const [network = '', prefix] = subnet.split('/')
    list.addSubnet(network, Number(prefix), type)
  }
  return list.check(address, type)
}
