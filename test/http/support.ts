/** Servers around a handler, on free ports of the loopback interface. */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import compression from 'compression'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import type { Client } from '../../src/client.js'
import { handler as nodeHandler } from '../../src/http/node.js'
import { type HandlerOptions, handler as webHandler } from '../../src/http/web.js'

export interface Serving {
  /** Without a trailing slash. */
  readonly url: string
  readonly port: number
  readonly server: Server
  close(): Promise<void>
}

export const serve = (listener: RequestListener): Promise<Serving> => listen(createServer(listener))

export async function listen(server: Server): Promise<Serving> {
  await new Promise<void>((resolve) =>
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, resolve),
  )
  // a TCP server that listens has an address with a port
  const { port } = server.address() as AddressInfo
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { url: `http://127.0.0.1:${port}`, port, server, close }
}

type Start = (ai: Client, options: HandlerOptions) => Promise<Serving>

/** The route at `/api/chat`, mounted the way each framework does it. */
export const servers: Readonly<Record<string, Start>> = {
  'Express 5 with compression()': (ai, options) =>
    serve(
      express()
        .use(compression({ threshold: 0 }))
        .all('/api/chat{/*rest}', nodeHandler(ai, options)),
    ),
  'Express 5 behind express.json()': (ai, options) =>
    serve(
      express()
        .use(express.json({ limit: '10mb' }))
        .use('/api/chat', nodeHandler(ai, options)),
    ),
  Fastify: async (ai, options) => {
    const app = fastify({ bodyLimit: 10_000_000, forceCloseConnections: true })
    const chat = nodeHandler(ai, options)
    app.all('/api/chat', chat)
    app.all('/api/chat/*', chat)
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as AddressInfo
    const close = async () => {
      app.server.closeAllConnections()
      await app.close()
    }
    return { url: `http://127.0.0.1:${port}`, port, server: app.server, close }
  },
  'Hono on @hono/node-server': (ai, options) => {
    const chat = webHandler(ai, options)
    const app = new Hono().all('/api/chat/*', (context) => chat(context.req.raw))
    // without options for HTTP/2 it is a node:http server
    return listen(createAdaptorServer({ fetch: app.fetch }) as Server)
  },
  'node:http': (ai, options) => serve(nodeHandler(ai, options)),
}
