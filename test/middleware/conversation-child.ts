/**
 * One of several processes that take part in one conversation; one started to hang waits to be
 * killed.
 */
import { Redis } from 'ioredis'
import { conversation } from '../../middleware/conversation.js'
import { tool, tools } from '../../middleware/tools.js'
import { createClient } from '../../src/client.js'
import { redisStore, type Store, sqliteStore } from '../../src/store/index.js'
import { say, scripted, start } from '../contract/scripted.js'
import { DatabaseSync } from '../store/sqlite.js'
import { call } from './script.js'

const [kind = '', place = '', mode = '', name = ''] = process.argv.slice(2)

function open() {
  if (kind === 'redis') {
    const redis = new Redis(Number(place), '127.0.0.1')
    return { store: redisStore(redis), close: () => redis.disconnect() }
  }
  if (!DatabaseSync) throw new Error('This Node has no SQLite')
  const db = new DatabaseSync(place)
  return { store: sqliteStore(db), close: () => db.close() }
}

const { store, close } = open()
const forever = () => new Promise<never>(() => {})
const user = (content: string) => ({ role: 'user', content }) as const
const show = (text: string) => process.stdout.write(text)

/** Three messages at once, as soon as the other process has started. */
async function sendAll() {
  const seen: number[] = []
  const provider = scripted(({ messages }) => {
    seen.push(messages.length)
    return [() => new Promise((resolve) => setImmediate(resolve)), ...say('Yes.')]
  })
  const ai = createClient({ providers: [provider], use: [conversation({ store, id: 'c' })] })
  await store.increment('ready', 1, { ttlMs: 60_000 })
  while ((await store.get('ready')) !== '2') await new Promise((resolve) => setTimeout(resolve, 5))
  const asked = [0, 1, 2].map((at) => {
    const request = { model: 'scripted/m', messages: [user(`${name}${at}`)] }
    return name === 'x' ? ai.generate(request) : ai.stream(request).response
  })
  await Promise.all(asked)
  show(JSON.stringify(seen))
  close()
}

/** The response is complete, and is never appended. */
const stuck: Store = {
  ...store,
  append: (key, entries, options) =>
    key === 'conversation:c' && entries.length > 0
      ? forever()
      : store.append(key, entries, options),
}

const hanging = {
  whole: [say('One two.')],
  middle: [[start(), { type: 'text-delta', text: 'One two.' } as const, forever]],
  step: [call([['c1', 'find']]), [forever]],
}

async function hang(replies: (typeof hanging)[keyof typeof hanging]) {
  const provider = scripted(replies)
  const find = tool({ execute: () => 'found' })
  const kept = conversation({ store: stuck, id: 'c', leaseMs: 300 })
  const ai = createClient({ providers: [provider], use: [kept, tools({ find })] })
  const stream = ai.stream({ model: 'scripted/m', messages: [user('Count.')] })
  for await (const chunk of stream) {
    if (chunk.type === 'text-delta') show(chunk.text)
    if (chunk.type === 'tool-result') show('found')
  }
}

if (mode === 'talk') await sendAll()
// a key of the table
else await hang(hanging[mode as keyof typeof hanging])
