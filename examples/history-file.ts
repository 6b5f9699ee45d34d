/** A conversation kept in a file: stored as it is, repaired when it comes back broken. `npx tsx examples/history-file.ts` */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Message } from 'tetrad'
import { standard } from 'tetrad/middleware'
import { say, think } from 'tetrad/testing'
import { example } from './client.js'

const folder = await mkdtemp(join(tmpdir(), 'tetrad-'))
const file = join(folder, 'history.json')
const load = async (): Promise<Message[]> =>
  JSON.parse(await readFile(file, 'utf8').catch(() => '[]'))
const save = (messages: readonly Message[]) => writeFile(file, JSON.stringify(messages, null, 2))

const { ai, close } = await example(standard(), [
  think('Numbers.').say('Seven.'),
  say('I said seven.'),
  say('All is well.'),
])

async function ask(content: string): Promise<void> {
  const messages = [...(await load()), { role: 'user', content } as const]
  const reply = await ai.generate({ model: 'anthropic/claude-sonnet-4-5', messages })
  await save([...messages, ...reply.messages])
  for (const { message } of reply.warnings) console.log('  repaired:', message)
  console.log(`${content} → ${reply.text}`)
}

await ask('Name a number.')
await ask('Which one was it?')
// a crash between a call and its result: the file holds a call that nobody answered
const call = {
  id: 'call_1',
  type: 'function',
  function: { name: 'lookup', arguments: '{}' },
} as const
await save([...(await load()), { role: 'assistant', content: null, tool_calls: [call] }])
await ask('Are you still there?')
await rm(folder, { recursive: true })
await close()
