/** Real child processes over one storage. */
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'

const child = new URL('./child.ts', import.meta.url).pathname

/** Runs `child.ts` so many times at once; returns what each reported. */
export const inProcesses = (count: number, args: readonly string[]) =>
  Promise.all(
    Array.from({ length: count }, async (_, index): Promise<Record<string, number>> => {
      const argv = ['--import', 'tsx', child, ...args, `p${index}`]
      const started = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] })
      return JSON.parse(await text(started.stdout))
    }),
  )
