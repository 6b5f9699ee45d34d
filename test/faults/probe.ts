/**
 * Detects what a call leaves behind: timers of the package per call; rejections, exceptions and
 * console output of the process.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

type Timer = ReturnType<typeof setTimeout>

const calls = new AsyncLocalStorage<Set<Timer>>()
const owners = new WeakMap<Timer, Set<Timer>>()
const { setTimeout: begin, clearTimeout: end } = globalThis

/** Excludes timers of the HTTP client and the test runner. */
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

/**
 * Runs a call. The second result is the number of package timers it started that are still active.
 */
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

/** Records unhandled errors and console output from now on, and starts to track timers. */
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
