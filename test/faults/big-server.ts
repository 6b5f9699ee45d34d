/** A process that streams one large reply, so that a figure measures the client alone. */
import { callTool, type Reply, say } from '../../src/testing/index.js'
import { faultServer } from './server.js'

export const largeReplies = {
  word: () => say('x'.repeat(10 * 1_048_576), { chunks: 1 }),
  arguments: () => callTool('f', { text: 'y'.repeat(1_000_000) }, { pieces: 50_000 }),
  deltas: () => say('word '.repeat(20_000), { chunks: 20_000 }),
} as const satisfies Record<string, () => Reply>

export type LargeReply = keyof typeof largeReplies

if (process.send) {
  // the parent process sends the name of one
  const server = await faultServer([largeReplies[process.argv[2] as LargeReply]()])
  process.send(server.url)
}
