/**
 * The REST protocol of Upstash in front of a real redis-server: commands as JSON, responses in
 * base64 if requested.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Redis } from 'ioredis'

export const token = 'upstash-test-token'

export async function upstashServer(redis: Redis) {
  const answer = async ([name = '', ...args]: string[], isEncoded: boolean) => {
    try {
      const result = await redis.call(name, ...args)
      return { result: isEncoded ? encode(result) : result }
    } catch (error) {
      return { error: (error as Error).message }
    }
  }
  const server = createServer(async (request, response) => {
    const isEncoded = request.headers['upstash-encoding'] === 'base64'
    const body = JSON.parse(await text(request))
    const isKnown = request.headers.authorization === `Bearer ${token}`
    const answers = !isKnown
      ? { error: 'WRONGPASS' }
      : request.url === '/pipeline'
        ? await Promise.all(body.map((command: string[]) => answer(command.map(String), isEncoded)))
        : await answer(body.map(String), isEncoded)
    response.writeHead('error' in answers ? 400 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(answers))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    // a TCP server that listens has an address with a port
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

function encode(result: unknown): unknown {
  if (Array.isArray(result)) return result.map(encode)
  if (result === 'OK' || typeof result !== 'string') return result
  return Buffer.from(result).toString('base64')
}
