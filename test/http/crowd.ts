/**
 * A process in which many clients connect and half of them disconnect; prints what is left of them
 * as JSON.
 */
import { Agent, request as send } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { createClient } from '../../src/client.js'
import { handler } from '../../src/http/node.js'
import { openai } from '../../src/providers/openai/index.js'
import { memoryStore } from '../../src/store/index.js'
import { type MockServer, mockServer, say } from '../../src/testing/index.js'
import { serve } from './support.js'

/** What a crowd leaves behind. */
export interface Remains {
  readonly clients: number
  /** Clients that stayed, and those of them that received everything. */
  readonly stayed: number
  readonly served: number
  /**
   * Requests that reached the model, and those whose socket was closed before the response was
   * complete.
   */
  readonly asked: number
  readonly aborted: number
  /** Calls of the handler that have not returned, and open connections on either side. */
  readonly working: number
  readonly upstream: number
  readonly downstream: number
  readonly timers: number
  readonly sockets: number
  readonly entries: number
  /** After garbage collection. */
  readonly bytes: number
  /** Classes of the errors that were logged. */
  readonly failures: readonly string[]
}

const words = Array.from({ length: 24 }, (_, index) => `word-${index}`)
const answer = say(words.join(' '), { chunks: words.map((word, at) => (at ? ` ${word}` : word)) })
/** Events of the Responses wire before the first word. */
const prelude = 4

/** Mulberry32: the same crowd in each run. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

let now = 0
const store = memoryStore({ now: () => now })
let failures: string[] = []
let working = 0

let provider: MockServer = await mockServer()
const providerPort = Number(new URL(provider.url).port)
const chat = handler(createClient({ providers: [openai(provider.options('openai'))] }), {
  public: true,
  models: { fast: 'openai/gpt-5.1' },
  store,
  onDisconnect: 'cancel',
  // its requests wait long, and in vain
  commitAfterMs: 60_000,
  onError: (error) => failures.push((error as Error).name),
})
await provider.close()
const running = await serve((request, response) => {
  working++
  void chat(request, response).finally(() => working--)
})
const agent = new Agent({ keepAlive: false, maxSockets: Number.POSITIVE_INFINITY })

/**
 * Sends a request and disconnects after so many words; -1 is before the status. Resolves to whether
 * it read the end.
 */
function visit(leavesAfter: number | undefined): Promise<boolean> {
  const headers = { 'content-type': 'application/json' }
  const pending = send(`${running.url}/api/chat`, { method: 'POST', headers, agent })
  const content = leavesAfter === undefined ? 'stay' : `leave ${leavesAfter}`
  pending.end(JSON.stringify({ messages: [{ role: 'user', content }] }))
  if (leavesAfter === -1) void provider.request(0).then(() => pending.destroy())
  return new Promise((resolve) => {
    let text = ''
    const done = () => resolve(text.includes('[DONE]'))
    pending.on('error', done).on('response', (response) => {
      response.setEncoding('utf8').on('data', (part) => {
        text += part
        if (leavesAfter !== undefined && text.includes(`word-${leavesAfter}`)) pending.destroy()
      })
      response.on('error', done).on('close', done)
    })
  })
}

/** Resolves when the condition holds, or after a while if it never does. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 500 && !(await holds()); turn++) await wait(10)
}

const downstream = () =>
  new Promise<number>((resolve) => running.server.getConnections((_, open) => resolve(open)))
const count = (kind: string) =>
  process.getActiveResourcesInfo().filter((one) => one === kind).length

async function crowd(clients: number, seed: number): Promise<Remains> {
  provider = await mockServer([], { port: providerPort })
  failures = []
  // a client that disconnects gets a response that would never end
  provider.reply(({ text }) => {
    const after = /leave (-?\d+)/.exec(text)?.[1]
    return after ? answer.splitEvents().stall(prelude + Number(after) + 1) : answer
  })
  const random = randomOf(seed)
  const guests = Array.from({ length: clients }, (_, index) =>
    index % 2 ? undefined : Math.floor(random() * words.length) - 1,
  )
  const served = await Promise.all(guests.map(visit))
  await until(() => working === 0 && provider.open === 0)
  await until(async () => (await downstream()) === 0)
  const { requests, open } = provider
  const aborted = await Promise.all(requests.map(({ aborted }) => aborted))
  const requestCount = requests.length
  await provider.close()
  provider = undefined as never
  await until(() => count('TCPSocketWrap') === 0)
  // the entries of clients that stayed are kept for a while
  now += 600_000
  const entries = store.size
  // finalizers run between two turns of the event loop
  for (let turn = 0; turn < 5; turn++) {
    globalThis.gc?.()
    await wait(10)
  }
  const { heapUsed, external } = process.memoryUsage()
  return {
    clients,
    stayed: guests.filter((leavesAfter) => leavesAfter === undefined).length,
    served: served.filter(Boolean).length,
    asked: requestCount,
    aborted: aborted.filter(Boolean).length,
    working,
    upstream: open,
    downstream: await downstream(),
    timers: count('Timeout'),
    sockets: count('TCPSocketWrap'),
    entries,
    bytes: heapUsed + external,
    failures: [...new Set(failures)],
  }
}

// the first crowd fills the pools of the runtime, which are as large as the crowd
const first = await crowd(500, 1)
const second = await crowd(500, 2)
console.log(JSON.stringify([first, second]))
await running.close()
