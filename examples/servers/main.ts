/** One of the servers: `npx tsx examples/servers/main.ts hono` (or `fastify`, `node-http`). */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

const servers = {
  hono: () => import('./hono.js'),
  fastify: () => import('./fastify.js'),
  'node-http': () => import('./node-http.js'),
}

const name = process.argv[2] ?? 'hono'
if (!Object.hasOwn(servers, name)) throw new Error(`One of ${Object.keys(servers).join(', ')}`)
const { start } = await servers[name as keyof typeof servers]()
const server = await start(Number(process.env.PORT ?? 3000))
if (!server.listening) await once(server, 'listening')
// a server that listens on TCP has an address with a port
const { port } = server.address() as AddressInfo
console.log(`${name} answers at http://127.0.0.1:${port}/api/chat`)
