/** Knows when all that came was answered: for the terminal and for tests, where one process does everything. */
import type { Inbound } from './people.js'

export interface Idle {
  readonly onKept: (message: Inbound) => void
  readonly onOver: (messages: readonly Inbound[]) => void
  /** Resolves when nothing is open. */
  idle(): Promise<void>
}

export function createIdle(): Idle {
  const open = new Set<string>()
  let waiting: (() => void)[] = []
  return {
    onKept: ({ id }) => void open.add(id),
    onOver(messages) {
      for (const { id } of messages) open.delete(id)
      if (open.size > 0) return
      for (const resolve of waiting) resolve()
      waiting = []
    },
    async idle() {
      while (open.size > 0) await new Promise<void>((resolve) => waiting.push(resolve))
    },
  }
}
