// Rounds: each side is measured once a round, in random order. What is reported are medians: of a side's figures, and of
// its ratio to another side in the same round, which a neighbour on the machine disturbs least. No round is left out.
import { fork } from 'node:child_process'

const file = (name) => new URL(name, import.meta.url)

const quantile = (list, share) =>
  [...list].sort((a, b) => a - b)[Math.floor((list.length - 1) * share)]
export const median = (list) => quantile(list, 0.5)
const rounded = (value) => Number(value.toPrecision(3))

const shuffle = (list) =>
  list
    .map((item) => [Math.random(), item])
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item)

/** A process that answers messages, one at a time. */
export const child = (name, ...args) => childOf(process.execPath, name, ...args)

/** An idle process is collected by V8 after some seconds, compiled code too; one that serves never is. */
const execArgv = ['--no-memory-reducer']

/** The same, by another Node. */
export function childOf(execPath, name, ...args) {
  const process = fork(file(name), args.map(String), { stdio: 'inherit', execPath, execArgv })
  const next = () =>
    new Promise((resolve, reject) => {
      const lost = () => reject(new Error(`${name} ${args.join(' ')} has ended`))
      process.once('exit', lost)
      process.once('message', (message) => {
        process.off('exit', lost)
        resolve(message)
      })
    })
  return {
    next,
    async ask(message) {
      const answer = next()
      process.send(message)
      const { failure, ...figures } = await answer
      if (failure) throw new Error(`${name} ${args.join(' ')}: ${failure}`)
      return figures
    },
    stop: () => process.kill(),
  }
}

/** A provider in a process of its own, so that its time is nobody's. */
export async function serve() {
  const server = child('server.mjs')
  return { port: await server.next(), stop: server.stop }
}

/** Figures of each side: one list a side and figure, in the order of the rounds. */
export async function inRounds(sides, rounds) {
  const found = Object.fromEntries(Object.keys(sides).map((name) => [name, []]))
  for (let round = 0; round < rounds; round++)
    for (const [name, measure] of shuffle(Object.entries(sides))) found[name].push(await measure())
  return found
}

/** Medians of each figure, and the ratio of the CPU to that of the floors, with the half of the rounds around it. */
export function summary(found, floors) {
  const cpu = (name) => found[name].map(({ cpuMs }) => cpuMs)
  const ratio = (name, floor) => {
    const ratios = cpu(name).map((ms, round) => ms / cpu(floor)[round])
    return [0.5, 0.25, 0.75].map((share) => rounded(quantile(ratios, share)))
  }
  return Object.fromEntries(
    Object.keys(found).map((name) => {
      const figures = Object.keys(found[name][0]).filter((figure) => figure !== 'length')
      const medians = figures.map((figure) => [
        figure,
        rounded(median(found[name].map((one) => one[figure] ?? 0))),
      ])
      const against = floors.map((floor) => [floor, ratio(name, floor)])
      return [name, { ...Object.fromEntries(medians), against: Object.fromEntries(against) }]
    }),
  )
}
