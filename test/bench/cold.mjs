// A cold process: `node cold.mjs <side> <wire> <port>` prints milliseconds of import, and CPU until the first answer is read.
import { open } from './sides.mjs'

const [side, wire, port] = process.argv.slice(2)
const before = process.cpuUsage()
const started = performance.now()
const { stream } = await open(side, wire, port, 20)
const importMs = performance.now() - started
await stream()
const { user, system } = process.cpuUsage(before)
console.log(JSON.stringify({ importMs, cpuMs: (user + system) / 1000 }))
process.exit()
