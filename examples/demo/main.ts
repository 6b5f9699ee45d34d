/** One conversation with each of the four providers, through one stack. `npm run demo`, or with keys `npm run demo -- --live`. */
import { createClient, type Message, type Middleware } from 'tetrad'
import { standard, tool, trace } from 'tetrad/middleware'
import { anthropic } from 'tetrad/providers/anthropic'
import { gemini } from 'tetrad/providers/gemini'
import { openai } from 'tetrad/providers/openai'
import { xai } from 'tetrad/providers/xai'
import { mockServer } from 'tetrad/testing'
import { picture, script } from './script.js'
import { bold, cyan, dim, green, heading, magenta, red, table, yellow } from './terminal.js'

const isLive = process.argv.includes('--live')
const models = {
  openai: { model: 'openai/gpt-5.1', key: 'OPENAI_API_KEY' },
  anthropic: { model: 'anthropic/claude-sonnet-4-5', key: 'ANTHROPIC_API_KEY' },
  gemini: { model: 'gemini/gemini-2.5-flash', key: 'GEMINI_API_KEY' },
  xai: { model: 'xai/grok-4', key: 'XAI_API_KEY' },
} as const

const server = isLive ? undefined : await mockServer()
const weather = tool({
  description: 'The weather of a city',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  execute: async () => ({ sky: 'clear', celsius: 24 }),
})

/** A layer of our own: it sees each step of a tool loop, and how long the model took to speak. */
const steps: Middleware = async function steps(ctx, next) {
  await next()
  const last = ctx.attempts.at(-1)
  if (last) process.stdout.write(dim(`  ⟨${last.provider} ${Math.round(last.total_ms ?? 0)} ms⟩`))
}

const ai = createClient({
  ...(server && {
    providers: [
      openai(server.options('openai')),
      anthropic(server.options('anthropic')),
      gemini(server.options('gemini')),
      xai(server.options('xai')),
    ],
  }),
  use: [...standard({ tools: { weather } }), steps],
})

const questions: readonly Message[] = [
  {
    role: 'user',
    content: [
      { type: 'text', text: 'What colour is this picture?' },
      { type: 'image_url', image_url: { url: picture } },
    ],
  },
  { role: 'user', content: 'And what is the weather in Lisbon?' },
]

console.log(heading('tetrad', 'one call, four providers, one onion'))
console.log(dim(trace(ai)))

const rows: string[][] = []
for (const [name, { model, key }] of Object.entries(models)) {
  if (isLive && !process.env[key]) {
    console.log(`\n${bold(name)} ${dim(`is left out: ${key} is not set`)}`)
    continue
  }
  console.log(`\n${heading(name, model)}`)
  if (server) script(server)
  let history: Message[] = []
  for (const question of questions) history = await ask(model, [...history, question])
}
console.log(`\n${table(['model', 'prompt', 'completion', 'first chunk', 'total'], rows)}`)
await server?.close()

/** Shows one answer as it comes, and gives the history with it. */
async function ask(model: string, history: readonly Message[]): Promise<Message[]> {
  const asked = history.at(-1)?.content
  console.log(bold(`› ${typeof asked === 'string' ? asked : 'What colour is this picture? ▣'}`))
  const stream = ai.stream({
    model,
    messages: history,
    reasoning_effort: 'low',
    max_tokens: 4000,
    drop_params: true,
  })
  let isThinking = false
  try {
    for await (const chunk of stream) {
      if (isThinking && chunk.type !== 'reasoning-delta') console.log()
      isThinking = chunk.type === 'reasoning-delta'
      if (chunk.type === 'reasoning-delta') process.stdout.write(dim(chunk.text))
      if (chunk.type === 'text-delta') process.stdout.write(cyan(chunk.text))
      if (chunk.type === 'tool-call-start') process.stdout.write(magenta(`\n  ⚙ ${chunk.name} `))
      if (chunk.type === 'tool-call-delta') process.stdout.write(dim(chunk.arguments))
      if (chunk.type === 'tool-result') process.stdout.write(green(` → ${chunk.content}\n`))
      if (chunk.type === 'warning') process.stdout.write(yellow(`\n  ! ${chunk.warning.message}\n`))
    }
    const reply = await stream.response
    console.log()
    for (const attempt of reply.attempts)
      rows.push([
        `${attempt.provider}/${attempt.model}`,
        String(attempt.usage.prompt_tokens),
        String(attempt.usage.completion_tokens),
        `${Math.round(attempt.first_chunk_ms ?? 0)} ms`,
        `${Math.round(attempt.total_ms ?? 0)} ms`,
      ])
    return [...history, ...reply.messages]
  } catch (error) {
    console.log(red(`\n  ${error}`))
    process.exitCode = 1
    return [...history]
  }
}
