// CPU of one streamed and one plain call: tetrad against a hand-written loop, the official SDK and the AI SDK.
// Interleaved and shuffled rounds in one process; ratios of medians. node test/bench/stream.mjs [rounds]
import { fork } from 'node:child_process'
import { createOpenAI } from '@ai-sdk/openai'
import { generateText, streamText } from 'ai'
import { createParser } from 'eventsource-parser'
import OpenAI from 'openai'
import { createClient } from '../../dist/client.js'
import * as middleware from '../../dist/middleware/index.js'
import { openai } from '../../dist/providers/openai.js'

const rounds = Number(process.argv[2] ?? 15)
const child = fork(new URL('server.mjs', import.meta.url), { stdio: 'inherit' })
const port = await new Promise((resolve) => child.once('message', resolve))
const baseURL = `http://127.0.0.1:${port}/v1`
const apiKey = 'bench'
const model = 'gpt-4.1-mini'
const messages = [{ role: 'user', content: 'Say two thousand words.' }]

const clientOf = (use) => createClient({ providers: [openai({ apiKey, baseURL })], use })
const tetrad = (ai) => ({
  stream: async () => {
    let length = 0
    for await (const chunk of ai.stream({ model: `openai/${model}`, messages }))
      if (chunk.type === 'text-delta') length += chunk.text.length
    return length
  },
  plain: async () => (await ai.generate({ model: `openai/${model}`, messages })).text.length,
})

const ask = (stream) =>
  fetch(`${baseURL}/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
    body: JSON.stringify({ model, input: messages, stream, store: false }),
  })
const floor = {
  async stream() {
    let length = 0
    const parser = createParser({
      onEvent: ({ data }) => {
        const event = JSON.parse(data)
        if (event.type === 'response.output_text.delta') length += event.delta.length
      },
    })
    const decoder = new TextDecoder()
    for await (const bytes of (await ask(true)).body)
      parser.feed(decoder.decode(bytes, { stream: true }))
    return length
  },
  plain: async () => (await (await ask(false)).json()).output[0].content[0].text.length,
}

const sdk = new OpenAI({ apiKey, baseURL, maxRetries: 0 })
const official = {
  async stream() {
    let length = 0
    for await (const event of await sdk.responses.create({ model, input: messages, stream: true }))
      if (event.type === 'response.output_text.delta') length += event.delta.length
    return length
  },
  plain: async () => (await sdk.responses.create({ model, input: messages })).output_text.length,
}

const provider = createOpenAI({ apiKey, baseURL })
const aiSdk = {
  async stream() {
    let length = 0
    for await (const piece of streamText({ model: provider(model), messages, maxRetries: 0 })
      .textStream)
      length += piece.length
    return length
  },
  plain: async () =>
    (await generateText({ model: provider(model), messages, maxRetries: 0 })).text.length,
}

// each layer of the standard stack alone, to tell what it costs
const standardStack = middleware.standard({ log: { to: { info() {}, warn() {}, error() {} } } })
const layers = Object.fromEntries(
  standardStack.map((layer) => [`  + ${layer.name} alone`, tetrad(clientOf([layer]))]),
)
const sides = {
  'hand-written loop': floor,
  'tetrad, no layers': tetrad(clientOf([])),
  'tetrad, standard()': tetrad(clientOf(standardStack)),
  ...layers,
  'openai SDK': official,
  'AI SDK': aiSdk,
}

const shuffle = (list) =>
  list
    .map((item) => [Math.random(), item])
    .sort((a, b) => a[0] - b[0])
    .map(([, item]) => item)
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]

async function measure(work, repeat) {
  // the garbage and the cold code that another side left behind are not this side's cost
  await work()
  await work()
  const before = process.cpuUsage()
  for (let i = 0; i < repeat; i++) await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 / repeat
}

async function table(kind, repeat) {
  const cpu = Object.fromEntries(Object.keys(sides).map((name) => [name, []]))
  const lengths = new Set()
  for (const side of Object.values(sides)) lengths.add(await side[kind]())
  if (lengths.size !== 1) throw new Error(`the sides do not read the same text: ${[...lengths]}`)
  for (let round = 0; round < rounds; round++)
    for (const [name, side] of shuffle(Object.entries(sides)))
      cpu[name].push(await measure(side[kind], repeat))
  const base = median(cpu['hand-written loop'])
  return Object.fromEntries(
    Object.entries(cpu).map(([name, values]) => {
      const ms = median(values)
      const perSecond =
        kind === 'stream' ? { 'chunks a second': Math.round(2000 / (ms / 1000)) } : {}
      return [
        name,
        {
          'CPU ms a call': Number(ms.toFixed(2)),
          'against the loop': `${(ms / base).toFixed(2)} ×`,
          ...perSecond,
        },
      ]
    }),
  )
}

console.log(`a stream of 2,000 deltas, ${rounds} rounds`)
console.table(await table('stream', 12))
console.log('a plain call')
console.table(await table('plain', 40))
child.kill()
process.exit(0)
