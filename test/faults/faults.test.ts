/**
 * The fault matrix: each row for each provider, over both transports, checked against the contract.
 */
import { existsSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bars } from './bars.js'
import { problemsOf, runRow } from './matrix.js'
import { page } from './page.js'
import { type Noise, watchProcess } from './probe.js'
import { elsewhere, rows } from './rows/index.js'

let noise: Noise
beforeAll(() => {
  noise = watchProcess()
})
afterAll(() => noise.stop())

describe('a fault', () => {
  it.concurrent.each(rows)('$id: $fault', async (row) => {
    expect(problemsOf(await runRow(row))).toEqual([])
  })
})

describe('the whole matrix', () => {
  it('leaves no rejection, no exception and no line on the console', () => {
    expect(noise.unhandled).toEqual([])
    expect(noise.printed).toEqual([])
  })

  it('leaves the prototypes unchanged', () => {
    for (const kind of [Object, Array, Function, String])
      expect(Object.keys(kind.prototype)).toEqual([])
  })

  it('has every fault from A1 to E12', () => {
    const last = { A: 18, B: 9, C: 11, D: 13, E: 12 }
    const ids = Object.entries(last).flatMap(([letter, count]) =>
      Array.from({ length: count }, (_, at) => `${letter}${at + 1}`),
    )
    const proven = new Set([...rows, ...elsewhere].flatMap(({ id }) => id.match(/[A-E]\d+/g) ?? []))
    expect(ids.filter((id) => !proven.has(id))).toEqual([])
  })

  it.each([
    ...elsewhere.map(({ id, test }) => ({ name: id, test })),
    ...bars.map(({ number, figure, test }) => ({ name: `bar ${number}, ${figure},`, test })),
  ])('$name is asserted by an existing test', ({ test }) => {
    if (!test) return
    const [file, words] = test
    expect(existsSync(file), file).toBe(true)
    expect(readFileSync(file, 'utf8')).toContain(words)
  })

  it('matches docs/faults.md, which npx tsx test/faults/report.ts writes', () => {
    expect(readFileSync('docs/faults.md', 'utf8')).toBe(page())
  })
})
