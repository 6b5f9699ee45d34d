/** The client: one model, two tools. Without a key a loopback server plays the model. */
import { type Client, createClient, type ProviderAdapter } from 'tetrad'
import { standard, tool } from 'tetrad/middleware'
import { anthropic } from 'tetrad/providers/anthropic'
import { callTool, mockServer, say } from 'tetrad/testing'
import { z } from 'zod'
import type { User } from './users.js'

export const models = { concierge: 'anthropic/claude-sonnet-4-5' }

const weather = tool({
  description: 'The weather of a city today',
  parameters: z.object({ city: z.string() }),
  execute: async () => ({ sky: 'clear', celsius: 24 }),
})

const freeRooms = tool({
  description: 'Rooms that are free on a date',
  parameters: z.object({ date: z.string() }),
  execute: async () => ['12, with a balcony', '14, to the garden'],
})

export const chatClient = (providers?: readonly ProviderAdapter[]): Client<User> =>
  createClient<User>({
    ...(providers && { providers }),
    use: standard<User>({ tools: { weather, free_rooms: freeRooms } }),
  })

/** A provider that needs no key: it looks at the weather first, and answers then. */
export async function scriptedModel(): Promise<ProviderAdapter> {
  const pace = { eachMs: 40 }
  const server = await mockServer()
  server.reply(({ text }) =>
    text.includes('tool_result')
      ? say('It is clear and 24 °C: the terrace is open.').delay(pace)
      : callTool('weather', { city: 'Lisbon' }).delay(pace),
  )
  return anthropic(server.options('anthropic'))
}
