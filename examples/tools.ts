/** Tools with typed arguments, run in a loop until the model has its answer. `npx tsx examples/tools.ts` */
import { createClient } from 'tetrad/client'
import { standard, tool } from 'tetrad/middleware'
import { say, think } from 'tetrad/testing'
import { z } from 'zod'
import { model, providersOf } from './provider.js'

const weather = tool({
  description: 'The weather of a city, now',
  parameters: z.object({ city: z.string() }),
  // `city` is a string by type, and checked before this runs
  execute: async ({ city }) => ({ city, sky: 'clear', celsius: city === 'Oslo' ? 9 : 24 }),
})

const { providers, close } = await providersOf(
  think('Both at once.')
    .callTool('weather', { city: 'Rome' })
    .callTool('weather', { city: 'Oslo' }),
  say('Rome is warmer: 24 °C against 9 °C.'),
)
const ai = createClient({ providers, use: standard({ tools: { weather } }) })

const stream = ai.stream({
  model,
  messages: [{ role: 'user', content: 'Is it warmer in Rome or in Oslo?' }],
  max_tokens: 500,
})
for await (const chunk of stream) {
  if (chunk.type === 'tool-call-start') console.log(`→ ${chunk.name}`)
  if (chunk.type === 'tool-result') console.log(`← ${chunk.content}`)
  if (chunk.type === 'text-delta') process.stdout.write(chunk.text)
}
const { messages, attempts } = await stream.response
console.log(`\n${attempts.length} steps added ${messages.map(({ role }) => role).join(', ')}`)
await close()
