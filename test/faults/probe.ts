/** Watches what a call may leave behind: timers of the package by call; rejections, exceptions and console output of the process. */
import { AsyncLocalStorage } from 'node:async_hooks'

type Timer = ReturnType<typeof setTimeout>

const calls = new AsyncLocalStorage<Set<Timer>>()
const owners = new WeakMap<Timer, Set<Timer>>()
const { setTimeout: begin, clearTimeout: end } = globalThis

/** The HTTP client and the test runner have timers of their own. */
const isOurs = (stack = '') => /\/(?:src|middleware)\//.test(stack.split('\n')[2] ?? '')

function setTimeoutWatched(
  run: (...args: unknown[]) => void,
  ms?: number,
  ...args: unknown[]
): Timer {
  const timers = calls.getStore()
  if (!timers || !isOurs(new Error('timer').stack)) return begin(run, ms, ...args)
  const fire = (...given: unknown[]) => {
    timers.delete(timer)
    run(...given)
  }
  const timer = begin(fire, ms, ...args)
  timers.add(timer)
  owners.set(timer, timers)
  return timer
}

function clearTimeoutWatched(timer: Timer | undefined): void {
  if (timer) owners.get(timer)?.delete(timer)
  end(timer)
}

/** Runs a call. Its second result counts the timers of the package that it began and that have not ended. */
export async function watchTimers<T>(run: () => Promise<T>): Promise<[T, timers: () => number]> {
  const timers = new Set<Timer>()
  const value = await calls.run(timers, run)
  return [value, () => timers.size]
}

export interface Noise {
  readonly unhandled: readonly unknown[]
  readonly printed: readonly string[]
  stop(): void
}

const printers = ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const

/** From now on: what nobody caught, and what was printed. Turns the watch over timers on too. */
export function watchProcess(): Noise {
  const unhandled: unknown[] = []
  const printed: string[] = []
  const note = (error: unknown) => void unhandled.push(error)
  const kept = printers.map((name) => [name, console[name]] as const)
  for (const name of printers) console[name] = (...words) => void printed.push(words.join(' '))
  process.on('unhandledRejection', note).on('uncaughtExceptionMonitor', note)
  Object.assign(globalThis, { setTimeout: setTimeoutWatched, clearTimeout: clearTimeoutWatched })
  return {
    unhandled,
    printed,
    stop() {
      Object.assign(globalThis, { setTimeout: begin, clearTimeout: end })
      process.off('unhandledRejection', note).off('uncaughtExceptionMonitor', note)
      for (const [name, print] of kept) console[name] = print
    },
  }
}
