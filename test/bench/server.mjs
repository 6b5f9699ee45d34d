// A provider on loopback, in a process of its own: `/<deltas>/<wire>/…` answers on that wire. Run as a child.
import { createServer } from 'node:http'
import { wires } from './wires.mjs'

/** Events that one write carries: what a provider that is not paced sends in one packet. */
const perWrite = 20

const plain = Object.fromEntries(
  Object.entries(wires).map(([name, wire]) => [name, Buffer.from(JSON.stringify(wire.plain))]),
)
const known = new Map()
function writesOf(name, deltas) {
  const key = `${name}/${deltas}`
  if (!known.has(key)) {
    const events = wires[name].events(deltas)
    const pieces = []
    for (let i = 0; i < events.length; i += perWrite)
      pieces.push(Buffer.from(events.slice(i, i + perWrite).join('')))
    known.set(key, pieces)
  }
  return known.get(key)
}

/** Streams of `/hold/…` wait behind their first write until `/release`. */
const waiting = []

createServer(async (request, response) => {
  if (request.url === '/release') {
    for (const go of waiting.splice(0)) go()
    response.end()
    return
  }
  const [, mode, name] = request.url.split('/')
  let asked = ''
  for await (const piece of request) asked += piece
  const isStream = request.url.includes('streamGenerate') || JSON.parse(asked).stream === true
  if (!isStream) {
    response.writeHead(200, { 'content-type': 'application/json' }).end(plain[name])
    return
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.socket.setNoDelay(true)
  const isHeld = mode === 'hold'
  const [first, ...rest] = writesOf(name, isHeld ? 200 : Number(mode))
  response.write(first)
  if (isHeld) await new Promise((go) => waiting.push(go))
  for (const piece of rest) {
    await new Promise(setImmediate)
    if (!response.write(piece)) await new Promise((done) => response.once('drain', done))
  }
  response.end()
}).listen({ port: 0, host: '127.0.0.1', backlog: 2048 }, function () {
  // between its rounds a side is idle for longer than the usual five seconds, and the loops by hand do not try again
  this.keepAliveTimeout = 600_000
  process.send(this.address().port)
})
