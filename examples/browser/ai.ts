/** The client behind the page: four providers, one stack, two tools. */
import { type Client, createClient } from 'tetrad'
import { standard, tool } from 'tetrad/middleware'
import { anthropic } from 'tetrad/providers/anthropic'
import { gemini } from 'tetrad/providers/gemini'
import { openai } from 'tetrad/providers/openai'
import { xai } from 'tetrad/providers/xai'
import type { MockServer } from 'tetrad/testing'
import { z } from 'zod'

/** What a page may ask for, what it stands for, and the key it needs. */
const catalog = {
  Claude: { model: 'anthropic/claude-sonnet-4-5', key: 'ANTHROPIC_API_KEY' },
  GPT: { model: 'openai/gpt-5.1', key: 'OPENAI_API_KEY' },
  Gemini: { model: 'gemini/gemini-2.5-flash', key: 'GEMINI_API_KEY' },
  Grok: { model: 'xai/grok-4', key: 'XAI_API_KEY' },
} as const

export type Models = Readonly<Record<string, string>>

/** Public name → model, of all, or of those that an environment has a key for. */
export const modelsOf = (env?: NodeJS.ProcessEnv): Models =>
  Object.fromEntries(
    Object.entries(catalog)
      .filter(([, { key }]) => !env || env[key])
      .map(([name, { model }]) => [name, model]),
  )

const weather = tool({
  description: 'The weather of a city today',
  parameters: z.object({ city: z.string() }),
  execute: async () => ({ sky: 'clear', celsius: 24, wind: 'light, from the sea' }),
})

const bookTable = tool({
  description: 'Books a table at a restaurant',
  parameters: z.object({ restaurant: z.string(), guests: z.number(), time: z.string() }),
  // nothing is booked before a person has said yes
  needsApproval: true,
  execute: async ({ restaurant, time }) => ({ booked: true, restaurant, time, code: 'TR-4821' }),
})

/** With a loopback server no key is needed; without one the keys come from the environment. */
export const chatClient = (server?: MockServer): Client =>
  createClient({
    ...(server && {
      providers: [
        anthropic(server.options('anthropic')),
        openai(server.options('openai')),
        gemini(server.options('gemini')),
        xai(server.options('xai')),
      ],
    }),
    use: standard({ tools: { weather, book_table: bookTable } }),
  })
