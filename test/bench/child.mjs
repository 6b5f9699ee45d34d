// One side in a process of its own, as in an app: `node child.mjs <side> <wire> <port>`. Messages ask for a measure.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { open } from './sides.mjs'

const [side, wire, port] = process.argv.slice(2)
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')
const cpuMs = (since) => {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1000
}
const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1]

const opened = new Map()
async function workOf({ kind, mode }) {
  const key = `${kind} ${mode}`
  if (!opened.has(key)) opened.set(key, (await open(side, wire, port, mode))[kind])
  return opened.get(key)
}

/** CPU of one call after another, of all threads and with its garbage; and how long the first text took. */
async function inARow({ repeat, ...what }) {
  const work = await workOf(what)
  const firstMs = []
  let length = 0
  collect()
  // what a forced collection throws away, caches of the compiled code among it, comes back before the clock starts
  for (let i = 0; i < repeat / 5; i++) await work(() => {})
  const before = process.cpuUsage()
  for (let i = 0; i < repeat; i++) {
    const started = performance.now()
    let isFirst = true
    length = await work(() => {
      if (isFirst) firstMs.push(performance.now() - started)
      isFirst = false
    })
  }
  return { cpuMs: cpuMs(before) / repeat, firstMs: median(firstMs), length }
}

/** Streams that are open at the same time: their memory while all wait for more, and their CPU from start to end. */
async function atOnce({ repeat, ...what }) {
  const work = await workOf(what)
  collect()
  const heapOf = () => {
    collect()
    const { heapUsed, external } = process.memoryUsage()
    return (heapUsed + external) / 1000
  }
  const empty = heapOf()
  const before = process.cpuUsage()
  let begun = 0
  let allBegun
  const everyone = new Promise((resolve) => {
    allBegun = resolve
  })
  const streams = Array.from({ length: repeat }, () => {
    let isFirst = true
    return work(() => {
      if (isFirst && ++begun === repeat) allBegun()
      isFirst = false
    })
  })
  await Promise.race([everyone, Promise.all(streams)])
  const spent = cpuMs(before)
  const kB = (heapOf() - empty) / repeat
  const again = process.cpuUsage()
  await fetch(`http://127.0.0.1:${port}/release`)
  await Promise.all(streams)
  return { cpuMs: (spent + cpuMs(again)) / repeat, kB }
}

process.on('message', async ({ measure, ...what }) => {
  try {
    process.send(await { inARow, atOnce }[measure](what))
  } catch (error) {
    process.send({ failure: String(error) })
  }
})
