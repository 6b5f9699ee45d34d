import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { Ledger } from '../../middleware/ledger.js'
import { type PricedAttempt, type UsageRecord, usage } from '../../middleware/usage.js'
import { addUsage, emptyUsage, type Usage } from '../../src/chat/index.js'
import { createClient } from '../../src/client.js'
import { scripted } from '../contract/scripted.js'
import { say, tokens } from './script.js'

interface Used {
  readonly tags?: Readonly<Record<string, string>>
  readonly status?: UsageRecord['status']
  readonly usages?: readonly Usage[]
}

const record = ({ tags = {}, status = 'ok', usages = [tokens(1, 1)] }: Used): UsageRecord => ({
  id: 'id',
  model: 'openai/gpt-5',
  status,
  state: {},
  tags,
  usage: usages.reduce<Usage>(addUsage, emptyUsage),
  attempts: usages.map(
    (usage): PricedAttempt => ({
      provider: 'openai',
      model: 'gpt-5',
      status: 'ok',
      usage,
      warnings: [],
      started: 0,
      cost_source: usage.cost === undefined ? 'unknown' : 'prices',
    }),
  ),
  started: 0,
  total_ms: 1,
})

const paid = (prompt: number, completion: number, cost: number): Usage => ({
  ...tokens(prompt, completion),
  cost,
})

const filled = () => {
  const ledger = new Ledger()
  const chat = { tenant: 'acme', feature: 'chat' }
  ledger.add(record({ tags: chat, usages: [paid(1_200_000, 45_000, 2.28)] }))
  ledger.add(record({ tags: chat, status: 'failed', usages: [tokens(0, 0), paid(800, 0, 0.001)] }))
  ledger.add(
    record({ tags: { tenant: 'zenith' }, usages: [paid(10, 5, 0.000_062_5), tokens(30, 8)] }),
  )
  ledger.add(record({ tags: { feature: 'search' }, status: 'aborted', usages: [tokens(500, 12)] }))
  return ledger
}

describe('a ledger', () => {
  it('prints itself as a table', () => {
    expect(String(filled())).toMatchInlineSnapshot(`
      "tag      value   calls  failed  attempts     prompt  completion         USD
      ───────────────────────────────────────────────────────────────────────────
      feature  chat        2       1         3  1 200 800      45 000    2.281000
      feature  search      1       1         1        500          12     unknown
      feature  (none)      1       0         2         40          13  > 0.000063
      tenant   acme        2       1         3  1 200 800      45 000    2.281000
      tenant   zenith      1       0         2         40          13  > 0.000063
      tenant   (none)      1       1         1        500          12     unknown
      ───────────────────────────────────────────────────────────────────────────
               total       4       2         6  1 201 340      45 025  > 2.281062"
    `)
    expect(inspect(filled())).toBe(String(filled()))
  })

  it('prints a single tag', () => {
    expect(filled().toString('tenant')).toMatchInlineSnapshot(`
      "tag     value   calls  failed  attempts     prompt  completion         USD
      ──────────────────────────────────────────────────────────────────────────
      tenant  acme        2       1         3  1 200 800      45 000    2.281000
      tenant  zenith      1       0         2         40          13  > 0.000063
      tenant  (none)      1       1         1        500          12     unknown
      ──────────────────────────────────────────────────────────────────────────
              total       4       2         6  1 201 340      45 025  > 2.281062"
    `)
  })

  it('prints an empty table', () => {
    expect(String(new Ledger())).toMatchInlineSnapshot(`
      "tag  value  calls  failed  attempts  prompt  completion       USD
      ─────────────────────────────────────────────────────────────────
      ─────────────────────────────────────────────────────────────────
           total      0       0         0       0           0  0.000000"
    `)
  })

  it('sums by tag, and the rows add up to the total', () => {
    const ledger = filled()
    expect([...ledger.by('tenant').keys()]).toEqual(['acme', 'zenith', ''])
    expect(ledger.by('tenant').get('acme')).toEqual({
      calls: 2,
      failed: 1,
      attempts: 3,
      prompt_tokens: 1_200_800,
      completion_tokens: 45_000,
      cost: 2.281,
      unpriced: 0,
    })
    for (const name of ['calls', 'failed', 'attempts', 'prompt_tokens', 'unpriced'] as const) {
      const rows = [...ledger.by('tenant').values()]
      expect(rows.reduce((sum, row) => sum + row[name], 0)).toBe(ledger.total[name])
    }
  })

  it('has one row for calls without the tag', () => {
    expect([...filled().by('nothing')]).toEqual([['', filled().total]])
  })

  it('adds a hundred thousand small costs without drift', () => {
    const ledger = new Ledger()
    for (let i = 0; i < 100_000; i++) ledger.add(record({ usages: [paid(1, 0, 0.000_000_1)] }))
    expect(ledger.total.cost).toBe(0.01)
  })

  it('treats prototype names as ordinary tags', () => {
    const ledger = new Ledger()
    ledger.add(record({ tags: { constructor: '__proto__', toString: 'x' } }))
    expect(ledger.by('constructor').get('__proto__')?.calls).toBe(1)
    expect(JSON.parse(JSON.stringify(ledger)).total.calls).toBe(1)
    expect(Object.prototype).not.toHaveProperty('calls')
  })

  it('has an add method that is passed to usage() unbound', async () => {
    const ledger = new Ledger()
    const ai = createClient({
      providers: [scripted([say('Hello')])],
      use: [usage({ onUsage: ledger.add, prices: { m: { input_mtok: 1, output_mtok: 1 } } })],
    })
    const request = { model: 'scripted/m', messages: [{ role: 'user', content: 'Hi' }] } as const
    await ai.generate(request, { tags: { tenant: 'acme' } })
    await ai.generate(request, { tags: { tenant: 'acme' } })
    expect(ledger.by('tenant').get('acme')).toMatchObject({ calls: 2, cost: 0.00003 })
  })
})
