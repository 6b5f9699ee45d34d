/** `node:http` and nothing else. */
import { createServer } from 'node:http'
import { handler } from 'tetrad/http/node'
import { ai, options } from './ai.js'

const chat = handler(ai, options)
const server = createServer((request, response) => {
  if (/^\/api\/chat(?:[/?]|$)/.test(request.url ?? '')) chat(request, response)
  else response.writeHead(404).end()
})

export const start = (port: number) => server.listen(port, '127.0.0.1')
