/** 500 clients at once, half of which disconnect at a moment that a seed chooses. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Remains } from './crowd.js'

/** In a child process: the process of the tests retains more than the server does. */
async function run(): Promise<readonly Remains[]> {
  const script = fileURLToPath(new URL('crowd.ts', import.meta.url))
  const flags = ['--expose-gc', '--import', 'tsx', script]
  const { stdout } = await promisify(execFile)(process.execPath, flags)
  return JSON.parse(stdout)
}

let first: Remains
let crowd: Remains
beforeAll(async () => {
  const [small, large] = await run()
  if (!small || !large) throw new Error('The crowd did not come')
  first = small
  crowd = large
}, 60_000)

describe('500 clients, half of which disconnect', () => {
  it('the others get the whole response', () => {
    expect(crowd).toMatchObject({ clients: 500, stayed: 250, served: 250 })
  })

  it('a disconnect closes the socket of the provider', () => {
    // a client that disconnected before its question arrived has sent none
    expect(crowd.asked).toBeGreaterThan(450)
    expect(crowd.aborted).toBe(crowd.asked - crowd.stayed)
    expect(crowd.upstream).toBe(0)
  })

  it('leave no call, connection, timer, socket or entry behind', () => {
    const nothing = { working: 0, downstream: 0, timers: 0, sockets: 0, entries: 0 }
    expect(crowd).toMatchObject(nothing)
  })

  it('leave no memory behind', () => {
    // 4 kB per client: a retained request takes more
    expect(crowd.bytes - first.bytes).toBeLessThan(2_000_000)
  })

  it('are logged as aborts, not as failures', () => {
    expect(crowd.failures.filter((name) => name !== 'AbortError')).toEqual([])
  })
})
