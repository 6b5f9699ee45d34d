/** A conversation in a file: stored as JSON, damaged, read again and continued. `npx tsx examples/history-file.ts` */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Message } from 'tetrad'
import { createClient } from 'tetrad/client'
import { standard } from 'tetrad/middleware'
import { say, think } from 'tetrad/testing'
import { model, providersOf } from './provider.js'

const folder = await mkdtemp(join(tmpdir(), 'history-'))
const file = join(folder, 'chat.json')
const load = async (): Promise<Message[]> => JSON.parse(await readFile(file, 'utf8'))
const save = (messages: readonly Message[]) => writeFile(file, JSON.stringify(messages))

const { providers, close } = await providersOf(
  think('A river in Africa.').say('The Nile.'),
  say('About 6 650 kilometres.'),
)
const ai = createClient({ providers, use: standard() })

/** One turn: what the call added is pushed as it is; `native` keeps what the provider wants back. */
async function turn(question: string) {
  const messages = [...(await load()), { role: 'user', content: question } as const]
  const reply = await ai.generate({ model, messages, max_tokens: 500 })
  await save([...messages, ...reply.messages])
  console.log(`› ${question}\n${reply.text}`)
  for (const { code, message } of reply.warnings) console.log(`  ${code}: ${message}`)
}

await save([])
await turn('Name the longest river.')

// a crash between call and result: the next turn repairs it, and says so
await save([
  ...(await load()),
  { role: 'user', content: 'Look it up.' },
  {
    role: 'assistant',
    content: null,
    tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'search', arguments: '{}' } }],
  },
])
await turn('How long is it?')

console.log(`${(await load()).length} messages in the file`)
await rm(folder, { recursive: true })
await close()
