/**
 * Memory of the WhatsApp bot over many turns with images, in a process of its own over a SQLite
 * file. Run by hand, on a Node that has SQLite: `node --expose-gc --import tsx
 * test/examples/whatsapp-soak.ts 20000`. Fails above 50 MB of growth.
 */
import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApp } from '../../examples/whatsapp/app.js'
import { listen } from '../../examples/whatsapp/listen.js'
import { openai } from '../../src/providers/openai/index.js'
import { sqliteStore } from '../../src/store/index.js'
import { fakeGraph, mockServer, say } from '../../src/testing/index.js'
import { DatabaseSync } from '../store/sqlite.js'

interface Setup {
  readonly file: string
  readonly graph: Pick<
    Awaited<ReturnType<typeof fakeGraph>>,
    'appSecret' | 'verifyToken' | 'token' | 'baseURL'
  >
  readonly model: { readonly apiKey: string; readonly baseURL: string }
}

const people = 20
const pictureBytes = 300_000

if (process.send) process.once('message', (setup: Setup) => runBot(setup))
else await watch(Number(process.argv[2] ?? 2_000))

async function runBot({ file, graph, model }: Setup): Promise<void> {
  if (!DatabaseSync) throw new Error('This Node has no SQLite')
  const app = createApp({
    ...graph,
    graph,
    model: 'openai/gpt-4.1-mini',
    providers: [openai(model)],
    store: sqliteStore(new DatabaseSync(file)),
    capAllUsd: 1e6,
    capUsd: 1e6,
    inbox: { quietMs: 0, pollMs: 20 },
  })
  const { url } = await listen(app.server)
  process.on('message', () => {
    global.gc?.()
    process.send?.(process.memoryUsage())
  })
  process.send?.(url)
}

async function watch(turns: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'whatsapp-soak-'))
  const [graph, model] = [await fakeGraph({ pairLimit: false }), await mockServer()]
  model.reply(say('It is a picture, or a word: I have seen many of them.'))
  const child = fork(import.meta.filename, { execArgv: process.execArgv })
  const answer = <T>() => new Promise<T>((resolve) => child.once('message', resolve as never))
  const { appSecret, verifyToken, token, baseURL } = graph
  const isUp = answer<string>()
  child.send({
    file: join(folder, 'bot.db'),
    graph: { appSecret, verifyToken, token, baseURL },
    model: model.options('openai'),
  } satisfies Setup)
  graph.connect(`${await isUp}/webhook`)

  const picture = Buffer.alloc(pictureBytes, 7)
  picture.set([0xff, 0xd8, 0xff])
  let first: NodeJS.MemoryUsage | undefined
  let done = 0
  const turn = async (from: string) => {
    const isPicture = done % 2 === 0
    const id = isPicture ? graph.hold(picture, 'image/jpeg') : ''
    const before = graph.sent.length
    await graph.deliver(
      isPicture
        ? { from, type: 'image', image: { id, mime_type: 'image/jpeg' } }
        : { from, type: 'text', text: { body: `Message ${done}` } },
    )
    while (graph.sent.length === before) await new Promise((resolve) => setTimeout(resolve, 2))
    graph.removeMedia(id)
    done++
  }
  while (done < turns) {
    for (let person = 0; person < people; person++) await turn(`1555000${person}`)
    // records of these servers are not memory of the bot
    for (const kept of [model.requests, graph.requests]) (kept as unknown[]).length = 0
    if (done % 1_000 >= people && first && done < turns) continue
    const usage = answer<NodeJS.MemoryUsage>()
    child.send('memory')
    const now = await usage
    first ??= now
    const [heap, rss] = [now.heapUsed, now.rss].map((bytes) => (bytes / 2 ** 20).toFixed(1))
    process.stdout.write(`${done} turns: heap ${heap} MB, resident ${rss} MB\n`)
    if (now.heapUsed - first.heapUsed > 50 * 2 ** 20) throw new Error('The heap grew above 50 MB')
  }
  child.kill()
  await Promise.all([graph.close(), model.close()])
  rmSync(folder, { recursive: true })
}
