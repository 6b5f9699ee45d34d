/** Hono on Node. On Bun, Deno and Workers `export default app` is all. */
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { handler } from 'tetrad/http/web'
import { ai, options } from './ai.js'

const chat = handler(ai, options)
const app = new Hono().all('/api/chat/*', (context) => chat(context.req.raw))

export const start = (port: number) => serve({ fetch: app.fetch, port, hostname: '127.0.0.1' })
