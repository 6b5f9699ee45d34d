/** Two real processes behind a round robin, which are killed, over shared stores. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import { build } from 'esbuild'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { redisStore, type Store, sqliteStore } from '../../src/store/index.js'
import { redisServer } from '../store/redis-server.js'
import { DatabaseSync } from '../store/sqlite.js'
import type { Letter } from './bench.js'

const people = 500
const each = 20
const kills = 10

let folder: string
let cleanups: (() => unknown)[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tetrad-inbox-'))
  cleanups = [() => rmSync(folder, { recursive: true, force: true })]
})
afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
})

interface TurnReport {
  readonly turn: string
  readonly key: string
  readonly ids: readonly string[]
  /** An answer that reached the person. */
  readonly isFirst?: boolean
}

/** The events of the bots, as the messenger receives them. */
interface Messenger {
  readonly url: string
  readonly turns: TurnReport[]
  /** Turns whose answer reached the person. */
  readonly sent: string[]
  readonly done: Set<string>
  readonly closed: unknown[]
}

async function messenger(): Promise<Messenger> {
  const seen = { turns: [], sent: [], done: new Set<string>(), closed: [] } as Omit<
    Messenger,
    'url'
  >
  const server: Server = createServer(async (request, response) => {
    // messages from child.ts
    const body = (await json(request)) as TurnReport
    if (request.url === '/turn') seen.turns.push(body)
    if (body.isFirst) seen.sent.push(body.turn)
    if (request.url === '/done') for (const id of body.ids) seen.done.add(id)
    if (request.url === '/closed') seen.closed.push(body)
    response.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanups.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return { ...seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

interface Bot {
  child: ChildProcess
  url: string
}

/** A single file, which starts fast. */
async function buildBot(): Promise<string> {
  const outfile = join(folder, 'child.mjs')
  const require = `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)`
  await build({
    entryPoints: [new URL('./child.ts', import.meta.url).pathname],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js: require },
    logLevel: 'error',
  })
  return outfile
}

async function startBot(args: readonly string[]): Promise<Bot> {
  const child = spawn(process.execPath, ['--no-warnings', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  cleanups.push(() => child.kill('SIGKILL'))
  const [port] = await once(child.stdout, 'data')
  return { child, url: `http://127.0.0.1:${String(port).trim()}` }
}

/** A seeded random generator. */
function chance(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * below)
  }
}

/**
 * All messages in delivery order: out of order, in bursts of one person and of many, one in five
 * twice.
 */
function webhooks(random: (below: number) => number): Letter[][] {
  const now = Date.now()
  const queues = Array.from({ length: people }, (_, person) =>
    Array.from({ length: each }, (_, index) => ({
      id: `p${person}-${index}`,
      chat: `p${person}`,
      sentAt: now + index,
    })),
  )
  const all: Letter[][] = []
  let left = queues.filter((queue) => queue.length > 0)
  while (left.length > 0) {
    const webhook: Letter[] = []
    for (let i = random(5); i >= 0; i--) {
      const queue = left[random(left.length)] ?? []
      const burst = queue.splice(0, 1 + random(6))
      webhook.push(...(random(2) ? burst : burst.reverse()))
    }
    all.push(webhook)
    if (random(5) === 0) all.splice(random(all.length), 0, webhook)
    left = left.filter((queue) => queue.length > 0)
  }
  return all
}

async function run(args: readonly string[], store: Store, restart?: () => Promise<void>) {
  const world = await messenger()
  const file = await buildBot()
  const start = () => startBot([file, ...args, world.url])
  const bots = await Promise.all([start(), start()])
  const random = chance(7)
  const all = webhooks(random)
  const faults: (() => Promise<void>)[] = Array.from({ length: kills }, (_, index) => async () => {
    const at = index % 2
    bots[at]?.child.kill('SIGKILL')
    bots[at] = await start()
  })
  if (restart) faults.splice(kills / 2, 0, restart)
  const moments = new Set<number>()
  while (moments.size < faults.length) moments.add(random(all.length))
  let turn = 0
  let faulting = Promise.resolve()
  /** Delivers like a messenger: again until the response is 200. */
  const deliver = async (webhook: Letter[]) => {
    for (;;) {
      const bot = bots[turn++ % 2]
      const sent = await fetch(bot?.url ?? '', { method: 'POST', body: JSON.stringify(webhook) })
        .then(({ ok }) => ok)
        .catch(() => false)
      if (sent) return
      await wait(20)
    }
  }
  let next = 0
  const deliverer = async () => {
    while (next < all.length) {
      const index = next++
      if (moments.has(index)) faulting = faulting.then(faults.shift())
      await deliver(all[index] ?? [])
    }
  }
  await Promise.all(Array.from({ length: 12 }, deliverer))
  await faulting
  const total = people * each
  // a delivery whose answer is held is not awaited
  await expect
    .poll(() => [...world.done].filter((id) => !id.startsWith('p0-')).length, { timeout: 60_000 })
    .toBe(total - each)
  expect([...world.done].some((id) => id.startsWith('p0-'))).toBe(false)
  await store.set('go', 'yes', { ttlMs: 600_000 })
  await expect.poll(() => world.done.size, { timeout: 60_000 }).toBe(total)
  const exits = bots.map(({ child }) => once(child, 'exit'))
  for (const { child } of bots) child.kill('SIGTERM')
  expect((await Promise.all(exits)).map(([code]) => code)).toEqual([0, 0])
  return world
}

async function expectAllOnce(world: Messenger, store: Store): Promise<void> {
  const turnOf = new Map<string, string>()
  const last = new Map<string, string[]>()
  for (const { turn, key, ids } of world.turns) {
    for (const id of ids) {
      expect(turnOf.get(id) ?? turn, id).toBe(turn)
      turnOf.set(id, turn)
    }
    const order = ids.map((id) => Number(id.split('-')[1]))
    expect(order).toEqual([...order].sort((a, b) => a - b))
    // sequentially: no turn started again after the next one had started
    const turns = last.get(key) ?? []
    if (turns.at(-1) !== turn) turns.push(turn)
    expect(new Set(turns).size).toBe(turns.length)
    last.set(key, turns)
  }
  expect(turnOf.size).toBe(people * each)
  expect(new Set(world.sent).size).toBe(world.sent.length)
  expect(world.closed).toEqual([
    { isWithin: true, running: 0 },
    { isWithin: true, running: 0 },
  ])
  for (let person = 0; person < people; person++) {
    expect(await store.get(`inbox:turn:p${person}`)).toBeUndefined()
    expect(await store.read(`inbox:waiting:p${person}`, 0)).toEqual([])
  }
}

describe('500 people and two processes that are killed ten times: each message is in one turn', () => {
  it('over Redis, which is restarted', { timeout: 180_000 }, async () => {
    const options = ['--appendonly', 'yes', '--dir', folder]
    let server = await redisServer(undefined, options)
    cleanups.push(() => server.stop())
    const redis = new Redis(server.port, '127.0.0.1')
    redis.on('error', () => {})
    cleanups.push(() => redis.disconnect())
    const store = redisStore(redis)
    const world = await run(['redis', String(server.port)], store, async () => {
      await server.stop()
      server = await redisServer(server.port, options)
    })
    await expectAllOnce(world, store)
  })

  it.runIf(DatabaseSync)('over SQLite', { timeout: 180_000 }, async () => {
    const file = join(folder, 'inbox.db')
    const Database = DatabaseSync as NonNullable<typeof DatabaseSync>
    const db = new Database(file)
    cleanups.push(() => db.close())
    const store = sqliteStore(db)
    const world = await run(['sqlite', file], store)
    await expectAllOnce(world, store)
  })
})
