// CPU of a call: tetrad against a hand-written loop, the official SDK and the AI SDK, all in one process.
// node test/bench/stream.mjs [rounds] [--layers]
// A round measures each side once, in random order, behind a collection and two calls that are not counted. What is told
// are medians: of a side's CPU time a call (all threads, garbage collection too), and of its ratio to the loop in the
// same round, which a neighbour on the machine disturbs least. No round is left out.
import { fork } from 'node:child_process'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createOpenAI } from '@ai-sdk/openai'
import { generateText, streamText } from 'ai'
import { createParser } from 'eventsource-parser'
import OpenAI from 'openai'
import { createClient } from '../../dist/client.js'
import * as middleware from '../../dist/middleware/index.js'
import { openai } from '../../dist/providers/openai.js'

const rounds = Number(process.argv.slice(2).find((word) => !word.startsWith('-')) ?? 21)
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')

const serve = async (deltas) => {
  const env = { ...process.env, DELTAS: String(deltas) }
  const child = fork(new URL('server.mjs', import.meta.url), { stdio: 'inherit', env })
  const port = await new Promise((resolve) => child.once('message', resolve))
  return { child, baseURL: `http://127.0.0.1:${port}/v1` }
}
const apiKey = 'bench'
const model = 'gpt-4.1-mini'
const messages = [{ role: 'user', content: 'Say two thousand words.' }]

/** Each way to make the two calls. */
function sidesOf(baseURL) {
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
      for await (const event of await sdk.responses.create({
        model,
        input: messages,
        stream: true,
      }))
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
  const layers = process.argv.includes('--layers')
    ? standardStack.map((layer) => [`  + ${layer.name} alone`, tetrad(clientOf([layer]))])
    : []
  return {
    'hand-written loop': floor,
    'tetrad, no layers': tetrad(clientOf([])),
    'tetrad, standard()': tetrad(clientOf(standardStack)),
    ...Object.fromEntries(layers),
    'openai SDK': official,
    'AI SDK': aiSdk,
  }
}

const shuffle = (list) =>
  list
    .map((item) => [Math.random(), item])
    .sort((a, b) => a[0] - b[0])
    .map(([, item]) => item)
const quantile = (list, share) =>
  [...list].sort((a, b) => a - b)[Math.floor((list.length - 1) * share)]
const median = (list) => quantile(list, 0.5)

async function measure(work, repeat) {
  // the garbage and the cold code that another side left behind are not this side's cost
  collect()
  await work()
  await work()
  const before = process.cpuUsage()
  for (let i = 0; i < repeat; i++) await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 / repeat
}

/** CPU milliseconds a call: one list a side, one figure a round. */
async function measureAll(sides, repeat) {
  const cpu = Object.fromEntries(Object.keys(sides).map((name) => [name, []]))
  const lengths = new Set()
  for (const work of Object.values(sides)) for (let i = 0; i < 20; i++) lengths.add(await work())
  if (lengths.size !== 1) throw new Error(`the sides do not read the same text: ${[...lengths]}`)
  for (let round = 0; round < rounds; round++)
    for (const [name, work] of shuffle(Object.entries(sides)))
      cpu[name].push(await measure(work, repeat))
  return cpu
}

async function table(title, deltas, kind, repeat) {
  const { child, baseURL } = await serve(deltas)
  const sides = Object.entries(sidesOf(baseURL)).map(([name, side]) => [name, side[kind]])
  const cpu = await measureAll(Object.fromEntries(sides), repeat)
  child.kill()
  const loop = cpu['hand-written loop']
  console.log(`${title}: medians of ${rounds} rounds of ${repeat} calls, interleaved`)
  console.table(
    Object.fromEntries(
      Object.entries(cpu).map(([name, values]) => {
        const ratios = values.map((ms, round) => ms / loop[round])
        return [
          name,
          {
            'CPU ms a call': Number(median(values).toFixed(2)),
            'against the loop': `${median(ratios).toFixed(2)} ×`,
            'half of the rounds': `${quantile(ratios, 0.25).toFixed(2)} – ${quantile(ratios, 0.75).toFixed(2)} ×`,
          },
        ]
      }),
    ),
  )
}

await table('a stream of 2,000 deltas', 2000, 'stream', 8)
await table('a stream of 20 deltas', 20, 'stream', 40)
await table('a plain call', 20, 'plain', 40)
process.exit(0)
