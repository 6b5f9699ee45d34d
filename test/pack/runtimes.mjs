/** Every subpath, and a first call, on each runtime. */
import { check, run, tool, write } from './support.mjs'

const runtimes = {
  'this Node': [process.execPath],
  'Node 22': [tool('node22/bin/node')],
  'Node 24': [tool('node24/bin/node')],
  'Node 26': [tool('node26/bin/node')],
  Bun: [tool('@oven/bun-linux-x64/bin/bun')],
  Deno: [
    tool('@deno/linux-x64-glibc/deno'),
    'run',
    '-A',
    '--node-modules-dir=manual',
    '--no-remote',
  ],
}

const firstCall = `import { createClient } from 'tetrad'
import { standard, trace } from 'tetrad/middleware'
import { anthropic } from 'tetrad/providers/anthropic'
import { handler } from 'tetrad/http/web'
import { mockServer, say } from 'tetrad/testing'
const server = await mockServer([say('The Rhine.'), say('The Rhine.')])
const ai = createClient({ providers: [anthropic(server.options('anthropic'))], use: standard() })
const reply = await ai.generate({ model: 'anthropic/claude-sonnet-4-5', messages: [{ role: 'user', content: 'A river?' }] })
const route = handler(ai, { models: ['anthropic/claude-sonnet-4-5'], public: true })
const response = await route(new Request('http://localhost/api/chat', {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ messages: [{ role: 'user', content: 'A river?' }] }),
}))
console.log(JSON.stringify({ text: reply.text, trace: trace(ai), events: await response.text() }))
await server.close()`

const importAll = (names) => `const names = ${JSON.stringify(names)}
for (const name of names) await import(name)
console.log(names.length)`

/** Parts of the standard stack in a trace. */
const layers = ['alias', 'tools', 'retry', 'params']

export function checkRuntimes(project, names) {
  write(project, { 'all.mjs': importAll(names), 'call.mjs': firstCall })
  for (const [runtime, [command, ...args]] of Object.entries(runtimes)) {
    const imported = Number(run(command, [...args, 'all.mjs'], project))
    check(`${runtime} imports ${imported} subpaths`, imported === names.length)
    const { text, trace, events } = JSON.parse(run(command, [...args, 'call.mjs'], project))
    check(
      `${runtime} answers a first call, through layers that have names`,
      text === 'The Rhine.' && layers.every((name) => new RegExp(`${name}$`, 'm').test(trace)),
    )
    check(`${runtime} streams from a route`, /"text":"The.*Rhine.*\[DONE\]/s.test(events))
  }
}
