/**
 * The whole soak: 20,000 mixed calls with the standard stack and the policies, then 2,000 browsers
 * over a route whose Redis restarts twice. Run by hand: `node --expose-gc --import tsx
 * test/soak/main.ts [calls] [clients]`. Fails if the median heap grows by more than 100 bytes per
 * call from the first third to the last, if a handle is left, or if the ledger differs from the
 * server's count.
 */
import { median, soak } from './soak.js'

const [calls = 20_000, clients = 2_000] = process.argv.slice(2).map(Number)
if (!globalThis.gc) throw new Error('Run it with --expose-gc')

const started = performance.now()
const { ledger, counted, visits, heap, handles } = await soak({
  calls,
  clients,
  onBatch: (batch, bytes) => console.log(`batch ${batch + 1}: heap ${(bytes / 1e6).toFixed(2)} MB`),
})
const third = Math.floor(heap.length / 3)
const [first, last] = [median(heap.slice(0, third)), median(heap.slice(-third))]
const perCall = (last - first) / ((calls * 2) / 3)

// a restarted Redis is empty: the responses that run then, 100 at most, end in an error
const failed = [...visits.failures.values()].reduce((sum, count) => sum + count, 0)

const checks = {
  [`heap ${first} → ${last} bytes: ${perCall.toFixed(1)} a call, at most 100`]: perCall <= 100,
  [`a record for each of ${calls} calls: ${ledger.records}`]: ledger.records === calls,
  [`attempts ${ledger.attempts}, requests ${counted.requests}`]:
    ledger.attempts === counted.requests,
  [`whole answers ${ledger.whole}, the server's ${counted.whole}`]: ledger.whole === counted.whole,
  [`tokens ${ledger.tokens}, the server's ${counted.tokens}`]: ledger.tokens === counted.tokens,
  [`${visits.whole} of ${clients} browsers have every word, ${failed} a typed error, over ${visits.restarts} restarts`]:
    visits.whole + failed === clients && failed <= 200,
  [`handles left: ${JSON.stringify(handles)}`]: Object.keys(handles).length === 0,
}
console.log(Object.fromEntries(ledger.ends), Object.fromEntries(visits.failures))
for (const [text, isMet] of Object.entries(checks)) console.log(isMet ? 'ok   ' : 'WRONG', text)
console.log(`${((performance.now() - started) / 1000).toFixed(0)} s`)
process.exitCode = Object.values(checks).every(Boolean) ? 0 : 1
