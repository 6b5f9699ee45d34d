/** Fastify. Its parser stands before the handler, so its limit is raised to what the handler takes. */
import Fastify from 'fastify'
import { handler } from 'tetrad/http/node'
import { ai, options } from './ai.js'

const chat = handler(ai, options)
const app = Fastify({ bodyLimit: 8 * 1024 * 1024 })
app.all('/api/chat', chat)
app.all('/api/chat/*', chat)

export async function start(port: number) {
  await app.listen({ port, host: '127.0.0.1' })
  return app.server
}
