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

/**
 * CPU of one call after another, of all threads and with its garbage; and how long the first text took. No collection is
 * forced: it throws compiled code away, and V8 would compile it again while the clock runs.
 */
async function inARow({ repeat, ...what }) {
  const work = await workOf(what)
  const firstMs = []
  let length = 0
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

/** Streams that are open at the same time, all held behind their first text: their CPU from start to end. */
async function atOnce({ repeat, ...what }) {
  const work = await workOf(what)
  const before = process.cpuUsage()
  const { isHeld, release } = manyOf(work, repeat)
  await isHeld
  await release()
  return { cpuMs: cpuMs(before) / repeat }
}

/** Their memory while all wait. */
async function memoryAtOnce({ repeat, ...what }) {
  const work = await workOf(what)
  const heapOf = () => {
    collect()
    const { heapUsed, external } = process.memoryUsage()
    return (heapUsed + external) / 1000
  }
  const empty = heapOf()
  const { isHeld, release } = manyOf(work, repeat)
  await isHeld
  const kB = (heapOf() - empty) / repeat
  await release()
  return { kB }
}

function manyOf(work, repeat) {
  let resolve
  const isHeld = new Promise((resolved) => {
    resolve = resolved
  })
  let begun = 0
  const streams = Array.from({ length: repeat }, () => {
    let isFirst = true
    return work(() => {
      if (isFirst && ++begun === repeat) resolve()
      isFirst = false
    })
  })
  const all = Promise.all(streams)
  all.catch(resolve)
  const release = async () => {
    await fetch(`http://127.0.0.1:${port}/release`)
    await all
  }
  return { isHeld, release }
}

process.on('message', async ({ measure, ...what }) => {
  try {
    process.send(await { inARow, atOnce, memoryAtOnce }[measure](what))
  } catch (error) {
    process.send({ failure: String(error) })
  }
})
