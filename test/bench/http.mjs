// CPU of a route from the provider's socket to the browser's: our handler in its three formats, and with a store, against
// a route written by hand and the AI SDK's. The provider and the browser are processes of their own.
// node test/bench/http.mjs [rounds]
import { fork } from 'node:child_process'
import { createServer } from 'node:http'
import { createOpenAI } from '@ai-sdk/openai'
import { convertToModelMessages, streamText } from 'ai'
import { createParser } from 'eventsource-parser'
import { createClient } from '../../dist/client.js'
import { handler } from '../../dist/http/node.js'
import { standard } from '../../dist/middleware/index.js'
import { openai } from '../../dist/providers/openai.js'
import { memoryStore } from '../../dist/store.js'
import { compare, serve } from './measure.mjs'

const deltas = 2000
const apiKey = 'bench'
const model = 'gpt-4.1-mini'
const { baseURL, stop } = await serve(deltas)

const question = 'Say two thousand words.'
const messages = [{ role: 'user', content: question }]
const uiMessages = [{ id: 'u1', role: 'user', parts: [{ type: 'text', text: question }] }]

async function bodyOf(request) {
  let text = ''
  for await (const bytes of request) text += bytes
  return JSON.parse(text)
}

/** The least that a route can do: parse the provider's events, write the text as events of its own. */
async function byHand(request, response) {
  const { messages } = await bodyOf(request)
  const upstream = await fetch(`${baseURL}/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
    body: JSON.stringify({ model, input: messages, stream: true, store: false }),
  })
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  let lines = ''
  const parser = createParser({
    onEvent({ data }) {
      const event = JSON.parse(data)
      if (event.type === 'response.output_text.delta')
        lines += `data: ${JSON.stringify({ text: event.delta })}\n\n`
    },
  })
  const decoder = new TextDecoder()
  for await (const bytes of upstream.body) {
    parser.feed(decoder.decode(bytes, { stream: true }))
    if (lines !== '') response.write(lines)
    lines = ''
  }
  response.end()
}

const provider = createOpenAI({ apiKey, baseURL })

async function aiSdk(request, response) {
  const { messages } = await bodyOf(request)
  const result = streamText({
    model: provider(model),
    messages: await convertToModelMessages(messages),
    maxRetries: 0,
  })
  const web = result.toUIMessageStreamResponse()
  response.writeHead(web.status, Object.fromEntries(web.headers))
  for await (const bytes of web.body) response.write(bytes)
  response.end()
}

const tetrad = (format, { use = [], ...options } = {}) =>
  handler(createClient({ providers: [openai({ apiKey, baseURL })], use }), {
    public: true,
    models: { fast: `openai/${model}` },
    format,
    ...options,
  })

const chat = { messages }
const routes = {
  'written by hand': [byHand, chat],
  'tetrad, chunks': [tetrad('chunks'), chat],
  'tetrad, openai': [tetrad('openai'), { ...chat, model: 'fast', stream: true }],
  'tetrad, ui': [tetrad('ui'), { messages: uiMessages }],
  'tetrad, ui, standard()': [tetrad('ui', { use: standard() }), { messages: uiMessages }],
  'tetrad, ui, in a store': [tetrad('ui', { store: memoryStore() }), { messages: uiMessages }],
  'AI SDK, UI messages': [aiSdk, { messages: uiMessages }],
}
const names = Object.keys(routes)
const server = createServer((request, response) => {
  const [route] = routes[names[Number(request.url.slice(1))]]
  route(request, response)
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const url = `http://127.0.0.1:${server.address().port}`

const browser = fork(new URL('browser.mjs', import.meta.url))
const ask = (side) =>
  new Promise((resolve) => {
    browser.once('message', resolve)
    browser.send({ url: `${url}/${side}`, body: routes[names[side]][1] })
  })

await compare(
  `${deltas} deltas from socket to socket`,
  Object.fromEntries(names.map((name, side) => [name, () => ask(side)])),
  { repeat: 40, pieces: deltas },
)
browser.kill()
stop()
process.exit(0)
