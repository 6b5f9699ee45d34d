/** A tool loop with zod, a bad call that the model repairs, and a tool that asks first. `npx tsx examples/tools.ts` */
import type { Message } from 'tetrad'
import { standard, tool } from 'tetrad/middleware'
import { callTool, say } from 'tetrad/testing'
import { z } from 'zod'
import { example } from './client.js'

const tools = {
  weather: tool({
    description: 'The weather of a city',
    parameters: z.object({ city: z.string(), unit: z.enum(['celsius', 'kelvin']) }),
    execute: async ({ city, unit }) => ({ city, unit, degrees: unit === 'celsius' ? 24 : 297 }),
  }),
  send_mail: tool({
    description: 'Sends a mail',
    parameters: z.object({ to: z.string() }),
    needsApproval: true,
    execute: async ({ to }) => `sent to ${to}`,
  }),
}

const { ai, close } = await example(standard({ tools }), [
  callTool('weather', { city: 'Lisbon', unit: 'hot' }),
  callTool('weather', { city: 'Lisbon', unit: 'celsius' }),
  say('It is 24 °C in Lisbon.'),
  callTool('send_mail', { to: 'ada@example.com' }),
  say('The mail is on its way.'),
])
const model = 'anthropic/claude-sonnet-4-5'
const messages: Message[] = [{ role: 'user', content: 'How warm is it in Lisbon?' }]

const warm = await ai.generate({ model, messages })
for (const message of warm.messages)
  console.log(
    message.role,
    message.role === 'tool' ? message.content : (message.content ?? '(calls a tool)'),
  )

messages.push(...warm.messages, { role: 'user', content: 'Mail that to Ada.' })
const asked = await ai.generate({ model, messages })
console.log('waits for a yes:', asked.approvals?.length)

messages.push(...asked.messages)
for (const { id, tool_call_id } of asked.approvals ?? [])
  messages.push({ role: 'tool', tool_call_id, approval: { id, approved: true } })
const sent = await ai.generate({ model, messages })
console.log(sent.text)
await close()
