/** A server that listens. */
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Listening {
  /** Without a slash at the end. */
  readonly url: string
  /** Takes no more connections, and resolves when those that are open have ended. */
  close(): Promise<void>
}

/** Port 0 is a free one. */
export async function listen(server: Server, port = 0, host = '127.0.0.1'): Promise<Listening> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeIdleConnections()
    })
  // a TCP server that listens has an address with a port
  return { url: `http://${host}:${(server.address() as AddressInfo).port}`, close }
}
