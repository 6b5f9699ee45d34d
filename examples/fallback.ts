/** Another model when the first is down, also in step 2 of a tool loop. `npx tsx examples/fallback.ts` */
import { standard, tool } from 'tetrad/middleware'
import { fallback } from 'tetrad/middleware/fallback'
import { callTool, fail, say } from 'tetrad/testing'
import { example } from './client.js'

const weather = tool({ description: 'The weather in Lisbon', execute: () => '24 °C, clear' })

const { ai, close } = await example(
  standard({
    tools: { weather },
    retry: { attempts: 1 },
    with: [fallback('anthropic/claude-sonnet-4-5', 'gemini/gemini-2.5-flash')],
  }),
  [fail(503), callTool('weather'), say('It is clear, at 24 °C.')],
)

const stream = ai.stream({
  model: 'openai/gpt-5',
  messages: [{ role: 'user', content: 'How is the weather in Lisbon?' }],
})
for await (const chunk of stream) {
  if (chunk.type === 'warning') console.log(`(${chunk.warning.message})`)
  if (chunk.type === 'text-delta') process.stdout.write(chunk.text)
}
const { attempts } = await stream.response
console.log(`\n${attempts.map(({ provider, status }) => `${provider} ${status}`).join(', ')}`)
await close()
