/** The client behind the page: a tool that runs by itself, and one that its visitor must allow. */
import { type Client, createClient } from 'tetrad'
import { standard, tool } from 'tetrad/middleware'
import { openai } from 'tetrad/providers/openai'
import type { MockServer } from 'tetrad/testing'
import { z } from 'zod'

export interface Visitor {
  readonly userId: string
}

const weather = tool({
  description: 'The weather of a city',
  parameters: z.object({ city: z.string() }),
  execute: ({ city }) => ({ city, sky: 'clear', celsius: 24 }),
})

const book_table = tool({
  description: 'Books a table at a restaurant',
  parameters: z.object({ restaurant: z.string(), people: z.number(), time: z.string() }),
  needsApproval: true,
  execute: ({ people, time }) => ({ booked: true, people, time }),
})

/** With a loopback server no key is needed; without one it comes from the environment. */
export const chatClient = (server?: MockServer): Client<Visitor> =>
  createClient<Visitor>({
    ...(server && { providers: [openai(server.options('openai'))] }),
    use: standard<Visitor>({ tools: { weather, book_table } }),
  })
