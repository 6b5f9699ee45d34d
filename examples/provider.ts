/** Where the examples' answers come from: the loopback server, or with `--live` the real Anthropic. */
import { anthropic } from 'tetrad/providers/anthropic'
import { mockServer, type Reply } from 'tetrad/testing'

const isLive = process.argv.includes('--live')

export const model = 'anthropic/claude-sonnet-4-5'

/** Providers for `createClient`, and how to let go of them. */
export async function providersOf(...script: readonly Reply[]) {
  if (isLive) return { providers: [anthropic()], close: async () => {} }
  const server = await mockServer(script)
  return { providers: [anthropic(server.options('anthropic'))], close: server.close }
}
