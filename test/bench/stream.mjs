// CPU of a call: tetrad against a hand-written loop, the official SDK and the AI SDK, all in one process.
// node test/bench/stream.mjs [rounds] [--layers]
import { createOpenAI } from '@ai-sdk/openai'
import { generateText, streamText } from 'ai'
import { createParser } from 'eventsource-parser'
import OpenAI from 'openai'
import { createClient } from '../../dist/client.js'
import * as middleware from '../../dist/middleware/index.js'
import { openai } from '../../dist/providers/openai.js'
import { compare, serve } from './measure.mjs'

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

async function table(title, deltas, kind, repeat) {
  const { stop, baseURL } = await serve(deltas)
  const sides = Object.entries(sidesOf(baseURL)).map(([name, side]) => [name, side[kind]])
  await compare(title, Object.fromEntries(sides), { repeat })
  stop()
}

await table('a stream of 2,000 deltas', 2000, 'stream', 60)
await table('a stream of 20 deltas', 20, 'stream', 200)
await table('a plain call', 20, 'plain', 200)
process.exit(0)
