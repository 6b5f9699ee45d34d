/**
 * A short soak: what 160 mixed calls and 60 browsers leave behind. The whole one:
 * test/soak/main.ts.
 */
import { expect, it } from 'vitest'
import { soak } from './soak.js'

it("leaves nothing behind, and the ledger equals the server's count", {
  timeout: 120_000,
}, async () => {
  const { ledger, counted, visits, handles } = await soak({ calls: 160, clients: 60, batches: 3 })
  expect(ledger.records).toBe(160)
  expect(ledger.attempts).toBe(counted.requests)
  expect(ledger.whole).toBe(counted.whole)
  expect(ledger.tokens).toBe(counted.tokens)
  expect(visits.restarts).toBe(2)
  // responses that run while Redis restarts, empty, may end in an error: none is lost without one
  const failed = [...visits.failures.values()].reduce((sum, count) => sum + count, 0)
  expect(visits.whole + failed).toBe(60)
  const typed = ['APIConnectionError', 'BadGatewayError', 'ServiceUnavailableError']
  expect([...visits.failures.keys()].filter((name) => !typed.includes(name))).toEqual([])
  expect(handles).toEqual({})
  // each kind of outcome occurred
  expect([...ledger.ends.keys()].sort()).toEqual([
    'APIConnectionError',
    'BadRequestError',
    'NotFoundError',
    'QuotaExceededError',
    'StreamInterruptedError',
    'ok',
  ])
})
