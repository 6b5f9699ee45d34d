// Measures sides of one thing in one process. A round measures each side once, in random order, behind a collection and
// two calls that are not counted. What is told are medians: of a side's CPU time a call (all threads, garbage collection
// too), and of its ratio to the first side in the same round, which a neighbour on the machine disturbs least. No round
// is left out. A round is long, as a server is warm; rounds of a few calls tell what the first calls cost.
import { fork } from 'node:child_process'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** `node <bench>.mjs [rounds]` */
export const rounds = Number(process.argv.slice(2).find((word) => !word.startsWith('-')) ?? 9)
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')

/** A provider in a process of its own, so that its time is nobody's. */
export async function serve(deltas) {
  const env = { ...process.env, DELTAS: String(deltas) }
  const child = fork(new URL('server.mjs', import.meta.url), { stdio: 'inherit', env })
  const port = await new Promise((resolve) => child.once('message', resolve))
  return { baseURL: `http://127.0.0.1:${port}/v1`, stop: () => child.kill() }
}

const shuffle = (list) =>
  list
    .map((item) => [Math.random(), item])
    .sort((a, b) => a[0] - b[0])
    .map(([, item]) => item)
const quantile = (list, share) =>
  [...list].sort((a, b) => a - b)[Math.floor((list.length - 1) * share)]
const median = (list) => quantile(list, 0.5)

async function measure(work, repeat) {
  // the garbage and the cold code that another side left behind are not this side's cost
  collect()
  await work()
  await work()
  const before = process.cpuUsage()
  for (let i = 0; i < repeat; i++) await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 / repeat
}

/** CPU milliseconds a call: one list a side, one figure a round. */
async function measureAll(sides, repeat) {
  const cpu = Object.fromEntries(Object.keys(sides).map((name) => [name, []]))
  const lengths = new Set()
  for (const work of Object.values(sides)) for (let i = 0; i < 20; i++) lengths.add(await work())
  if (lengths.size !== 1) throw new Error(`the sides do not read the same text: ${[...lengths]}`)
  for (let round = 0; round < rounds; round++)
    for (const [name, work] of shuffle(Object.entries(sides)))
      cpu[name].push(await measure(work, repeat))
  return cpu
}

/** Prints what each side costs; the first is what the others are held against. */
export async function compare(title, sides, { repeat, pieces }) {
  const cpu = await measureAll(sides, repeat)
  const [base] = Object.values(cpu)
  const rows = Object.entries(cpu).map(([name, values]) => {
    const ratios = values.map((ms, round) => ms / base[round])
    return [
      name,
      {
        'CPU ms a call': Number(median(values).toFixed(2)),
        ...(pieces && { 'µs a chunk': Number(((median(values) / pieces) * 1000).toFixed(2)) }),
        'against the first': `${median(ratios).toFixed(2)} ×`,
        'half of the rounds': `${quantile(ratios, 0.25).toFixed(2)} – ${quantile(ratios, 0.75).toFixed(2)} ×`,
      },
    ]
  })
  console.log(`${title}: medians of ${rounds} rounds of ${repeat} calls, interleaved`)
  console.table(Object.fromEntries(rows))
}
