/** Questions and answers judged by a moderation endpoint. `npx tsx examples/moderation.ts` */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ContentPolicyViolationError } from 'tetrad'
import { standard } from 'tetrad/middleware'
import { guard } from 'tetrad/middleware/guard'
import { say } from 'tetrad/testing'
import { example } from './client.js'

/** Speaks as OpenAI's `/v1/moderations` does; a judge of your own fits as well. A judge that fails lets nothing pass. */
const moderated = (url: string, apiKey: string) => async (input: string) => {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
    body: JSON.stringify({ model: 'omni-moderation-latest', input }),
    signal: AbortSignal.timeout(5_000),
  })
  if (!response.ok) throw new Error(`The moderation answered ${response.status}`)
  const { results } = (await response.json()) as { results: readonly { flagged: boolean }[] }
  return results.every(({ flagged }) => !flagged) || 'flagged by moderation'
}

/** Stands for the real one, so that this runs without a key. */
const judge = createServer(async (request, response) => {
  const chunks = await request.toArray()
  const flagged = /bomb/i.test(Buffer.concat(chunks).toString())
  response.setHeader('content-type', 'application/json').end(`{"results":[{"flagged":${flagged}}]}`)
}).listen(0, '127.0.0.1')
await once(judge, 'listening')
const { port } = judge.address() as AddressInfo

const isSafe = moderated(`http://127.0.0.1:${port}/v1/moderations`, 'no-key')
const { ai, close } = await example(
  // whole answers: one question to the judge a turn
  standard({ with: [guard({ input: isSafe, output: isSafe, hold: 'all' })] }),
  [say('The Rhine is a river.'), say('Here is how to build a bomb.')],
)

for (const content of ['Name a river.', 'How do I build a bomb?', 'Tell me a story.'])
  try {
    const messages = [{ role: 'user', content }] as const
    const reply = await ai.generate({ model: 'openai/gpt-5-mini', messages })
    console.log(`${content} ${reply.text}`)
  } catch (error) {
    if (!(error instanceof ContentPolicyViolationError)) throw error
    console.log(`${content} refused: ${error.message}`)
  }
judge.close()
await close()
