/** Runs the fault matrix, writes docs/faults.md and prints every bar: `npx tsx test/faults/report.ts`. Fails where a row or a bar does. */
import { writeFileSync } from 'node:fs'
import { bars, type Seen } from './bars.js'
import { problemsOf, type Ran, runRow } from './matrix.js'
import { page } from './page.js'
import { watchProcess } from './probe.js'
import { rows } from './rows/index.js'

const noise = watchProcess()
const ran: Ran[] = []
for (const row of rows) ran.push(...(await runRow(row)))
noise.stop()

const problems = problemsOf(ran)
for (const problem of problems) console.log(`WRONG ${problem}`)
console.log(`${rows.length} rows, ${ran.length} runs, ${problems.length} problems\n`)
if (problems.length === 0) writeFileSync('docs/faults.md', page())

const seen: Seen = { ran, noise }
let missed = 0
for (const { number, figure, target, measure, test } of bars) {
  const result = measure ? await measure(seen) : undefined
  if (result && !result.isMet) missed++
  const value = result ? `${result.value}${result.isMet ? '' : ' MISSED'}` : `see ${test?.[0]}`
  console.log(`${number.padEnd(6)} ${figure}: ${value} (target ${target})`)
}
console.log(`\n${missed} bars missed`)
process.exit(problems.length + missed > 0 ? 1 : 0)
