/** The terminal as a phone: each line is a signed webhook to the real server, each answer comes back by a fake Graph API. */
import { createInterface } from 'node:readline/promises'
import { openai } from 'tetrad/providers/openai'
import { memoryStore } from 'tetrad/store'
import { fakeGraph, mockServer, say } from 'tetrad/testing'
import { createApp } from './app.js'
import { createIdle } from './idle.js'
import { listen } from './listen.js'

/** Runs until the input ends. */
export async function phone(): Promise<void> {
  const model = await mockServer()
  model.reply(({ body }) =>
    say(`You said **${lastText(body.input)}**. I am a script and know no more. Give me a key!`),
  )
  const graph = await fakeGraph()
  graph.onRequest(({ call }) => call === 'typing' && console.log('  … types'))
  graph.onSent(({ text }) => console.log(`  ‹ ${text}`))
  const idle = createIdle()
  const app = createApp({
    appSecret: graph.appSecret,
    verifyToken: graph.verifyToken,
    graph,
    model: 'openai/gpt-4.1-mini',
    providers: [openai(model.options('openai'))],
    store: memoryStore(),
    ...idle,
  })
  const { url, close } = await listen(app.server)
  graph.connect(`${url}/webhook`)
  console.log(`No keys are set: this is the phone, ${url}/webhook is the bot. Write to it.`)

  for await (const line of createInterface({ input: process.stdin }))
    if (line.trim() !== '') await graph.deliver({ type: 'text', text: { body: line } })
  await idle.idle()
  await app.finish()
  await Promise.all([close(), graph.close(), model.close()])
}

/** The last question, as the wire of OpenAI tells it. */
function lastText(input: unknown): string {
  const content = (input as readonly { readonly content?: unknown }[]).at(-1)?.content
  if (typeof content === 'string') return content
  const [part] = content as readonly { readonly text?: string }[]
  return part?.text ?? ''
}
