/** Runs the soak: mixed calls in batches, then browsers, and measures what they leave behind. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { type Visits, visitAll } from './browsers.js'
import { type Ledger, soakingClient } from './calls.js'
import type { Counted } from './server.js'

export interface Soaked {
  readonly ledger: Ledger
  readonly counted: Counted
  readonly visits: Visits
  /** Heap in bytes after a collection, after each batch. Empty without a garbage collector. */
  readonly heap: readonly number[]
  /** Kinds of resources of which there are more than at the start. */
  readonly handles: Readonly<Record<string, number>>
}

export interface SoakOptions {
  readonly calls: number
  readonly clients: number
  /** @default 20 */
  readonly atOnce?: number
  readonly batches?: number
  readonly onBatch?: (batch: number, heap: number) => void
}

export async function soak(options: SoakOptions): Promise<Soaked> {
  const { calls, clients, atOnce = 20, batches = 30, onBatch = () => {} } = options
  const start = resources()
  const server = fork(new URL('./server.ts', import.meta.url), {
    execArgv: ['--import', 'tsx'],
  })
  const [{ url }] = (await once(server, 'message')) as [{ url: string }]
  const { call, ledger, passDay } = soakingClient(url)
  const heap: number[] = []
  let next = 0
  for (let batch = 0; batch < batches; batch++) {
    const last = Math.round((calls * (batch + 1)) / batches)
    await Promise.all(
      Array.from({ length: atOnce }, async (_, worker) => {
        while (next < last) await call(next++, `user-${worker}`)
      }),
    )
    passDay()
    if (globalThis.gc) heap.push(await collected())
    onBatch(batch, heap.at(-1) ?? 0)
  }
  await settled(server)
  const counted = await countedBy(server)
  const visits = await visitAll(url, clients, 5 * atOnce)
  server.disconnect()
  await once(server, 'exit')
  const handles = await leftOf(start)
  return { ledger, counted, visits, heap, handles }
}

async function countedBy(server: ChildProcess): Promise<Counted> {
  server.send({ ask: 'counted' })
  const [{ counted }] = (await once(server, 'message')) as [{ counted: Counted }]
  return counted
}

/** Waits until two counts in a row are equal: a closed socket is reported a moment later. */
async function settled(server: ChildProcess): Promise<void> {
  for (let before = ''; ; await wait(50)) {
    const now = JSON.stringify(await countedBy(server))
    if (now === before) return
    before = now
  }
}

async function collected(): Promise<number> {
  // finalizers run between two turns of the event loop
  for (let turn = 0; turn < 5; turn++) {
    globalThis.gc?.()
    await wait(10)
  }
  return process.memoryUsage().heapUsed
}

function resources(): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

/** Resources in addition to those of the start, after sockets and handles have closed. */
async function leftOf(start: Readonly<Record<string, number>>) {
  const more = () =>
    Object.fromEntries(
      Object.entries(resources())
        .map(([kind, count]) => [kind, count - (start[kind] ?? 0)] as const)
        .filter(([, count]) => count > 0),
    )
  for (let turn = 0; turn < 500 && Object.keys(more()).length > 0; turn++) await wait(20)
  return more()
}

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
