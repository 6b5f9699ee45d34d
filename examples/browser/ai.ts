/** The client behind the page: four providers, one stack, one tool. */
import { type Client, createClient } from 'tetrad'
import { standard, tool } from 'tetrad/middleware'
import { anthropic } from 'tetrad/providers/anthropic'
import { gemini } from 'tetrad/providers/gemini'
import { openai } from 'tetrad/providers/openai'
import { xai } from 'tetrad/providers/xai'
import type { MockServer } from 'tetrad/testing'

/** Names a page may ask for, and what they stand for. */
export const models = {
  claude: 'anthropic/claude-sonnet-4-5',
  gpt: 'openai/gpt-5.1',
  gemini: 'gemini/gemini-2.5-flash',
  grok: 'xai/grok-4',
} as const

const weather = tool({
  description: 'The weather of a city',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  execute: async () => ({ sky: 'clear', celsius: 24, wind: 'light' }),
})

/** With a loopback server no key is needed; without one the keys come from the environment. */
export function chatClient(server?: MockServer): Client {
  return createClient({
    ...(server && {
      providers: [
        openai(server.options('openai')),
        anthropic(server.options('anthropic')),
        gemini(server.options('gemini')),
        xai(server.options('xai')),
      ],
    }),
    use: standard({ tools: { weather } }),
  })
}
