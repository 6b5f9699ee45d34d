// CPU of a route from the provider's socket to the browser's: our handler in its three formats, and with a store, against
// a route written by hand and the AI SDK's. The provider and the browser are processes of their own.
import { createServer } from 'node:http'
import { createOpenAI } from '@ai-sdk/openai'
import { convertToModelMessages, streamText } from 'ai'
import { createParser } from 'eventsource-parser'
import { createClient } from '../../dist/client.js'
import { handler } from '../../dist/http/node.js'
import { standard } from '../../dist/middleware/index.js'
import { openai } from '../../dist/providers/openai.js'
import { memoryStore } from '../../dist/store.js'
import { child, inRounds, serve, summary } from './measure.mjs'

const deltas = 2000
const apiKey = 'bench'
const model = 'gpt-4.1-mini'
/** Set when the provider runs. */
let baseURL = ''

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

async function aiSdk(request, response) {
  const { messages } = await bodyOf(request)
  const result = streamText({
    model: createOpenAI({ apiKey, baseURL })(model),
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
const ui = { messages: uiMessages }
const sides = () => ({
  'written by hand': [byHand, chat],
  'tetrad, chunks': [tetrad('chunks'), chat],
  'tetrad, openai': [tetrad('openai'), { ...chat, model: 'fast', stream: true }],
  'tetrad, ui': [tetrad('ui'), ui],
  'tetrad, ui, standard()': [tetrad('ui', { use: standard() }), ui],
  'tetrad, ui, in a store': [tetrad('ui', { store: memoryStore() }), ui],
  'AI SDK, UI messages': [aiSdk, ui],
})

const repeat = 30

/** CPU of this process, which holds the routes. */
async function cpuOf(work) {
  const before = process.cpuUsage()
  for (let i = 0; i < repeat; i++) await work()
  const { user, system } = process.cpuUsage(before)
  return { cpuMs: (user + system) / 1000 / repeat }
}

/** CPU a stream of each route, against the one that is written by hand. */
export async function routes(rounds) {
  const { port, stop } = await serve()
  baseURL = `http://127.0.0.1:${port}/${deltas}/openai/v1`
  const all = Object.entries(sides())
  const server = createServer((request, response) => {
    const [, [route]] = all[Number(request.url.slice(1))]
    route(request, response)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${server.address().port}`
  const browser = child('browser.mjs')
  const works = all.map(([name, [, body]], side) => [
    name,
    () => browser.ask({ url: `${url}/${side}`, body }),
  ])
  for (const [, work] of works) for (let i = 0; i < 2; i++) await cpuOf(work)
  const measured = works.map(([name, work]) => [name, () => cpuOf(work)])
  const found = await inRounds(Object.fromEntries(measured), rounds)
  browser.stop()
  stop()
  server.close()
  return summary(found, ['written by hand'])
}
