/** What an inbox promises, over memory, SQLite and a real redis-server. */
import { expect, it } from 'vitest'
import { createInbox } from '../../src/inbox/index.js'
import { memoryStore } from '../../src/store/index.js'

it('several messages of one chat are one turn', async () => {
  const store = memoryStore()
  const turns: string[][] = []
  const inbox = createInbox<{ id: string; chat: string; text: string }>({
    store,
    id: ({ id }) => id,
    key: ({ chat }) => chat,
    quietMs: 20,
    answer: (messages) => void turns.push(messages.map(({ text }) => text)),
  })
  for (const text of ['hi', 'i ordered', 'shoes', 'hi'])
    await inbox.add({ id: text, chat: 'a', text })
  await expect.poll(() => turns).toEqual([['hi', 'i ordered', 'shoes']])
  await inbox.close()
})
