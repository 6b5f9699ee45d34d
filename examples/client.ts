/** The client of the examples: the real providers with `--live`, else a loopback server that answers from a script. */
import { type Client, createClient, type Middleware } from 'tetrad'
import { anthropic } from 'tetrad/providers/anthropic'
import { gemini } from 'tetrad/providers/gemini'
import { openai } from 'tetrad/providers/openai'
import { type MockServer, mockServer, type Step } from 'tetrad/testing'

export const isLive = process.argv.includes('--live')

export interface Example {
  readonly ai: Client
  readonly close: () => Promise<void>
}

/** Makes the client of one example; `script` is what the loopback server answers. */
export async function example(
  use: readonly Middleware[],
  script: readonly Step[],
): Promise<Example> {
  if (isLive) return { ai: createClient({ use }), close: async () => {} }
  const server: MockServer = await mockServer(script)
  const providers = [
    openai(server.options('openai')),
    anthropic(server.options('anthropic')),
    gemini(server.options('gemini')),
  ]
  return { ai: createClient({ providers, use }), close: () => server.close() }
}
