/** One of the servers: `npx tsx examples/servers/main.ts hono` (or `fastify`, `node-http`). */
const servers = {
  hono: () => import('./hono.js'),
  fastify: () => import('./fastify.js'),
  'node-http': () => import('./node-http.js'),
}

const name = process.argv[2] ?? 'hono'
if (!Object.hasOwn(servers, name)) throw new Error(`One of ${Object.keys(servers).join(', ')}`)
const { start } = await servers[name as keyof typeof servers]()
await start(Number(process.env.PORT ?? 3000))
console.log(`${name} answers at http://127.0.0.1:${process.env.PORT ?? 3000}/api/chat`)
