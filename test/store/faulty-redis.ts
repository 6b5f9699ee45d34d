/** A connection to a redis-server that is reset once, at a script that the test chooses. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { redisStore } from '../../src/store/index.js'

/** `before`: Redis never reads the script. `after`: it runs, and its reply is lost. */
export type Reset = 'before' | 'after'

export interface FaultyRedis {
  readonly port: number
  /** The connection is reset at the script with this index, from now on. */
  resetAt(index: number, when: Reset): void
  /** There were not as many scripts. */
  readonly isArmed: boolean
  close(): Promise<void>
}

export async function faultyRedis(port: number): Promise<FaultyRedis> {
  let left = -1
  let when: Reset = 'before'
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const redis = connect(port, '127.0.0.1')
    let isLost = false
    for (const [socket, other] of [
      [client, redis],
      [redis, client],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
    redis.on('data', (bytes) => (isLost ? client.destroy() : client.write(bytes)))
    client.on('data', (bytes) => {
      const scripts = bytes.toString('latin1').split('\r\nEVAL\r\n').length - 1
      const isHit = left >= 0 && left < scripts
      left = Math.max(-1, left - scripts)
      if (isHit && when === 'before') return client.destroy()
      isLost ||= isHit
      return redis.write(bytes)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    // a server on a port has an address of this kind
    port: (server.address() as AddressInfo).port,
    resetAt(index, how) {
      left = index
      when = how
    },
    get isArmed() {
      return left >= 0
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A connected store over a client that connects again at once. */
export async function connectTo(client: 'ioredis' | 'node-redis', port: number) {
  const prefix = `${crypto.randomUUID()}:`
  if (client === 'ioredis') {
    const connection = new Redis(port, '127.0.0.1', { retryStrategy: () => 1 })
    connection.on('error', () => {})
    return { store: redisStore(connection, { prefix }), close: () => connection.disconnect() }
  }
  const url = `redis://127.0.0.1:${port}`
  const connection = createClient({ url, socket: { reconnectStrategy: () => 1 } })
  connection.on('error', () => {})
  await connection.connect()
  return { store: redisStore(connection, { prefix }), close: () => connection.destroy() }
}
