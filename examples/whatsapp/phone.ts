/** The terminal as a phone: each line is a signed webhook to the real server, each answer comes back by a fake Graph API. */
import { createInterface } from 'node:readline/promises'
import { openai } from 'tetrad/providers/openai'
import { mockServer, say } from 'tetrad/testing'
import { createApp } from './app.js'
import { deliver, fakeGraph } from './fake-graph.js'
import { listen } from './listen.js'

/** Runs until the input ends. */
export async function phone(): Promise<void> {
  const model = await mockServer()
  model.reply(({ body }) =>
    say(`You said ${lastText(body.input)}. I am a script and know no more. Give me a key!`),
  )
  const graph = await fakeGraph()
  graph.onSent(({ text, typing_indicator }) => {
    if (typing_indicator) console.log('  … types')
    if (text) console.log(`  ‹ ${text.body}`)
  })
  const appSecret = 'phone'
  const app = createApp({
    appSecret,
    verifyToken: 'phone',
    graph,
    model: 'openai/gpt-4.1-mini',
    providers: [openai(model.options('openai'))],
  })
  const { url, close } = await listen(app.server)
  console.log(`No keys are set: this is the phone, ${url}/webhook is the bot. Write to it.`)

  let count = 0
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === '') continue
    const said = { type: 'text', text: { body: line } } as const
    await deliver(`${url}/webhook`, appSecret, {
      id: `wamid.${++count}`,
      from: '15550199',
      ...said,
    })
  }
  await app.idle()
  await Promise.all([close(), graph.close(), model.close()])
}

/** The last question, as the wire of OpenAI tells it. */
function lastText(input: unknown): string {
  const content = (input as readonly { readonly content?: unknown }[]).at(-1)?.content
  if (typeof content === 'string') return JSON.stringify(content)
  const [part] = content as readonly { readonly text?: string }[]
  return JSON.stringify(part?.text ?? '')
}
