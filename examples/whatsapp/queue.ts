/** One after the other for each key: who writes twice in a row gets two answers that know of each other. */

export interface Queue {
  /** Runs the work when all that came before under this key has ended. The work must not reject. */
  add(key: string, work: () => Promise<void>): void
  /** Resolves when nothing is left to do. */
  idle(): Promise<void>
}

export function createQueue(): Queue {
  const tails = new Map<string, Promise<void>>()
  return {
    add(key, work) {
      const tail = (tails.get(key) ?? Promise.resolve()).then(work).finally(() => {
        if (tails.get(key) === tail) tails.delete(key)
      })
      tails.set(key, tail)
    },
    async idle() {
      while (tails.size > 0) await Promise.all(tails.values())
    },
  }
}
